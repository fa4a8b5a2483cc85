package eas_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// exampleCalendar has every element of an event since 16.0.
func exampleCalendar() *eas.Calendar {
	at := func(hour int) *time.Time { return ptr(time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC)) }
	place := &eas.Location{DisplayName: "Nest", Latitude: ptr(52.5), Longitude: ptr(-13.25)}
	files := []eas.AttachmentItem{{Attachment: &eas.Attachment{DisplayName: "a.txt", FileReference: "2:1:7", Method: 1, EstimatedDataSize: 5}}}
	guests := []eas.CalendarAttendee{{
		Email: "bob@example.com", Name: "Bob Example", AttendeeStatus: ptr(eas.ResponseTentative), AttendeeType: ptr(eas.AttendeeRequired),
		ProposedStartTime: at(12), ProposedEndTime: at(13),
	}}
	return &eas.Calendar{
		Timezone: ptr("xP///w=="), DtStamp: at(8), StartTime: at(10), Subject: ptr("Fly"), UID: ptr("uid@example.org"), InstanceID: at(10),
		OrganizerName: ptr("Ada Example"), OrganizerEmail: ptr("ada@example.org"), Attendees: guests, Location: place, EndTime: at(11),
		Recurrence: &eas.CalendarRecurrence{
			Type: ptr(uint8(6)), Until: at(10), Interval: ptr(uint16(1)), WeekOfMonth: ptr(uint8(5)), DayOfWeek: ptr(uint16(127)), MonthOfYear: ptr(uint8(11)),
			CalendarType: ptr(uint8(0)), IsLeapMonth: ptr(uint8(0)), FirstDayOfWeek: ptr(uint8(1)),
		},
		CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: eas.BodyPlain, EstimatedDataSize: 2, Data: ptr("hi")}},
		Categories:   []string{"Birds"}, Sensitivity: ptr(uint8(1)), BusyStatus: ptr(uint8(2)), AllDayEvent: ptr(uint8(0)), Reminder: ptr("15"),
		Exceptions: []eas.CalendarException{
			{Deleted: ptr(uint8(1)), InstanceID: at(10)},
			{
				InstanceID: at(11), Subject: ptr("Stay"), StartTime: at(12), EndTime: at(13), Location: place, Attachments: files, Categories: []string{},
				Sensitivity: ptr(uint8(2)), BusyStatus: ptr(uint8(0)), AllDayEvent: ptr(uint8(1)), Reminder: ptr(""), DtStamp: at(9), MeetingStatus: ptr(uint8(5)),
				Attendees: guests, CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: eas.BodyPlain, EstimatedDataSize: 2, Data: ptr("no")}},
				AppointmentReplyTime: at(9), ResponseType: ptr(uint8(3)), ConfLink: ptr("sip:nest@example.org"), ExternalLink: ptr("https://example.org/nest"),
			},
		},
		MeetingStatus: ptr(uint8(1)), NativeBodyType: eas.BodyPlain, DisallowNewTimeProposal: ptr(true), ResponseRequested: ptr(false), AppointmentReplyTime: at(9),
		ResponseType: ptr(uint8(1)), ConfLink: ptr("sip:nest@example.org"), ExternalLink: ptr("https://example.org/nest"), Attachments: files,
	}
}

// exampleOldCalendar has those of version 2.5.
func exampleOldCalendar() *eas.Calendar {
	at := ptr(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	return &eas.Calendar{
		Timezone: ptr("xP///w=="), DtStamp: at, StartTime: at, EndTime: at, Subject: ptr("Fly"), UID: ptr("1"), LocationText: ptr("Nest"),
		Attendees:    []eas.CalendarAttendee{{Email: "bob@example.com", Name: "Bob Example"}},
		CalendarBody: eas.CalendarBody{PlainBody: ptr("hi"), BodyTruncated: ptr(false)}, BusyStatus: ptr(uint8(3)), AllDayEvent: ptr(uint8(1)),
		Recurrence:  &eas.CalendarRecurrence{Type: ptr(uint8(2)), Occurrences: ptr(uint16(3)), Interval: ptr(uint16(1)), DayOfMonth: ptr(uint8(23))},
		Exceptions:  []eas.CalendarException{{ExceptionStartTime: at, LocationText: ptr("")}},
		Sensitivity: ptr(uint8(0)), MeetingStatus: ptr(uint8(0)),
	}
}

// exampleEvents brings events, one of 2.5 too, and answers who added one.
func exampleEvents() *eas.SyncResponse {
	reply := &eas.CalendarReply{UID: ptr("uid@example.org"), Attachments: []eas.AttachmentReply{{DisplayName: "a.txt", FileReference: "2:1:7", ClientID: "f1", Method: 1, EstimatedDataSize: 5}}}
	return &eas.SyncResponse{Collections: []eas.SyncResponseCollection{{
		SyncKey: "1804289384", CollectionID: "2", Status: eas.SyncStatusSuccess,
		Responses: []eas.SyncReply{{Add: &eas.SyncAddReply{ClientID: "c1", ServerID: "2:9", Status: eas.SyncStatusSuccess, ApplicationData: reply}}},
		Commands: []eas.SyncResponseCommand{
			{Add: &eas.SyncServerAdd{ServerID: "2:1", ApplicationData: exampleCalendar()}},
			{Change: &eas.SyncServerChange{ServerID: "2:2", ApplicationData: exampleOldCalendar()}},
		},
	}}}
}

func TestEventsComeBackFromApplicationData(t *testing.T) {
	for _, want := range []*eas.Calendar{exampleCalendar(), exampleOldCalendar(), {}, {Categories: []string{}, Attendees: []eas.CalendarAttendee{}, Exceptions: []eas.CalendarException{}, Recurrence: &eas.CalendarRecurrence{}, Reminder: ptr(""), Location: &eas.Location{}}} {
		raw, err := wbxml.MarshalRaw(want)
		if err != nil {
			t.Fatal(err)
		}
		got := &eas.Calendar{}
		d := wbxml.Decoder{Strict: true}
		if err := d.UnmarshalRaw(raw, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
