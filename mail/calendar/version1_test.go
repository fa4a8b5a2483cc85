package calendar

import (
	"strings"
	"testing"
)

// A calendar of 1.0, as telephones wrote it.
func TestVersionOneBecomesVersionTwo(t *testing.T) {
	const in = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nPRODID:x\r\nTZ:+01\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T080000Z\r\nDTEND:20260610T090000Z\r\n" +
		"SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:K=C3=A4se, Brot; =\r\nund=20Wein=0D=0ABring =3D\r\nDESCRIPTION;QUOTED-PRINTABLE:Gr=FC=DFe\r\n" +
		"CATEGORIES:MEETING;Work\r\nSTATUS:NEEDS ACTION\r\nTRANSP:1\r\nRRULE:W1 WE #3\r\nEXDATE:20260617T080000Z;20260701T080000Z\r\nDALARM:20260610T075000Z;;;Go\\; now\r\n" +
		"ATTENDEE;ROLE=ORGANIZER;STATUS=CONFIRMED:Ben Birch <ben@example.org>\r\nATTENDEE;STATUS=NEEDS ACTION;EXPECT=REQUEST:anna@example.org\r\nX-A:b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	o, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(o.Encode())
	if err != nil || again.Mended || !o.Mended || again.Root.Value("VERSION") != "2.0" {
		t.Fatalf("%v\n%s", err, o.Encode())
	}
	for _, o := range []*Object{o, again} {
		e := o.Master()
		if e.Summary != "Käse, Brot; und Wein\nBring =" || e.Description != "Grüße" || strings.Join(e.Categories, "|") != "MEETING|Work" || !e.Transparent || e.Status != "NEEDS-ACTION" {
			t.Errorf("%+v", e)
		}
		if e.Organizer == nil || e.Organizer.Address != "ben@example.org" || e.Organizer.Name != "Ben Birch" || len(e.Attendees) != 1 || e.Attendees[0].Address != "anna@example.org" || e.Attendees[0].Status != "NEEDS-ACTION" {
			t.Errorf("%+v", e)
		}
		var got []string
		for at := range e.Occurrences() {
			got = append(got, at.Format("0102"))
		}
		if strings.Join(got, " ") != "0610 0624" {
			t.Error(got)
		}
		if d, ok := e.Reminder(); !ok || d.Minutes() != 10 || e.Alarms[0].Summary != "Go; now" {
			t.Errorf("%+v", e.Alarms)
		}
	}
}

func TestRulesOfVersionOne(t *testing.T) {
	for in, want := range map[string]string{
		"D1 #0": "FREQ=DAILY", "D2": "FREQ=DAILY;INTERVAL=2;COUNT=2", "W2 MO WE #10": "FREQ=WEEKLY;INTERVAL=2;COUNT=10;BYDAY=MO,WE",
		"D1 20261224T000000Z": "FREQ=DAILY;UNTIL=20261224T000000Z", "D1 20261224": "FREQ=DAILY;UNTIL=20261224",
		"MP1 1+ TU 1- FR #3": "FREQ=MONTHLY;COUNT=3;BYDAY=1TU,-1FR", "MP6 2+ MO TU #5": "FREQ=MONTHLY;INTERVAL=6;COUNT=5;BYDAY=2MO,2TU",
		"MD1 2 15 #0": "FREQ=MONTHLY;BYMONTHDAY=2,15", "MD1 LD #5": "FREQ=MONTHLY;COUNT=5;BYMONTHDAY=-1", "MD1 3- #0": "FREQ=MONTHLY;BYMONTHDAY=-3",
		"YM1 6 7 #8": "FREQ=YEARLY;COUNT=8;BYMONTH=6,7", "YD3 1 100 200 #4": "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
		"": "", "M5 #3": "", "W0 MO": "", "W1 XX": "", "D1 #x": "", "MD1 99": "", "D99999": "", "YM1 13": "", "MP1 MO": "",
	} {
		r, err := parseRule1(in)
		got := ""
		if err == nil {
			got = r.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzVersionOne(f *testing.F) {
	for _, s := range []string{"W2 MO WE #10", "MP1 1+ TU 1- FR #3", "MD1 LD #5", "YD3 1 100 #4", "D1 20261224T000000Z"} {
		f.Add(s, "K=C3=A4se=\r\n, Brot=0D=0A", "20260610T075000Z;;;Go")
	}
	f.Fuzz(func(t *testing.T, rule, text, alarm string) {
		check(t, []byte("BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:20260610T080000Z\r\nSUMMARY;QUOTED-PRINTABLE:"+text+"\r\nRRULE:"+rule+"\r\nDALARM:"+alarm+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	})
}
