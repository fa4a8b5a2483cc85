package class_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
	"martlet/sync/class"
)

// An exception says what is other than in its series, nothing else, and with an
// empty element what the series has and it has not (MS-ASCAL_R539, R543); in each
// version what that version knows of exceptions.
func TestAnExceptionSaysWhatIsOtherThanInTheSeries(t *testing.T) {
	series := []string{
		"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260901T080000Z", "DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "RRULE:FREQ=DAILY;COUNT=9",
		"SUMMARY:a", "DESCRIPTION:a", "LOCATION:a", "CATEGORIES:a", "CLASS:PERSONAL", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "ORGANIZER:mailto:eve@example.com",
		"ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org", "CONFERENCE;VALUE=URI:sip:a@example.org", "CONFERENCE;VALUE=URI:https://a.example.org/",
		"BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM", "END:VEVENT",
	}
	other := []string{
		"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260902T080000Z", "RECURRENCE-ID:20261006T080000Z", "DTSTART:20261006T100000Z", "DTEND:20261006T120000Z",
		"SUMMARY:b", "DESCRIPTION:b", "LOCATION:b", "CATEGORIES:b", "CLASS:PRIVATE", "X-MICROSOFT-CDO-BUSYSTATUS:FREE", "ORGANIZER:mailto:eve@example.com", "STATUS:CANCELLED",
		"ATTENDEE;PARTSTAT=TENTATIVE:mailto:ada@example.org", "ATTENDEE:mailto:bob@example.com", "X-MICROSOFT-CDO-REPLYTIME:20260910T080000Z",
		"CONFERENCE;VALUE=URI:sip:b@example.org", "CONFERENCE;VALUE=URI:https://b.example.org/", "ATTACH;VALUE=BINARY;ENCODING=BASE64:aGVsbG8=",
		"BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT7M", "END:VALARM", "END:VEVENT",
	}
	less := []string{
		"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260901T080000Z", "RECURRENCE-ID:20261007T080000Z", "DTSTART:20261007T080000Z", "DTEND:20261007T090000Z",
		"CLASS:PERSONAL", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "ORGANIZER:mailto:eve@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org", "END:VEVENT",
	}
	lines := append(append(append([]string{"BEGIN:VCALENDAR"}, series...), other...), less...)
	raw := []byte(strings.Join(append(lines, "END:VCALENDAR", ""), "\r\n"))
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		if len(c.Exceptions) != 2 {
			t.Fatalf("%s: %d exceptions", v, len(c.Exceptions))
		}
		x, y := c.Exceptions[0], c.Exceptions[1]
		day := time.Date(2026, 10, 6, 8, 0, 0, 0, time.UTC)
		if v >= eas.V160 && (!x.InstanceID.Equal(day) || x.ExceptionStartTime != nil) || v < eas.V160 && (!x.ExceptionStartTime.Equal(day) || x.InstanceID != nil) {
			t.Errorf("%s: of %v %v", v, x.ExceptionStartTime, x.InstanceID)
		}
		if *x.Subject != "b" || *x.Sensitivity != 2 || *x.BusyStatus != 0 || *x.Reminder != "7" || x.Categories[0] != "b" || *x.MeetingStatus != 7 ||
			!x.StartTime.Equal(day.Add(2*time.Hour)) || !x.EndTime.Equal(day.Add(4*time.Hour)) || x.DtStamp.Day() != 2 || x.AllDayEvent != nil || x.Deleted != nil {
			t.Errorf("%s: %s", v, dump(t, c))
		}
		if v >= eas.V160 && (x.Location.DisplayName != "b" || len(x.Attachments) != 1) || v < eas.V160 && *x.LocationText != "b" {
			t.Errorf("%s: %v %v", v, x.Location, x.LocationText)
		}
		if v >= eas.V120 && *x.Body.Data != "b" || v < eas.V120 && *x.PlainBody != "b" {
			t.Errorf("%s: %v", v, x.Body)
		}
		if has := len(x.Attendees) == 2 && x.ResponseType != nil && *x.ResponseType == 2 && x.AppointmentReplyTime.Day() == 10; has != (v >= eas.V140) {
			t.Errorf("%s: %v", v, x.Attendees)
		}
		if has := x.ConfLink != nil && *x.ConfLink == "sip:b@example.org" && *x.ExternalLink == "https://b.example.org/"; has != (v >= eas.V141) {
			t.Errorf("%s: %v", v, x.ConfLink)
		}
		// What is gone.
		if *y.Subject != "" || y.Categories == nil || len(y.Categories) > 0 || v >= eas.V160 && *y.Location != (eas.Location{}) || v < eas.V160 && *y.LocationText != "" {
			t.Errorf("%s: %s", v, dump(t, c))
		}
		if v >= eas.V120 && (y.Body == nil || y.Body.EstimatedDataSize != 0) || v < eas.V120 && *y.PlainBody != "" {
			t.Errorf("%s: %v", v, y.Body)
		}
		if empty := y.Reminder != nil && *y.Reminder == ""; empty != (v >= eas.V141) { // MS-ASCAL_R2185
			t.Errorf("%s: Reminder %v", v, y.Reminder)
		}
		if empty := y.ConfLink != nil && *y.ConfLink == "" && *y.ExternalLink == ""; empty != (v >= eas.V141) { // MS-ASCAL_R351
			t.Errorf("%s: %v", v, y.ConfLink)
		}
		if y.Sensitivity != nil || y.BusyStatus != nil || y.MeetingStatus != nil || y.Attendees != nil || y.DtStamp != nil || y.ResponseType != nil {
			t.Errorf("%s: it repeats the series: %s", v, dump(t, c))
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", v, changes(raw, got))
		}
	}
}

// A client takes from an exception what it has from its series with an empty
// element (MS-ASCAL_R2242).
func TestAnEmptyElementTakesAwayFromAnException(t *testing.T) {
	raw := eventFile(t, "series")
	in := clientData(showEvent(t, raw, eas.V141, ada), eas.V141)
	in.Exceptions = []eas.CalendarException{{ExceptionStartTime: ptr(time.Date(2026, 10, 7, 7, 15, 0, 0, time.UTC)), LocationText: ptr(""), Reminder: ptr("")}}
	got := changeEvent(t, raw, in, editOptions(eas.V141, ada))
	one := got[bytes.LastIndex(got, []byte("BEGIN:VEVENT")):]
	if !bytes.Contains(one, []byte("RECURRENCE-ID;TZID=Europe/Berlin:20261007T091500\r\n")) || !bytes.Contains(one, []byte("SUMMARY:Stand-up\r\n")) ||
		bytes.Contains(one, []byte("LOCATION")) || bytes.Contains(one, []byte("VALARM")) {
		t.Errorf("%s", one)
	}
	c := showEvent(t, got, eas.V161, ada)
	if x := c.Exceptions[0]; *x.Location != (eas.Location{}) || *x.Reminder != "" || x.Subject != nil {
		t.Error(dump(t, c))
	}
}

// Clients are told of 256 exceptions (MS-ASCAL_R24311), of 300 categories (R11026)
// and of a UID of 300 characters (R463). What is more stays at rest.
func TestWhatIsTooMuchForClientsIsLeftOut(t *testing.T) {
	lines := []string{"DTSTART:20200101T080000Z", "RRULE:FREQ=DAILY"}
	for n := range 400 {
		lines = append(lines, "EXDATE:"+time.Date(2020, 1, 2+n, 8, 0, 0, 0, time.UTC).Format("20060102T150405Z"), fmt.Sprintf("CATEGORIES:c%d", n))
	}
	raw := ics(lines...)
	raw = bytes.Replace(raw, []byte("UID:one@"), []byte("UID:"+strings.Repeat("x", 400)), 1)
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		last := c.Exceptions[len(c.Exceptions)-1]
		if len(c.Exceptions) != 256 || len(c.Categories) != 300 || len(*c.UID) != 300 || *last.Deleted != 1 {
			t.Errorf("%s: %d exceptions, %d categories, a UID of %d", v, len(c.Exceptions), len(c.Categories), len(*c.UID))
		}
		id := last.ExceptionStartTime
		if v >= eas.V160 {
			id = last.InstanceID
		}
		if !id.Equal(time.Date(2020, 1, 2+399, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: of the exceptions those to come are left out: the last one is %s", v, id)
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", v, changes(raw, got))
		}
	}
}

// An attendee who has no mail address is told of as is (MS-ASCAL_R52521, R52529).
func TestAnAttendeeWithoutAMailAddressIsShownAsItIs(t *testing.T) {
	raw := ics("DTSTART:20261005T080000Z", "ORGANIZER:mailto:ada@example.org", "ATTENDEE;CN=Hall:urn:uuid:1234", "ATTENDEE:mailto:bob@example.com")
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		if len(c.Attendees) != 2 || c.Attendees[0].Email != "urn:uuid:1234" || c.Attendees[0].Name != "Hall" {
			t.Errorf("%s: %v", v, c.Attendees)
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", v, changes(raw, got))
		}
	}
}

// Somebody who was invited to one occurrence alone sees it as an event, since 16.0
// with its InstanceId (MS-ASAIRS 2.2.2.25).
func TestAnOccurrenceAloneIsAnEvent(t *testing.T) {
	raw := ics("SUMMARY:x", "RECURRENCE-ID:20261006T080000Z", "DTSTART:20261006T100000Z", "DTEND:20261006T110000Z")
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		if (c.InstanceID != nil) != (v >= eas.V160) || c.Recurrence != nil || c.Exceptions != nil || c.StartTime.Hour() != 10 {
			t.Errorf("%s: %s", v, dump(t, c))
		}
		c.Subject = ptr("y")
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Contains(got, []byte("SUMMARY:y\r\n")) || !bytes.Contains(got, []byte("RECURRENCE-ID:20261006T080000Z\r\n")) {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// Somebody who was invited to several single occurrences sees each of them, and can
// change and delete each.
func TestSingleOccurrencesAreShownOnTheirDays(t *testing.T) {
	one := func(day, subject string) string {
		lines := []string{"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260901T080000Z", "SUMMARY:" + subject, "RECURRENCE-ID;TZID=America/New_York:" + day + "T180000",
			"DTSTART;TZID=America/New_York:" + day + "T180000", "DTEND;TZID=America/New_York:" + day + "T190000", "X-EXAMPLE:" + subject, "END:VEVENT", ""}
		return strings.Join(lines, "\r\n")
	}
	raw := []byte("BEGIN:VCALENDAR\r\n" + one("20261109", "b") + one("20261026", "a") + one("20261116", "c") + "END:VCALENDAR\r\n")
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, bob)
		if got := fmt.Sprint(shownDays(t, c)); got != "[20261026T2200 20261109T2300 20261116T2300]" || *c.Subject != "a" || c.InstanceID != nil {
			t.Errorf("%s: %s", v, got)
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, bob)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", v, changes(raw, got))
		}
		in := clientData(c, v)
		in.Recurrence = &eas.CalendarRecurrence{Type: ptr(uint8(1)), DayOfWeek: ptr(uint16(2))}
		if got := changeEvent(t, raw, in, editOptions(v, bob)); !bytes.Equal(got, raw) {
			t.Errorf("%s, made a series: %v", v, changes(raw, got))
		}
	}
	o := editOptions(eas.V161, bob)
	o.Instance = "20261109T230000Z"
	got := changeEvent(t, raw, &eas.Calendar{Subject: ptr("y")}, o)
	if got := fmt.Sprint(changes(raw, got)); got != "[+SEQUENCE:1 +SUMMARY:y -SUMMARY:b]" && got != "[+SUMMARY:y -SUMMARY:b]" {
		t.Error(got)
	}
	for _, id := range []string{"20261026T220000Z", "20261116T230000Z", "20261109T230000Z"} {
		o.Instance = id
		rest, err := class.DeleteOccurrence(got, o)
		if err != nil {
			t.Fatal(err)
		}
		if got = rest; id == "20261109T230000Z" {
			if got != nil {
				t.Errorf("%s", got)
			}
			break
		}
		showEvent(t, got, eas.V161, bob)
	}
}

// An exception has from its series what it has not of its own, also when the
// series changes later (MS-ASCAL_R82 and its like): what a phone is told of an
// exception is then what it was told before.
func TestExceptionsFollowTheirSeries(t *testing.T) {
	one := func(own ...string) []byte {
		series := []string{"SUMMARY:a", "DESCRIPTION:a", "LOCATION:a", "CATEGORIES:a", "ORGANIZER:mailto:ada@example.org", "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.com",
			"ATTENDEE;CN=Eve:mailto:eve@example.com", "ATTACH;FILENAME=a.txt;ENCODING=BASE64;VALUE=BINARY:YQ==", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "END:VALARM"}
		exception := append([]string{"END:VEVENT", "BEGIN:VEVENT", "UID:one@example.org", "DTSTAMP:20260901T080000Z", "RECURRENCE-ID:20261002T090000Z", "DTSTART:20261002T150000Z", "DTEND:20261002T160000Z"}, series...)
		for i, line := range exception {
			exception[i] = strings.Replace(line, "PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", 1)
			for _, o := range own {
				if name, _, _ := strings.Cut(o, ":"); strings.HasPrefix(line, name+":") {
					exception[i] = o
				}
			}
		}
		return ics(append(append([]string{"DTSTART:20261001T090000Z", "DTEND:20261001T100000Z", "RRULE:FREQ=DAILY;COUNT=3"}, series...), exception...)...)
	}
	changesOf := map[string]*eas.Calendar{
		"subject":     {Subject: ptr("b")},
		"text":        {CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: 2, Data: ptr("<p>b</p>")}}},
		"place":       {Location: &eas.Location{DisplayName: "b"}},
		"categories":  {Categories: []string{"b"}},
		"none":        {Categories: []string{}},
		"reminder":    {Reminder: ptr("30")},
		"no reminder": {Reminder: ptr("")},
		"busy":        {BusyStatus: ptr(uint8(3))},
		"private":     {Sensitivity: ptr(uint8(2))},
		"one more":    {Attendees: []eas.CalendarAttendee{{Email: "bob@example.com", Name: "Bob"}, {Email: "eve@example.com", Name: "Eve"}, {Email: "new@example.com", Name: "New"}}},
		"one less":    {Attendees: []eas.CalendarAttendee{{Email: "eve@example.com", Name: "Eve"}}},
		"canceled":    {MeetingStatus: ptr(uint8(5))},
		"proposals":   {DisallowNewTimeProposal: ptr(true)},
		"a file":      {Attachments: []eas.AttachmentItem{{Add: &eas.AttachmentAdd{ClientID: "1", DisplayName: "b.txt", Method: 1, Content: []byte("b")}}}},
	}
	for name, in := range changesOf {
		raw := one()
		got := changeEvent(t, raw, in, editOptions(eas.V161, ada))
		before, after := showEvent(t, raw, eas.V161, ada), showEvent(t, got, eas.V161, ada)
		for _, c := range []*eas.Calendar{before, after} {
			for i := range c.Exceptions {
				c.Exceptions[i].DtStamp = nil
				if name == "one less" || name == "one more" { // whose answers are not those of the series
					c.Exceptions[i].Attendees = nil
				}
			}
		}
		if diff := cmp.Diff(before.Exceptions, after.Exceptions); diff != "" || bytes.Equal(raw, got) {
			t.Errorf("%s: %s", name, diff)
		}
		if again := changeEvent(t, got, in, editOptions(eas.V161, ada)); !bytes.Equal(again, got) && name != "a file" {
			t.Errorf("%s: once more it changes %v", name, changes(got, again))
		}
		if name == "one more" && (bytes.Count(got, []byte("PARTSTAT=DECLINED:mailto:bob")) != 1 || bytes.Count(got, []byte("new@example.com")) != 2) {
			t.Errorf("%s:\n%s", name, got)
		}
		if name == "a file" && bytes.Count(got, []byte("FILENAME=b.txt")) != 2 {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	for name, own := range map[string]string{"subject": "SUMMARY:mine", "text": "DESCRIPTION:mine", "place": "LOCATION:mine", "categories": "CATEGORIES:mine", "reminder": "TRIGGER:-PT45M"} {
		if got := changeEvent(t, one(own), changesOf[name], editOptions(eas.V161, ada)); !bytes.Contains(got, []byte(own+"\r\n")) {
			t.Errorf("its own %s is gone:\n%s", name, got)
		}
	}
}
