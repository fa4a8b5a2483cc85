package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"martlet/mail"
)

// tellParts writes what a file is made of, a line for each part.
func tellParts(raw []byte) string {
	var b strings.Builder
	for p, err := range Split(raw) {
		fmt.Fprintf(&b, "%d %s line %d", p.Class, p.UID, p.Line)
		if err != nil {
			for _, known := range []error{ErrMalformed, ErrTooLarge, ErrTwo, ErrOlder, ErrNoClass} {
				if errors.Is(err, known) {
					b.WriteString(": " + known.Error())
				}
			}
		} else {
			fmt.Fprintf(&b, ", %d events, %d zones", strings.Count(string(p.Raw), "\nBEGIN:VEVENT"), strings.Count(string(p.Raw), "BEGIN:VTIMEZONE"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestAFileIsTakenApart(t *testing.T) {
	const in = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example.org//a program//EN
METHOD:PUBLISH
X-WR-CALNAME:Work
BEGIN:VTIMEZONE
TZID:Somewhere
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0123
TZOFFSETTO:+0123
END:STANDARD
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:Elsewhere
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0223
TZOFFSETTO:+0223
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:a
DTSTART;TZID=Somewhere:20260610T100000
RRULE:FREQ=DAILY
END:VEVENT
BEGIN:VEVENT
UID:b
DTSTART:20260610T100000Z
BEGIN:VALARM
TRIGGER:-PT5M
ACTION:DISPLAY
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:a
RECURRENCE-ID;TZID=Somewhere:20260611T100000
DTSTART;TZID=Elsewhere:20260611T110000
END:VEVENT
BEGIN:VEVENT
UID:no-start
END:VEVENT
BEGIN:VEVENT
UID:no-end
DTSTART:20260610T100000Z
BEGIN:VTODO
UID:a
SUMMARY:a task with the UID of an event
END:VTODO
BEGIN:VEVENT
UID:b
SEQUENCE:1
DTSTART:20260610T110000Z
END:VEVENT
BEGIN:VEVENT
UID:b
SEQUENCE:1
DTSTART:20260610T110000Z
END:VEVENT
BEGIN:VFREEBUSY
UID:free
END:VFREEBUSY
BEGIN:VJOURNAL
UID:note
DESCRIPTION:a line
 BEGIN:VEVENT
END:VJOURNAL
END:VCALENDAR
BEGIN:VCARD
VERSION:3.0
UID:card
FN:Anna Ash
AGENT:
BEGIN:VCARD
VERSION:3.0
FN:Ben Birch
END:VCARD
END:VCARD
BEGIN:VCARD
VERSION:3.0
UID:card2
FN:Cy Cedar
END:VCARD
`
	const want = `0  line 60: object: not of a kind that is kept
2 a line 22, 2 events, 2 zones
2 b line 27: object: there is a newer one of its UID in the file
2 b line 27, 1 events, 0 zones
2 no-start line 40: object: not a calendar or address object of its class
2 no-end line 43, 1 events, 0 zones
4 a line 46, 0 events, 0 zones
5 note line 63, 0 events, 0 zones
3 card line 69, 0 events, 0 zones
3 card2 line 79, 0 events, 0 zones
`
	if got := tellParts([]byte(in)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for p, err := range Split([]byte(in)) {
		if err != nil {
			continue
		}
		o, err := Read(p.Class, p.Raw)
		if err != nil || string(o.Raw) != string(p.Raw) || o.Facts.UID != p.UID {
			t.Errorf("%s: %v\n%s", p.UID, err, p.Raw)
		}
		if p.Class != mail.ClassContacts && !strings.Contains(string(p.Raw), "PRODID:-//example.org//a program//EN\r\n") {
			t.Errorf("%s", p.Raw)
		}
	}
}

func TestAFileOfOneObjectStaysAsItIs(t *testing.T) {
	for p, err := range Split(crlf(lunch)) {
		if err != nil || string(p.Raw) != string(crlf(lunch)) {
			t.Errorf("%v\n%s", err, p.Raw)
		}
	}
	for _, in := range []string{"", "hello", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"} {
		if got := tellParts([]byte(in)); got != "0  line 1: object: not a calendar or address object of its class\n" {
			t.Errorf("%q: %s", in, got)
		}
	}
}

// Of two states the later one counts: by SEQUENCE, then by when it was written,
// then by its place.
func TestOfAFileTheNewestStateCounts(t *testing.T) {
	state := func(name, lines string) string {
		return "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260610T100000Z\r\nSUMMARY:" + name + "\r\n" + lines + "END:VEVENT\r\n"
	}
	const early, late = "DTSTAMP:20260101T000000Z\r\n", "DTSTAMP:20260201T000000Z\r\n"
	for _, in := range [][2]string{
		{state("old", "SEQUENCE:1\r\n"+late), state("new", "SEQUENCE:2\r\n"+early)}, {state("new", "SEQUENCE:2\r\n"+early), state("old", "SEQUENCE:1\r\n"+late)},
		{state("old", early), state("new", late)}, {state("new", late), state("old", early)},
		{state("old", late), state("new", early+"LAST-MODIFIED:20260301T000000Z\r\n")}, {state("old", early), state("new", early)},
	} {
		var got, older []string
		for p, err := range Split([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + in[0] + in[1] + "END:VCALENDAR\r\n")) {
			for _, name := range []string{"old", "new"} {
				switch {
				case !strings.Contains(string(p.Raw), "SUMMARY:"+name):
				case err == nil:
					got = append(got, name)
				case errors.Is(err, ErrOlder):
					older = append(older, name)
				default:
					t.Error(err)
				}
			}
		}
		if fmt.Sprint(got, older) != "[new] [old]" {
			t.Errorf("%v, %v of\n%s%s", got, older, in[0], in[1])
		}
	}
}

// Two calendars in a file may call different zones by one name.
func TestEachEventOfAFileKeepsTheZoneOfItsCalendar(t *testing.T) {
	zone := func(offset string) string {
		return "BEGIN:VTIMEZONE\r\nTZID:Office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:" + offset + "\r\nTZOFFSETTO:" + offset + "\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	}
	one := func(uid, extra string) string {
		return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTART;TZID=Office:20260610T100000\r\nDURATION:PT1H\r\n" + extra + "END:VEVENT\r\n"
	}
	around := func(s string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + s + "END:VCALENDAR\r\n"
	}
	quoted := strings.ReplaceAll(zone("+0700"), "TZID:Office", "TZID:\"Office\"")
	in := around(quoted+one("d", "")) + around(zone("+0300")+one("a", "RRULE:FREQ=DAILY;COUNT=2\r\n")) + around(zone("+0500")+one("b", "")+one("a", "RECURRENCE-ID:20260611T070000Z\r\n")) + around(one("c", ""))
	want := map[string]string{"a": "10T07:00-10T08:00 10T05:00-10T06:00 ", "b": "10T05:00-10T06:00 ", "c": "10T03:00-10T04:00 ", "d": "10T03:00-10T04:00 "}
	for p, err := range Split([]byte(in)) {
		if err != nil {
			t.Fatal(err)
		}
		o, err := Read(p.Class, p.Raw)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range o.Calendar.Events {
			got += e.Start.UTC().Format("02T15:04") + "-" + e.End.UTC().Format("02T15:04") + " "
		}
		if got != want[p.UID] {
			t.Errorf("%s: %s, want %s\n%s", p.UID, got, want[p.UID], p.Raw)
		}
	}
}

func TestAFileInUTF16(t *testing.T) {
	text := strings.Replace(string(crlf(lunch)), "Lunch", "Käse 🧀", 1)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		raw := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(text)) {
			raw = order.AppendUint16(raw, u)
		}
		for p, err := range Split(raw) {
			if err != nil || string(p.Raw) != text {
				t.Errorf("%v\n%s", err, p.Raw)
			}
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(crlf(lunch))
	f.Add([]byte("BEGIN:VCARD\nVERSION:2.1\nAGENT:\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD\nBEGIN:VEVENT\nUID:1\nBEGIN:VTODO\nUID:1"))
	for _, tt := range broken {
		if len(tt.in) < 2000 {
			f.Add([]byte(tt.in + tt.in))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := 0
		for p, err := range Split(raw) {
			n++
			if err != nil {
				continue
			}
			o, err := Read(p.Class, p.Raw)
			if err != nil {
				t.Fatalf("%v\n%s", err, p.Raw)
			}
			if string(o.Raw) != string(p.Raw) || o.Facts.UID != p.UID {
				t.Fatalf("%q became %q", p.Raw, o.Raw)
			}
		}
		if n == 0 {
			t.Fatal("nothing was said of it")
		}
	})
}
