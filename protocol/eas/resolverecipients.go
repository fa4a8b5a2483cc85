package eas

import "time"

// ResolveRecipients is the request of the ResolveRecipients command (MS-ASCMD
// 2.2.1.15).
type ResolveRecipients struct {
	_       struct{}        `wbxml:"ResolveRecipients:ResolveRecipients"`
	To      []string        `wbxml:"ResolveRecipients:To"`
	Options *ResolveOptions `wbxml:"ResolveRecipients:Options"`
}

// ResolveOptions say what to bring of each recipient (MS-ASCMD 2.2.3.125.3).
type ResolveOptions struct {
	CertificateRetrieval   *uint                `wbxml:"ResolveRecipients:CertificateRetrieval"` // 1 none, 2 full, 3 mini
	MaxCertificates        *uint                `wbxml:"ResolveRecipients:MaxCertificates"`
	MaxAmbiguousRecipients *uint                `wbxml:"ResolveRecipients:MaxAmbiguousRecipients"`
	Availability           *AvailabilityRequest `wbxml:"ResolveRecipients:Availability"`
	Picture                *ResolvePicture      `wbxml:"ResolveRecipients:Picture"`
}

// AvailabilityRequest asks for free/busy times (MS-ASCMD 2.2.3.16).
type AvailabilityRequest struct {
	StartTime time.Time `wbxml:"ResolveRecipients:StartTime"`
	EndTime   time.Time `wbxml:"ResolveRecipients:EndTime,omitempty"`
}

// ResolvePicture asks for pictures and bounds them (MS-ASCMD 2.2.3.135.1).
type ResolvePicture struct {
	MaxSize     *uint32 `wbxml:"ResolveRecipients:MaxSize"`
	MaxPictures *uint32 `wbxml:"ResolveRecipients:MaxPictures"`
}

// ResolveRecipientsResponse is the response of the ResolveRecipients command.
type ResolveRecipientsResponse struct {
	_         struct{}                `wbxml:"ResolveRecipients:ResolveRecipients"`
	Status    ResolveRecipientsStatus `wbxml:"ResolveRecipients:Status"`
	Responses []ResolveResponse       `wbxml:"ResolveRecipients:Response"`
}

// ResolveResponse is the answer for one To.
type ResolveResponse struct {
	To             string                  `wbxml:"ResolveRecipients:To"`
	Status         ResolveRecipientsStatus `wbxml:"ResolveRecipients:Status"`
	RecipientCount *uint                   `wbxml:"ResolveRecipients:RecipientCount"`
	Recipients     []ResolvedRecipient     `wbxml:"ResolveRecipients:Recipient"`
}

// ResolvedRecipient is somebody who matches (MS-ASCMD 2.2.3.144).
type ResolvedRecipient struct {
	Type         uint8                `wbxml:"ResolveRecipients:Type"` // 1 address list, 2 contact
	DisplayName  string               `wbxml:"ResolveRecipients:DisplayName"`
	EmailAddress string               `wbxml:"ResolveRecipients:EmailAddress"`
	Availability *Availability        `wbxml:"ResolveRecipients:Availability"`
	Certificates *CertificatesFound   `wbxml:"ResolveRecipients:Certificates"`
	Pictures     []ResolvePictureData `wbxml:"ResolveRecipients:Picture"`
}

// Availability are free/busy times, one digit for each half hour (MS-ASCMD
// 2.2.3.106).
type Availability struct {
	Status         ResolveRecipientsStatus `wbxml:"ResolveRecipients:Status"`
	MergedFreeBusy string                  `wbxml:"ResolveRecipients:MergedFreeBusy,omitempty"`
}

// CertificatesFound are somebody's certificates, in base64 (MS-ASCMD
// 2.2.3.23.1).
type CertificatesFound struct {
	Status           CertificatesStatus `wbxml:"ResolveRecipients:Status"`
	CertificateCount *uint              `wbxml:"ResolveRecipients:CertificateCount"`
	RecipientCount   *uint              `wbxml:"ResolveRecipients:RecipientCount"`
	Certificates     []string           `wbxml:"ResolveRecipients:Certificate"`
	MiniCertificate  string             `wbxml:"ResolveRecipients:MiniCertificate,omitempty"`
}

// ResolvePictureData is somebody's picture, or why there is none.
type ResolvePictureData struct {
	Status ResolveRecipientsStatus `wbxml:"ResolveRecipients:Status"`
	Data   []byte                  `wbxml:"ResolveRecipients:Data"`
}
