package eas

// Draft is what a client writes of a draft: the ApplicationData of an Add or of
// a Change in the Drafts folder, from 16.0 on (MS-ASEMAIL 3.1.5.4). What it does
// not name is nil.
type Draft struct {
	To          *string          `wbxml:"Email:To"`
	Cc          *string          `wbxml:"Email:Cc"`
	Bcc         *string          `wbxml:"Email2:Bcc"`
	From        *string          `wbxml:"Email:From"`
	Subject     *string          `wbxml:"Email:Subject"`
	ReplyTo     *string          `wbxml:"Email:ReplyTo"`
	Importance  *uint8           `wbxml:"Email:Importance"`
	Attachments []AttachmentItem `wbxml:"AirSyncBase:Attachments,choice"`
	Body        *DraftBody       `wbxml:"AirSyncBase:Body"`
	Send        bool             `wbxml:"Email2:Send,empty"` // some clients put it here
}

// DraftBody is the body that a client writes (MS-ASAIRS 2.2.2.9): of type 4 it
// is the whole message.
type DraftBody struct {
	Type *uint8 `wbxml:"AirSyncBase:Type"`
	Data []byte `wbxml:"AirSyncBase:Data"`
}

// DraftReply is what a client is told of a draft that it wrote: the attachments
// that it added, and of a new draft its conversation (MS-ASAIRS 2.2.2.14,
// MS-ASEMAIL_R1184, R1190).
type DraftReply struct {
	Attachments       []AttachmentReply `wbxml:"AirSyncBase:Attachments>Attachment"`
	ConversationID    []byte            `wbxml:"Email2:ConversationId"`
	ConversationIndex []byte            `wbxml:"Email2:ConversationIndex"`
}

// AttachmentReply names an attachment that the client added (MS-ASAIRS_R1336).
type AttachmentReply struct {
	DisplayName       string `wbxml:"AirSyncBase:DisplayName,omitempty"`
	FileReference     string `wbxml:"AirSyncBase:FileReference"`
	ClientID          string `wbxml:"AirSyncBase:ClientId"`
	Method            uint8  `wbxml:"AirSyncBase:Method"`
	EstimatedDataSize uint32 `wbxml:"AirSyncBase:EstimatedDataSize"`
}
