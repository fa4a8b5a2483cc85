package class

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/tnef"
	"martlet/protocol/eas"
)

// meetingMail wraps a VEVENT's lines into a message with a method.
func meetingMail(method, lines string) []byte {
	cal := "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:" + method + "\nBEGIN:VEVENT\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n"
	return []byte("From: ben@example.org\r\nSubject: Planning\r\nContent-Type: text/calendar; charset=utf-8; method=" + method + "\r\n\r\n" + strings.ReplaceAll(cal, "\n", "\r\n"))
}

// outlookMeeting is the recurring meeting that mail/calendar keeps for its own
// tests.
func outlookMeeting(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "mail", "calendar", "testdata", "outlook_recurring.ics"))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("From: ben@example.org\r\nSubject: Planung\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n"), b...)
}

func meetingOf(t testing.TB, raw []byte, v eas.Version) *eas.MeetingRequest {
	t.Helper()
	return render(t, itemOf(raw), raw, &Options{Version: v}).MeetingRequest
}

func TestAMeetingRequestInEachVersion(t *testing.T) {
	raw := outlookMeeting(t)
	for _, v := range eas.Versions() {
		e := render(t, itemOf(raw), raw, &Options{Version: v})
		m := e.MeetingRequest
		if m == nil || e.MessageClass != "IPM.Schedule.Meeting.Request" { // MS-ASCMD_R5068
			t.Fatalf("%s: class %s, %+v", v, e.MessageClass, m)
		}
		if v >= eas.V120 && e.ContentClass != "urn:content-classes:calendarmessage" {
			t.Errorf("%s: %s", v, e.ContentClass)
		}
		utc := func(h, m int) time.Time { return time.Date(2026, 6, 10, h, m, 0, 0, time.UTC) }
		if !m.StartTime.Equal(utc(8, 0)) || !m.EndTime.Equal(utc(9, 30)) || *m.AllDayEvent != 0 || m.DtStamp.IsZero() {
			t.Errorf("%s: from %s to %s", v, m.StartTime, m.EndTime)
		}
		if m.Organizer != `"Birch, Ben" <ben@example.org>` || *m.ResponseRequested != 1 || *m.Sensitivity != 2 || *m.BusyStatus != 2 {
			t.Errorf("%s: %s %d %d %d", v, m.Organizer, *m.ResponseRequested, *m.Sensitivity, *m.BusyStatus)
		}
		if m.Reminder == nil || *m.Reminder != 900 { // seconds: MS-ASEMAIL_R687
			t.Errorf("%s: reminder %v", v, m.Reminder)
		}
		blob, err := base64.StdEncoding.DecodeString(m.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		if z, err := calendar.ParseTimeZone(blob); err != nil || z.Standard.Name != "W. Europe Standard Time" || z.Bias != -60 {
			t.Errorf("%s: %v %+v", v, err, z)
		}
		// MS-ASEMAIL_R1253, R12540: UID in place of GlobalObjId since 16.0.
		const uid = "040000008200E00074C5B7101A82E00800000000B0D7A94A6CF2DC01000000000000000010000000A1B2C3D4E5F60718293A4B5C6D7E8F90"
		if v < eas.V160 {
			id, err := base64.StdEncoding.DecodeString(m.GlobalObjID)
			if err != nil || calendar.UIDOf(id) != uid || m.UID != "" || m.LocationText != "Room 1" || m.Location != nil {
				t.Errorf("%s: %q %q %q", v, m.GlobalObjID, m.UID, m.LocationText)
			}
		} else if m.UID != uid || m.GlobalObjID != "" || m.LocationText != "" || m.Location.DisplayName != "Room 1" { // R13001
			t.Errorf("%s: %q %q %q", v, m.GlobalObjID, m.UID, m.LocationText)
		}
		// MS-ASEMAIL_R1207 to R1209, R1300 to R1302.
		if (m.DisallowNewTimeProposal != nil) != (v >= eas.V140) || (m.MeetingMessageType != nil) != (v >= eas.V141) {
			t.Errorf("%s: %v %v", v, m.DisallowNewTimeProposal, m.MeetingMessageType)
		}
		if v >= eas.V141 && *m.MeetingMessageType != 2 { // an update: its SEQUENCE is 3
			t.Errorf("%s: type %d", v, *m.MeetingMessageType)
		}
		if *m.InstanceType != 1 || len(m.Recurrences) != 1 || !m.RecurrenceID.IsZero() { // MS-ASEMAIL_R936
			t.Fatalf("%s: %d %+v", v, *m.InstanceType, m.Recurrences)
		}
		r := m.Recurrences[0]
		if r.Type != 1 || r.Interval != 1 || *r.Occurrences != 10 || *r.DayOfWeek != 8 || !r.Until.IsZero() {
			t.Errorf("%s: %+v", v, r)
		}
		// MS-ASEMAIL_R1155, R1284, R1233, R1234.
		if r.CalendarType != nil || (r.IsLeapMonth != nil) != (v >= eas.V140) || (r.FirstDayOfWeek != nil) != (v >= eas.V141) {
			t.Errorf("%s: %v %v %v", v, r.CalendarType, r.IsLeapMonth, r.FirstDayOfWeek)
		}
		dump(t, e) // it can be written
	}
}

// MS-ASEMAIL_R538, R539.
func TestAnInvitationTellsWhoseItIsWhereSomebodyHasDelegates(t *testing.T) {
	for method, kinds := range map[string]map[mail.Flags]uint8{
		"REQUEST": {0: 2, mail.FlagDelegator: 5, mail.FlagDelegated: 6, mail.FlagSeen: 2},
		"CANCEL":  {mail.FlagDelegator: 0},
	} {
		raw := meetingMail(method, "UID:1\nSEQUENCE:1\nDTSTAMP:20260601T000000Z\nDTSTART:20260610T100000Z\nORGANIZER:mailto:ben@example.org")
		for flags, want := range kinds {
			item := itemOf(raw)
			item.Flags = flags
			if m := render(t, item, raw, &Options{Version: eas.V141}).MeetingRequest; *m.MeetingMessageType != want {
				t.Errorf("%s with flags %d: type %d, want %d", method, flags, *m.MeetingMessageType, want)
			}
		}
	}
}

func TestKindsOfMeetingMessages(t *testing.T) {
	const base = "UID:1\nDTSTAMP:20260601T000000Z\nDTSTART:20260610T100000Z\nDTEND:20260610T110000Z\nORGANIZER:mailto:ben@example.org\n"
	for _, tt := range []struct {
		method, lines, class string
		kind, instance       uint8
	}{
		{"REQUEST", base + "SEQUENCE:0", "IPM.Schedule.Meeting.Request", 1, 0},
		{"REQUEST", base + "SEQUENCE:1", "IPM.Schedule.Meeting.Request", 2, 0},
		{"REQUEST", base + "RECURRENCE-ID:20260610T090000Z", "IPM.Schedule.Meeting.Request", 1, 3},
		{"CANCEL", base + "SEQUENCE:2", "IPM.Schedule.Meeting.Canceled", 0, 0},
		{"REPLY", base + "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org", "IPM.Schedule.Meeting.Resp.Pos", 0, 0},
		{"REPLY", base + "ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.org", "IPM.Schedule.Meeting.Resp.Neg", 0, 0},
		{"REPLY", base + "ATTENDEE;PARTSTAT=TENTATIVE:mailto:anna@example.org", "IPM.Schedule.Meeting.Resp.Tent", 0, 0},
		{"COUNTER", base + "ATTENDEE;PARTSTAT=TENTATIVE:mailto:anna@example.org", "IPM.Schedule.Meeting.Resp.Tent", 0, 0},
	} {
		raw := meetingMail(tt.method, tt.lines)
		e := render(t, itemOf(raw), raw, &Options{Version: eas.V161})
		m := e.MeetingRequest
		if e.MessageClass != tt.class || m == nil || *m.MeetingMessageType != tt.kind || *m.InstanceType != tt.instance {
			t.Errorf("%s: %s, %+v", tt.method, e.MessageClass, m)
			continue
		}
		if (m.RecurrenceID.IsZero()) == (tt.instance == 3) { // MS-ASEMAIL_R935, R936
			t.Errorf("%s: occurrence %s", tt.method, m.RecurrenceID)
		}
		if tt.instance == 3 && !m.RecurrenceID.Equal(time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC)) { // MS-ASEMAIL_R679, R1493
			t.Errorf("%s: occurrence %s", tt.method, m.RecurrenceID)
		}
	}
	for _, raw := range []string{
		"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"Content-Type: text/calendar; method=PUBLISH\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"Content-Type: text/calendar; method=REQUEST\r\nContent-Disposition: attachment; filename=x.ics\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		"Content-Type: text/plain\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n",
	} {
		e := render(t, itemOf([]byte(raw)), []byte(raw), &Options{Version: eas.V161})
		if e.MeetingRequest != nil {
			t.Errorf("%q is no meeting: %+v", raw, e.MeetingRequest)
		}
	}
}

// An attendee's other time, and the meeting's own (16.1).
func TestACounterProposalTellsBothTimes(t *testing.T) {
	raw := meetingMail("COUNTER", "UID:1\nDTSTART:20260611T100000Z\nDTEND:20260611T110000Z\nX-MS-OLK-ORIGINALSTART:20260610T100000Z\nX-MS-OLK-ORIGINALEND:20260610T110000Z\nATTENDEE;PARTSTAT=TENTATIVE:mailto:anna@example.org")
	for _, v := range eas.Versions() {
		m := meetingOf(t, raw, v)
		if v < eas.V161 { // MS-ASCMD_R6990101739 to R6990101743
			if !m.ProposedStartTime.IsZero() || !m.ProposedEndTime.IsZero() {
				t.Errorf("%s: %s", v, m.ProposedStartTime)
			}
			continue
		}
		if m.ProposedStartTime.Day() != 11 || m.ProposedEndTime.Hour() != 11 || m.StartTime.Day() != 10 || m.EndTime.Day() != 10 {
			t.Errorf("%+v", m)
		}
	}
}

func TestPartsOfAMeeting(t *testing.T) {
	const base = "UID:1\nDTSTART:20260610T100000Z\nDTEND:20260610T110000Z\n"
	for _, tt := range []struct {
		lines string
		holds func(m *eas.MeetingRequest) bool
	}{
		{"UID:1\nDTSTART;VALUE=DATE:20260610", func(m *eas.MeetingRequest) bool { return *m.AllDayEvent == 1 && m.EndTime.Day() == 11 }},
		{base + "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE", func(m *eas.MeetingRequest) bool { return *m.AllDayEvent == 1 }},
		{base, func(m *eas.MeetingRequest) bool {
			return m.Reminder == nil && *m.DisallowNewTimeProposal == 0 && *m.BusyStatus == 2 && *m.Sensitivity == 0 && *m.ResponseRequested == 0 && m.Organizer == ""
		}},
		{base + "CLASS:CONFIDENTIAL\nTRANSP:TRANSPARENT", func(m *eas.MeetingRequest) bool { return *m.Sensitivity == 3 && *m.BusyStatus == 0 }},
		{base + "X-MICROSOFT-CDO-INTENDEDSTATUS:OOF", func(m *eas.MeetingRequest) bool { return *m.BusyStatus == 3 }},
		{base + "X-MICROSOFT-CDO-INTENDEDSTATUS:WORKINGELSEWHERE", func(m *eas.MeetingRequest) bool { return *m.BusyStatus == 4 }},
		{base + "X-MICROSOFT-DISALLOW-COUNTER:TRUE", func(m *eas.MeetingRequest) bool { return *m.DisallowNewTimeProposal == 1 }},
		{base + "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-P2D\nEND:VALARM", func(m *eas.MeetingRequest) bool { return *m.Reminder == 65535 }},
		{base + "RRULE:FREQ=HOURLY", func(m *eas.MeetingRequest) bool { return *m.InstanceType == 0 && m.Recurrences == nil }},
		{base + "RRULE:FREQ=YEARLY;BYWEEKNO=20", func(m *eas.MeetingRequest) bool { return *m.InstanceType == 0 && m.Recurrences == nil }},
	} {
		if m := meetingOf(t, meetingMail("REQUEST", tt.lines), eas.V161); m == nil || !tt.holds(m) {
			t.Errorf("%s:\n%+v", tt.lines, m)
		}
	}
	// MS-ASEMAIL_R1150 to R1154: not known before 16.0.
	if m := meetingOf(t, meetingMail("REQUEST", base+"X-MICROSOFT-CDO-INTENDEDSTATUS:WORKINGELSEWHERE"), eas.V141); *m.BusyStatus != 2 {
		t.Errorf("busy %d", *m.BusyStatus)
	}
}

// forwardNotice is a notice that a meeting was sent on.
func forwardNotice() []byte {
	id := calendar.GlobalID("1", time.Time{})
	n := tnef.Notice{
		Subject: "Meeting Forward Notification: Planning", Organizer: tnef.Recipient{Name: "Ben Birch", Address: "ben@example.org"}, GlobalID: id, CleanID: id,
		Forwarded: []tnef.Recipient{{Name: "Dora Elder", Address: "dora@example.com"}, {Address: "carl@example.com"}},
		Start:     time.Date(2026, 6, 10, 10, 0, 0, 0, time.UTC), End: time.Date(2026, 6, 10, 11, 0, 0, 0, time.UTC), Location: "Room 1",
	}
	return []byte("From: anna@example.org\r\nTo: ben@example.org\r\nSubject: x\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(n.Encode()) + "\r\n")
}

// MS-ASCMD_R66550801, R6485100817: those to whom a meeting was sent on, since
// 16.1.
func TestAForwardedMeetingInEachVersion(t *testing.T) {
	raw := forwardNotice()
	for _, v := range eas.Versions() {
		e := render(t, itemOf(raw), raw, &Options{Version: v})
		m := e.MeetingRequest
		if e.MessageClass != "IPM.Schedule.Meeting.Notification.Forward" || m == nil || m.StartTime.Hour() != 10 || !strings.Contains(m.Organizer, "ben@example.org") {
			t.Fatalf("%s: %s %+v", v, e.MessageClass, m)
		}
		var want []eas.Forwardee
		if v >= eas.V161 {
			want = []eas.Forwardee{{Name: "Dora Elder", Email: "dora@example.com"}, {Email: "carl@example.com"}}
		}
		if !reflect.DeepEqual(m.Forwardees, want) {
			t.Errorf("%s: %+v", v, m.Forwardees)
		}
		if e.Attachments != nil || e.LegacyAttachments != nil {
			t.Errorf("%s: shown as a file", v)
		}
	}
}

// A meeting that comes without a text has its own, and is no file, alone or
// beside a text.
func TestTheTextOfAMeetingAlone(t *testing.T) {
	const lines = "UID:1\nDTSTART:20260610T100000Z\nDESCRIPTION:Bring <coffee>\\nand cake"
	alone := meetingMail("REQUEST", lines)
	_, part, _ := strings.Cut(string(alone), "Content-Type:")
	mixed := []byte("From: ben@example.org\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee you.\r\n--b\r\nContent-Type:" + part +
		"--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\n%PDF\r\n--b--\r\n")
	answer := meetingMail("REPLY", "UID:1\nCOMMENT:Gladly\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org")
	for _, tt := range []struct {
		name        string
		raw         []byte
		kind        uint8
		limit       *uint32
		want        string
		size, files int
	}{
		{"alone", alone, eas.BodyPlain, nil, "Bring <coffee>\r\nand cake", 24, 0},
		{"as HTML", alone, eas.BodyHTML, nil, message.TextToHTML("Bring <coffee>\r\nand cake"), len(message.TextToHTML("Bring <coffee>\r\nand cake")), 0},
		{"cut", alone, eas.BodyPlain, pointer(uint32(5)), "Bring", 24, 0},
		{"its size", alone, eas.BodyPlain, pointer(uint32(0)), "", 24, 0},
		{"an answer", answer, eas.BodyPlain, nil, "Gladly", 6, 0},
		{"beside a text", mixed, eas.BodyPlain, nil, "See you.", 8, 1},
	} {
		e := render(t, itemOf(tt.raw), tt.raw, &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{{Type: pointer(uint(tt.kind)), TruncationSize: tt.limit, Preview: pointer(uint(8))}}})
		b := e.Body
		if e.MeetingRequest == nil || b == nil || b.Type != tt.kind || int(b.EstimatedDataSize) != tt.size || len(e.Attachments) != tt.files {
			t.Errorf("%s: %+v %v", tt.name, b, e.Attachments)
			continue
		}
		if got := ""; b.Data != nil {
			if got = *b.Data; got != tt.want {
				t.Errorf("%s: %q", tt.name, got)
			}
		} else if tt.want != "" {
			t.Errorf("%s: nothing", tt.name)
		}
		if tt.name == "its size" && b.Preview != "Bring <c" {
			t.Errorf("preview %q", b.Preview)
		}
	}
	var found eas.FindEmail
	RenderFound(itemOf(alone), message.Parse(alone), &found)
	if *found.HasAttachments {
		t.Error("found with an attachment")
	}
}

// MS-ASEMAIL_R13001, MS-ASAIRS_R1208: a name up to 14.1, a place since.
func TestThePlaceOfAMeetingInEachVersion(t *testing.T) {
	const lines = "UID:1\nDTSTART:20260610T100000Z\nLOCATION;ALTREP=\"https://example.com/lime\":Hotel Lime\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Hotel Lime:geo:48.25,16.5,183.5;u=30\n" +
		`X-MICROSOFT-LOCATIONS:[{"DisplayName":"Hotel Lime"\,"LocationAnnotation":"third floor"\,"LocationStreet":"Lime Street 8"\,"LocationCity":"Vienna"\,"LocationState":"W"\,"LocationCountry":"Austria"\,"LocationPostalCode":"1010"}]`
	want := eas.Location{
		DisplayName: "Hotel Lime", Annotation: "third floor", Street: "Lime Street 8", City: "Vienna", State: "W", Country: "Austria", PostalCode: "1010",
		Latitude: pointer(48.25), Longitude: pointer(16.5), Accuracy: pointer(30.0), Altitude: pointer(183.5), AltitudeAccuracy: pointer(30.0),
		LocationURI: "https://example.com/lime",
	}
	for _, v := range eas.Versions() {
		m := meetingOf(t, meetingMail("REQUEST", lines), v)
		switch {
		case v < eas.V160 && (m.LocationText != "Hotel Lime" || m.Location != nil):
			t.Errorf("%s: %q %+v", v, m.LocationText, m.Location)
		case v >= eas.V160 && (m.LocationText != "" || m.Location == nil || !reflect.DeepEqual(*m.Location, want)):
			t.Errorf("%s: %q %+v", v, m.LocationText, m.Location)
		}
	}
	if m := meetingOf(t, meetingMail("REQUEST", "UID:1\nDTSTART:20260610T100000Z"), eas.V161); m.Location != nil {
		t.Errorf("a place for no place: %+v", m.Location)
	}
}

func TestRecurrencesOfMeetings(t *testing.T) {
	n := func(p *uint8) int {
		if p == nil {
			return -1
		}
		return int(*p)
	}
	for _, tt := range []struct {
		rule                             string
		kind, week, day, weekdays, month int
	}{
		{"FREQ=DAILY", 0, -1, -1, -1, -1},
		{"FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", 1, -1, -1, 62, -1},
		{"FREQ=WEEKLY", 1, -1, -1, 8, -1},
		{"FREQ=WEEKLY;BYDAY=SU,SA", 1, -1, -1, 65, -1},
		{"FREQ=MONTHLY", 2, -1, 10, -1, -1},
		{"FREQ=MONTHLY;BYMONTHDAY=31", 2, -1, 31, -1, -1},
		{"FREQ=MONTHLY;BYMONTHDAY=-1", 3, 5, -1, 127, -1},
		{"FREQ=MONTHLY;BYDAY=2WE", 3, 2, -1, 8, -1},
		{"FREQ=MONTHLY;BYDAY=-1FR", 3, 5, -1, 32, -1},
		{"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", 3, 1, -1, 62, -1},
		{"FREQ=YEARLY", 5, -1, 10, -1, 6},
		{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=3", 5, -1, 3, -1, 2},
		{"FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", 6, 4, -1, 16, 11},
	} {
		m := meetingOf(t, meetingMail("REQUEST", "UID:1\nDTSTART:20260610T100000Z\nRRULE:"+tt.rule), eas.V161)
		if m == nil || len(m.Recurrences) != 1 || *m.InstanceType != 1 {
			t.Errorf("%s: %+v", tt.rule, m)
			continue
		}
		r := m.Recurrences[0]
		if int(r.Type) != tt.kind || n(r.WeekOfMonth) != tt.week || n(r.DayOfMonth) != tt.day || n(r.DayOfWeek) != tt.weekdays || n(r.MonthOfYear) != tt.month {
			t.Errorf("%s: %d week %d day %d weekdays %d month %d", tt.rule, r.Type, n(r.WeekOfMonth), n(r.DayOfMonth), n(r.DayOfWeek), n(r.MonthOfYear))
		}
		if r.Interval != 1 || r.IsLeapMonth == nil || *r.IsLeapMonth != 0 || n(r.FirstDayOfWeek) != 1 { // MS-ASEMAIL_R912, R508
			t.Errorf("%s: %+v", tt.rule, r)
		}
		// MS-ASEMAIL_R291: required for these types.
		if (r.CalendarType != nil) != (tt.kind >= 2) {
			t.Errorf("%s: calendar type %v", tt.rule, r.CalendarType)
		}
	}
	m := meetingOf(t, meetingMail("REQUEST", "UID:1\nDTSTART;TZID=Europe/Berlin:20260610T100000\nRRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260710"), eas.V161)
	for day, wkst := range []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} { // MS-ASEMAIL_R424
		m := meetingOf(t, meetingMail("REQUEST", "UID:1\nDTSTART:20260610T100000Z\nRRULE:FREQ=WEEKLY;WKST="+wkst), eas.V161)
		if got := n(m.Recurrences[0].FirstDayOfWeek); got != day {
			t.Errorf("WKST=%s: %d", wkst, got)
		}
	}
	if r := m.Recurrences[0]; r.Interval != 2 || r.Occurrences != nil || !r.Until.Equal(time.Date(2026, 7, 10, 21, 59, 59, 0, time.UTC)) {
		t.Errorf("%+v", r)
	}
}

func FuzzMeeting(f *testing.F) {
	f.Add(outlookMeeting(f))
	f.Add(meetingMail("COUNTER", "UID:1\nDTSTART:20260611T100000Z\nRRULE:FREQ=MONTHLY;BYDAY=2WE"))
	f.Add(meetingMail("REQUEST", "UID:1\nDTSTART:20260611T100000Z\nLOCATION;ALTREP=\"https://example.com\":Room 1\nX-APPLE-STRUCTURED-LOCATION;X-TITLE=Room 1:geo:1,2,3;u=4\n"+
		`X-MICROSOFT-LOCATIONS:[{"DisplayName":"Room 1"\,"Latitude":1\,"Longitude":2\,"LocationCity":"Vienna"}]`))
	f.Add(forwardNotice())
	f.Fuzz(func(t *testing.T, raw []byte) {
		ix := message.Parse(raw)
		for _, v := range []eas.Version{eas.V121, eas.V141, eas.V161} {
			var e eas.Email
			if err := RenderEmail(itemOf(raw), ix, message.Bytes(raw), &Options{Version: v}, &e); err != nil {
				t.Fatal(err)
			}
			dump(t, &e)
		}
	})
}

func BenchmarkMeetingRequest(b *testing.B) {
	raw := outlookMeeting(b)
	item, ix := itemOf(raw), message.Parse(raw)
	b.ReportAllocs()
	for b.Loop() {
		var e eas.Email
		if err := RenderEmail(item, ix, message.Bytes(raw), &Options{Version: eas.V161}, &e); err != nil {
			b.Fatal(err)
		}
	}
}
