package object

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// event is a calendar with an event of these lines.
func event(lines string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n" + strings.ReplaceAll(strings.TrimPrefix(lines, "\n"), "\n", "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

const start = "DTSTART:20260610T100000Z\nDTEND:20260610T110000Z"

// broken are the ways in which calendars from the wild are not as they ought to
// be, and what we make of each.
var broken = []struct{ name, in, want string }{
	{"sound", event(start + "\nSUMMARY:Lunch"), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, as it was"},
	{"without ends", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T100000Z\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nACTION:DISPLAY", "10T10:00Z-10T10:00Z until 10T10:00Z: , mended"},
	{"without the end of its alarm", event(start + "\nBEGIN:VALARM\nTRIGGER:-PT5M"), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended"},
	{"folded within a character", event(start + "\nSUMMARY:K\xc3\n \xa4se"), "10T10:00Z-10T11:00Z until 10T11:00Z: Käse, as it was"},
	{"folded with a tab, and empty lines", event(start + "\n\nSUMMARY:Lu\n\tnch"), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"a line that is broken, not folded", event(start + "\nSUMMARY:Lunch\nwith Ben"), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"line feeds alone", strings.ReplaceAll(event(start+"\nSUMMARY:Lunch"), "\r", ""), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"carriage returns alone", strings.ReplaceAll(event(start+"\nSUMMARY:Lunch"), "\n", ""), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"two carriage returns", strings.ReplaceAll(event(start+"\nSUMMARY:Lunch"), "\r", "\r\r"), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"a byte order mark", "\xef\xbb\xbf" + event(start), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended"},
	{"Latin-1", event(start + "\nSUMMARY:K\xe4se \x93Brie\x94"), "10T10:00Z-10T11:00Z until 10T11:00Z: Käse “Brie”, mended"},
	{"control characters", event(start + "\nSUMMARY:L\x01un\x0bch\x00"), "10T10:00Z-10T11:00Z until 10T11:00Z: Lunch, mended"},
	{"an end before the start", event("DTSTART:20260610T100000Z\nDTEND:20260610T090000Z"), "10T10:00Z-10T10:00Z until 10T10:00Z: , as it was"},
	{"an end that is a date", event("DTSTART:20260610T100000Z\nDTEND;VALUE=DATE:20260611"), "10T10:00Z-11T00:00Z until 11T00:00Z: , as it was"},
	{"a zone that nobody knows", event("DTSTART;TZID=Nowhere/City:20260610T100000\nDURATION:PT1H"), "10T10:00-10T11:00 until 10T23:00Z: , as it was"},
	{"a date with a time", event("DTSTART;VALUE=DATE:20260610T100000\nDURATION:PT1H"), "10T10:00-10T11:00 until 10T23:00Z: , as it was"},
	{"a date that does not say so", event("DTSTART:20260610"), "10-11 until 11T12:00Z: , as it was"},
	{"a date with hyphens", event("DTSTART:2026-06-10"), "10-11 until 11T12:00Z: , as it was"},
	{"a duration below nothing", event("DTSTART:20260610T100000Z\nDURATION:-PT1H"), "10T10:00Z-10T10:00Z until 10T10:00Z: , as it was"},
	{"a duration of nonsense", event("DTSTART:20260610T100000Z\nDURATION:1H"), "10T10:00Z-10T10:00Z until 10T10:00Z: , as it was"},
	{"a duration of a thousand years", event("DTSTART:20260610T100000Z\nDURATION:P400000D"), "10T10:00Z-10T10:00Z until 10T10:00Z: , as it was"},
	{"EXDATEs in a list, in other zones, of days", event(start + "\nRRULE:FREQ=DAILY;COUNT=6\nEXDATE:20260611T100000Z,20260612T100000Z,nonsense\nEXDATE;TZID=Europe/Berlin:20260613T120000\nEXDATE;VALUE=DATE:20260614"), "10T10:00Z-10T11:00Z 15T10:00Z-15T11:00Z until 15T11:00Z: , as it was"},
	{"UNTIL is a date, the start is not", event("DTSTART;TZID=America/New_York:20260610T220000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260611"), "11T02:00Z-11T03:00Z 12T02:00Z-12T03:00Z until 12T03:00Z: , as it was"},
	{"UNTIL is no date, the start is", event("DTSTART;VALUE=DATE:20260610\nRRULE:FREQ=DAILY;UNTIL=20260611T220000Z"), "10-11 11-12 until 12T12:00Z: , as it was"},
	{"UNTIL before the start", event(start + "\nRRULE:FREQ=DAILY;UNTIL=20250101T000000Z"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"COUNT is nothing", event(start + "\nRRULE:FREQ=DAILY;COUNT=0"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"INTERVAL is nothing", event(start + "\nRRULE:FREQ=DAILY;INTERVAL=0;COUNT=2"), "10T10:00Z-10T11:00Z 11T10:00Z-11T11:00Z until 11T11:00Z: , as it was"},
	{"days that are none", event(start + "\nRRULE:FREQ=WEEKLY;BYDAY=XX,MO"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"a rule of nonsense", event(start + "\nRRULE:every day"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"a rule by the second", event(start + "\nRRULE:FREQ=SECONDLY"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"a rule by the hour", event(start + "\nRRULE:FREQ=HOURLY;INTERVAL=12;COUNT=3"), "10T10:00Z-10T11:00Z 10T22:00Z-10T23:00Z 11T10:00Z-11T11:00Z until 11T11:00Z: , as it was"},
	{"an exception by rule", event(start + "\nRRULE:FREQ=DAILY;COUNT=4\nEXRULE:FREQ=DAILY;INTERVAL=2"), "11T10:00Z-11T11:00Z 13T10:00Z-13T11:00Z until 13T11:00Z: , as it was"},
	{"no summary", event(start + "\nSUMMARY:"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"no UID", strings.Replace(event(start), "UID:1\r\n", "", 1), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended, a UID of its own"},
	{"an empty UID", strings.Replace(event(start), "UID:1", "UID: ", 1), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended, a UID of its own"},
	{"no start", event("SUMMARY:Lunch"), "malformed"},
	{"a start that is none", event("DTSTART:tomorrow"), "malformed"},
	{"a method", strings.Replace(event(start), "VERSION", "METHOD:REQUEST\r\nVERSION", 1), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended"},
	{"no version", strings.Replace(event(start), "VERSION:2.0\r\n", "", 1), "10T10:00Z-10T11:00Z until 10T11:00Z: , mended"},
	{"no calendar around it", "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T100000Z\r\nEND:VEVENT\r\n", "10T10:00Z-10T10:00Z until 10T10:00Z: , mended"},
	{"vCalendar 1.0", "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T100000Z\r\nDTEND:20260610T110000Z\r\nSUMMARY;ENCODING=QUOTED-PRINTABLE:K=E4=\r\nse\r\nRRULE:D1 #2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "10T10:00Z-10T11:00Z 11T10:00Z-11T11:00Z until 11T11:00Z: Käse, mended"},
	{"two calendars of one event", event(start+"\nRRULE:FREQ=DAILY;COUNT=2") + event("RECURRENCE-ID:20260611T100000Z\nDTSTART:20260611T120000Z\nDURATION:PT1H"), "10T10:00Z-10T11:00Z 11T12:00Z-11T13:00Z until 11T13:00Z: , mended"},
	{"two events", event(start) + strings.Replace(event(start), "UID:1", "UID:2", 1), "two"},
	{"a UID twice", event(start) + event(start), "two"},
	{"a task beside it", event(start + "\nEND:VEVENT\nBEGIN:VTODO\nUID:1\nEND:VTODO\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260610T100000Z"), "two"},
	{"another calendar than the world's", strings.Replace(event(start), "VERSION", "CALSCALE:CHINESE\r\nVERSION", 1), "malformed"},
	{"a lunar rule", event("DTSTART;VALUE=DATE:20260610\nRRULE:RSCALE=CHINESE;FREQ=YEARLY"), "10-11 until 11T12:00Z: , as it was"},
	{"a moved occurrence without a start", event(start + "\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260611T100000Z\nSTATUS:CANCELLED"), "10T10:00Z-10T11:00Z 11T10:00Z-11T10:00Z cancelled until 11T10:00Z: , as it was"},
	{"nothing", "", "malformed"},
	{"not a calendar", "hello", "malformed"},
	{"HTML", "<!DOCTYPE html><html>BEGIN:VCALENDAR</html>", "malformed"},
	{"an empty calendar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "malformed"},
	{"components within components", "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:X\r\n", 1000), "too large"},
	{"a million properties", event(start + strings.Repeat("\nX:1", 300_000)), "too large"},
	{"a UID of a book", strings.Replace(event(start), "UID:1", "UID:"+strings.Repeat("1", 10_000), 1), "too large"},
	{"fifty thousand EXDATEs", event(start + "\nRRULE:FREQ=DAILY" + strings.Repeat("\nEXDATE:20260611T100000Z", 50_000)), "for ever"},
	{"an attachment of ten megabytes", event(start + "\nATTACH;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString(make([]byte, 10<<20))), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"an attachment of forty megabytes", event(start + "\nATTACH;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString(make([]byte, 40<<20))), "too large"},
	{"a rule that never ends", event(start + "\nRRULE:FREQ=DAILY;COUNT=99999999"), "10T10:00Z-10T11:00Z 11T10:00Z-11T11:00Z 12T10:00Z-12T11:00Z …"},
	{"a rule that never comes round", event(start + "\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"many rules that never come round", event(start + strings.Repeat("\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", 500)), "10T10:00Z-10T11:00Z until 10T11:00Z: , as it was"},
	{"zones of a thousand years", strings.Replace(event("DTSTART;TZID=bomb:20260610T100000"), "BEGIN:VEVENT", "BEGIN:VTIMEZONE\r\nTZID:bomb\r\n"+strings.Repeat("BEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0123\r\nEND:STANDARD\r\n", 10_000)+"END:VTIMEZONE\r\nBEGIN:VEVENT", 1), "10T08:37Z-10T08:37Z until 10T08:37Z: , as it was"},
}

// tell writes what was made of an event in a line.
func tell(o *Object, err error, in string) string {
	switch {
	case errors.Is(err, ErrTooLarge):
		return "too large"
	case errors.Is(err, ErrTwo):
		return "two"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	case err != nil:
		return err.Error()
	case o.Facts.At == mail.EndOfTime:
		return "for ever"
	}
	var b strings.Builder
	form := "02T15:04Z"
	switch e := o.Calendar.Master(); {
	case e.Start.Date:
		form = "02"
	case e.Start.Floating:
		form = "02T15:04"
	}
	from := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	for p := range PeriodsIn(o.Calendar, from, from.AddDate(0, 1, 0), nil) {
		if n++; n > 3 {
			return b.String() + "…"
		}
		b.WriteString(p.Start.UTC().Format(form) + "-" + p.End.UTC().Format(form) + " ")
		if p.Cancelled {
			b.WriteString("cancelled ")
		}
	}
	fmt.Fprintf(&b, "until %s: %s, ", time.UnixMilli(o.Facts.At).UTC().Format("02T15:04Z"), o.Calendar.Master().Summary)
	if string(o.Raw) == in {
		b.WriteString("as it was")
	} else {
		b.WriteString("mended")
	}
	if o.Facts.UID != "1" {
		b.WriteString(", a UID of its own")
	}
	return b.String()
}

func TestBrokenCalendars(t *testing.T) {
	for _, tt := range broken {
		begun := time.Now()
		o, err := Read(mail.ClassCalendar, []byte(tt.in))
		if got := tell(o, err, tt.in); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if d := time.Since(begun); d > 2*time.Millisecond {
			t.Logf("%s: took %s", tt.name, d)
		}
		checkObject(t, mail.ClassCalendar, []byte(tt.in))
	}
}
