package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A rule that seldom comes round is not followed for ever.
func TestARuleLooksAtSoManyDaysAndNoMore(t *testing.T) {
	for _, text := range []string{
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=FR", "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=MO;BYMONTH=1", "FREQ=YEARLY;BYYEARDAY=366",
		"FREQ=WEEKLY;BYMONTH=2;BYDAY=" + strings.TrimSuffix(strings.Repeat("53MO,", maxList-1), ",") + ",SA;BYSETPOS=2", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU",
	} {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		last := start
		for o := range r.From(start) {
			last = o
		}
		if days := int(last.Sub(start) / (24 * time.Hour)); days > maxLooked+366 {
			t.Errorf("%s: followed to %v", text, last)
		}
	}
}

// A list that names a number many times asks no more of each day.
func TestLongListsOfARule(t *testing.T) {
	short, err := ParseRule("FREQ=YEARLY;BYMONTH=1,3;BYMONTHDAY=-1,2;BYDAY=MO,TU")
	if err != nil {
		t.Fatal(err)
	}
	long, err := ParseRule("FREQ=YEARLY;BYMONTH=1,3;BYMONTHDAY=" + strings.Repeat("2,", maxList-1) + "-1;BYDAY=" + strings.Repeat("MO,", maxList-1) + "TU")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	var a, b []time.Time
	for o := range short.From(start) {
		if a = append(a, o); len(a) == 50 {
			break
		}
	}
	for o := range long.From(start) {
		if b = append(b, o); len(b) == 50 {
			break
		}
	}
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// The definitions of zones are followed up to a number of all of them together.
func TestDefinitionsOfZonesAreBounded(t *testing.T) {
	zone := func(id string, n int, rule string) string {
		return "BEGIN:VTIMEZONE\r\nTZID:" + id + "\r\n" + strings.Repeat("BEGIN:STANDARD\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0123\r\nDTSTART:19700101T000000\r\n"+rule+"END:STANDARD\r\n", n) + "END:VTIMEZONE\r\n"
	}
	const never = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2\r\n"
	event := func(id string) string {
		return "BEGIN:VEVENT\r\nDTSTART;TZID=" + id + ":20260101T090000\r\nEND:VEVENT\r\n"
	}
	o, err := Parse([]byte("BEGIN:VCALENDAR\r\n" + zone("one", maxObservances-1, never) + zone("two", 2, never) + zone("three", 1, never) + event("one") + event("two") + event("three") + "END:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, known := range []bool{true, true, false} {
		if e := o.Events[i]; e.Start.Floating == known {
			t.Errorf("zone %d: known %v", i+1, !known)
		}
	}
}

// Two seasons of one offset are none: nothing is looked for until the end of time.
func TestSeasonsOfOneOffset(t *testing.T) {
	o, err := Parse([]byte(strings.ReplaceAll(defined("Office", "Office"), "+0200", "+0100")))
	if err != nil {
		t.Fatal(err)
	}
	at := o.Events[0].Start
	if at.Floating || at.UTC().Hour() != 9 {
		t.Errorf("%v", at)
	}
	if c := DescribeZone("Office", at.Location(), 2026); len(c.Children) != 1 {
		t.Errorf("%s", c.Append(nil))
	}
	z := ZoneOf(at.Location(), 2026)
	if z.Standard.Start.Month, z.Standard.Start.Day = 10, 5; z.Bias != -60 {
		t.Errorf("%+v", z)
	}
	z.Daylight.Start.Month, z.Daylight.Start.Day = 3, 5
	for _, year := range []int{1970, 2026, 2200} {
		loc, err := z.define(year)
		if err != nil {
			t.Fatal(err)
		}
		if again := ZoneOf(loc, year); again.Bias != -60 || !again.constant() {
			t.Errorf("%d: %+v", year, again)
		}
		if loc, err = z.Location(year); err != nil {
			t.Fatal(err)
		}
		if _, offset := time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC).In(loc).Zone(); offset != 3600 {
			t.Errorf("%d: %v", year, loc)
		}
	}
}

// Of definitions only so many are looked at, those that define nothing, too.
func TestEmptyDefinitionsOfZonesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for i := range maxComponents - 10 {
		fmt.Fprintf(&b, "BEGIN:VTIMEZONE\r\nTZID:a/b/c/d/%d\r\nX-LIC-LOCATION:e/f/g/h/%d\r\nEND:VTIMEZONE\r\n", i, i)
	}
	b.WriteString("BEGIN:VTIMEZONE\r\nTZID:Office\r\nX-LIC-LOCATION:Europe/Berlin\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Office:20260101T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	o, err := Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if !o.Events[0].Start.Floating {
		t.Error("all are looked at")
	}
}

// Of zones that nobody knows only so many are looked for.
func TestUnknownZonesAreNotLookedForWithoutEnd(t *testing.T) {
	z := zones{}
	for i := range 2 * maxZones {
		if _, err := z.find(fmt.Sprintf("Nowhere/%d", i)); err == nil {
			t.Fatal("found")
		}
	}
	if len(z) != maxZones {
		t.Errorf("%d zones are remembered", len(z))
	}
	if _, err := z.find("Europe/Berlin"); err == nil {
		t.Error("one more is looked for")
	}
}

// FuzzOccurrences expands any rule: what comes is in order, and it ends.
func FuzzOccurrences(f *testing.F) {
	for _, s := range []string{"FREQ=YEARLY;BYDAY=-53MO", "FREQ=DAILY;INTERVAL=9999;COUNT=999999", "FREQ=WEEKLY;WKST=SU;BYDAY=SA;UNTIL=99991231", "FREQ=MONTHLY;BYSETPOS=-366;BYMONTHDAY=-31", "FREQ=YEARLY;BYWEEKNO=-53;BYMONTH=12", "FREQ=YEARLY;BYYEARDAY=-366,366"} {
		f.Add(s, "19960229T235959", "20240101,19960229T235959")
	}
	f.Fuzz(func(t *testing.T, rule, start, dates string) {
		o, err := Parse([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:" + start + "\r\nRRULE:" + rule + "\r\nRDATE:" + dates + "\r\nEXDATE:" + dates + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		if err != nil || len(o.Events) == 0 {
			return
		}
		var last Time
		n := 0
		for at := range o.Events[0].Occurrences() {
			if n++; n > 1 && at.Before(last.Time) {
				t.Fatalf("%v after %v", at, last)
			}
			last = at
		}
		if n > maxOccurrences+maxDates {
			t.Errorf("%d occurrences", n)
		}
	})
}
