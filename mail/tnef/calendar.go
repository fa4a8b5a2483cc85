package tnef

import (
	"fmt"
	"strings"
	"time"
)

// CalendarMethod is the iTIP method of a message about a meeting, "" for others
// (RFC 5546 1.4).
func (m *Message) CalendarMethod() string {
	if m.Meeting == nil {
		return ""
	}
	switch strings.TrimPrefix(m.Class, "IPM.Schedule.Meeting.") {
	case "Request":
		return "REQUEST"
	case "Canceled":
		return "CANCEL"
	case "Resp.Pos", "Resp.Neg", "Resp.Tent":
		return "REPLY"
	}
	return ""
}

// Calendar writes the meeting as iCalendar (RFC 5545, MS-OXCICAL 2.1); nil for a
// message about none. A pattern that iCalendar does not have, and one without
// a time zone, is left out.
func (m *Message) Calendar() []byte {
	method := m.CalendarMethod()
	if method == "" {
		return nil
	}
	return m.calendar(method)
}

// ForwardedCalendar writes the meeting that a notice of its forwarding is about;
// nil for another message. There is no method for that.
func (m *Message) ForwardedCalendar() []byte {
	if m.Meeting == nil || !IsForwarded(m.Class) {
		return nil
	}
	return m.calendar("")
}

func (m *Message) calendar(method string) []byte {
	w := &icalWriter{}
	w.line("BEGIN:VCALENDAR")
	w.line("PRODID:-//Martlet//winmail.dat//EN")
	w.line("VERSION:2.0")
	if method != "" {
		w.line("METHOD:" + method)
	}
	mt := m.Meeting
	zoned := mt.Recurrence != nil && mt.Zone != nil && !mt.AllDay
	if zoned {
		w.zone(mt.Zone)
	}
	w.line("BEGIN:VEVENT")
	w.line("UID:" + escape(mt.UID))
	w.line(fmt.Sprintf("SEQUENCE:%d", mt.Sequence))
	stamp := m.Sent
	if stamp.IsZero() {
		stamp = mt.Start
	}
	w.line("DTSTAMP:" + utc(stamp))
	w.times(mt, zoned)
	if m.Subject != "" {
		w.line("SUMMARY:" + escape(m.Subject))
	}
	if mt.Location != "" {
		w.line("LOCATION:" + escape(mt.Location))
	}
	switch method {
	case "REPLY":
		w.reply(m)
	case "":
		w.organizer(m)
	default:
		w.people(m)
	}
	w.line("X-MICROSOFT-CDO-BUSYSTATUS:" + [...]string{"FREE", "TENTATIVE", "BUSY", "OOF"}[mt.Busy&3])
	if method == "CANCEL" {
		w.line("STATUS:CANCELLED")
	}
	if mt.Reminder >= 0 && method == "REQUEST" {
		w.line("BEGIN:VALARM")
		w.line("ACTION:DISPLAY")
		w.line("DESCRIPTION:REMINDER")
		w.line(fmt.Sprintf("TRIGGER;RELATED=START:-PT%dM", mt.Reminder))
		w.line("END:VALARM")
	}
	w.line("END:VEVENT")
	w.line("END:VCALENDAR")
	return []byte(w.b.String())
}

type icalWriter struct{ b strings.Builder }

// line writes a content line, folded (RFC 5545 3.1).
func (w *icalWriter) line(s string) {
	const width = 75
	n := 0
	for _, r := range s {
		size := len(string(r))
		if n+size > width {
			w.b.WriteString("\r\n ")
			n = 1
		}
		w.b.WriteRune(r)
		n += size
	}
	w.b.WriteString("\r\n")
}

// escape writes text (RFC 5545 3.3.11).
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
}

// param writes a quoted parameter's value, which may not have quotes.
func param(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' {
			return -1
		}
		return r
	}, s) + `"`
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// zoneName is what the zone of a recurring meeting is called in its calendar.
const zoneName = "Meeting"

// times writes when the meeting is.
func (w *icalWriter) times(m *Meeting, zoned bool) {
	switch {
	case m.AllDay:
		w.line("DTSTART;VALUE=DATE:" + m.day(m.Start))
		w.line("DTEND;VALUE=DATE:" + m.day(m.End))
	case zoned:
		w.line("DTSTART;TZID=" + zoneName + ":" + m.Zone.local(m.Start).Format("20060102T150405"))
		w.line("DTEND;TZID=" + zoneName + ":" + m.Zone.local(m.End).Format("20060102T150405"))
	default:
		w.line("DTSTART:" + utc(m.Start))
		w.line("DTEND:" + utc(m.End))
		return // one that recurs would drift by an hour
	}
	if r := m.Recurrence; r != nil {
		w.line("RRULE:" + r.rule(m))
		for _, d := range r.Deleted {
			if m.AllDay {
				w.line("EXDATE;VALUE=DATE:" + d.Format("20060102"))
			} else {
				start := m.Zone.local(m.Start)
				w.line("EXDATE;TZID=" + zoneName + ":" + d.Format("20060102") + start.Format("T150405"))
			}
		}
	}
}

// day is the date of an all-day meeting: midnight in the zone it was made in,
// which is known only if it recurs; noon lies on the same day nearly anywhere.
func (m *Meeting) day(t time.Time) string {
	if m.Zone != nil {
		return m.Zone.local(t).Format("20060102")
	}
	return t.Add(12 * time.Hour).Format("20060102")
}

// rule is the pattern as an RRULE.
func (r *Recurrence) rule(m *Meeting) string {
	s := fmt.Sprintf("FREQ=%s;INTERVAL=%d", r.Frequency, r.Interval)
	names := [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
	if r.Days != 0 {
		var days []string
		for i, name := range names {
			if r.Days>>i&1 != 0 {
				days = append(days, name)
			}
		}
		s += ";BYDAY=" + strings.Join(days, ",")
		if r.Nth > 0 {
			n := r.Nth
			if n == 5 {
				n = -1
			}
			s += fmt.Sprintf(";BYSETPOS=%d", n)
		}
	}
	if r.MonthDay == 31 {
		s += ";BYMONTHDAY=-1"
	} else if r.MonthDay > 0 {
		s += fmt.Sprintf(";BYMONTHDAY=%d", r.MonthDay)
	}
	if r.Frequency == "YEARLY" {
		start := m.Start
		if m.Zone != nil {
			start = m.Zone.local(start)
		}
		s += fmt.Sprintf(";BYMONTH=%d", start.Month())
	}
	switch {
	case r.Count > 0:
		s += fmt.Sprintf(";COUNT=%d", r.Count)
	case !r.Until.IsZero() && m.AllDay:
		s += ";UNTIL=" + r.Until.Format("20060102")
	case !r.Until.IsZero():
		s += ";UNTIL=" + m.Zone.utc(r.Until.Add(24*time.Hour-time.Second)).Format("20060102T150405Z")
	}
	if r.FirstDay != 1 {
		s += ";WKST=" + names[r.FirstDay]
	}
	return s
}

// people writes organizer and attendees.
func (w *icalWriter) people(m *Message) {
	if m.From.Address != "" {
		w.line("ORGANIZER;CN=" + param(m.From.Name) + ":mailto:" + address(m.From.Address))
	}
	for i, list := range [][]Recipient{m.To, m.Cc} {
		role := [...]string{"REQ-PARTICIPANT", "OPT-PARTICIPANT"}[i]
		for _, r := range list {
			if r.Address == "" {
				continue
			}
			rsvp := "FALSE"
			if m.Meeting.ResponseRequested && m.CalendarMethod() == "REQUEST" {
				rsvp = "TRUE"
			}
			w.line("ATTENDEE;ROLE=" + role + ";PARTSTAT=NEEDS-ACTION;RSVP=" + rsvp + ";CN=" + param(r.Name) + ":mailto:" + address(r.Address))
		}
	}
}

// organizer writes whom a message about a meeting of theirs goes to.
func (w *icalWriter) organizer(m *Message) {
	for _, r := range m.To {
		if r.Address != "" {
			w.line("ORGANIZER;CN=" + param(r.Name) + ":mailto:" + address(r.Address))
			break
		}
	}
}

// reply writes who answers, and to whom.
func (w *icalWriter) reply(m *Message) {
	w.organizer(m)
	state := map[string]string{"Resp.Pos": "ACCEPTED", "Resp.Neg": "DECLINED", "Resp.Tent": "TENTATIVE"}[strings.TrimPrefix(m.Class, "IPM.Schedule.Meeting.")]
	if m.From.Address != "" {
		w.line("ATTENDEE;PARTSTAT=" + state + ";CN=" + param(m.From.Name) + ":mailto:" + address(m.From.Address))
	}
}

// address leaves out what would break the line.
func address(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' {
			return -1
		}
		return r
	}, s)
}

// zone writes the rules of a zone.
func (w *icalWriter) zone(z *Zone) {
	w.line("BEGIN:VTIMEZONE")
	w.line("TZID:" + zoneName)
	standard, daylight := z.Bias+z.StandardBias, z.Bias+z.DaylightBias
	if z.Standard.Month == 0 || z.Daylight.Month == 0 {
		w.rule("STANDARD", Rule{}, standard, standard)
	} else {
		w.rule("STANDARD", z.Standard, daylight, standard)
		w.rule("DAYLIGHT", z.Daylight, standard, daylight)
	}
	w.line("END:VTIMEZONE")
}

func (w *icalWriter) rule(kind string, r Rule, from, to int) {
	w.line("BEGIN:" + kind)
	w.line(fmt.Sprintf("DTSTART:16010101T%02d%02d00", r.Hour, r.Minute))
	w.line("TZOFFSETFROM:" + offset(from))
	w.line("TZOFFSETTO:" + offset(to))
	if r.Month > 0 {
		week := r.Week
		if week == 5 {
			week = -1
		}
		w.line(fmt.Sprintf("RRULE:FREQ=YEARLY;BYDAY=%d%s;BYMONTH=%d", week, [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}[r.Weekday], r.Month))
	}
	w.line("END:" + kind)
}

// offset is a bias as iCalendar writes it, with the other sign.
func offset(bias int) string {
	sign := '-'
	if bias <= 0 {
		sign, bias = '+', -bias
	}
	return fmt.Sprintf("%c%02d%02d", sign, bias/60, bias%60)
}

// local is a point in time as the zone's clocks show it.
func (z *Zone) local(t time.Time) time.Time {
	bias := z.Bias + z.StandardBias
	if z.Standard.Month != 0 && z.Daylight.Month != 0 {
		standard := t.Add(-time.Duration(z.Bias+z.StandardBias) * time.Minute)
		on := z.Daylight.in(standard.Year())
		off := z.Standard.in(standard.Year()).Add(time.Duration(z.DaylightBias-z.StandardBias) * time.Minute)
		summer := !standard.Before(on) && standard.Before(off)
		if off.Before(on) { // the southern half
			summer = !standard.Before(on) || standard.Before(off)
		}
		if summer {
			bias = z.Bias + z.DaylightBias
		}
	}
	return t.Add(-time.Duration(bias) * time.Minute).UTC()
}

// utc is about when clocks of the zone show a time: to an hour, which does for
// the end of a day.
func (z *Zone) utc(local time.Time) time.Time {
	return local.Add(time.Duration(z.Bias+z.StandardBias) * time.Minute)
}

// in is when the clocks change in a year.
func (r Rule) in(year int) time.Time {
	first := time.Date(year, time.Month(r.Month), 1, r.Hour, r.Minute, 0, 0, time.UTC)
	t := first.AddDate(0, 0, (r.Weekday-int(first.Weekday())+7)%7+7*(max(1, r.Week)-1))
	if t.Month() != first.Month() {
		t = t.AddDate(0, 0, -7)
	}
	return t
}
