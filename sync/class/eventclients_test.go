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

// eventZones are zones of all kinds: both hemispheres, halves and quarters of an
// hour, summers of half an hour, changes at midnight, none.
var eventZones = []string{
	"Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Kiev", "Europe/Istanbul", "Europe/Moscow", "Europe/Chisinau",
	"Atlantic/Azores", "Atlantic/Reykjavik", "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
	"America/Anchorage", "America/Adak", "Pacific/Honolulu", "America/St_Johns", "America/Halifax", "America/Havana", "America/Santiago",
	"America/Asuncion", "America/Sao_Paulo", "America/Argentina/Buenos_Aires", "America/Caracas", "America/Bogota", "America/Nuuk",
	"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Asia/Beirut", "Asia/Jerusalem", "Asia/Tehran", "Asia/Dubai", "Asia/Kabul",
	"Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo",
	"Australia/Perth", "Australia/Eucla", "Australia/Darwin", "Australia/Adelaide", "Australia/Sydney", "Australia/Lord_Howe",
	"Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Norfolk",
}

// blobZone is the zone that a client makes of a TimeZone, as it stands there.
func blobZone(t testing.TB, blob string, year int) *time.Location {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		t.Fatal("a TimeZone of zeros")
	}
	z, err := calendar.ParseTimeZone(b)
	if err != nil {
		t.Fatal(err)
	}
	loc, err := z.Location(year)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// EAS-4-TbSync, and users of other servers: an event drifts by an hour, or a
// meeting of each week is at another time after the change to winter. What one
// client makes reads the same on every other, in versions old and new.
func TestTbSyncSeesNoDriftOverAChangeToWinterInAnyZone(t *testing.T) {
	for _, zone := range eventZones {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, month := range []time.Month{time.March, time.September} { // before either change
			first := time.Date(2027, month, 1, 9, 30, 0, 0, loc)
			for _, v := range eas.Versions() {
				raw := changeEvent(t, nil, &eas.Calendar{
					Timezone:  ptr(base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2027))),
					StartTime: ptr(first.UTC()), EndTime: ptr(first.Add(time.Hour).UTC()), Subject: ptr("x"),
					Recurrence: &eas.CalendarRecurrence{Type: ptr(uint8(1)), Interval: ptr(uint16(1)), DayOfWeek: ptr(uint16(1) << first.Weekday()), Occurrences: ptr(uint16(16))},
				}, editOptions(v, ada))
				obj, err := calendar.Parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for o := range obj.Master().Occurrences() {
					if want := first.AddDate(0, 0, 7*n); !o.Equal(want) {
						t.Fatalf("%s at %s: occurrence %d is at %s, not %s:\n%s", zone, v, n, o.UTC(), want.UTC(), raw)
					}
					n++
				}
				for _, w := range eas.Versions() {
					c := showEvent(t, raw, w, ada)
					if !c.StartTime.Equal(first) || !c.EndTime.Equal(first.Add(time.Hour)) {
						t.Fatalf("%s from %s to %s: %s, not %s", zone, v, w, c.StartTime, first.UTC())
					}
					there := blobZone(t, *c.Timezone, 2027)
					for day := range 120 {
						at := first.AddDate(0, 0, day)
						_, a := at.Zone()
						if _, b := at.In(there).Zone(); a != b {
							t.Fatalf("%s from %s to %s: the client is %d seconds off on %s", zone, v, w, b-a, at)
						}
					}
				}
			}
		}
	}
}

// Where summer time ends, one hour comes twice: an event in the second of them is
// told as it was written.
func TestTheSecondOfTwoHoursIsNotTheFirst(t *testing.T) {
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []time.Time{time.Date(2026, 11, 1, 5, 15, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 15, 0, 0, time.UTC)} {
		for _, v := range eas.Versions() {
			blob := base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2026))
			raw := changeEvent(t, nil, &eas.Calendar{Timezone: &blob, StartTime: &start, EndTime: ptr(start.Add(10 * time.Minute))}, editOptions(v, ada))
			if c := showEvent(t, raw, v, ada); !c.StartTime.Equal(start) || !c.EndTime.Equal(start.Add(10*time.Minute)) {
				t.Errorf("%s: %s is %s", v, start, c.StartTime)
			}
		}
	}
}

// Users of other servers: events of whole days on two days. One stays on its day
// whatever the zone of who makes it and whoever looks at it.
func TestAnAllDayEventStaysOnItsDayInEveryZone(t *testing.T) {
	day := time.Date(2027, 3, 28, 0, 0, 0, 0, time.UTC) // the change to summer time in Europe
	for _, zone := range eventZones {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range eas.Versions() {
			in := &eas.Calendar{Subject: ptr("x"), AllDayEvent: ptr(uint8(1)), StartTime: ptr(day), EndTime: ptr(day.AddDate(0, 0, 1))}
			if v < eas.V160 { // midnight in the zone
				in.Timezone = ptr(base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2027)))
				in.StartTime = ptr(time.Date(2027, 3, 28, 0, 0, 0, 0, loc).UTC())
				in.EndTime = ptr(time.Date(2027, 3, 29, 0, 0, 0, 0, loc).UTC())
			}
			raw := changeEvent(t, nil, in, editOptions(v, ada))
			for _, want := range []string{"DTSTART;VALUE=DATE:20270328\r\n", "DTEND;VALUE=DATE:20270329\r\n"} {
				if !bytes.Contains(raw, []byte(want)) {
					t.Fatalf("%s at %s:\n%s", zone, v, raw)
				}
			}
			for _, w := range eas.Versions() {
				c := showEvent(t, raw, w, ada)
				if w >= eas.V160 {
					if c.Timezone != nil || !c.StartTime.Equal(day) || !c.EndTime.Equal(day.AddDate(0, 0, 1)) {
						t.Fatalf("%s from %s to %s: %v %s", zone, v, w, c.Timezone, c.StartTime)
					}
					continue
				}
				there := blobZone(t, *c.Timezone, 2027)
				from, to := c.StartTime.In(there), c.EndTime.In(there)
				if from.Day() != 28 || to.Day() != 29 || from.Hour() > 1 || to.Hour() > 1 {
					t.Fatalf("%s from %s to %s: from %s to %s", zone, v, w, from, to)
				}
				if got := changeEvent(t, raw, clientData(c, w), editOptions(w, ada)); !bytes.Equal(got, raw) {
					t.Fatalf("%s from %s to %s: sent back it is\n%s", zone, v, w, got)
				}
			}
		}
	}
}

// Clients write days at other hours than midnight of their zone, as Android does
// birthdays, and without a zone.
func TestADayIsReadFromTheHoursThatClientsWrite(t *testing.T) {
	for hour, want := range map[string]string{
		"20270328T000000Z": "20270328", "20270328T080000Z": "20270328", "20270328T110000Z": "20270328",
		"20270327T230000Z": "20270328", "20270328T040000Z": "20270328", "20270327T143000Z": "20270328",
	} {
		at, err := wbxml.ParseTime(hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range []*string{nil, ptr(base64.StdEncoding.EncodeToString(make([]byte, 172)))} {
			raw := changeEvent(t, nil, &eas.Calendar{AllDayEvent: ptr(uint8(1)), Timezone: blob, StartTime: &at, EndTime: ptr(at.AddDate(0, 0, 1))}, editOptions(eas.V141, ada))
			if !bytes.Contains(raw, []byte("DTSTART;VALUE=DATE:"+want+"\r\n")) {
				t.Errorf("%s:\n%s", hour, raw)
			}
		}
	}
}

// EAS-4-TbSync: below 16.0 a TimeZone of zeros means nothing, and does not take a
// series out of its zone.
func TestTbSyncsTimeZoneOfZerosKeepsTheZone(t *testing.T) {
	raw := eventFile(t, "series")
	in := clientData(showEvent(t, raw, eas.V141, ada), eas.V141)
	in.Timezone = ptr(base64.StdEncoding.EncodeToString(make([]byte, 172)))
	if got := changeEvent(t, raw, in, editOptions(eas.V141, ada)); !bytes.Equal(got, raw) {
		t.Errorf("%s", got)
	}
}

// A zone that the world does not know is kept as the client described it.
func TestAnUnknownTimeZoneIsKept(t *testing.T) {
	z := calendar.TimeZone{Bias: -225, Daylight: calendar.Season{Bias: -60, Start: calendar.SystemTime{Month: 4, Day: 2, Hour: 2}}}
	z.Standard = calendar.Season{Name: "Camp time", Start: calendar.SystemTime{Month: 11, Day: 1, Hour: 3}}
	blob := base64.StdEncoding.EncodeToString(z.Append(nil))
	start := time.Date(2026, 7, 1, 5, 15, 0, 0, time.UTC)
	raw := changeEvent(t, nil, &eas.Calendar{Timezone: &blob, StartTime: &start, EndTime: ptr(start.Add(time.Hour))}, editOptions(eas.V141, ada))
	if !bytes.Contains(raw, []byte(":20260701T100000\r\n")) {
		t.Errorf("%s", raw)
	}
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		if *c.Timezone != blob || !c.StartTime.Equal(start) {
			t.Errorf("%s: %s at %s", v, *c.Timezone, c.StartTime)
		}
	}
}

// iOS: an organizer where MeetingStatus is 1, and at least one attendee of a
// meeting that is cancelled. Android: the owner organizes what has no attendees.
func TestIOSAndAndroidGetAnOrganizerAndAnAttendee(t *testing.T) {
	for _, v := range eas.Versions() {
		c := showEvent(t, eventFile(t, "meeting"), v, ada)
		if *c.MeetingStatus != 1 || *c.OrganizerEmail != "ada@example.org" || *c.OrganizerName != "Ada Example" {
			t.Errorf("%s: %d of %s", v, *c.MeetingStatus, *c.OrganizerEmail)
		}
		c = showEvent(t, eventFile(t, "canceled"), v, bob)
		if *c.MeetingStatus != 7 || len(c.Attendees) != 1 || c.Attendees[0].Email != "bob@example.com" || *c.OrganizerEmail != "ada@example.org" {
			t.Errorf("%s: %d with %v", v, *c.MeetingStatus, c.Attendees)
		}
		c = showEvent(t, eventFile(t, "appointment"), v, ada)
		if *c.MeetingStatus != 0 || *c.OrganizerEmail != "ada@example.org" || *c.OrganizerName != "Ada Example" || c.Attendees != nil {
			t.Errorf("%s: %d of %s", v, *c.MeetingStatus, *c.OrganizerEmail)
		}
	}
}

// iOS: a ClientUid of 33 characters, of which the last is a NUL. Adding the same
// event twice gives the same UID, by which the first is found.
func TestIOSAddsAnEventTwiceUnderOneClientUid(t *testing.T) {
	raw, err := wbxml.MarshalRaw(&struct {
		ClientUID []byte    `wbxml:"Calendar:ClientUid"`
		StartTime time.Time `wbxml:"Calendar:StartTime,compact"`
		EndTime   time.Time `wbxml:"Calendar:EndTime,compact"`
	}{[]byte("0123456789ABCDEF0123456789ABCDEF\x00"), eventNow, eventNow.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := class.EditObject(eventItem.Class, nil, raw, editOptions(eas.V161, ada))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, []byte("UID:0123456789ABCDEF0123456789ABCDEF\r\n")) {
			t.Errorf("%s", got)
		}
		reply := class.RenderAddedEvent(eventItem, got, raw, true)
		if reply == nil || *reply.UID != "0123456789ABCDEF0123456789ABCDEF" {
			t.Errorf("the reply is %v", reply)
		}
	}
	a := changeEvent(t, nil, &eas.Calendar{}, editOptions(eas.V161, ada))
	b := changeEvent(t, nil, &eas.Calendar{}, editOptions(eas.V161, ada))
	if bytes.Equal(a, b) {
		t.Error("two events have one UID")
	}
}

// iOS 16.2: an attachment without content is passed over.
func TestIOSAddsAnAttachmentWithoutContent(t *testing.T) {
	raw := eventFile(t, "appointment")
	in := &eas.Calendar{Attachments: []eas.AttachmentItem{{Add: &eas.AttachmentAdd{ClientID: "1", DisplayName: "a.txt", Method: 1}}}}
	if got := changeEvent(t, raw, in, editOptions(eas.V161, ada)); !bytes.Equal(got, raw) {
		t.Errorf("%s", got)
	}
	if reply := class.RenderAddedEvent(eventItem, raw, eventRaw(t, in), false); reply != nil {
		t.Errorf("%v", reply)
	}
}

// EAS-4-TbSync at 16.x: an exception is a command of its own, with the InstanceId
// beside the ServerId.
func TestTbSyncChangesAndDeletesOneOccurrence(t *testing.T) {
	raw := eventFile(t, "series")
	o := editOptions(eas.V161, ada)
	o.Instance = "20261019T071500Z"
	got := changeEvent(t, raw, &eas.Calendar{Location: &eas.Location{DisplayName: "Room 9"}}, o)
	if !bytes.Contains(got, []byte("RECURRENCE-ID;TZID=Europe/Berlin:20261019T091500\r\n")) || !bytes.Contains(got, []byte("LOCATION:Room 9\r\n")) {
		t.Fatalf("%s", got)
	}
	c := showEvent(t, got, eas.V161, ada)
	i := slices.IndexFunc(c.Exceptions, func(x eas.CalendarException) bool {
		return x.InstanceID.Equal(time.Date(2026, 10, 19, 7, 15, 0, 0, time.UTC))
	})
	if i < 0 || c.Exceptions[i].Location.DisplayName != "Room 9" || c.Exceptions[i].Subject != nil {
		t.Fatalf("shown as %v", c.Exceptions)
	}
	after, err := class.DeleteOccurrence(got, o)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(after, []byte("Room 9")) || !bytes.Contains(after, []byte("EXDATE;TZID=Europe/Berlin:20261019T091500\r\n")) {
		t.Errorf("%s", after)
	}
	if _, err := class.DeleteOccurrence(after, o); err != class.ErrNotFound {
		t.Errorf("deleted twice: %v", err)
	}
	o.Instance = "20261020T071500Z" // a Tuesday
	if _, err := class.EditObject(eventItem.Class, raw, eventRaw(t, &eas.Calendar{Subject: ptr("y")}), o); err != class.ErrNotFound {
		t.Errorf("no such day: %v", err)
	}
	// Of a series of whole days the date names the occurrence.
	o.Instance = "20270329T000000Z"
	if got, err = class.DeleteOccurrence(eventFile(t, "birthday"), o); err != nil || !bytes.Contains(got, []byte("EXDATE;VALUE=DATE:20270329\r\n")) {
		t.Errorf("%v: %s", err, got)
	}
}

// EAS-4-TbSync and others send empty containers to take away what is in them.
func TestEmptyElementsTakeAway(t *testing.T) {
	raw := eventFile(t, "appointment")
	for _, v := range []eas.Version{eas.V121, eas.V141, eas.V161} {
		in := &eas.Calendar{Reminder: ptr(""), Categories: []string{}, Recurrence: &eas.CalendarRecurrence{}}
		if in.Body = (&eas.Body{Type: 1, Data: ptr("")}); v < eas.V160 {
			in.LocationText = ptr("")
		} else {
			in.Location = &eas.Location{}
		}
		o := editOptions(v, ada)
		o.Supported = []wbxml.Tag{}
		got := string(changeEvent(t, raw, in, o))
		for _, name := range []string{"DESCRIPTION:", "LOCATION:", "CATEGORIES:", "VALARM"} {
			if strings.Contains(got, name) {
				t.Errorf("%s: there is still %s\n%s", v, name, got)
			}
		}
		if !strings.Contains(got, "X-EXAMPLE-COLOR;X-A=b:red\r\n") {
			t.Errorf("%s: what nobody spoke of is gone", v)
		}
	}
}
