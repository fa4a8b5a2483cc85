package eas

import "time"

// The importances (MS-ASEMAIL 2.2.2.38).
const (
	ImportanceLow    uint8 = 0
	ImportanceNormal uint8 = 1
	ImportanceHigh   uint8 = 2
)

// The states of a flag (MS-ASEMAIL 2.2.2.74).
const (
	FlagCleared  uint8 = 0
	FlagComplete uint8 = 1
	FlagActive   uint8 = 2
)

// Email is a message as ApplicationData or Properties carry it, in the order in
// which Exchange writes the elements (MS-ASEMAIL 2.2.2, MS-ASAIRS 2.2.2). All
// of them are optional; a version takes only those that it knows.
type Email struct {
	To           string    `wbxml:"Email:To,omitempty"`
	Cc           string    `wbxml:"Email:Cc,omitempty"`
	Bcc          string    `wbxml:"Email2:Bcc,omitempty"` // drafts, 16.x
	From         string    `wbxml:"Email:From,omitempty"`
	Subject      *string   `wbxml:"Email:Subject"`
	ReplyTo      string    `wbxml:"Email:ReplyTo,omitempty"`
	DateReceived time.Time `wbxml:"Email:DateReceived,omitempty"`
	DisplayTo    string    `wbxml:"Email:DisplayTo,omitempty"`
	ThreadTopic  string    `wbxml:"Email:ThreadTopic,omitempty"`
	Importance   *uint8    `wbxml:"Email:Importance"`
	Read         *bool     `wbxml:"Email:Read"`

	LegacyAttachments []LegacyAttachment `wbxml:"Email:Attachments>Attachment"` // 2.5
	Attachments       []AttachmentItem   `wbxml:"AirSyncBase:Attachments,choice"`
	Body              *Body              `wbxml:"AirSyncBase:Body"`
	BodyPart          *BodyPart          `wbxml:"AirSyncBase:BodyPart"`
	LegacyBody

	MessageClass   string          `wbxml:"Email:MessageClass,omitempty"`
	MeetingRequest *MeetingRequest `wbxml:"Email:MeetingRequest"`
	InternetCPID   string          `wbxml:"Email:InternetCPID,omitempty"`
	Flag           *Flag           `wbxml:"Email:Flag"` // empty: no flag
	ContentClass   string          `wbxml:"Email:ContentClass,omitempty"`
	NativeBodyType uint8           `wbxml:"AirSyncBase:NativeBodyType,omitempty"`
	Categories     []string        `wbxml:"Email:Categories>Category"`

	UmCallerID            string    `wbxml:"Email2:UmCallerID,omitempty"`
	UmUserNotes           string    `wbxml:"Email2:UmUserNotes,omitempty"`
	ConversationID        []byte    `wbxml:"Email2:ConversationId"`
	ConversationIndex     []byte    `wbxml:"Email2:ConversationIndex"`
	LastVerbExecuted      *uint8    `wbxml:"Email2:LastVerbExecuted"`
	LastVerbExecutionTime time.Time `wbxml:"Email2:LastVerbExecutionTime,omitempty"`
	ReceivedAsBcc         *bool     `wbxml:"Email2:ReceivedAsBcc"`
	Sender                string    `wbxml:"Email2:Sender,omitempty"`
	AccountID             string    `wbxml:"Email2:AccountId,omitempty"`
	IsDraft               *bool     `wbxml:"Email2:IsDraft"`
	Send                  bool      `wbxml:"Email2:Send,empty"` // 16.x request: send this draft

	RightsManagementLicense *RightsManagementLicense `wbxml:"RightsManagement:RightsManagementLicense"`
}

// LegacyBody is a message's body in version 2.5 (MS-ASEMAIL 2.2.2.10,
// 2.2.2.50 to 2.2.2.52).
type LegacyBody struct {
	MIMETruncated *bool   `wbxml:"Email:MIMETruncated"`
	MIMEData      *string `wbxml:"Email:MIMEData"`
	MIMESize      *uint32 `wbxml:"Email:MIMESize"`
	BodySize      *uint32 `wbxml:"Email:BodySize"`
	BodyTruncated *bool   `wbxml:"Email:BodyTruncated"`
	PlainBody     *string `wbxml:"Email:Body"`
}

// LegacyAttachment describes an attachment in version 2.5 (MS-ASEMAIL 2.2.2.3
// to 2.2.2.8).
type LegacyAttachment struct {
	AttName     string `wbxml:"Email:AttName"` // what GetAttachment asks for
	AttSize     uint32 `wbxml:"Email:AttSize"`
	AttMethod   uint8  `wbxml:"Email:AttMethod"`
	Att0ID      string `wbxml:"Email:Att0Id,omitempty"` // Content-ID
	DisplayName string `wbxml:"Email:DisplayName,omitempty"`
}

// Flag is a message's follow-up flag (MS-ASEMAIL 2.2.2.34). Dates of the Tasks
// namespace without Utc are in the user's own time, written as if UTC.
type Flag struct {
	Subject        string    `wbxml:"Tasks:Subject,omitempty"`
	Status         *uint8    `wbxml:"Email:Status"`
	FlagType       string    `wbxml:"Email:FlagType,omitempty"`
	DateCompleted  time.Time `wbxml:"Tasks:DateCompleted,omitempty"`
	CompleteTime   time.Time `wbxml:"Email:CompleteTime,omitempty"`
	StartDate      time.Time `wbxml:"Tasks:StartDate,omitempty"`
	DueDate        time.Time `wbxml:"Tasks:DueDate,omitempty"`
	UtcStartDate   time.Time `wbxml:"Tasks:UtcStartDate,omitempty"`
	UtcDueDate     time.Time `wbxml:"Tasks:UtcDueDate,omitempty"`
	ReminderSet    *bool     `wbxml:"Tasks:ReminderSet"`
	ReminderTime   time.Time `wbxml:"Tasks:ReminderTime,omitempty"`
	OrdinalDate    time.Time `wbxml:"Tasks:OrdinalDate,omitempty"`
	SubOrdinalDate string    `wbxml:"Tasks:SubOrdinalDate,omitempty"`
}

// MeetingRequest is what a message that invites carries (MS-ASEMAIL 2.2.2.48).
type MeetingRequest struct {
	AllDayEvent             *uint8              `wbxml:"Email:AllDayEvent"`
	StartTime               time.Time           `wbxml:"Email:StartTime,omitempty"`
	DtStamp                 time.Time           `wbxml:"Email:DtStamp"`
	EndTime                 time.Time           `wbxml:"Email:EndTime,omitempty"`
	InstanceType            *uint8              `wbxml:"Email:InstanceType"`
	LocationText            string              `wbxml:"Email:Location,omitempty"`      // up to 14.1
	Location                *Location           `wbxml:"AirSyncBase:Location"`          // 16.x
	Organizer               string              `wbxml:"Email:Organizer,omitempty"`     //
	RecurrenceID            time.Time           `wbxml:"Email:RecurrenceId,omitempty"`  //
	Reminder                *uint16             `wbxml:"Email:Reminder"`                // seconds
	ResponseRequested       *uint8              `wbxml:"Email:ResponseRequested"`       //
	Recurrences             []MeetingRecurrence `wbxml:"Email:Recurrences>Recurrence"`  //
	Sensitivity             *uint8              `wbxml:"Email:Sensitivity"`             //
	BusyStatus              *uint8              `wbxml:"Email:BusyStatus"`              //
	TimeZone                string              `wbxml:"Email:TimeZone"`                // base64 (MS-ASDTYPE 2.7.6)
	GlobalObjID             string              `wbxml:"Email:GlobalObjId,omitempty"`   // base64, up to 14.1
	DisallowNewTimeProposal *uint8              `wbxml:"Email:DisallowNewTimeProposal"` //
	MeetingMessageType      *uint8              `wbxml:"Email2:MeetingMessageType"`     //
	UID                     string              `wbxml:"Calendar:UID,omitempty"`        // 16.x
	ProposedStartTime       time.Time           `wbxml:"MeetingResponse:ProposedStartTime,omitempty,compact"`
	ProposedEndTime         time.Time           `wbxml:"MeetingResponse:ProposedEndTime,omitempty,compact"`
	Forwardees              []Forwardee         `wbxml:"ComposeMail:Forwardees>Forwardee"`
}

// MeetingRecurrence is when an invited meeting recurs (MS-ASEMAIL 2.2.2.60).
type MeetingRecurrence struct {
	Type           uint8     `wbxml:"Email:Type"`
	Interval       uint16    `wbxml:"Email:Interval"`
	Until          time.Time `wbxml:"Email:Until,omitempty,compact"`
	Occurrences    *uint16   `wbxml:"Email:Occurrences"`
	WeekOfMonth    *uint8    `wbxml:"Email:WeekOfMonth"`
	DayOfMonth     *uint8    `wbxml:"Email:DayOfMonth"`
	DayOfWeek      *uint8    `wbxml:"Email:DayOfWeek"`
	MonthOfYear    *uint8    `wbxml:"Email:MonthOfYear"`
	CalendarType   *uint8    `wbxml:"Email2:CalendarType"`
	IsLeapMonth    *uint8    `wbxml:"Email2:IsLeapMonth"`
	FirstDayOfWeek *uint8    `wbxml:"Email2:FirstDayOfWeek"`
}

// RightsManagementLicense is what a protected message allows (MS-ASRM 2.2.2.14).
type RightsManagementLicense struct {
	Owner                     bool      `wbxml:"RightsManagement:Owner"`
	ContentOwner              string    `wbxml:"RightsManagement:ContentOwner"`
	ReplyAllAllowed           bool      `wbxml:"RightsManagement:ReplyAllAllowed"`
	EditAllowed               bool      `wbxml:"RightsManagement:EditAllowed"`
	ReplyAllowed              bool      `wbxml:"RightsManagement:ReplyAllowed"`
	ForwardAllowed            bool      `wbxml:"RightsManagement:ForwardAllowed"`
	ExportAllowed             bool      `wbxml:"RightsManagement:ExportAllowed"`
	ModifyRecipientsAllowed   bool      `wbxml:"RightsManagement:ModifyRecipientsAllowed"`
	TemplateID                string    `wbxml:"RightsManagement:TemplateID"`
	ExtractAllowed            bool      `wbxml:"RightsManagement:ExtractAllowed"`
	TemplateDescription       string    `wbxml:"RightsManagement:TemplateDescription"`
	ContentExpiryDate         time.Time `wbxml:"RightsManagement:ContentExpiryDate"`
	TemplateName              string    `wbxml:"RightsManagement:TemplateName"`
	PrintAllowed              bool      `wbxml:"RightsManagement:PrintAllowed"`
	ProgrammaticAccessAllowed bool      `wbxml:"RightsManagement:ProgrammaticAccessAllowed"`
}
