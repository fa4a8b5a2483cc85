package class_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

// changes lists the lines that are gone and those that are new, without stamps.
func changes(old, new []byte) (out []string) {
	lines := func(b []byte) []string {
		return strings.Split(strings.ReplaceAll(strings.TrimSpace(string(b)), "\r\n ", ""), "\r\n")
	}
	a, b := lines(old), lines(new)
	count := map[string]int{}
	for _, l := range a {
		count[l]--
	}
	for _, l := range b {
		count[l]++
	}
	for l, n := range count {
		switch name, _, _ := strings.Cut(l, ":"); {
		case name == "DTSTAMP" || name == "LAST-MODIFIED":
		case n < 0:
			out = append(out, "-"+l)
		case n > 0:
			out = append(out, "+"+l)
		}
	}
	slices.Sort(out)
	return out
}

// An event that others share is marked with whose it is; sent back, it is the same.
func TestAMarkedEventThatIsSentBackStaysAsItIs(t *testing.T) {
	series := eventFile(t, "series")
	for _, raw := range [][]byte{series, bytes.ReplaceAll(series, []byte("SUMMARY:Stand-up\r\n"), []byte("SUMMARY:Ada: Stand-up\r\n")), bytes.ReplaceAll(series, []byte("SUMMARY:Stand-up\r\n"), nil)} {
		for _, v := range eas.Versions() {
			who := ada
			who.Mark = "Ada"
			c := showEvent(t, raw, v, who)
			o := editOptions(v, ada)
			o.Mark = "Ada"
			if got := changeEvent(t, raw, clientData(c, v), o); *c.Subject != "Ada: "+*showEvent(t, raw, v, ada).Subject || !bytes.Equal(got, raw) {
				t.Errorf("%s: %s: %v", v, *c.Subject, changes(raw, got))
			}
			if *c.Subject = strings.TrimSpace(*c.Subject); *c.Subject == "Ada:" {
				if got := changeEvent(t, raw, clientData(c, v), o); !bytes.Equal(got, raw) {
					t.Errorf("%s: without the blank: %v", v, changes(raw, got))
				}
			}
		}
	}
}

// Since 16.0 a change names what is new; everything else stays to the letter.
func TestAPartialChangeChangesWhatItNames(t *testing.T) {
	start := time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		file string
		in   eas.Calendar
		want []string
	}{
		"subject":  {"appointment", eas.Calendar{Subject: ptr("Doctor")}, []string{"+SUMMARY:Doctor", "-SUMMARY:Dentist"}},
		"location": {"appointment", eas.Calendar{Location: &eas.Location{DisplayName: "Here"}}, []string{"+LOCATION:Here", "-LOCATION:Main Street 1"}},
		"reminder": {"appointment", eas.Calendar{Reminder: ptr("30")}, []string{"+TRIGGER:-PT30M", "-TRIGGER:-PT15M"}},
		"body": {"appointment", eas.Calendar{CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 1, Data: ptr("a\r\nb")}}},
			[]string{`+DESCRIPTION:a\nb`, `-DESCRIPTION:Bring the card\, please.\nSecond floor`}},
		"html": {"appointment", eas.Calendar{CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 2, Data: ptr("<p>a</p>")}}},
			[]string{"+DESCRIPTION:a", "+X-ALT-DESC;FMTTYPE=text/html:<p>a</p>", `-DESCRIPTION:Bring the card\, please.\nSecond floor`}},
		"categories":  {"appointment", eas.Calendar{Categories: []string{"One, two"}}, []string{`+CATEGORIES:One\, two`, "-CATEGORIES:Health,Private things"}},
		"sensitivity": {"appointment", eas.Calendar{Sensitivity: ptr(uint8(2))}, []string{"+CLASS:PRIVATE"}},
		"busy":        {"appointment", eas.Calendar{BusyStatus: ptr(uint8(0))}, []string{"+TRANSP:TRANSPARENT", "+X-MICROSOFT-CDO-BUSYSTATUS:FREE", "-TRANSP:OPAQUE"}},
		"start": {"appointment", eas.Calendar{StartTime: &start}, []string{"+DTEND;TZID=Europe/Berlin:20261020T120000", "+DTSTART;TZID=Europe/Berlin:20261020T110000",
			"+SEQUENCE:1", "-DTEND;TZID=Europe/Berlin:20261020T110000", "-DTSTART;TZID=Europe/Berlin:20261020T100000"}},
		"all day": {"appointment", eas.Calendar{AllDayEvent: ptr(uint8(1)), StartTime: ptr(time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)), EndTime: ptr(time.Date(2026, 10, 21, 0, 0, 0, 0, time.UTC))},
			[]string{"+DTEND;VALUE=DATE:20261021", "+DTSTART;VALUE=DATE:20261020", "+SEQUENCE:1", "-DTEND;TZID=Europe/Berlin:20261020T110000", "-DTSTART;TZID=Europe/Berlin:20261020T100000"}},
		"recurrence": {"appointment", eas.Calendar{Recurrence: &eas.CalendarRecurrence{Type: ptr(uint8(0)), Occurrences: ptr(uint16(3))}}, []string{"+RRULE:FREQ=DAILY;COUNT=3", "+SEQUENCE:1"}},
		"an end alone": {"series", eas.Calendar{Recurrence: &eas.CalendarRecurrence{Occurrences: ptr(uint16(4))}}, []string{
			"+RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE;WKST=SU", "+SEQUENCE:1",
			"-BEGIN:VEVENT", "-DTEND;TZID=Europe/Berlin:20261026T143000", "-DTSTART;TZID=Europe/Berlin:20261026T140000", "-END:VEVENT",
			"-EXDATE;TZID=Europe/Berlin:20261012T091500,20261014T091500", "-RECURRENCE-ID;TZID=Europe/Berlin:20261026T091500",
			"-RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE;UNTIL=20261216T081500Z;WKST=SU", `-SUMMARY:Stand-up\, later`, "-UID:series@example.org", "-X-EXAMPLE-NOTE:kept"}},
		"proposals": {"meeting", eas.Calendar{DisallowNewTimeProposal: ptr(false)}, []string{"-X-MICROSOFT-DISALLOW-COUNTER:TRUE"}},
		"one more": {"meeting", eas.Calendar{Attendees: []eas.CalendarAttendee{{Email: "BOB@example.com", Name: "Bob Example"}, {Email: "new@example.com", Name: "New", AttendeeType: ptr(uint8(2))}}}, []string{
			"+ATTENDEE;CN=New;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;ROLE=OPT-PARTICIPANT:mailto:new@example.com",
			"-ATTENDEE;CN=Eve Example;PARTSTAT=TENTATIVE;ROLE=OPT-PARTICIPANT:mailto:eve@example.com",
			`-ATTENDEE;CN="Room, big";CUTYPE=ROOM;PARTSTAT=ACCEPTED;ROLE=NON-PARTICIPANT:mailto:room@example.org`}},
		"cancel": {"meeting", eas.Calendar{MeetingStatus: ptr(uint8(5))}, []string{"+SEQUENCE:4", "+STATUS:CANCELLED", "-SEQUENCE:3"}},
	} {
		raw := eventFile(t, c.file)
		got := changeEvent(t, raw, &c.in, editOptions(eas.V161, ada))
		want := c.want
		slices.Sort(want)
		list := slices.DeleteFunc(changes(raw, got), func(s string) bool { return s == "" })
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		// Once more, it changes nothing.
		if again := changeEvent(t, got, &c.in, editOptions(eas.V161, ada)); !bytes.Equal(again, got) {
			t.Errorf("%s, again: %v", name, changes(got, again))
		}
	}
}

// Up to 14.1 an element that is not there is to go if the client keeps it, and
// stays if not (MS-ASCMD_R5906 to R5912, MS-ASCAL_R301).
func TestWhatAClientLeavesOutGoesOrStays(t *testing.T) {
	raw := eventFile(t, "appointment")
	tag := func(name string) wbxml.Tag {
		tag, ok := wbxml.ParseTag(name)
		if !ok {
			t.Fatal(name)
		}
		return tag
	}
	all := map[string]string{
		"Calendar:Subject": "SUMMARY:", "Calendar:Location": "LOCATION:", "Calendar:Reminder": "BEGIN:VALARM",
		"Calendar:Categories": "CATEGORIES:",
	}
	in := &eas.Calendar{Sensitivity: ptr(uint8(0))}
	for element, line := range all {
		o := editOptions(eas.V141, ada)
		o.Supported = []wbxml.Tag{tag(element)}
		got := string(changeEvent(t, raw, in, o))
		for other, l := range all {
			if gone := !strings.Contains(got, l); gone != (other == element) {
				t.Errorf("kept %s: %s gone: %t", element, line, gone)
			}
		}
		if !strings.Contains(got, "DTSTART;TZID=Europe/Berlin:20261020T100000\r\n") || !strings.Contains(got, "UID:appointment@example.org") {
			t.Errorf("%s", got)
		}
	}
	got := string(changeEvent(t, raw, in, editOptions(eas.V141, ada)))
	for _, l := range all {
		if strings.Contains(got, l) {
			t.Errorf("without Supported: %s stays", l)
		}
	}
}

// Exceptions that a client does not send stay, and so do all if it sends none
// (MS-ASCAL_R541, R54111, R542); one that it sends takes from the series what it
// does not name.
func TestExceptionsThatAreNotSentStay(t *testing.T) {
	raw := eventFile(t, "series")
	for _, v := range []eas.Version{eas.V25, eas.V121, eas.V140, eas.V141} {
		in := clientData(showEvent(t, raw, v, ada), v)
		all := in.Exceptions
		in.Exceptions = nil
		if got := changeEvent(t, raw, in, editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: none sent: %v", v, changes(raw, got))
		}
		in.Exceptions = all[:1]
		if got := changeEvent(t, raw, in, editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: one sent: %v", v, changes(raw, got))
		}
		x := all[2]
		x.Subject = nil
		in.Exceptions = []eas.CalendarException{x}
		got := changeEvent(t, raw, in, editOptions(v, ada))
		if diff := cmp.Diff([]string{"+SUMMARY:Stand-up", `-SUMMARY:Stand-up\, later`}, changes(raw, got)); diff != "" {
			t.Errorf("%s: %s", v, diff)
		}
		in.Exceptions = []eas.CalendarException{{Deleted: ptr(uint8(1)), ExceptionStartTime: x.ExceptionStartTime}}
		got = changeEvent(t, raw, in, editOptions(v, ada))
		if bytes.Contains(got, []byte("X-EXAMPLE-NOTE")) || !bytes.Contains(got, []byte("EXDATE;TZID=Europe/Berlin:20261026T091500\r\n")) {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// Since 16.0 another start, end or pattern of a series ends its exceptions
// (MS-ASCAL_R2097, R2114, R2180, R2202); before, they go with their occurrences.
func TestASeriesThatMovesTakesItsExceptionsAlong(t *testing.T) {
	raw := eventFile(t, "series")
	later := func(v eas.Version) *eas.Calendar {
		in := clientData(showEvent(t, raw, v, ada), v)
		in.StartTime, in.EndTime, in.Exceptions = ptr(in.StartTime.Add(2*time.Hour)), ptr(in.EndTime.Add(2*time.Hour)), nil
		return in
	}
	got := changeEvent(t, raw, later(eas.V161), editOptions(eas.V161, ada))
	if bytes.Contains(got, []byte("EXDATE")) || bytes.Contains(got, []byte("RECURRENCE-ID")) {
		t.Errorf("16.1: %s", got)
	}
	got = changeEvent(t, raw, later(eas.V141), editOptions(eas.V141, ada))
	for _, want := range []string{
		"EXDATE;TZID=Europe/Berlin:20261012T111500\r\n", "EXDATE;TZID=Europe/Berlin:20261014T111500\r\n", "RECURRENCE-ID;TZID=Europe/Berlin:20261026T111500\r\n",
		"UNTIL=20261216T101500Z", "DTSTART;TZID=Europe/Berlin:20261026T140000\r\n", "X-EXAMPLE-NOTE:kept\r\n",
	} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("14.1: no %q in\n%s", want, got)
		}
	}
	if n := len(occurrencesOf(t, raw, 100)); n != len(occurrencesOf(t, got, 100)) {
		t.Errorf("%d occurrences have become %d", n, len(occurrencesOf(t, got, 100)))
	}
	// A new subject leaves them alone in every version.
	for _, v := range eas.Versions() {
		in := clientData(showEvent(t, raw, v, ada), v)
		in.Subject = ptr("y")
		if got := changeEvent(t, raw, in, editOptions(v, ada)); !bytes.Contains(got, []byte("RECURRENCE-ID;TZID=Europe/Berlin:20261026T091500")) || !bytes.Contains(got, []byte("EXDATE;TZID=Europe/Berlin:20261012T091500,20261014T091500")) {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// Only the organizer's changes of when and whether count as a revision (RFC 5545
// 3.8.7.4): not a reminder, and nothing of an attendee's.
func TestAReminderIsNoRevision(t *testing.T) {
	raw := eventFile(t, "meeting")
	start := time.Date(2026, 10, 20, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		who  class.Viewer
		in   eas.Calendar
		want string
	}{
		{ada, eas.Calendar{Reminder: ptr("5")}, "SEQUENCE:3\r\n"},
		{ada, eas.Calendar{Subject: ptr("y")}, "SEQUENCE:3\r\n"},
		{ada, eas.Calendar{StartTime: &start, EndTime: ptr(start.Add(time.Hour))}, "SEQUENCE:4\r\n"},
		{bob, eas.Calendar{Reminder: ptr("5")}, "DTSTAMP:20260901T080000Z\r\n"},
		{bob, eas.Calendar{StartTime: &start, EndTime: ptr(start.Add(time.Hour))}, "SEQUENCE:3\r\n"},
	} {
		got := changeEvent(t, raw, &c.in, editOptions(eas.V161, c.who))
		if !bytes.Contains(got, []byte(c.want)) || !bytes.Contains(got, []byte("LAST-MODIFIED:20260915T120000Z\r\n")) {
			t.Errorf("no %q in\n%s", c.want, got)
		}
	}
	// The organizer may be named by another of the owner's addresses.
	o := editOptions(eas.V161, bob)
	o.Addresses = []string{"bob@example.com", "ada@example.org"}
	if got := changeEvent(t, raw, &eas.Calendar{StartTime: &start}, o); !bytes.Contains(got, []byte("SEQUENCE:4\r\n")) {
		t.Errorf("%s", got)
	}
	// An attendee cannot invite, uninvite or cancel.
	in := &eas.Calendar{Attendees: []eas.CalendarAttendee{}, MeetingStatus: ptr(uint8(7)), DisallowNewTimeProposal: ptr(false)}
	if got := changeEvent(t, raw, in, editOptions(eas.V161, bob)); !bytes.Equal(got, raw) {
		t.Errorf("%v", changes(raw, got))
	}
}

// A meeting is its owner's, whatever a client since 16.0 says (MS-ASCAL_R2169,
// R2175); one that came from elsewhere before is not, and invites nobody.
func TestWhoOrganizesANewMeeting(t *testing.T) {
	guests := []eas.CalendarAttendee{{Email: "bob@example.com", Name: "Bob Example"}}
	for _, c := range []struct {
		v    eas.Version
		in   eas.Calendar
		want string
	}{
		{eas.V161, eas.Calendar{Attendees: guests, MeetingStatus: ptr(uint8(1))}, "ORGANIZER;CN=Ada Example:mailto:ada@example.org\r\n"},
		{eas.V161, eas.Calendar{Attendees: guests, OrganizerEmail: ptr("eve@example.com")}, "ORGANIZER;CN=Ada Example:mailto:ada@example.org\r\n"},
		{eas.V141, eas.Calendar{Attendees: guests, MeetingStatus: ptr(uint8(3)), OrganizerEmail: ptr("eve@example.com"), OrganizerName: ptr("Eve")}, "ORGANIZER;CN=Eve:mailto:eve@example.com\r\n"},
		{eas.V161, eas.Calendar{Attendees: guests, MeetingStatus: ptr(uint8(3))}, "ORGANIZER:invalid:nomail\r\n"},
	} {
		got := bytes.ReplaceAll(changeEvent(t, nil, &c.in, editOptions(c.v, ada)), []byte("\r\n "), nil)
		if !bytes.Contains(got, []byte(c.want)) || !bytes.Contains(got, []byte("ATTENDEE;CN=Bob Example;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;ROLE=REQ-PARTICIPANT:mailto:bob@example.com\r\n")) {
			t.Errorf("no %q in\n%s", c.want, got)
		}
	}
	if got := changeEvent(t, nil, &eas.Calendar{MeetingStatus: ptr(uint8(0))}, editOptions(eas.V141, ada)); bytes.Contains(got, []byte("ORGANIZER")) {
		t.Errorf("an appointment has an organizer:\n%s", got)
	}
}

// What a new event lacks of its times follows the table of MS-ASCAL 3.2.4.4.
func TestANewEventWithoutTimesIsAtTheNextHalfHour(t *testing.T) {
	now := time.Date(2026, 9, 15, 18, 3, 0, 0, time.UTC)
	at := func(hour, minute int) *time.Time { return ptr(time.Date(2026, 9, 15, hour, minute, 0, 0, time.UTC)) }
	for _, c := range []struct {
		start, end *time.Time
		want       string
	}{
		{nil, nil, "20260915T183000Z to 20260915T190000Z"}, // MS-ASCAL_R52514
		{nil, at(17, 0), ""}, // R52515
		{nil, at(20, 0), "20260915T183000Z to 20260915T200000Z"}, // R52516
		{nil, at(18, 10), ""}, // R5251611
		{at(9, 0), nil, "20260915T090000Z to 20260915T190000Z"}, // R52517
		{at(19, 0), nil, ""}, // R52518
	} {
		o := editOptions(eas.V141, ada)
		o.Now = now
		raw, err := class.EditObject(mail.ClassCalendar, nil, eventRaw(t, &eas.Calendar{StartTime: c.start, EndTime: c.end}), o)
		if c.want == "" {
			if !errors.Is(err, class.ErrBadValue) {
				t.Errorf("from %v to %v: %v", c.start, c.end, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		shown := showEvent(t, raw, eas.V141, ada)
		if got := shown.StartTime.Format("20060102T150405Z") + " to " + shown.EndTime.Format("20060102T150405Z"); got != c.want {
			t.Errorf("from %v to %v: %s", c.start, c.end, got)
		}
	}
}

// What is refused is a bad value, which is status 6 (MS-ASCAL_R53912 to R53919).
func TestWhatNoEventHasIsRefused(t *testing.T) {
	start, end := eventNow, eventNow.Add(time.Hour)
	large := strings.Repeat("x", 2<<20)
	with := func(r eas.CalendarRecurrence) *eas.Calendar {
		return &eas.Calendar{StartTime: &start, EndTime: &end, Recurrence: &r}
	}
	b, w := func(n uint8) *uint8 { return &n }, func(n uint16) *uint16 { return &n }
	list := map[string]*eas.Calendar{
		"an end before the start":   {StartTime: &end, EndTime: &start},
		"AllDayEvent 2":             {AllDayEvent: b(2)},
		"Sensitivity 4":             {Sensitivity: b(4)},
		"BusyStatus 5":              {BusyStatus: b(5)},
		"Reminder of a word":        {Reminder: ptr("soon")},
		"Reminder without end":      {Reminder: ptr("99999999999")},
		"a body of MIME":            {CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 4, Data: ptr("x")}}},
		"AttendeeType 4":            {Attendees: []eas.CalendarAttendee{{Email: "bob@example.com", AttendeeType: b(4)}}},
		"Type 4":                    with(eas.CalendarRecurrence{Type: b(4)}),
		"Type 7":                    with(eas.CalendarRecurrence{Type: b(7)}),
		"Interval 1000":             with(eas.CalendarRecurrence{Type: b(0), Interval: w(1000)}),
		"FirstDayOfWeek 7":          with(eas.CalendarRecurrence{Type: b(1), DayOfWeek: w(2), FirstDayOfWeek: b(7)}),
		"DayOfMonth of a week":      with(eas.CalendarRecurrence{Type: b(1), DayOfWeek: w(2), DayOfMonth: b(2)}),
		"DayOfMonth 32":             with(eas.CalendarRecurrence{Type: b(2), DayOfMonth: b(32)}),
		"DayOfWeek of a day":        with(eas.CalendarRecurrence{Type: b(2), DayOfMonth: b(2), DayOfWeek: w(2)}),
		"DayOfWeek 128":             with(eas.CalendarRecurrence{Type: b(1), DayOfWeek: w(128)}),
		"MonthOfYear of a month":    with(eas.CalendarRecurrence{Type: b(2), DayOfMonth: b(2), MonthOfYear: b(2)}),
		"MonthOfYear 13":            with(eas.CalendarRecurrence{Type: b(5), DayOfMonth: b(2), MonthOfYear: b(13)}),
		"WeekOfMonth of a day":      with(eas.CalendarRecurrence{Type: b(5), DayOfMonth: b(2), MonthOfYear: b(2), WeekOfMonth: b(2)}),
		"WeekOfMonth 6":             with(eas.CalendarRecurrence{Type: b(3), DayOfWeek: w(2), WeekOfMonth: b(6)}),
		"no WeekOfMonth":            with(eas.CalendarRecurrence{Type: b(3), DayOfWeek: w(2)}),
		"IsLeapMonth 2":             with(eas.CalendarRecurrence{Type: b(0), IsLeapMonth: b(2)}),
		"an exception of no day":    {StartTime: &start, EndTime: &end, Exceptions: []eas.CalendarException{{Subject: ptr("x")}}},
		"a file of another event":   {Attachments: []eas.AttachmentItem{{Delete: &eas.AttachmentDelete{FileReference: "1:2:3"}}}},
		"a file of none":            {Attachments: []eas.AttachmentItem{{Delete: &eas.AttachmentDelete{FileReference: "x"}}}},
		"three hundred categories+": {Categories: make([]string, 301)},
		"a large text":              {CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 1, Data: &large}}},
		"a large text at 2.5":       {CalendarBody: eas.CalendarBody{PlainBody: &large}},
		"an exception's large text": {StartTime: &start, EndTime: &end, Exceptions: []eas.CalendarException{{ExceptionStartTime: &start, CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 1, Data: &large}}}}},
		"too many people":           {Attendees: make([]eas.CalendarAttendee, 5001)},
		"an exception's people":     {StartTime: &start, EndTime: &end, Exceptions: []eas.CalendarException{{ExceptionStartTime: &start, Attendees: make([]eas.CalendarAttendee, 5001)}}},
		"too many exceptions":       {StartTime: &start, EndTime: &end, Exceptions: make([]eas.CalendarException, 1001)},
	}
	for _, kind := range []uint8{6, 8, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24} {
		list["CalendarType "+string(rune('a'+kind))] = with(eas.CalendarRecurrence{Type: b(2), DayOfMonth: b(2), CalendarType: b(kind)})
	}
	for name, in := range list {
		if _, err := class.EditObject(mail.ClassCalendar, nil, eventRaw(t, in), editOptions(eas.V161, ada)); !errors.Is(err, class.ErrBadValue) && !errors.Is(err, class.ErrBadReference) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An end without a start, of an event that is there.
	if _, err := class.EditObject(mail.ClassCalendar, eventFile(t, "appointment"), eventRaw(t, &eas.Calendar{EndTime: &end}), editOptions(eas.V141, ada)); !errors.Is(err, class.ErrBadValue) {
		t.Error("EndTime without StartTime:", err)
	}
	if _, err := class.EditObject(mail.ClassCalendar, nil, eventRaw(t, &eas.Calendar{BusyStatus: b(4)}), editOptions(eas.V141, ada)); !errors.Is(err, class.ErrBadValue) {
		t.Error("BusyStatus 4 at 14.1:", err)
	}
}

// An element that stands twice is refused (MS-ASCAL_R53912).
func TestACalendarTypeThatStandsTwiceIsRefused(t *testing.T) {
	type recurrence struct {
		Type         uint8   `wbxml:"Calendar:Type"`
		DayOfMonth   uint8   `wbxml:"Calendar:DayOfMonth"`
		CalendarType []uint8 `wbxml:"Calendar:CalendarType"`
	}
	raw, err := wbxml.MarshalRaw(&struct {
		Recurrence recurrence `wbxml:"Calendar:Recurrence"`
	}{recurrence{Type: 2, DayOfMonth: 2, CalendarType: []uint8{1, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := class.EditObject(mail.ClassCalendar, nil, raw, editOptions(eas.V141, ada)); !errors.Is(err, class.ErrBadValue) {
		t.Error(err)
	}
}

// What is odd and harmless is taken: an Interval of 0 is 1 (MS-ASCAL_R5), Gregorian
// calendars in all languages, Occurrences before Until (R53911).
func TestOddRecurrencesAreTaken(t *testing.T) {
	start, end := eventNow, eventNow.Add(time.Hour)
	for want, r := range map[string]eas.CalendarRecurrence{
		"0 every 1":               {Type: ptr(uint8(0)), Interval: ptr(uint16(0))},
		"0 every 1 times 3":       {Type: ptr(uint8(0)), Occurrences: ptr(uint16(3)), Until: &end},
		"1 every 2 days 4":        {Type: ptr(uint8(0)), Interval: ptr(uint16(2)), DayOfWeek: ptr(uint16(4))},
		"0 every 3":               {Type: ptr(uint8(0)), Interval: ptr(uint16(3))},
		"2 every 1 day 15":        {Type: ptr(uint8(2)), CalendarType: ptr(uint8(1))},
		"5 every 1 day 2 month 3": {Type: ptr(uint8(5)), DayOfMonth: ptr(uint8(2)), MonthOfYear: ptr(uint8(3)), CalendarType: ptr(uint8(9)), IsLeapMonth: ptr(uint8(1))},
	} {
		raw := changeEvent(t, nil, &eas.Calendar{StartTime: &start, EndTime: &end, Recurrence: &r}, editOptions(eas.V140, ada))
		c := showEvent(t, raw, eas.V140, ada)
		if got := describe(c.Recurrence); got != want {
			t.Errorf("%s, not %s", got, want)
		}
		if k := c.Recurrence.CalendarType; k != nil && *k != 0 { // MS-ASCAL_R3
			t.Errorf("%s: CalendarType %d", want, *k)
		}
	}
}
