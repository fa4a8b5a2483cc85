package object

import (
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
)

// anywhere is how much later than in UTC a day or a wall clock ends where it
// ends last: in UTC-12.
const anywhere = 12 * time.Hour

// sumUp fills in the facts of a calendar object.
func (o *Object) sumUp() {
	var b Brief
	switch o.Class {
	case mail.ClassCalendar:
		b = eventBrief(o.Calendar)
		o.Facts.At = eventEnd(o.Calendar)
	case mail.ClassTasks:
		b, o.Facts.At = taskFacts(o.Calendar)
	default:
		b = noteBrief(o.Calendar)
	}
	o.Facts.Brief = b.Append(nil)
}

// eventBrief sums an event up.
func eventBrief(o *calendar.Object) Brief {
	e := o.Master()
	b := Brief{
		AllDay: e.AllDay(), Floating: e.Start.Date || e.Start.Floating, Recurs: e.Recurs() || e.RecurrenceID != nil,
		Status: StatusOf(e), Cancelled: e.Status == "CANCELLED", Attendees: len(e.Attendees) > 0,
	}
	b.private(e.Class)
	b.Start, b.End = inRange(e.Start.Time), inRange(e.End.Time)
	if series := o.Series(); series.Recurs() {
		b.Series = series
		for _, m := range series.Moved {
			b.moved = append(b.moved, moved{StatusOf(m.Event), m.Event.Status == "CANCELLED"})
		}
	}
	return b
}

// StatusOf is what the event makes of somebody's time.
func StatusOf(e *calendar.Event) Status {
	switch {
	case e.Transparent && e.Busy != "WORKINGELSEWHERE":
		return Free
	case e.Busy == "FREE":
		return Free
	case e.Busy == "TENTATIVE":
		return Tentative
	case e.Busy == "OOF":
		return OutOfOffice
	case e.Busy == "WORKINGELSEWHERE":
		return Elsewhere
	case e.Busy == "" && e.Status == "TENTATIVE":
		return Tentative
	}
	return Busy
}

// eventEnd is when the event's last occurrence ends, in milliseconds.
func eventEnd(o *calendar.Object) int64 {
	end, ok := o.Series().Ends(time.UTC)
	if !ok {
		return mail.EndOfTime
	}
	for _, e := range o.Events {
		if e.Start.Date || e.Start.Floating {
			end = end.Add(anywhere)
			break
		}
	}
	return milliseconds(end)
}

// milliseconds is a time as a place in a folder: never zero, which would be no
// place.
func milliseconds(t time.Time) int64 {
	return min(max(t.UnixMilli(), 1), mail.EndOfTime)
}

// inRange is a time that a summary can tell, in UTC.
func inRange(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(min(max(t.Unix(), firstSecond), lastSecond), 0).UTC()
}

// taskFacts sums a task up, and tells its place: at the end of time while it is
// to be done, then when it was.
func taskFacts(o *calendar.Object) (b Brief, at int64) {
	c := master(o.Root, "VTODO")
	point := func(name string) time.Time {
		t, _ := o.Time(c, name)
		return t.Time
	}
	b.private(c.Value("CLASS"))
	start, _ := o.Time(c, "DTSTART")
	due, _ := o.Time(c, "DUE")
	b.Start, b.End = inRange(start.Time), inRange(due.Time)
	b.AllDay = start.Date || due.Date
	b.Floating = b.AllDay || start.Floating || due.Floating
	b.Recurs = c.Prop("RRULE") != nil || c.Prop("RDATE") != nil
	b.Cancelled = c.Value("STATUS") == "CANCELLED"
	b.Attendees = c.Prop("ATTENDEE") != nil
	b.Done = c.Value("STATUS") == "COMPLETED" || c.Value("STATUS") == "" && c.Prop("COMPLETED") != nil
	if !b.Done {
		return b, mail.EndOfTime
	}
	for _, name := range [...]string{"COMPLETED", "LAST-MODIFIED", "DTSTAMP", "CREATED"} {
		if t := point(name); !t.IsZero() {
			return b, milliseconds(t)
		}
	}
	return b, 1
}

func noteBrief(o *calendar.Object) (b Brief) {
	c := master(o.Root, "VJOURNAL")
	b.private(c.Value("CLASS"))
	start, _ := o.Time(c, "DTSTART")
	b.Start, b.AllDay, b.Floating = inRange(start.Time), start.Date, start.Date || start.Floating
	return b
}

// master is the first component of a kind that stands for no occurrence alone,
// else the first.
func master(root *calendar.Component, kind string) (first *calendar.Component) {
	for _, c := range root.Children {
		switch {
		case c.Name != kind:
		case c.Prop("RECURRENCE-ID") == nil:
			return c
		case first == nil:
			first = c
		}
	}
	return first
}
