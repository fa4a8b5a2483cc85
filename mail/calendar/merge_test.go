package calendar

import (
	"fmt"
	"testing"
)

// In one calendar each event is at the time that it has in its own, whatever the
// others call their zones.
func TestCalendarsInOneKeepTheirTimes(t *testing.T) {
	calendar := func(id, offset string) string {
		s := "BEGIN:VCALENDAR\r\n"
		if offset != "" {
			s += "BEGIN:VTIMEZONE\r\nTZID:" + id + "\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:" + offset + "\r\nTZOFFSETTO:" + offset + "\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
		}
		return s + "BEGIN:VEVENT\r\nDTSTART;TZID=" + id + ":20260610T100000\r\nBEGIN:VALARM\r\nX-AT;TZID=" + id + ":20260610T100000\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	all := []string{
		calendar("Office", ""), calendar("Office", "+0300"), calendar("Office", "+0500"), calendar("Office", "+0300"), calendar("Office", ""),
		calendar("Europe/Berlin", ""), calendar("Europe/Berlin", "+0900"), calendar("Europe/Berlin", "+0800"), calendar("GMT+1", ""), calendar("GMT+1", "+0500"),
		calendar("Office (2)", "+0700"),
	}
	var m Merger
	one := &Component{Name: "VCALENDAR"}
	var want []string
	tell := func(e *Event) string { return fmt.Sprint(e.Start.UTC(), e.Start.Floating) }
	for _, text := range all {
		o, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, tell(o.Events[0]))
		one.Children = append(one.Children, m.Take(o.Root)...)
	}
	o, err := Parse(one.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range o.Events {
		if got := tell(e); got != want[i] {
			t.Errorf("%d: %s, want %s; %s", i, got, want[i], e.Start.TZID)
		}
		if at := e.Component.Children[0].Prop("X-AT").Param("TZID"); at != e.Start.TZID {
			t.Errorf("%d: within it is %s", i, at)
		}
	}
	zones := 0
	for _, c := range one.Children {
		if c.Name == "VTIMEZONE" {
			zones++
		}
	}
	if zones != 5 {
		t.Errorf("%d definitions", zones)
	}
}

// FuzzMerger puts any two calendars into one: each event stays at its time.
func FuzzMerger(f *testing.F) {
	f.Add([]byte(defined("Office", "Office")), []byte(defined(`"Office"`, `"Office"`)))
	f.Add([]byte(defined("GMT+1", "GMT+1")), []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=GMT+1:20260610T100000\n"))
	f.Add([]byte(defined("a (2)", "a")), []byte(defined("a", "a (2)")))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var m Merger
		one := &Component{Name: "VCALENDAR"}
		var want []string
		for _, raw := range [][]byte{a, b} {
			roots, _, err := Components(raw)
			if err != nil || len(roots) > 20 {
				return
			}
			for _, root := range roots {
				for _, e := range Of(root).Events {
					want = append(want, fmt.Sprint(e.Start.UTC(), e.Start.Floating, e.Start.Date))
				}
				one.Children = append(one.Children, m.Take(root)...)
			}
		}
		events := Of(one).Events
		if len(events) != len(want) {
			t.Fatalf("%d events of %d", len(events), len(want))
		}
		for i, e := range events {
			if got := fmt.Sprint(e.Start.UTC(), e.Start.Floating, e.Start.Date); got != want[i] {
				t.Fatalf("%s, not %s; %q\n%s", got, want[i], e.Start.TZID, one.Append(nil))
			}
		}
	})
}

// Many calendars that call their zones the same cost no more than many others.
func BenchmarkMerger(b *testing.B) {
	var all []*Component
	for i := range 5000 {
		zone := &Component{Name: "VTIMEZONE", Props: []Property{{Name: "TZID", Value: "Office"}, {Name: "X", Value: fmt.Sprint(i)}}}
		all = append(all, &Component{Name: "VCALENDAR", Children: []*Component{zone}})
	}
	for b.Loop() {
		var m Merger
		for _, c := range all {
			if len(m.Take(c.Clone())) != 1 {
				b.Fatal("a zone is lost")
			}
		}
	}
}
