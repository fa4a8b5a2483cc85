package dav

import (
	"slices"
	"time"

	"martlet/mail/calendar"
)

// inTime tells whether a component, or one of its occurrences, touches a span
// (RFC 4791 9.9). It lies in around.
func (m *matching) inTime(c, around *calendar.Component, s span) bool {
	switch c.Name {
	case "VEVENT":
		return m.takesPlace(m.o, c, s)
	case "VTODO":
		return m.task(c, s)
	case "VJOURNAL":
		return m.note(c, s)
	case "VALARM":
		return m.alarm(c, around, s)
	}
	return false
}

// takesPlace tells whether one of the occurrences that an event stands for
// touches the span.
func (m *matching) takesPlace(o *calendar.Object, c *calendar.Component, s span) bool {
	for at := range o.Occurrences(s.start, s.end, m.zone) {
		if at.Event.Component == c {
			return true
		}
	}
	return false
}

// task is the table of RFC 4791 9.9 for VTODO.
func (m *matching) task(c *calendar.Component, s span) bool {
	if c.Prop("RRULE") != nil || c.Prop("RDATE") != nil || c.Prop("RECURRENCE-ID") != nil {
		o, stand := events(m.o.Root, c)
		return m.takesPlace(o, stand, s)
	}
	point := func(name string) (time.Time, bool) {
		t, ok := m.o.Time(c, name)
		return t.In(m.zone), ok
	}
	start, starts := point("DTSTART")
	due, isDue := point("DUE")
	completed, isDone := point("COMPLETED")
	created, isMade := point("CREATED")
	if starts && c.Prop("DURATION") != nil {
		o, _ := events(m.o.Root, c)
		if e := o.Master(); e != nil {
			end := e.End.In(m.zone)
			return !end.Before(s.start) && (s.end.After(start) || !s.end.Before(end))
		}
	}
	switch {
	case starts && isDue:
		return (s.start.Before(due) || !s.start.After(start)) && (s.end.After(start) || !s.end.Before(due))
	case starts:
		return !s.start.After(start) && s.end.After(start)
	case isDue:
		return s.start.Before(due) && !s.end.Before(due)
	case isDone && isMade:
		return (!s.start.After(created) || !s.start.After(completed)) && (!s.end.Before(created) || !s.end.Before(completed))
	case isDone:
		return !s.start.After(completed) && !s.end.Before(completed)
	case isMade:
		return s.end.After(created)
	}
	return true
}

func (m *matching) note(c *calendar.Component, s span) bool {
	t, ok := m.o.Time(c, "DTSTART")
	if !ok {
		return false
	}
	if c.Prop("RRULE") != nil {
		o, stand := events(m.o.Root, c)
		return m.takesPlace(o, stand, s)
	}
	start := t.In(m.zone)
	end := start
	if t.Date {
		end = start.AddDate(0, 0, 1)
	}
	return s.overlaps(start, end)
}

// events is an object in which the components that are like c are events, so that
// they recur as those do: of a task, what is due is its end, or all of it where
// it has no start. It returns what c has become, too.
func events(root, c *calendar.Component) (o *calendar.Object, stand *calendar.Component) {
	r := &calendar.Component{Name: root.Name, Props: root.Props}
	for _, k := range root.Children {
		if k.Name != c.Name {
			if k.Name == "VTIMEZONE" {
				r.Children = append(r.Children, k)
			}
			continue
		}
		e := &calendar.Component{Name: "VEVENT", Props: slices.Clone(k.Props)}
		if due := e.Prop("DUE"); due != nil {
			if due.Name = "DTEND"; dueOnly(k) {
				due.Name = "DTSTART"
			}
		}
		if k == c {
			stand = e
		}
		r.Children = append(r.Children, e)
	}
	return calendar.Of(r), stand
}

// dueOnly tells whether something begins when it is due.
func dueOnly(c *calendar.Component) bool { return c.Prop("DTSTART") == nil && c.Prop("DUE") != nil }

// maxAlarm is how far from its event an alarm is looked for.
const maxAlarm = 400 * 24 * time.Hour

// alarm tells whether an alarm of a component goes off in the span.
func (m *matching) alarm(c, around *calendar.Component, s span) bool {
	o, stand := m.o, around
	if around.Name != "VEVENT" {
		o, stand = events(m.o.Root, around)
	}
	one := &calendar.Component{Name: "VEVENT", Props: stand.Props, Children: []*calendar.Component{c}}
	read := calendar.Of(&calendar.Component{Name: "VCALENDAR", Children: []*calendar.Component{one}})
	if len(read.Events) == 0 || len(read.Events[0].Alarms) == 0 {
		return false
	}
	a := read.Events[0].Alarms[0]
	if !a.At.IsZero() {
		return s.overlaps(a.At, a.At)
	}
	if a.Before.Abs() > maxAlarm {
		return false
	}
	wide := span{s.start.Add(min(a.Before, 0) - maxAlarm/8), s.end.Add(max(a.Before, 0) + maxAlarm/8)}
	for at := range o.Occurrences(wide.start, wide.end, m.zone) {
		if at.Event.Component != stand {
			continue
		}
		from := at.Start
		if a.AtEnd {
			from = at.End
		}
		if off := from.Add(-a.Before); s.overlaps(off, off) {
			return true
		}
	}
	return false
}
