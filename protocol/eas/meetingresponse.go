package eas

import "time"

// The answers to a meeting request (MS-ASCMD 2.2.3.194).
const (
	MeetingAccept    uint8 = 1
	MeetingTentative uint8 = 2
	MeetingDecline   uint8 = 3
)

// MeetingResponse is the request of the MeetingResponse command (MS-ASCMD
// 2.2.1.11).
type MeetingResponse struct {
	_        struct{}        `wbxml:"MeetingResponse:MeetingResponse"`
	Requests []MeetingAnswer `wbxml:"MeetingResponse:Request"`
}

// MeetingAnswer is an answer to one meeting request, named by CollectionID and
// RequestID or by LongID (MS-ASCMD 2.2.3.150).
type MeetingAnswer struct {
	UserResponse uint8                `wbxml:"MeetingResponse:UserResponse"`
	CollectionID string               `wbxml:"MeetingResponse:CollectionId,omitempty"`
	RequestID    string               `wbxml:"MeetingResponse:RequestId,omitempty"`
	LongID       string               `wbxml:"Search:LongId,omitempty"`
	InstanceID   *string              `wbxml:"MeetingResponse:InstanceId"`   // an empty one names no occurrence
	SendResponse *MeetingSendResponse `wbxml:"MeetingResponse:SendResponse"` // 16.x: tell the organizer
}

// MeetingSendResponse is what the organizer is told (MS-ASCMD 2.2.3.163).
type MeetingSendResponse struct {
	Body              *Body     `wbxml:"AirSyncBase:Body"`
	ProposedStartTime time.Time `wbxml:"MeetingResponse:ProposedStartTime,omitempty,compact"` // 16.1
	ProposedEndTime   time.Time `wbxml:"MeetingResponse:ProposedEndTime,omitempty,compact"`   // 16.1
}

// MeetingResponseResponse is the response of the MeetingResponse command.
type MeetingResponseResponse struct {
	_       struct{}        `wbxml:"MeetingResponse:MeetingResponse"`
	Results []MeetingResult `wbxml:"MeetingResponse:Result"`
}

// MeetingResult is the outcome of one answer; CalendarID is the event, unless
// the meeting was declined.
type MeetingResult struct {
	RequestID  string                `wbxml:"MeetingResponse:RequestId,omitempty"`
	Status     MeetingResponseStatus `wbxml:"MeetingResponse:Status"`
	CalendarID string                `wbxml:"MeetingResponse:CalendarId,omitempty"`
	InstanceID string                `wbxml:"MeetingResponse:InstanceId,omitempty"`
}
