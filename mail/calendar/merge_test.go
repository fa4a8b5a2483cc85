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
