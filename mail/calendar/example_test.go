package calendar_test

import (
	"fmt"
	"time"

	"martlet/mail/calendar"
)

func ExampleParse() {
	o, err := calendar.Parse([]byte("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\n" +
		"DTSTART;TZID=W. Europe Standard Time:20261021T100000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n" +
		"ORGANIZER:mailto:ben@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := o.Master()
	for t := range e.Occurrences() { // ten o'clock stays ten o'clock
		fmt.Println(t.UTC().Format(time.RFC3339))
	}
	reply := o.Reply(&calendar.Answer{From: calendar.Person{Address: "anna@example.org"}, Status: "ACCEPTED", Now: time.Unix(0, 0)})
	fmt.Println(reply.Method, reply.Master().Attendees[0].Status)
	// Output:
	// 2026-10-21T08:00:00Z
	// 2026-10-28T09:00:00Z
	// 2026-11-04T09:00:00Z
	// REPLY ACCEPTED
}

func ExampleTimeZone_Location() {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err := calendar.ParseTimeZone(calendar.TimeZoneBlob(zone, 2026))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := z.Location(2026)
	fmt.Println(z.Standard.Name, found, err)
	// Output: W. Europe Standard Time Europe/Berlin <nil>
}
