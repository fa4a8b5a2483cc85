package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Whatever is made to cost much costs little: to be read, and to be looked at in
// many windows.
func BenchmarkBombs(b *testing.B) {
	event := func(lines string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20000110T100000\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n"
	}
	var moved, dates strings.Builder
	for i := range 6000 {
		at := time.Date(2000, 1, 11+i, 9, 0, 0, 0, time.UTC).Format("20060102T150405Z")
		fmt.Fprintf(&moved, "\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE:%s\nDTSTART:20000101T100000Z", at)
		fmt.Fprintf(&dates, "\nRDATE;VALUE=PERIOD:%s/P36000D\nEXDATE:%s", at, at)
	}
	for _, bomb := range []struct{ name, text string }{
		{"moves", event("RRULE:FREQ=DAILY" + moved.String())},
		{"dates", event("RRULE:FREQ=DAILY" + dates.String())},
		{"length", event("DURATION:P36000D\nRRULE:FREQ=DAILY")},
		{"hours", event("RRULE:FREQ=HOURLY;BYMINUTE=" + strings.TrimSuffix(strings.Repeat("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,", 4), ",") + ";COUNT=99999999")},
		{"never", event(strings.Repeat("RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTHDAY=15;BYSETPOS=-366\n", 10))},
		{"seldom", event(strings.Repeat("RRULE:FREQ=WEEKLY;BYMONTH=2;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYMONTHDAY=30\n", 10))},
		{"count", event("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;COUNT=99999999")},
		{"exceptions by rule", event("RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY")},
	} {
		b.Run(bomb.name, func(b *testing.B) {
			for b.Loop() {
				o, err := Parse([]byte(bomb.text))
				if err != nil {
					b.Fatal(err)
				}
				o.Series().Ends(time.UTC)
				from := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
				n := 0
				for range o.Occurrences(from, from.AddDate(0, 2, 0), nil) {
					if n++; n > 10_000 {
						break
					}
				}
			}
		})
	}
}
