package class_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

// The text stays whatever else a client names, and a Body without Data says
// nothing of it either: who has only the beginning of a text leaves it out
// (MS-ASCMD_R878). Data that is empty takes it away.
func TestATextThatIsNotSentStays(t *testing.T) {
	raw := eventFile(t, "appointment")
	tag, _ := wbxml.ParseTag("AirSyncBase:Body")
	for _, v := range eas.Versions() {
		for _, supported := range [][]wbxml.Tag{nil, {}, {tag}} {
			o := editOptions(v, ada)
			o.Supported = supported
			for name, body := range map[string]*eas.Body{"none": nil, "no data": {Type: 1}, "no data, html": {Type: 2}, "cut": {Type: 1, Truncated: true, Data: ptr("Bring")}, "blank": {Type: 1, Data: ptr("")}} {
				in := &eas.Calendar{Subject: ptr("Dentist"), Sensitivity: ptr(uint8(0))}
				if in.Body = body; v < eas.V120 && body != nil {
					continue // another element, which is taken away like any other (MS-ASCMD_R879)
				}
				got := changeEvent(t, raw, in, o)
				if stays := bytes.Contains(got, []byte("DESCRIPTION:Bring")); stays != (name != "blank") && v >= eas.V120 {
					t.Errorf("%s, %v, %s: it stays: %t", v, supported, name, stays)
				}
			}
		}
	}
	old := &eas.Calendar{Subject: ptr("Dentist"), CalendarBody: eas.CalendarBody{PlainBody: ptr("Bring"), BodyTruncated: ptr(true)}}
	if got := changeEvent(t, raw, old, editOptions(eas.V25, ada)); !bytes.Contains(got, []byte("DESCRIPTION:Bring the card")) {
		t.Errorf("cut at 2.5:\n%s", got)
	}
	series := eventFile(t, "series")
	o := editOptions(eas.V161, ada)
	o.Instance = "20261019T071500Z"
	one := changeEvent(t, series, &eas.Calendar{CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 1, Data: ptr("of this day")}}}, o)
	if got := changeEvent(t, one, &eas.Calendar{Subject: ptr("x"), CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 1}}}, o); !bytes.Contains(got, []byte("DESCRIPTION:of this day")) {
		t.Errorf("of one occurrence:\n%s", got)
	}
}

// What a client says of the times alone: each of them counts without the others.
func TestEachOfTheTimesIsChangedAlone(t *testing.T) {
	at := func(day, hour int) *time.Time { return ptr(time.Date(2026, 10, day, hour, 0, 0, 0, time.UTC)) }
	zone := func(name string) *string {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return ptr(base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2026)))
	}
	for name, c := range map[string]struct {
		raw  []byte
		in   eas.Calendar
		want []string
	}{
		"the end":              {ics("DTSTART:20261020T080000Z", "DTEND:20261020T090000Z"), eas.Calendar{StartTime: at(20, 8), EndTime: at(20, 10)}, []string{"DTSTART:20261020T080000Z", "DTEND:20261020T100000Z"}},
		"the last day":         {ics("DTSTART;VALUE=DATE:20261020", "DTEND;VALUE=DATE:20261021"), eas.Calendar{StartTime: at(20, 0), EndTime: at(23, 0), AllDayEvent: ptr(uint8(1))}, []string{"DTSTART;VALUE=DATE:20261020", "DTEND;VALUE=DATE:20261023"}},
		"whole days":           {ics("DTSTART:20261020T000000Z", "DTEND:20261021T000000Z"), eas.Calendar{StartTime: at(20, 0), EndTime: at(21, 0), AllDayEvent: ptr(uint8(1))}, []string{"DTSTART;VALUE=DATE:20261020", "DTEND;VALUE=DATE:20261021"}},
		"whole days no longer": {ics("DTSTART;VALUE=DATE:20261020", "DTEND;VALUE=DATE:20261021"), eas.Calendar{StartTime: at(20, 0), EndTime: at(21, 0), AllDayEvent: ptr(uint8(0))}, []string{"DTSTART:20261020T000000Z", "DTEND:20261021T000000Z"}},
		"the zone": {ics("DTSTART:20261020T080000Z", "DTEND:20261020T090000Z", "RRULE:FREQ=DAILY;COUNT=9"), eas.Calendar{StartTime: at(20, 8), EndTime: at(20, 9), Timezone: zone("Europe/Berlin"),
			Recurrence: &eas.CalendarRecurrence{Type: ptr(uint8(0)), Occurrences: ptr(uint16(9))}}, []string{"DTSTART;TZID=Europe/Berlin:20261020T100000", "DTEND;TZID=Europe/Berlin:20261020T110000"}},
		"a zone at last": {ics("DTSTART:20261020T080000", "DTEND:20261020T090000"), eas.Calendar{StartTime: at(20, 8), EndTime: at(20, 9), Timezone: zone("Europe/Berlin")},
			[]string{"DTSTART;TZID=Europe/Berlin:20261020T100000", "DTEND;TZID=Europe/Berlin:20261020T110000"}},
		"the second of two hours of a series": {ics("DTSTART;TZID=Europe/Berlin:20261024T023000", "DTEND;TZID=Europe/Berlin:20261024T024500", "RRULE:FREQ=DAILY;COUNT=9"),
			eas.Calendar{StartTime: ptr(time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)), EndTime: ptr(time.Date(2026, 10, 25, 1, 40, 0, 0, time.UTC)), Recurrence: &eas.CalendarRecurrence{Type: ptr(uint8(0)), Occurrences: ptr(uint16(9))}},
			[]string{"DTSTART;TZID=Europe/Berlin:20261025T023000"}},
	} {
		for _, v := range []eas.Version{eas.V121, eas.V141, eas.V161} {
			got := changeEvent(t, c.raw, &c.in, editOptions(v, ada))
			for _, line := range c.want {
				if !bytes.Contains(got, []byte(line+"\r\n")) {
					t.Errorf("%s at %s: no %s in\n%s", name, v, line, got)
				}
			}
		}
	}
}

// A series with other days keeps the exceptions that still have an occurrence, and
// none if it is one no longer.
func TestExceptionsOfOtherDaysGo(t *testing.T) {
	one := func(day, subject string) string {
		return "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:one@example.org\r\nDTSTAMP:20260901T080000Z\r\nRECURRENCE-ID:" + day + "T090000Z\r\nDTSTART:" + day + "T090000Z\r\nDTEND:" + day + "T100000Z\r\nSUMMARY:" + subject
	}
	raw := ics("DTSTART:20261005T090000Z", "DTEND:20261005T100000Z", "SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=9", "EXDATE:20261007T090000Z", one("20261005", "first"), one("20261006", "second"))
	in := clientData(showEvent(t, raw, eas.V141, ada), eas.V141)
	in.Exceptions, in.Recurrence = nil, &eas.CalendarRecurrence{Type: ptr(uint8(1)), Interval: ptr(uint16(1)), DayOfWeek: ptr(uint16(2))} // Mondays
	if got := string(changeEvent(t, raw, in, editOptions(eas.V141, ada))); !strings.Contains(got, "SUMMARY:first") || strings.Contains(got, "SUMMARY:second") {
		t.Errorf("on Mondays:\n%s", got)
	}
	in.Recurrence = nil
	if got := string(changeEvent(t, raw, in, editOptions(eas.V141, ada))); strings.Contains(got, "RECURRENCE-ID") || strings.Contains(got, "EXDATE") || strings.Contains(got, "RRULE") {
		t.Errorf("once:\n%s", got)
	}
	// Moved by a day, one of two weekdays has another exception's place.
	raw = ics("DTSTART:20261005T090000Z", "DTEND:20261005T100000Z", "SUMMARY:x", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU", one("20261012", "monday"), one("20261013", "tuesday"))
	in = clientData(showEvent(t, raw, eas.V141, ada), eas.V141)
	in.Exceptions, in.StartTime, in.EndTime = nil, ptr(in.StartTime.AddDate(0, 0, 1)), ptr(in.EndTime.AddDate(0, 0, 1))
	if got := string(changeEvent(t, raw, in, editOptions(eas.V141, ada))); !strings.Contains(got, "RECURRENCE-ID:20261013T090000Z") || strings.Count(got, "RECURRENCE-ID") != 1 {
		t.Errorf("moved by a day:\n%s", got)
	}
}

// Mail that a program sends by itself is no reminder of the phone's: it is neither
// shown nor taken away nor moved (RFC 5545 3.6.6).
func TestAReminderByMailIsNobodysOnAPhone(t *testing.T) {
	mail := []string{"BEGIN:VALARM", "ACTION:EMAIL", "ATTENDEE:mailto:ada@example.org", "SUMMARY:x", "DESCRIPTION:x", "TRIGGER:-P1D", "END:VALARM"}
	both := append([]string{"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "ACKNOWLEDGED:20261020T074500Z", "END:VALARM"}, mail...)
	times := []string{"DTSTART:20261020T080000Z", "DTEND:20261020T090000Z", "SUMMARY:x"}
	for _, v := range []eas.Version{eas.V141, eas.V161} {
		for reminder, want := range map[string]string{"": "", "30": "TRIGGER:-PT30M\r\n", "0": "TRIGGER:PT0S\r\n"} {
			for _, alarms := range [][]string{mail, both} {
				raw := ics(append(slices.Clone(times), alarms...)...)
				in := clientData(showEvent(t, raw, v, ada), v)
				if len(alarms) == len(mail) && in.Reminder != nil {
					t.Errorf("%s: shown: %s", v, *in.Reminder)
				}
				in.Reminder = &reminder
				got := string(changeEvent(t, raw, in, editOptions(v, ada)))
				if !strings.Contains(got, "TRIGGER:-P1D\r\n") || !strings.Contains(got, want) || strings.Contains(got, "PT15M") || strings.Contains(got, "ACKNOWLEDGED") {
					t.Errorf("%s: to %q of %d lines:\n%s", v, reminder, len(alarms), got)
				}
			}
		}
	}
}

// Some programs name an occurrence by its day, though the series has a time.
func TestAnExceptionThatIsNamedByItsDayIsTheOne(t *testing.T) {
	raw := ics("DTSTART:20261005T200000Z", "DTEND:20261005T210000Z", "SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=9",
		"END:VEVENT", "BEGIN:VEVENT", "UID:one@example.org", "DTSTAMP:20260901T080000Z", "RECURRENCE-ID;VALUE=DATE:20261007", "DTSTART:20261007T220000Z", "DTEND:20261007T230000Z", "SUMMARY:y")
	o := editOptions(eas.V161, ada)
	o.Instance = "20261007T200000Z"
	if got := changeEvent(t, raw, &eas.Calendar{Subject: ptr("z")}, o); strings.Count(string(got), "RECURRENCE-ID") != 1 || !bytes.Contains(got, []byte("SUMMARY:z")) || !bytes.Contains(got, []byte("DTSTART:20261007T220000Z")) {
		t.Errorf("changed:\n%s", got)
	}
	if got, err := class.DeleteOccurrence(raw, o); err != nil || bytes.Contains(got, []byte("RECURRENCE-ID")) || !bytes.Contains(got, []byte("EXDATE:20261007T200000Z")) {
		t.Errorf("deleted: %v\n%s", err, got)
	}
}

// Up to 12.1 exceptions have no attendees (MS-ASCAL_R2023): those that one has it
// keeps, whatever else such a client says of it.
func TestAttendeesOfAnExceptionStayWhereClientsDoNotKnowThem(t *testing.T) {
	people := []string{"ORGANIZER:mailto:ada@example.org", "ATTENDEE;CN=Bob:mailto:bob@example.com"}
	lines := append([]string{"DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "SUMMARY:x", "RRULE:FREQ=DAILY;COUNT=9"}, people...)
	lines = append(lines, "END:VEVENT", "BEGIN:VEVENT", "UID:one@example.org", "DTSTAMP:20260901T080000Z", "RECURRENCE-ID:20261007T080000Z", "DTSTART:20261007T100000Z", "DTEND:20261007T110000Z", "SUMMARY:y")
	raw := ics(append(append(lines, people...), "ATTENDEE;CN=Guest:mailto:guest@example.com")...)
	for _, v := range []eas.Version{eas.V25, eas.V120, eas.V121} {
		in := clientData(showEvent(t, raw, v, ada), v)
		in.Exceptions[0].Subject = ptr("z")
		if got := changeEvent(t, raw, in, editOptions(v, ada)); !bytes.Contains(got, []byte("guest@example.com")) || !bytes.Contains(got, []byte("SUMMARY:z")) {
			t.Errorf("%s:\n%s", v, got)
		}
	}
}
