package object

import (
	"errors"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// crlf makes the lines of a calendar or card what they ought to be.
func crlf(lines string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(lines, "\n"), "\n", "\r\n"))
}

const lunch = `
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example.org//test//EN
BEGIN:VEVENT
UID:lunch@example.org
DTSTAMP:20260601T080000Z
DTSTART:20260610T100000Z
DTEND:20260610T110000Z
SUMMARY:Lunch
X-UNKNOWN;A=b:c
END:VEVENT
END:VCALENDAR
`

func TestBytesThatAreFitStayAsTheyAre(t *testing.T) {
	o, err := Read(mail.ClassCalendar, crlf(lunch))
	if err != nil {
		t.Fatal(err)
	}
	if string(o.Raw) != string(crlf(lunch)) {
		t.Errorf("%s", o.Raw)
	}
	end := time.Date(2026, 6, 10, 11, 0, 0, 0, time.UTC)
	if o.Facts.UID != "lunch@example.org" || o.Facts.At != end.UnixMilli() {
		t.Errorf("%+v", o.Facts)
	}
	b, err := ParseBrief(o.Facts.Brief)
	if err != nil || b.Status != Busy || !b.End.Equal(end) || b.AllDay || b.Open {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestAMethodIsTakenAwayFromWhatIsKept(t *testing.T) {
	o, err := Read(mail.ClassCalendar, crlf(strings.Replace(lunch, "VERSION", "METHOD:REQUEST\nVERSION", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(o.Raw), "METHOD") || !strings.Contains(string(o.Raw), "X-UNKNOWN;A=b:c") {
		t.Errorf("%s", o.Raw)
	}
}

func TestSeveralItemsAreRefused(t *testing.T) {
	two := strings.Replace(lunch, "END:VCALENDAR", "BEGIN:VEVENT\nUID:2\nDTSTART:20260610T100000Z\nEND:VEVENT\nEND:VCALENDAR", 1)
	if _, err := Read(mail.ClassCalendar, crlf(two)); !errors.Is(err, ErrTwo) {
		t.Errorf("%v", err)
	}
	if _, err := Read(mail.ClassTasks, crlf(lunch)); !errors.Is(err, ErrTwo) {
		t.Errorf("%v", err)
	}
}
