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
		Status: StatusOf(e), Cancelled: e.Status == "CANCELLED",
	}
	for _, one := range o.Events { // one private occurrence makes the whole so: a body is given out in one piece
		b.private(one.Class)
		b.Attendees = b.Attendees || len(one.Attendees) > 0
	}
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
	t := o.Todos[0]
	for _, u := range o.Todos {
		if u.RecurrenceID == nil {
			t = u
			break
		}
	}
	for _, one := range o.Todos {
		b.private(one.Class)
	}
	b.Start, b.End = inRange(t.Start.Time), inRange(t.Due.Time)
	b.AllDay = t.Start.Date || t.Due.Date
	b.Floating = b.AllDay || t.Start.Floating || t.Due.Floating
	b.Recurs, b.Cancelled, b.Attendees, b.Done = t.Recurs(), t.Status == "CANCELLED", len(t.Attendees) > 0, t.Done()
	if !b.Done {
		return b, mail.EndOfTime
	}
	for _, when := range [...]time.Time{t.Completed, t.Modified, t.Stamp, t.Created} {
		if !when.IsZero() {
			return b, milliseconds(when)
		}
	}
	return b, 1
}

func noteBrief(o *calendar.Object) (b Brief) {
	n := o.Notes[0]
	for _, one := range o.Notes {
		b.private(one.Class)
	}
	b.Start, b.AllDay, b.Floating = inRange(n.Start.Time), n.Start.Date, n.Start.Date || n.Start.Floating
	return b
}
