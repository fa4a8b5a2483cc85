package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// defined is a calendar with an event that begins on a Wednesday in July, at ten
// by the clock of a zone that is defined as Central Europe's.
func defined(id, param string, more ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:" + id + "\r\n" + strings.Join(more, "") +
		"BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=" + param + ":20260708T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// A name that only tells an offset tells less than a definition with a summer.
func TestADefinitionIsBetterThanANameThatTellsAnOffset(t *testing.T) {
	for _, tt := range [][2]string{
		{"GMT+01:00", `"GMT+01:00"`}, {"+0100", "+0100"}, {"GMT", "GMT"}, {"UTC", "UTC"}, {"Etc/GMT-1", "Etc/GMT-1"}, {"CET", "CET"}, {"EST", "EST"}, {"HST", "HST"},
		{`"Office"`, `"Office"`}, {`"Office"`, "Office"}, {"Office", `"Office"`}, {`GMT +0100 (Standard) / GMT +0200 (Daylight)`, `"GMT +0100 (Standard) / GMT +0200 (Daylight)"`},
		{"(UTC+01:00) Amsterdam, Berlin", `"(UTC+01:00) Amsterdam, Berlin"`}, {`(UTC+01:00) Amsterdam\, Berlin`, `"(UTC+01:00) Amsterdam, Berlin"`},
		{`Office\; West`, `"Office; West"`}, {"tzone://Microsoft/Custom", `"tzone://Microsoft/Custom"`}, {"Customized Time Zone", "Customized Time Zone"},
	} {
		o, err := Parse([]byte(defined(tt[0], tt[1])))
		if err != nil {
			t.Fatal(err)
		}
		if at := o.Events[0].Start; at.Floating || at.UTC().Hour() != 8 {
			t.Errorf("%s, %s: %v, floating: %v", tt[0], tt[1], at.Time, at.Floating)
		}
	}
}

// What is nothing but another way to write a name is no zone: each would be
// remembered for itself.
func TestAZoneHasNoOtherPaths(t *testing.T) {
	for _, name := range []string{"Europe//Berlin", "Europe/./Berlin", "./Europe/Berlin", "Europe/Berlin/", "Europe/Berlin/.", "Europe/../Europe/Berlin", "x/Europe//Berlin", "x/Europe/././Berlin"} {
		loc, err := LoadZone(name)
		if err == nil && loc.String() != "Europe/Berlin" {
			t.Errorf("%s is %v", name, loc)
		}
		if _, known := loaded.Load(name); known {
			t.Errorf("%s is remembered", name)
		}
	}
}

// The end of a zone's rule is in UTC, on its own clock where it says so, or a day.
func TestTheEndOfAZonesRule(t *testing.T) {
	for _, until := range []string{"20061029T060000Z", "20061029T020000", "20061029"} {
		text := "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:Office\r\n" +
			"BEGIN:DAYLIGHT\r\nDTSTART:19870405T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT\r\n" +
			"BEGIN:STANDARD\r\nDTSTART:19871025T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=" + until + "\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\n" +
			"END:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Office:20061115T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		o, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if at := o.Events[0].Start; at.UTC().Hour() != 15 {
			t.Errorf("until %s: %v", until, at.UTC())
		}
	}
}

func TestEndsThatAreFound(t *testing.T) {
	for lines, want := range map[string]string{
		"DTSTART;VALUE=DATE:20260610\nDTEND;VALUE=DATE:20260610":                      "day 24h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDTEND;VALUE=DATE:20260601":                      "day 24h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDTEND;VALUE=DATE:20260612":                      "day 48h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDTEND:20260611T120000Z":                         "day 48h0m0s", // a day that has begun
		"DTSTART;VALUE=DATE:20260610\nDTEND;TZID=Asia/Tokyo:20260612T000000":          "day 48h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDURATION:PT90M":                                 "day 24h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDURATION:P0D":                                   "day 24h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDURATION:PT0S":                                  "day 24h0m0s",
		"DTSTART;VALUE=DATE:20260610\nDURATION:P2D":                                   "day 48h0m0s",
		"DTSTART:20260610T100000Z\nDTEND:20260610T240000Z":                            "14h0m0s",
		"DTSTART:20260610T100000Z\nDTEND:20260610T100000Z":                            "0s",
		"DTSTART:20260610T100000Z\nDURATION:P1DT1H":                                   "25h0m0s",
		"DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D":                    "23h0m0s", // a day is nominal (RFC 5545 3.3.6)
		"DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H":                  "24h0m0s",
		"DTSTART:20260610T100000Z\nDTEND:20260610T090000Z\nDURATION:PT1H":             "1h0m0s",
		"DTSTART:20161231T235960Z\nDTEND:20170101T000059Z":                            "1m0s", // from a leap second
		"DTSTART:20260610T100000Z\nDURATION:P99999999999999999999W":                   "0s",
		"DTSTART:20260610T100000Z\nDURATION:PT2635249153387078803H":                   "0s",
		"DTSTART:20260610T100000Z\nDTEND:nonsense\nDURATION:PT1H":                     "1h0m0s",
		"DTSTART;TZID=Asia/Tokyo:20260610T100000\nDTEND;VALUE=DATE:20260611":          "14h0m0s", // midnight where it is
		"DTSTART;TZID=America/New_York:20260610T200000\nDTEND;VALUE=DATE:20260611":    "4h0m0s",
		"DTSTART;TZID=Asia/Tokyo:20260610T100000\nDTEND:20260610T110000":              "1h0m0s", // of no zone: of the start's
		"DTSTART;TZID=Asia/Tokyo:20260610T100000\nDTEND;TZID=Nowhere:20260610T110000": "1h0m0s",
		"DTSTART:20260610T100000\nDTEND:20260610T110000Z":                             "1h0m0s",
	} {
		o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		e := o.Events[0]
		got := fmt.Sprint(e.End.Sub(e.Start.Time))
		if e.End.Date {
			got = "day " + got
		}
		if got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
}

// What stands for an occurrence that cannot be told is never taken for the series.
func TestTheMasterIsTheOneThatStandsForNoOccurrence(t *testing.T) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID:nonsense\r\nDTSTART:20260611T120000Z\r\nEND:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T100000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m := o.Master(); !m.Recurs() {
		t.Errorf("the master is %v", m.Start)
	}
}

// Two events that stand for one occurrence are one: the later state.
func TestAnOccurrenceThatIsThereTwiceIsShownOnce(t *testing.T) {
	one := func(lines string) string { return "BEGIN:VEVENT\r\nUID:1\r\n" + lines + "\r\nEND:VEVENT\r\n" }
	text := "BEGIN:VCALENDAR\r\n" + one("DTSTART;TZID=Europe/Berlin:20260610T100000\r\nRRULE:FREQ=DAILY;COUNT=3") +
		one("RECURRENCE-ID:20260611T080000Z\r\nSEQUENCE:2\r\nDTSTART:20260611T120000Z") +
		one("RECURRENCE-ID;TZID=Europe/Berlin:20260611T100000\r\nSEQUENCE:1\r\nDTSTART:20260611T130000Z") +
		one("RECURRENCE-ID:20260612T080000Z\r\nDTSTART:20260612T120000Z") + one("RECURRENCE-ID:20260612T080000Z\r\nDTSTART:20260612T130000Z") + "END:VCALENDAR\r\n"
	o, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for at := range o.Occurrences(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), nil) {
		got += at.Start.UTC().Format("2T15 ")
	}
	if got != "10T08 11T12 12T13 " {
		t.Error(got)
	}
}

// A long text costs what it takes and no more.
func TestParametersAreBounded(t *testing.T) {
	for name, line := range map[string]string{
		"parameters": "X" + strings.Repeat(";A=", maxParams) + ":",
		"values":     "X" + strings.Repeat(";A="+strings.Repeat(",", maxList-1), maxParams) + ":",
	} {
		text := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Repeat(line+"\r\n", 20<<20/len(line)) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		begun := time.Now()
		if _, err := Parse([]byte(text)); err != ErrTooLarge {
			t.Errorf("%s: %v after %s", name, err, time.Since(begun))
		}
	}
}
