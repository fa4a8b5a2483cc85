package object

import (
	"errors"
	"fmt"
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

// A task that is to be done is never over; one that was done is where it was.
func TestWhereATaskStandsAmongTheOthers(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse("20060102T150405Z", s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	for lines, want := range map[string]int64{
		"": mail.EndOfTime, "DUE:20200101T100000Z": mail.EndOfTime, "STATUS:IN-PROCESS\nPERCENT-COMPLETE:99": mail.EndOfTime, "STATUS:CANCELLED": mail.EndOfTime,
		"STATUS:COMPLETED\nCOMPLETED:20260610T100000Z\nLAST-MODIFIED:20260701T100000Z": at("20260610T100000Z"),
		"COMPLETED:20260610T100000Z": at("20260610T100000Z"), "STATUS:NEEDS-ACTION\nCOMPLETED:20260610T100000Z": mail.EndOfTime,
		"STATUS:COMPLETED\nLAST-MODIFIED:20260701T100000Z": at("20260701T100000Z"), "STATUS:COMPLETED": at("20260601T080000Z"),
		"STATUS:COMPLETED\nCOMPLETED:00020101T000000Z": 1,
	} {
		o, err := Read(mail.ClassTasks, crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTODO\nUID:1\nDTSTAMP:20260601T080000Z\n"+lines+"\nEND:VTODO\nEND:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseBrief(o.Facts.Brief)
		if err != nil || o.Facts.At != want || b.Done != (want != mail.EndOfTime) {
			t.Errorf("%q: %d, want %d; %+v, %v", lines, o.Facts.At, want, b, err)
		}
	}
}

func TestWhenAnEventIsOver(t *testing.T) {
	for lines, want := range map[string]string{
		"DTSTART:20260610T100000Z\nDURATION:PT90M": "2026-06-10T11:30:00Z",
		"DTSTART;VALUE=DATE:20260610":              "2026-06-11T12:00:00Z", // when the day is over everywhere
		"DTSTART:20260610T100000\nDURATION:PT1H":   "2026-06-10T23:00:00Z",
		"DTSTART;TZID=Europe/Berlin:20260610T100000\nDURATION:PT1H\nRRULE:FREQ=YEARLY;UNTIL=20461231":                                                                                 "2046-06-10T09:00:00Z",
		"DTSTART;TZID=Europe/Berlin:20260610T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=200":                                                                                       "2026-12-26T10:00:00Z",
		"DTSTART:20260610T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260612T100000Z":                                                                                  "2026-06-11T11:00:00Z",
		"DTSTART:20260610T100000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20270101T100000Z/PT48H":                                                                                          "2027-01-03T10:00:00Z",
		"DTSTART:20260610T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY":                                                                                                                   "9999-12-31T23:59:59Z",
		"DTSTART:20260610T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=99991231T000000Z":                                                                                            "9999-12-31T23:59:59Z",
		"DTSTART:19500610T100000Z\nDURATION:PT1H":                                                                                                                                     "1970-01-01T00:00:00Z",
		"DTSTART:20260610T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260611T100000Z\nDTSTART:20280101T100000Z\nDURATION:PT1H": "2028-01-01T11:00:00Z",
		"RECURRENCE-ID:20260611T100000Z\nDTSTART:20280101T100000Z\nDURATION:PT1H":                                                                                                     "2028-01-01T11:00:00Z",
	} {
		o, err := Read(mail.ClassCalendar, []byte(event(lines)))
		if err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(o.Facts.At).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
}

func TestWhatASummarySays(t *testing.T) {
	for lines, want := range map[string]Brief{
		"": {Status: Busy}, "TRANSP:TRANSPARENT": {}, "X-MICROSOFT-CDO-BUSYSTATUS:OOF": {Status: OutOfOffice}, "STATUS:TENTATIVE": {Status: Tentative},
		"X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE": {Status: Tentative}, "X-MICROSOFT-CDO-BUSYSTATUS:FREE": {}, "TRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE": {Status: Elsewhere},
		"CLASS:PRIVATE": {Status: Busy, Private: true}, "CLASS:CONFIDENTIAL": {Status: Busy, Confidential: true}, "CLASS:X-SECRET": {Status: Busy, Private: true}, "CLASS:PUBLIC": {Status: Busy},
		"STATUS:CANCELLED": {Status: Busy, Cancelled: true}, "ATTENDEE:mailto:anna@example.org": {Status: Busy, Attendees: true},
	} {
		o, err := Read(mail.ClassCalendar, []byte(event(start+"\n"+lines)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseBrief(o.Facts.Brief)
		if want.Start, want.End = time.Date(2026, 6, 10, 10, 0, 0, 0, time.UTC), time.Date(2026, 6, 10, 11, 0, 0, 0, time.UTC); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %+v, want %+v; %v", lines, got, want, err)
		}
	}
}

// What grows as it is mended must be read again when it is kept.
func TestWhatBecomesTooLargeIsRefused(t *testing.T) {
	half := strings.Repeat("\xff", MaxBytes*2/3) // each two bytes in UTF-8
	for class, in := range map[mail.Class]string{
		mail.ClassContacts: "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:x\r\nNOTE:" + half + "\r\nEND:VCARD\r\n",
		mail.ClassCalendar: event(start + "\nDESCRIPTION:" + half),
	} {
		if _, err := Read(class, []byte(in)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("class %d: %v", class, err)
		}
	}
}

func TestCards(t *testing.T) {
	const card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:Anna Ash\r\nN:Ash;Anna;;;\r\nX-UNKNOWN;A=b:c\r\nEND:VCARD\r\n"
	o, err := Read(mail.ClassContacts, []byte(card))
	if err != nil || string(o.Raw) != card || o.Facts.UID != "1" || o.Facts.At != 0 || o.Card == nil {
		t.Errorf("%+v, %v", o, err)
	}
	for name, in := range map[string]string{
		"of 2.1": strings.Replace(card, "3.0", "2.1", 1), "without a UID": strings.Replace(card, "UID:1\r\n", "", 1), "with line feeds alone": strings.ReplaceAll(card, "\r", ""), "with a mark": "\xef\xbb\xbf" + card,
	} {
		o, err := Read(mail.ClassContacts, []byte(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := card
		if o.Facts.UID != "1" {
			want = strings.Replace(strings.Replace(card, "UID:1\r\n", "", 1), "END", "UID:"+o.Facts.UID+"\r\nEND", 1)
		}
		if string(o.Raw) != want {
			t.Errorf("%s became\n%s", name, o.Raw)
		}
	}
	for _, odd := range []string{"NOTE:one\r\ntwo\r\n", "NOTE:one\r\n\r\n", "PHOTO;ENCODING=b:AAAA\r\nAAAA\r\n", "AGENT:\r\nBEGIN:VCARD\r\nEND:VCARD\r\n"} {
		o, err := Read(mail.ClassContacts, []byte(strings.Replace(card, "END", odd+"END", 1)))
		if err != nil || strings.Count(string(o.Raw), "\r\n") != 8 {
			t.Errorf("%q is kept: %v\n%s", odd, err, o.Raw)
		}
	}
	for in, want := range map[string]error{card + card: ErrTwo, "": ErrMalformed, "hello": ErrMalformed, "BEGIN:VCARD\r\n" + strings.Repeat("X", MaxBytes): ErrTooLarge} {
		if _, err := Read(mail.ClassContacts, []byte(in)); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", in, err, want)
		}
	}
	o, err = Read(mail.ClassContacts, []byte(strings.Replace(card, "FN", "CLASS:PRIVATE\r\nFN", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := ParseBrief(o.Facts.Brief); err != nil || !b.Private {
		t.Errorf("%+v, %v", b, err)
	}
}
