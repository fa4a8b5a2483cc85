// Package random writes recurrence rules and events at random, for tests that hold
// one way to read them against another. It knows of no package that reads them.
// Only tests may import it.
package random

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"
)

// Rule writes a recurrence rule, most of them as calendars have them; with hourly
// some that come round several times a day.
func Rule(rnd *rand.Rand, hourly bool) string {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	freq := pick("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
	if hourly && rnd.IntN(4) == 0 {
		freq = "HOURLY"
	}
	rule := "FREQ=" + freq + ";INTERVAL=" + fmt.Sprint(1+rnd.IntN(4)) + pick("", "", ";COUNT=12", ";COUNT=300", ";UNTIL=20310517T100000Z", ";UNTIL=20290101T093000Z")
	rule += pick("", "", ";BYMONTH=1,6", ";BYMONTH=2")
	days := ";BYDAY=" + pick("MO", "TU,TH", "SA,SU", "MO,TU,WE,TH,FR", "FR")
	if freq == "MONTHLY" || freq == "YEARLY" {
		days = pick(days, ";BYDAY=1MO", ";BYDAY=-1SU", ";BYDAY=2TU,4TU", ";BYMONTHDAY=13", ";BYMONTHDAY=1,-1", days+";BYSETPOS=-1", days+";BYSETPOS=1,2")
	}
	if freq == "YEARLY" && !strings.Contains(rule, "BYMONTH") {
		days = pick(days, ";BYYEARDAY=1,-1,100", ";BYWEEKNO=20,30;BYDAY=TU", ";BYWEEKNO=10;BYDAY=MO,SU")
	}
	if rnd.IntN(4) > 0 {
		rule += days
	}
	if hourly && rnd.IntN(3) == 0 && !strings.Contains(rule, "SETPOS") {
		rule += pick(";BYHOUR=9,17", ";BYMINUTE=0,30", ";BYHOUR=8;BYMINUTE=15,45", ";BYSECOND=0,1")
	}
	return rule + pick("", ";WKST=SU")
}

// Event writes a calendar with an event of UID 1, with all that makes it come
// round, and some of its occurrences moved or cancelled. It is in one of the zones:
// a TZID, or one of date, floating and UTC. follow ranges over the wall clocks of
// a rule, none of one that cannot be followed.
func Event(rnd *rand.Rand, follow func(rule string, start time.Time) iter.Seq[time.Time], zones ...string) string {
	start := time.Date(2024+rnd.IntN(4), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(28), rnd.IntN(24), 30*rnd.IntN(2), 0, 0, time.UTC)
	form, param := "20060102T150405", ""
	switch zone := zones[rnd.IntN(len(zones))]; zone {
	case "date":
		form, param = "20060102", ";VALUE=DATE"
	case "floating":
	case "UTC":
		form += "Z"
	default:
		param = ";TZID=" + zone
	}
	at := func(t time.Time) string { return param + ":" + t.Format(form) + "\r\n" }
	later := func() time.Time { return start.AddDate(0, 0, rnd.IntN(800)) }
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART" + at(start))
	switch rnd.IntN(4) {
	case 0:
		b.WriteString("DTEND" + at(start.Add(time.Duration(1+rnd.IntN(50))*time.Hour+24*time.Hour)))
	case 1:
	default:
		b.WriteString("DURATION:P" + fmt.Sprint(rnd.IntN(2)) + "DT" + fmt.Sprint(1+rnd.IntN(5)) + "H\r\n")
	}
	rules := []int{0, 1, 1, 1, 1, 1, 1, 2}[rnd.IntN(8)]
	var text []string
	for range rules {
		text = append(text, Rule(rnd, form[0] == '2' && len(form) > 8))
		b.WriteString("RRULE:" + text[len(text)-1] + "\r\n")
	}
	if rnd.IntN(8) == 0 {
		b.WriteString("EXRULE:FREQ=WEEKLY;INTERVAL=3\r\n")
	}
	for range rnd.IntN(4) {
		b.WriteString("RDATE" + at(later()))
	}
	if len(form) > 8 && param == "" && rnd.IntN(3) == 0 {
		b.WriteString("RDATE;VALUE=PERIOD:" + later().Format(form) + "/PT" + fmt.Sprint(1+rnd.IntN(90)) + "H\r\n")
	}
	var some []time.Time
	for _, s := range text {
		skip, n := rnd.IntN(50), 0
		for t := range follow(s, start) {
			if n++; n > skip {
				some = append(some, t)
			}
			if n > skip+4 {
				break
			}
		}
	}
	rnd.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	for i, t := range some {
		if i < 2 {
			b.WriteString("EXDATE" + at(t))
		}
	}
	b.WriteString("END:VEVENT\r\n")
	for i, t := range some {
		if i >= 2 && i <= 4 {
			appendMoved(&b, rnd, i, t, at)
		}
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// appendMoved writes what stands for the occurrence at t.
func appendMoved(b *strings.Builder, rnd *rand.Rand, i int, t time.Time, at func(time.Time) string) {
	to := t.Add(time.Duration(rnd.IntN(400)-200) * time.Hour)
	after := ""
	if rnd.IntN(6) == 0 {
		after = ";RANGE=THISANDFUTURE"
	}
	b.WriteString("BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID" + after + at(t) + "DTSTART" + at(to) + "DURATION:P2D\r\n")
	switch i {
	case 3:
		b.WriteString("STATUS:CANCELLED\r\n")
	case 4:
		b.WriteString("TRANSP:TRANSPARENT\r\n")
	}
	b.WriteString("END:VEVENT\r\n")
}
