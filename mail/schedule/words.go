package schedule

import (
	"fmt"
	"strings"
	"time"

	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/wire"
)

// Every scheduling message says in words what it is about, for people whose
// program knows no meetings: when, in the zone that the organizer has chosen,
// where, and what the organizer wrote.

// maxWords bounds a description in a message, in bytes.
const maxWords = 64 << 10

// subject is the subject of a message about an event.
func subject(prefix string, e *calendar.Event) string {
	s := wire.OneLine(e.Summary)
	if s == "" {
		s = "(no subject)"
	}
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "")
	}
	return prefix + s
}

// facts are the lines about when and where an event is.
func facts(e *calendar.Event) string {
	var b strings.Builder
	if when := whenWords(e); when != "" {
		b.WriteString("When: " + when + "\n")
	}
	if place := e.Place().Name; place != "" {
		b.WriteString("Where: " + wire.OneLine(place) + "\n")
	}
	if e.Organizer != nil {
		b.WriteString("Organizer: " + personWords(e.Organizer) + "\n")
	}
	return b.String()
}

func personWords(p *calendar.Person) string {
	name, address := wire.OneLine(p.Name), wire.OneLine(p.Address)
	if name == "" || strings.EqualFold(name, address) {
		return address
	}
	return name + " <" + address + ">"
}

// The forms of days and times in words.
const (
	dayWords   = "Monday, 2 January 2006"
	clockWords = "15:04"
)

// whenWords says when an event is, in its own zone.
func whenWords(e *calendar.Event) string {
	if e.Start.IsZero() {
		return ""
	}
	start, end := e.Start.Time, e.End.Time
	words := start.Format(dayWords)
	switch {
	case e.AllDay():
		if last := end.AddDate(0, 0, -1); last.After(start) {
			words += " – " + last.Format(dayWords)
		} else {
			words += " (all day)"
		}
	case sameDay(start, end.In(start.Location())):
		words += ", " + start.Format(clockWords) + "–" + end.In(start.Location()).Format(clockWords) + zoneWords(&e.Start)
	default:
		end = end.In(start.Location())
		words += ", " + start.Format(clockWords) + " – " + end.Format(dayWords) + ", " + end.Format(clockWords) + zoneWords(&e.Start)
	}
	if rule := ruleWords(e); rule != "" {
		words += "\nRepeats: " + rule
	}
	return words
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

func zoneWords(t *calendar.Time) string {
	switch {
	case t.Floating:
		return ""
	case t.TZID == "":
		return " UTC"
	}
	name, _ := t.Zone()
	if strings.EqualFold(name, t.TZID) || name == "" {
		return " " + wire.OneLine(t.TZID)
	}
	return " " + name + " (" + wire.OneLine(t.TZID) + ")"
}

// ruleWords says how an event recurs.
func ruleWords(e *calendar.Event) string {
	r := e.Rule
	switch {
	case e.RecurrenceID != nil, !e.Recurs():
		return ""
	case r == nil:
		return "on several days"
	}
	units := map[calendar.Freq][2]string{
		calendar.Hourly: {"every hour", "hours"}, calendar.Daily: {"every day", "days"}, calendar.Weekly: {"every week", "weeks"},
		calendar.Monthly: {"every month", "months"}, calendar.Yearly: {"every year", "years"},
	}
	words := units[r.Freq][0]
	if r.Interval > 1 {
		words = fmt.Sprintf("every %d %s", r.Interval, units[r.Freq][1])
	}
	if r.Freq == calendar.Weekly && len(r.ByDay) > 0 {
		var days []string
		for _, d := range r.ByDay {
			days = append(days, d.Day.String())
		}
		words += " on " + strings.Join(days, ", ")
	}
	switch {
	case r.Count > 0:
		words += fmt.Sprintf(", %d times", r.Count)
	case !r.Until.IsZero():
		words += " until " + r.Until.Format("2 January 2006")
	}
	return words
}

// describe are the bodies of a message about an event: a first line, the facts,
// and what the organizer wrote. The HTML is empty where that was plain text.
func describe(first string, e *calendar.Event) (text, html string) {
	head := facts(e)
	if first != "" {
		head = first + "\n\n" + head
	}
	text = head
	if d := cutWords(e.Description); strings.TrimSpace(d) != "" {
		text += "\n" + d
		if !strings.HasSuffix(d, "\n") {
			text += "\n"
		}
	}
	if e.HTML != "" && len(e.HTML) <= maxWords {
		html = message.TextToHTML(head) + e.HTML
	}
	return text, html
}

func cutWords(s string) string {
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…\n"
	}
	return s
}
