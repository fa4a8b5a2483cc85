package eas

// The body types (MS-ASAIRS 2.2.2.41).
const (
	BodyPlain uint8 = 1
	BodyHTML  uint8 = 2
	BodyRTF   uint8 = 3
	BodyMIME  uint8 = 4
)

// The attachment methods (MS-ASAIRS 2.2.2.31.1).
const (
	AttachNormal   uint8 = 1
	AttachEmbedded uint8 = 5 // a message
	AttachOLE      uint8 = 6
)

// BodyPreference is one acceptable form of a body, in the client's order of
// preference (MS-ASAIRS 2.2.2.12).
type BodyPreference struct {
	Type           *uint   `wbxml:"AirSyncBase:Type,ordered"`
	TruncationSize *uint32 `wbxml:"AirSyncBase:TruncationSize,ordered"` // bytes; absent: not truncated
	AllOrNone      *bool   `wbxml:"AirSyncBase:AllOrNone,ordered"`      // rather nothing than a part
	Preview        *uint   `wbxml:"AirSyncBase:Preview,ordered"`        // characters, 0–255
}

// BodyPartPreference is the acceptable form of a message part (MS-ASAIRS
// 2.2.2.11).
type BodyPartPreference struct {
	Type           *uint   `wbxml:"AirSyncBase:Type,ordered"` // only 2, HTML
	TruncationSize *uint32 `wbxml:"AirSyncBase:TruncationSize,ordered"`
	AllOrNone      *bool   `wbxml:"AirSyncBase:AllOrNone,ordered"`
	Preview        *uint   `wbxml:"AirSyncBase:Preview,ordered"`
}

// Body is an item's body (MS-ASAIRS 2.2.2.9). A nil Data is absent, as it must
// be where the content is in a Part of a multipart response.
type Body struct {
	Type              uint8   `wbxml:"AirSyncBase:Type,ordered"`
	EstimatedDataSize uint32  `wbxml:"AirSyncBase:EstimatedDataSize,ordered"` // bytes of the whole, untruncated
	Truncated         bool    `wbxml:"AirSyncBase:Truncated,omitempty,ordered"`
	Data              *string `wbxml:"AirSyncBase:Data,ordered"`
	Preview           string  `wbxml:"AirSyncBase:Preview,omitempty,ordered"`
	Part              *uint   `wbxml:"ItemOperations:Part,ordered"`
}

// BodyPart is the part of a message that belongs to its conversation (MS-ASAIRS
// 2.2.2.10).
type BodyPart struct {
	Status            uint16  `wbxml:"AirSyncBase:Status"` // 1 or 176
	Type              uint8   `wbxml:"AirSyncBase:Type"`
	EstimatedDataSize uint32  `wbxml:"AirSyncBase:EstimatedDataSize"`
	Truncated         bool    `wbxml:"AirSyncBase:Truncated,omitempty"`
	Data              *string `wbxml:"AirSyncBase:Data"`
	Preview           string  `wbxml:"AirSyncBase:Preview,omitempty"`
}

// AttachmentItem is an entry of an item's Attachments (MS-ASAIRS 2.2.2.8);
// exactly one field is set. Responses carry Attachment, 16.x requests Add and
// Delete too.
type AttachmentItem struct {
	Attachment *Attachment       `wbxml:"AirSyncBase:Attachment"`
	Add        *AttachmentAdd    `wbxml:"AirSyncBase:Add"`
	Delete     *AttachmentDelete `wbxml:"AirSyncBase:Delete"`
}

// Attachment describes an attachment (MS-ASAIRS 2.2.2.7).
type Attachment struct {
	DisplayName       string `wbxml:"AirSyncBase:DisplayName,omitempty"`
	FileReference     string `wbxml:"AirSyncBase:FileReference"`
	ClientID          string `wbxml:"AirSyncBase:ClientId,omitempty"`
	Method            uint8  `wbxml:"AirSyncBase:Method"`
	EstimatedDataSize uint32 `wbxml:"AirSyncBase:EstimatedDataSize"`
	ContentID         string `wbxml:"AirSyncBase:ContentId,omitempty"`
	ContentLocation   string `wbxml:"AirSyncBase:ContentLocation,omitempty"`
	IsInline          bool   `wbxml:"AirSyncBase:IsInline,omitempty"`
	UmAttDuration     *uint  `wbxml:"Email2:UmAttDuration"`
	UmAttOrder        *uint  `wbxml:"Email2:UmAttOrder"`
}

// AttachmentAdd adds an attachment to a draft or an event (MS-ASAIRS 2.2.2.2).
// Some clients leave Content out.
type AttachmentAdd struct {
	ClientID        string `wbxml:"AirSyncBase:ClientId,omitempty"`
	Method          uint8  `wbxml:"AirSyncBase:Method,omitempty"`
	Content         []byte `wbxml:"AirSyncBase:Content"`
	ContentType     string `wbxml:"AirSyncBase:ContentType,omitempty"`
	DisplayName     string `wbxml:"AirSyncBase:DisplayName,omitempty"`
	ContentID       string `wbxml:"AirSyncBase:ContentId,omitempty"`
	ContentLocation string `wbxml:"AirSyncBase:ContentLocation,omitempty"`
	IsInline        bool   `wbxml:"AirSyncBase:IsInline,omitempty"`
}

// AttachmentDelete removes an attachment (MS-ASAIRS 2.2.2.21).
type AttachmentDelete struct {
	FileReference string `wbxml:"AirSyncBase:FileReference"`
}

// Location is a place (MS-ASAIRS 2.2.2.28).
type Location struct {
	DisplayName      string   `wbxml:"AirSyncBase:DisplayName,omitempty"`
	Annotation       string   `wbxml:"AirSyncBase:Annotation,omitempty"`
	Street           string   `wbxml:"AirSyncBase:Street,omitempty"`
	City             string   `wbxml:"AirSyncBase:City,omitempty"`
	State            string   `wbxml:"AirSyncBase:State,omitempty"`
	Country          string   `wbxml:"AirSyncBase:Country,omitempty"`
	PostalCode       string   `wbxml:"AirSyncBase:PostalCode,omitempty"`
	Latitude         *float64 `wbxml:"AirSyncBase:Latitude"`
	Longitude        *float64 `wbxml:"AirSyncBase:Longitude"`
	Accuracy         *float64 `wbxml:"AirSyncBase:Accuracy"`
	Altitude         *float64 `wbxml:"AirSyncBase:Altitude"`
	AltitudeAccuracy *float64 `wbxml:"AirSyncBase:AltitudeAccuracy"`
	LocationURI      string   `wbxml:"AirSyncBase:LocationUri,omitempty"`
}
