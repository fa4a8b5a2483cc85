package calendar

import (
	"strconv"
	"time"
)

// Todo is a VTODO. What is not in a field is in its Component.
type Todo struct {
	UID          string
	Summary      string
	Description  string
	HTML         string // X-ALT-DESC
	Location     string
	Organizer    *Person
	Attendees    []Attendee
	Start, Due   Time // zero: none
	Completed    time.Time
	Percent      int // done, 0 to 100
	Stamp        time.Time
	Created      time.Time
	Modified     time.Time
	Sequence     int
	Rule         *Rule
	BadRule      bool // as of an Event
	Dates        []Time
	Periods      []Period
	Except       []Time
	RecurrenceID *Time
	ThisAndAfter bool
	Status       string // NEEDS-ACTION, IN-PROCESS, COMPLETED, CANCELLED
	Class        string
	Priority     int // 0: none, 1: highest, 9: lowest
	Categories   []string
	Comment      string
	Alarms       []Alarm
	Component    *Component
}

// Done tells whether the task needs nothing more: by its status, or where it has
// none by when it was completed.
func (t *Todo) Done() bool {
	return t.Status == "COMPLETED" || t.Status == "" && !t.Completed.IsZero()
}

// Finish says that the task was done at a time (RFC 5545 3.8.1.11, 3.8.2.1).
func (t *Todo) Finish(at time.Time) { t.Status, t.Completed, t.Percent = "COMPLETED", at, 100 }

// Reopen says that the task is still to be done.
func (t *Todo) Reopen() {
	if t.Status, t.Completed = "NEEDS-ACTION", (time.Time{}); t.Percent == 100 {
		t.Percent = 0
	}
}

// Recurs tells whether the task comes round.
func (t *Todo) Recurs() bool { return t.Rule != nil || t.BadRule || len(t.Dates) > 0 }

// Reminder is how long before the start the first reminder comes, if there is
// one; before it is due if the task has no start.
func (t *Todo) Reminder() (before time.Duration, ok bool) { return t.event().Reminder() }

// Series is when the task is to be done: from its start until it is due. One
// that has only one of them takes no time. It is nil for a task without a time.
func (t *Todo) Series() *Series {
	if t.Start.IsZero() && t.Due.IsZero() {
		return nil
	}
	return t.event().Series()
}

// event is the task as if it were an event: they share most of their fields.
func (t *Todo) event() *Event {
	e := &Event{
		UID: t.UID, Summary: t.Summary, Description: t.Description, HTML: t.HTML, Location: t.Location, Organizer: t.Organizer, Attendees: t.Attendees,
		Start: t.Start, End: t.Due, Stamp: t.Stamp, Created: t.Created, Modified: t.Modified, Sequence: t.Sequence, Rule: t.Rule, BadRule: t.BadRule,
		Dates: t.Dates, Periods: t.Periods, Except: t.Except, RecurrenceID: t.RecurrenceID, ThisAndAfter: t.ThisAndAfter, Status: t.Status, Class: t.Class,
		Priority: t.Priority, Categories: t.Categories, Comment: t.Comment, Alarms: t.Alarms, Component: t.Component,
	}
	switch {
	case e.Start.IsZero():
		e.Start = e.End
	case e.End.IsZero() || e.End.Before(e.Start.Time):
		e.End = e.Start
	}
	return e
}

func (z zones) readTodo(c *Component) *Todo {
	e := z.readShared(c)
	t := &Todo{
		UID: e.UID, Summary: e.Summary, Description: e.Description, HTML: e.HTML, Location: e.Location, Organizer: e.Organizer, Attendees: e.Attendees,
		Start: e.Start, Stamp: e.Stamp, Created: e.Created, Modified: e.Modified, Sequence: e.Sequence, Rule: e.Rule, BadRule: e.BadRule,
		Dates: e.Dates, Periods: e.Periods, Except: e.Except, RecurrenceID: e.RecurrenceID, ThisAndAfter: e.ThisAndAfter, Status: e.Status, Class: e.Class,
		Priority: e.Priority, Categories: e.Categories, Comment: e.Comment, Alarms: e.Alarms, Component: c,
		Percent: min(c.Number("PERCENT-COMPLETE"), 100), Completed: z.point(c, "COMPLETED"),
	}
	if due, ok := z.time(c, "DUE"); ok {
		t.Due = due
	} else if p := c.Prop("DURATION"); p != nil && !t.Start.IsZero() {
		if days, rest, err := parseDuration(p.Value); err == nil && days >= 0 && rest >= 0 {
			t.Due = t.Start
			t.Due.Time = t.Due.Time.AddDate(0, 0, days).Add(rest)
		}
	}
	return t
}

// Write writes the task's fields into its component. Properties that no field
// speaks of stay as they are.
func (t *Todo) Write() {
	if t.Component == nil {
		t.Component = &Component{Name: "VTODO"}
	}
	c, e := t.Component, t.event()
	e.Start = t.Start
	e.writeShared(c)
	setTime(c, "DUE", t.Due)
	c.Remove("DURATION")
	setPoint(c, "COMPLETED", t.Completed)
	if c.Remove("PERCENT-COMPLETE"); t.Percent > 0 {
		c.SetValue("PERCENT-COMPLETE", strconv.Itoa(min(t.Percent, 100)))
	}
}

// Journal is a VJOURNAL: a note. What is not in a field is in its Component.
type Journal struct {
	UID         string
	Summary     string
	Description string
	HTML        string // X-ALT-DESC
	Start       Time   // the day that it belongs to; zero: none
	Stamp       time.Time
	Created     time.Time
	Modified    time.Time
	Sequence    int
	Status      string // DRAFT, FINAL, CANCELLED
	Class       string
	Categories  []string
	Component   *Component
}

func (z zones) readJournal(c *Component) *Journal {
	e := z.readShared(c)
	return &Journal{
		UID: e.UID, Summary: e.Summary, Description: e.Description, HTML: e.HTML, Start: e.Start, Stamp: e.Stamp, Created: e.Created,
		Modified: e.Modified, Sequence: e.Sequence, Status: e.Status, Class: e.Class, Categories: e.Categories, Component: c,
	}
}

// Write writes the note's fields into its component. Properties that no field
// speaks of stay as they are.
func (j *Journal) Write() {
	if j.Component == nil {
		j.Component = &Component{Name: "VJOURNAL"}
	}
	c := j.Component
	c.SetText("UID", j.UID)
	setPoint(c, "DTSTAMP", j.Stamp)
	setPoint(c, "CREATED", j.Created)
	setPoint(c, "LAST-MODIFIED", j.Modified)
	setTime(c, "DTSTART", j.Start)
	changeText(c, "SUMMARY", j.Summary)
	changeText(c, "DESCRIPTION", j.Description)
	changeHTML(c, j.HTML)
	c.SetValue("SEQUENCE", strconv.Itoa(j.Sequence))
	c.SetValue("STATUS", j.Status)
	c.SetValue("CLASS", j.Class)
	changeCategories(c, j.Categories)
}
