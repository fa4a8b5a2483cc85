package class_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

func dump(t testing.TB, c *eas.Calendar) string {
	t.Helper()
	doc, err := wbxml.Marshal(&eventData{Calendar: *c})
	if err != nil {
		t.Fatal(err)
	}
	return wbxml.Dump(doc)
}

// secret is an event of which every text is a secret.
func secret(lines ...string) []byte {
	return ics(append([]string{
		"SUMMARY:Secret", "DESCRIPTION:Secret", "X-ALT-DESC;FMTTYPE=text/html:<p>Secret</p>", "LOCATION:Secret", "GEO:52.5;13.4", "CATEGORIES:Secret",
		"ORGANIZER;CN=Secret:mailto:secret@example.org", "ATTENDEE;CN=Secret;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:secret@example.com", "ATTENDEE:mailto:ada@example.org",
		"CONFERENCE;VALUE=URI:https://secret.example.com/", "X-MICROSOFT-ONLINEMEETINGCONFLINK:sip:secret@example.org", "X-MICROSOFT-DISALLOW-COUNTER:TRUE",
		"ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=Secret.txt:aGVsbG8=", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Secret", "TRIGGER:-PT5M", "END:VALARM",
	}, lines...)...)
}

// Who may not see private events sees of them when they are and how busy the owner
// is, and nothing else: element by element.
func TestAPrivateEventShowsOthersItsTimesAlone(t *testing.T) {
	may := []string{
		"Timezone", "DtStamp", "StartTime", "EndTime", "Subject", "UID", "AllDayEvent", "BusyStatus", "Sensitivity", "MeetingStatus",
		"Recurrence", "Type", "Interval", "Occurrences", "IsLeapMonth", "FirstDayOfWeek", "Exceptions", "Exception", "ExceptionStartTime", "InstanceId", "Deleted", "ApplicationData",
	}
	element := regexp.MustCompile(`<(\w+)`)
	for _, private := range []string{"CLASS:PRIVATE", "CLASS:CONFIDENTIAL"} {
		raw := secret(private, "DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "RRULE:FREQ=DAILY;COUNT=9", "EXDATE:20261006T080000Z")
		override := secret("DTSTART:20261007T100000Z", "DTEND:20261007T120000Z", "RECURRENCE-ID:20261007T080000Z")
		from, to := bytes.Index(override, []byte("BEGIN:VEVENT")), bytes.Index(override, []byte("END:VCALENDAR"))
		raw = append(bytes.TrimSuffix(raw, []byte("END:VCALENDAR\r\n")), append(override[from:to:to], "END:VCALENDAR\r\n"...)...)
		for _, v := range eas.Versions() {
			o := eventOptions(v, ada)
			o.Viewer.Blank = true
			o.BodyPreferences = append(o.BodyPreferences, eas.BodyPreference{Type: ptr(uint(2)), Preview: ptr(uint(100))})
			c := showWith(t, raw, o)
			doc := dump(t, c)
			if strings.Contains(strings.ToLower(doc), "secret") || strings.Contains(doc, "one@example.org") || strings.Contains(doc, "52.5") {
				t.Errorf("%s: %s", v, doc)
			}
			for _, m := range element.FindAllStringSubmatch(doc, -1) {
				if !slices.Contains(may, m[1]) {
					t.Errorf("%s: it shows %s", v, m[1])
				}
			}
			if *c.Subject != "Private" || *c.Sensitivity != 2 || *c.BusyStatus != 3 || *c.MeetingStatus != 0 || !c.StartTime.Equal(time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)) {
				t.Errorf("%s: %s", v, doc)
			}
			if len(c.Exceptions) != 2 || !c.Exceptions[1].StartTime.Equal(time.Date(2026, 10, 7, 10, 0, 0, 0, time.UTC)) {
				t.Errorf("%s: exceptions %v", v, c.Exceptions)
			}
			// Its owner sees it whole.
			if whole := dump(t, showEvent(t, raw, v, ada)); !strings.Contains(whole, "Secret") {
				t.Errorf("%s: %s", v, whole)
			}
		}
	}
	// What is not private is whole for everybody.
	o := eventOptions(eas.V161, ada)
	o.Viewer.Blank = true
	if doc := dump(t, showWith(t, secret("DTSTART:20261005T080000Z", "DTEND:20261005T090000Z"), o)); !strings.Contains(doc, "Secret") {
		t.Error(doc)
	}
}

// A private occurrence of a series that is not shows its time alone.
func TestAPrivateOccurrenceIsBlank(t *testing.T) {
	raw := bytes.Replace(eventFile(t, "series"), []byte(`SUMMARY:Stand-up\, later`), []byte("SUMMARY:Secret\r\nCLASS:PRIVATE\r\nDESCRIPTION:Secret\r\nLOCATION:Secret"), 1)
	for _, v := range eas.Versions() {
		o := eventOptions(v, ada)
		o.Viewer.Blank = true
		c := showWith(t, raw, o)
		x := c.Exceptions[len(c.Exceptions)-1]
		if doc := dump(t, c); strings.Contains(doc, "Secret") || *c.Subject != "Stand-up" || x.Subject == nil || *x.Subject != "Private" || *x.Sensitivity != 2 {
			t.Errorf("%s: %s", v, doc)
		}
	}
}

// MeetingStatus, ResponseType and what hangs on them, by who looks (MS-ASCAL
// 2.2.2.28, 2.2.2.40, R52522).
func TestAMeetingIsShownByWhoLooks(t *testing.T) {
	for _, c := range []struct {
		answer           string
		who              class.Viewer
		status, response uint8
		busy             uint8
		replied          bool
	}{
		{"NEEDS-ACTION", ada, 1, 1, 2, false},
		{"NEEDS-ACTION", bob, 3, 5, 1, false},
		{"ACCEPTED", bob, 3, 3, 2, true},
		{"TENTATIVE", bob, 3, 2, 1, true},
		{"DECLINED", bob, 3, 4, 2, true},
		{"DELEGATED", bob, 3, 0, 2, false},
	} {
		raw := ics("SUMMARY:x", "DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "ORGANIZER:mailto:ADA@example.org",
			"ATTENDEE;RSVP=TRUE;PARTSTAT="+c.answer+":mailto:Bob@example.com", "X-MICROSOFT-CDO-REPLYTIME:20260910T101112Z")
		for _, v := range eas.Versions() {
			got := showEvent(t, raw, v, c.who)
			if *got.MeetingStatus != c.status || *got.BusyStatus != c.busy || len(got.Attendees) != 1 || got.Attendees[0].Name != "Bob@example.com" {
				t.Errorf("%s as %s at %s: %s", c.answer, c.who.Name, v, dump(t, got))
			}
			if (got.ResponseType != nil) != (v >= eas.V140) || got.ResponseType != nil && *got.ResponseType != c.response {
				t.Errorf("%s as %s at %s: response %v", c.answer, c.who.Name, v, got.ResponseType)
			}
			if replied := got.AppointmentReplyTime != nil; replied != (c.replied && v >= eas.V140) || replied && !got.AppointmentReplyTime.Equal(time.Date(2026, 9, 10, 10, 11, 12, 0, time.UTC)) {
				t.Errorf("%s as %s at %s: replied %v", c.answer, c.who.Name, v, got.AppointmentReplyTime)
			}
			if (got.ResponseRequested != nil) != (v >= eas.V140) || got.ResponseRequested != nil && !*got.ResponseRequested {
				t.Errorf("%s: ResponseRequested %v", v, got.ResponseRequested)
			}
			if a := got.Attendees[0]; (a.AttendeeStatus != nil) != (v >= eas.V120) || (a.AttendeeType != nil) != (v >= eas.V120) {
				t.Errorf("%s: %v", v, a)
			}
			canceled := bytes.Replace(raw, []byte("SUMMARY"), []byte("STATUS:CANCELLED\r\nSUMMARY"), 1)
			if got := showEvent(t, canceled, v, c.who); *got.MeetingStatus != c.status+4 {
				t.Errorf("%s canceled as %s at %s: %d", c.answer, c.who.Name, v, *got.MeetingStatus)
			}
		}
	}
}

// An attendee's time of choice is told since 16.1 (MS-ASCAL_R103001).
func TestAProposedTimeIsTold(t *testing.T) {
	raw := ics("SUMMARY:x", "DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "ORGANIZER:mailto:ada@example.org",
		"ATTENDEE;PARTSTAT=TENTATIVE;X-PROPOSED-START=20261006T080000Z;X-PROPOSED-END=20261006T090000Z:MAILTO:bob@example.com",
		"ATTENDEE:mailto:ob@example.com") // whose address another's ends with
	for _, v := range eas.Versions() {
		a := showEvent(t, raw, v, ada).Attendees[0]
		if told := a.ProposedStartTime != nil; told != (v >= eas.V161) || told && !a.ProposedEndTime.Equal(time.Date(2026, 10, 6, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %v", v, a.ProposedStartTime)
		}
		if b := showEvent(t, raw, v, ada).Attendees[1]; b.ProposedStartTime != nil {
			t.Errorf("%s: another proposes %v", v, b.ProposedStartTime)
		}
	}
}

// No version is told an element that it does not know.
func TestEventsHaveTheElementsOfTheirVersion(t *testing.T) {
	since := map[string]eas.Version{
		"<Body xmlns=\"AirSyncBase\">": eas.V120, "NativeBodyType": eas.V120, "AttendeeStatus": eas.V120, "AttendeeType": eas.V120,
		"DisallowNewTimeProposal": eas.V140, "ResponseRequested": eas.V140, "ResponseType": eas.V140, "AppointmentReplyTime": eas.V140,
		"CalendarType": eas.V140, "IsLeapMonth": eas.V140, "FirstDayOfWeek": eas.V141, "OnlineMeetingConfLink": eas.V141, "OnlineMeetingExternalLink": eas.V141,
		"<Location xmlns=\"AirSyncBase\">": eas.V160, "InstanceId": eas.V160, "Attachments": eas.V160,
	}
	until := map[string]eas.Version{"<Location xmlns=\"Calendar\">": eas.V141, "ExceptionStartTime": eas.V141, "<Body xmlns=\"Calendar\">": eas.V25}
	raw := secret("DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "RRULE:FREQ=MONTHLY;COUNT=9", "EXDATE:20261105T080000Z")
	raw = bytes.Replace(raw, []byte("ATTENDEE:mailto:ada"), []byte("ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada"), 1)
	for _, v := range eas.Versions() {
		doc := dump(t, showEvent(t, raw, v, ada))
		for e, from := range since {
			if has := strings.Contains(doc, e); has != (v >= from) {
				t.Errorf("%s at %s: %t", e, v, has)
			}
		}
		for e, to := range until {
			if has := strings.Contains(doc, e); has != (v <= to) {
				t.Errorf("%s at %s: %t", e, v, has)
			}
		}
	}
}

// Working elsewhere is busy to versions that do not know it (MS-ASCAL_R2235,
// R2043, R2044).
func TestWorkingElsewhereIsBusyBefore160(t *testing.T) {
	raw := ics("DTSTART:20261005T080000Z", "DTEND:20261005T090000Z", "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE")
	for _, v := range eas.Versions() {
		want := uint8(2)
		if v >= eas.V160 {
			want = 4
		}
		c := showEvent(t, raw, v, ada)
		if *c.BusyStatus != want {
			t.Errorf("%s: %d", v, *c.BusyStatus)
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// The text in the forms that a client wants (MS-ASAIRS 2.2.2.12), cut, whole or
// with a preview.
func TestTextsOfEventsComeAsClientsWant(t *testing.T) {
	raw := eventFile(t, "html")
	for _, c := range []struct {
		v     eas.Version
		prefs []eas.BodyPreference
		want  string
	}{
		{eas.V121, nil, `1 7 false "One two" ""`},
		{eas.V121, []eas.BodyPreference{{Type: ptr(uint(1))}}, `1 7 false "One two" ""`},
		{eas.V121, []eas.BodyPreference{{Type: ptr(uint(1))}, {Type: ptr(uint(2))}}, `2 46 false "<html><body><p>One <b>two</b></p></body></html>" ""`},
		{eas.V121, []eas.BodyPreference{{Type: ptr(uint(1)), TruncationSize: ptr(uint32(3))}}, `1 7 true "One" ""`},
		{eas.V121, []eas.BodyPreference{{Type: ptr(uint(1)), TruncationSize: ptr(uint32(3)), AllOrNone: ptr(true)}}, `1 7 true "" ""`},
		{eas.V161, []eas.BodyPreference{{Type: ptr(uint(2)), TruncationSize: ptr(uint32(0)), Preview: ptr(uint(3))}}, `2 46 true "" "One"`},
		{eas.V161, []eas.BodyPreference{{Type: ptr(uint(4))}}, `1 7 false "One two" ""`},
	} {
		o := eventOptions(c.v, ada)
		o.BodyPreferences = c.prefs
		b := showWith(t, raw, o).Body
		data := ""
		if b.Data != nil {
			data = *b.Data
		}
		if got := fmt.Sprintf("%d %d %t %q %q", b.Type, b.EstimatedDataSize, b.Truncated, data, b.Preview); strings.Replace(got, " 47 ", " 46 ", 1) != c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
	rtf := eventOptions(eas.V121, ada)
	rtf.BodyPreferences = []eas.BodyPreference{{Type: ptr(uint(3))}}
	shown := showWith(t, raw, rtf)
	if b, err := base64.StdEncoding.DecodeString(*shown.Body.Data); err != nil || string(b[8:12]) != "LZFu" && string(b[8:12]) != "MELA" {
		t.Errorf("no compressed RTF: %v", err)
	}
	if got := changeEvent(t, raw, &eas.Calendar{Subject: ptr("Text"), CalendarBody: eas.CalendarBody{Body: shown.Body}}, editOptions(eas.V121, ada)); !bytes.Equal(got, raw) {
		t.Errorf("RTF sent back: %v", changes(raw, got))
	}
	// Since 16.0 events have text and HTML alone (MS-ASAIRS_R1400, R1401).
	for _, v := range []eas.Version{eas.V160, eas.V161} {
		o := eventOptions(v, ada)
		o.BodyPreferences = rtf.BodyPreferences
		if b := showWith(t, raw, o).Body; b.Type != eas.BodyPlain {
			t.Errorf("%s: a body of type %d", v, b.Type)
		}
		for kind := eas.BodyPlain; kind <= eas.BodyMIME; kind++ {
			in := &eas.Calendar{CalendarBody: eas.CalendarBody{Body: &eas.Body{Type: kind, Data: ptr(*shown.Body.Data)}}}
			if _, err := class.EditObject(eventItem.Class, raw, eventRaw(t, in), editOptions(v, ada)); (err == nil) != (kind <= eas.BodyHTML) {
				t.Errorf("%s: type %d: %v", v, kind, err)
			}
		}
	}
	old := showWith(t, raw, &class.Options{Version: eas.V25, Truncation: ptr(uint(1)), Viewer: ada})
	if *old.PlainBody != "One two" || *old.BodyTruncated {
		t.Errorf("2.5: %q", *old.PlainBody)
	}
	// A text of which a client has only a part stays whole.
	long := ics("DTSTART:20261005T080000Z", "DESCRIPTION:"+strings.Repeat("long ", 2000))
	cut := eventOptions(eas.V141, ada)
	cut.BodyPreferences = []eas.BodyPreference{{Type: ptr(uint(1)), TruncationSize: ptr(uint32(100))}}
	if got := changeEvent(t, long, clientData(showWith(t, long, cut), eas.V141), editOptions(eas.V141, ada)); !bytes.Equal(got, long) {
		t.Error("a text that was cut off has lost its rest")
	}
}

// Files of events are listed and fetched since 16.0, added and taken away.
func TestFilesOfEvents(t *testing.T) {
	raw := eventFile(t, "place")
	c := showEvent(t, raw, eas.V160, ada)
	if len(c.Attachments) != 1 || c.Attachments[0].Attachment.DisplayName != "a.txt" || c.Attachments[0].Attachment.Method != 1 {
		t.Fatalf("%v", c.Attachments)
	}
	fetch := func(raw []byte, reference, want string) {
		t.Helper()
		_, _, number, err := class.ParseFileReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		content, kind, err := class.EventAttachment(raw, number)
		if err != nil || string(content) != want || kind != "text/plain" {
			t.Errorf("%q of %s: %v", content, kind, err)
		}
	}
	fetch(raw, c.Attachments[0].Attachment.FileReference, "hello")
	if _, _, err := class.EventAttachment(raw, 1); err != class.ErrNotFound {
		t.Error(err)
	}
	in := &eas.Calendar{Attachments: []eas.AttachmentItem{
		{Add: &eas.AttachmentAdd{ClientID: "new", Method: 1, Content: []byte("there"), ContentType: "text/plain", DisplayName: `b";:.txt`}},
		{Delete: &eas.AttachmentDelete{FileReference: c.Attachments[0].Attachment.FileReference}},
	}}
	got := changeEvent(t, raw, in, editOptions(eas.V160, ada))
	reply := class.RenderAddedEvent(eventItem, got, eventRaw(t, in), false)
	if reply == nil || reply.UID != nil || len(reply.Attachments) != 1 || reply.Attachments[0].ClientID != "new" || reply.Attachments[0].EstimatedDataSize != 5 {
		t.Fatalf("%v", reply)
	}
	fetch(got, reply.Attachments[0].FileReference, "there")
	after := showEvent(t, got, eas.V160, ada).Attachments
	if len(after) != 1 || after[0].Attachment.DisplayName != `b";:.txt` || after[0].Attachment.FileReference != reply.Attachments[0].FileReference {
		t.Errorf("%v", after[0].Attachment)
	}
	if !bytes.Contains(got, []byte("ATTACH:https://example.org/b.pdf\r\n")) {
		t.Error("the link is gone")
	}
}

// A place comes back as it was told, in all its detail (MS-ASAIRS 2.2.2.28).
func TestPlacesGoBothWays(t *testing.T) {
	want := &eas.Location{
		DisplayName: "Museum", Annotation: "by the door", Street: "Street 5", City: "Town", State: "State", Country: "Land", PostalCode: "12345",
		LocationURI: "https://example.org/museum", Latitude: ptr(52.5), Longitude: ptr(-13.25), Accuracy: ptr(10.0), Altitude: ptr(34.5), AltitudeAccuracy: ptr(10.0),
	}
	raw := changeEvent(t, nil, &eas.Calendar{Location: want}, editOptions(eas.V161, ada))
	if diff := cmp.Diff(want, showEvent(t, raw, eas.V161, ada).Location); diff != "" {
		t.Errorf("%s\n%s", diff, raw)
	}
	// A client of 14.1 that has only the name keeps the rest, and takes it along.
	if got := changeEvent(t, raw, clientData(showEvent(t, raw, eas.V141, ada), eas.V141), editOptions(eas.V141, ada)); !bytes.Equal(got, raw) {
		t.Errorf("%v", changes(raw, got))
	}
	in := clientData(showEvent(t, raw, eas.V141, ada), eas.V141)
	in.LocationText = ptr("Elsewhere")
	if l := showEvent(t, changeEvent(t, raw, in, editOptions(eas.V141, ada)), eas.V161, ada).Location; *l != (eas.Location{DisplayName: "Elsewhere"}) {
		t.Errorf("%v", l)
	}
}

// What one client makes reads the same on every other: from any version to any.
func TestEventsPassThroughEveryPairOfVersions(t *testing.T) {
	for _, name := range eventNames(t) {
		raw := eventFile(t, name)
		days := occurrencesOf(t, raw, 200)
		for _, v := range eas.Versions() {
			for _, w := range eas.Versions() {
				first := changeEvent(t, nil, clientData(showEvent(t, raw, v, ada), v), editOptions(v, ada))
				second := changeEvent(t, nil, clientData(showEvent(t, first, w, ada), w), editOptions(w, ada))
				if got := occurrencesOf(t, second, 200); !slices.Equal(got, days) {
					t.Errorf("%s from %s to %s: on %v, not %v", name, v, w, got, days)
				}
				a, b := showEvent(t, raw, eas.V25, ada), showEvent(t, second, eas.V25, ada)
				for _, c := range []*eas.Calendar{a, b} {
					c.UID, c.DtStamp, c.Timezone = nil, nil, nil
					if name == "meeting" || name == "canceled" { // answers are not a client's to give
						c.BusyStatus, c.MeetingStatus, c.Attendees, c.OrganizerEmail, c.OrganizerName = nil, nil, nil, nil, nil
					}
					if *c.AllDayEvent == 1 { // a day is in no zone since 16.0; which days they are is compared above
						c.StartTime, c.EndTime = nil, nil
					}
					for i := range c.Exceptions {
						c.Exceptions[i].DtStamp = nil
					}
				}
				if diff := cmp.Diff(dump(t, a), dump(t, b)); diff != "" {
					t.Errorf("%s from %s to %s: %s", name, v, w, diff)
				}
			}
		}
	}
}

// Whatever an event's times are, what is written can be read.
func TestTheEndOfTimeIsToldInFourDigits(t *testing.T) {
	for _, line := range []string{"DTSTART;VALUE=DATE:99991231", "DTSTART:99991231T235959Z\r\nDURATION:P99D", "DTSTART;TZID=America/New_York:99991231T235959", "DTSTART;TZID=Asia/Tokyo:00010101T000000\r\nRRULE:FREQ=YEARLY"} {
		for _, v := range eas.Versions() {
			var back eas.Calendar
			if err := wbxml.UnmarshalRaw(eventRaw(t, showEvent(t, ics(line), v, ada)), &back); err != nil || back.StartTime == nil || back.StartTime.IsZero() || back.EndTime.Before(*back.StartTime) {
				t.Errorf("%s at %s: %v, %v to %v", line, v, err, back.StartTime, back.EndTime)
			}
		}
	}
}
