package eas

import "time"

// The statuses of a meeting (MS-ASCAL 2.2.2.28): bits, of which the first says
// that it is a meeting, the second that it came from somebody else, the third
// that it is cancelled.
const (
	MeetingNone     uint8 = 0
	MeetingIs       uint8 = 1
	MeetingReceived uint8 = 2
	MeetingCanceled uint8 = 4
)

// The answers to a meeting (MS-ASCAL 2.2.2.40). AttendeeStatus has the same
// values but for the organizer's (2.2.2.5).
const (
	ResponseNone       uint8 = 0
	ResponseOrganizer  uint8 = 1
	ResponseTentative  uint8 = 2
	ResponseAccepted   uint8 = 3
	ResponseDeclined   uint8 = 4
	ResponseNotGiven   uint8 = 5
	AttendeeRequired   uint8 = 1 // MS-ASCAL 2.2.2.6
	AttendeeOptional   uint8 = 2
	AttendeeResource   uint8 = 3
	SensitivityNormal  uint8 = 0 // MS-ASCAL 2.2.2.41
	SensitivityPrivate uint8 = 2
)

// Calendar is an event as ApplicationData or Properties carry it, in the order in
// which Exchange writes the elements (MS-ASCAL 2.2.2). All of them are optional,
// and in what a client sends an element that is absent, one that is empty and one
// with a value are three things: nil, a pointer to nothing, a pointer to a value.
type Calendar struct {
	Timezone       *string             `wbxml:"Calendar:Timezone"` // base64 (MS-ASDTYPE 2.7.6)
	DtStamp        *time.Time          `wbxml:"Calendar:DtStamp,compact"`
	StartTime      *time.Time          `wbxml:"Calendar:StartTime,compact"`
	Subject        *string             `wbxml:"Calendar:Subject"`
	UID            *string             `wbxml:"Calendar:UID"`
	ClientUID      *string             `wbxml:"Calendar:ClientUid"` // 16.x request
	InstanceID     *time.Time          `wbxml:"AirSyncBase:InstanceId,compact"`
	OrganizerName  *string             `wbxml:"Calendar:OrganizerName"`
	OrganizerEmail *string             `wbxml:"Calendar:OrganizerEmail"`
	Attendees      []CalendarAttendee  `wbxml:"Calendar:Attendees>Attendee"`
	LocationText   *string             `wbxml:"Calendar:Location"`    // up to 14.1
	Location       *Location           `wbxml:"AirSyncBase:Location"` // 16.x
	EndTime        *time.Time          `wbxml:"Calendar:EndTime,compact"`
	Recurrence     *CalendarRecurrence `wbxml:"Calendar:Recurrence"` // empty: it recurs no longer
	CalendarBody
	Categories              []string            `wbxml:"Calendar:Categories>Category"`
	Sensitivity             *uint8              `wbxml:"Calendar:Sensitivity"`
	BusyStatus              *uint8              `wbxml:"Calendar:BusyStatus"`
	AllDayEvent             *uint8              `wbxml:"Calendar:AllDayEvent"`
	Reminder                *string             `wbxml:"Calendar:Reminder"` // minutes; empty: none
	Exceptions              []CalendarException `wbxml:"Calendar:Exceptions>Exception"`
	MeetingStatus           *uint8              `wbxml:"Calendar:MeetingStatus"`
	NativeBodyType          uint8               `wbxml:"AirSyncBase:NativeBodyType,omitempty"`
	DisallowNewTimeProposal *bool               `wbxml:"Calendar:DisallowNewTimeProposal"`
	ResponseRequested       *bool               `wbxml:"Calendar:ResponseRequested"`
	AppointmentReplyTime    *time.Time          `wbxml:"Calendar:AppointmentReplyTime,compact"`
	ResponseType            *uint8              `wbxml:"Calendar:ResponseType"`
	ConfLink                *string             `wbxml:"Calendar:OnlineMeetingConfLink"`
	ExternalLink            *string             `wbxml:"Calendar:OnlineMeetingExternalLink"`
	Attachments             []AttachmentItem    `wbxml:"AirSyncBase:Attachments,choice"` // 16.x
}

// CalendarBody is the text of an event, in the forms of all versions.
type CalendarBody struct {
	Body          *Body   `wbxml:"AirSyncBase:Body"`
	PlainBody     *string `wbxml:"Calendar:Body"`          // 2.5
	BodyTruncated *bool   `wbxml:"Calendar:BodyTruncated"` // 2.5
	RTF           *string `wbxml:"Calendar:Rtf"`           // 2.5 request: compressed, in base64
}

// CalendarAttendee is somebody who is invited (MS-ASCAL 2.2.2.3).
type CalendarAttendee struct {
	Email             string     `wbxml:"Calendar:Email"`
	Name              string     `wbxml:"Calendar:Name"`
	AttendeeStatus    *uint8     `wbxml:"Calendar:AttendeeStatus"`
	AttendeeType      *uint8     `wbxml:"Calendar:AttendeeType"`
	ProposedStartTime *time.Time `wbxml:"MeetingResponse:ProposedStartTime,compact"` // 16.1
	ProposedEndTime   *time.Time `wbxml:"MeetingResponse:ProposedEndTime,compact"`
}

// CalendarRecurrence is when an event recurs (MS-ASCAL 2.2.2.37).
type CalendarRecurrence struct {
	Type           *uint8     `wbxml:"Calendar:Type"`
	Until          *time.Time `wbxml:"Calendar:Until,compact"`
	Occurrences    *uint16    `wbxml:"Calendar:Occurrences"`
	Interval       *uint16    `wbxml:"Calendar:Interval"`
	WeekOfMonth    *uint8     `wbxml:"Calendar:WeekOfMonth"`
	DayOfWeek      *uint16    `wbxml:"Calendar:DayOfWeek"`
	DayOfMonth     *uint8     `wbxml:"Calendar:DayOfMonth"`
	MonthOfYear    *uint8     `wbxml:"Calendar:MonthOfYear"`
	CalendarType   *uint8     `wbxml:"Calendar:CalendarType"`
	IsLeapMonth    *uint8     `wbxml:"Calendar:IsLeapMonth"`
	FirstDayOfWeek *uint8     `wbxml:"Calendar:FirstDayOfWeek"`
}

// CalendarException is one occurrence that differs from its series, or is not
// held (MS-ASCAL 2.2.2.21). What it does not name is as in the series.
type CalendarException struct {
	Deleted            *uint8             `wbxml:"Calendar:Deleted"`
	ExceptionStartTime *time.Time         `wbxml:"Calendar:ExceptionStartTime,compact"` // up to 14.1: where the series has it
	InstanceID         *time.Time         `wbxml:"AirSyncBase:InstanceId,compact"`      // 16.x: the same
	Subject            *string            `wbxml:"Calendar:Subject"`
	StartTime          *time.Time         `wbxml:"Calendar:StartTime,compact"`
	EndTime            *time.Time         `wbxml:"Calendar:EndTime,compact"`
	LocationText       *string            `wbxml:"Calendar:Location"`
	Location           *Location          `wbxml:"AirSyncBase:Location"`
	Attachments        []AttachmentItem   `wbxml:"AirSyncBase:Attachments,choice"`
	Categories         []string           `wbxml:"Calendar:Categories>Category"`
	Sensitivity        *uint8             `wbxml:"Calendar:Sensitivity"`
	BusyStatus         *uint8             `wbxml:"Calendar:BusyStatus"`
	AllDayEvent        *uint8             `wbxml:"Calendar:AllDayEvent"`
	Reminder           *string            `wbxml:"Calendar:Reminder"`
	DtStamp            *time.Time         `wbxml:"Calendar:DtStamp,compact"`
	MeetingStatus      *uint8             `wbxml:"Calendar:MeetingStatus"`
	Attendees          []CalendarAttendee `wbxml:"Calendar:Attendees>Attendee"` // since 14.0, as what follows
	CalendarBody
	AppointmentReplyTime *time.Time `wbxml:"Calendar:AppointmentReplyTime,compact"`
	ResponseType         *uint8     `wbxml:"Calendar:ResponseType"`
	ConfLink             *string    `wbxml:"Calendar:OnlineMeetingConfLink"`
	ExternalLink         *string    `wbxml:"Calendar:OnlineMeetingExternalLink"`
}

// CalendarReply is what a client is told of an event that it wrote, since 16.0:
// the UID of a new one (MS-ASCAL_R2223), and the attachments that it added
// (MS-ASAIRS 2.2.2.14).
type CalendarReply struct {
	UID         *string           `wbxml:"Calendar:UID"`
	Attachments []AttachmentReply `wbxml:"AirSyncBase:Attachments>Attachment"`
}
