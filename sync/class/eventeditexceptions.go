package class

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// DeleteOccurrence takes one occurrence, o.Instance, out of an event: a Delete
// with an InstanceId, since 16.0. It returns nothing if nothing is left: then the
// item is to go. The error is ErrNotFound for an occurrence that is not there.
func DeleteOccurrence(old []byte, o *EditOptions) ([]byte, error) {
	t, err := instanceTime(o)
	if err != nil {
		return nil, err
	}
	w, err := newEventWriter(old, o)
	if err != nil {
		return nil, err
	}
	if !w.deleteAt(t) {
		return nil, ErrNotFound
	}
	if len(w.obj.Events) == 0 {
		return nil, nil
	}
	return w.finish(old)
}

// deleteAt takes out the occurrence that a client names, and tells whether there
// was one.
func (w *eventWriter) deleteAt(t time.Time) bool {
	id := w.readShownID(t)
	n := w.remove(w.isAt(id))
	if w.series.RecurrenceID == nil && w.series.Recurs() && w.series.HasOccurrence(id.Time) {
		w.deletedAt(id)
		return true
	}
	if n > 0 {
		w.touch(w.series.Component, true)
	}
	return n > 0
}

// isAt tells of an exception whether it stands for an occurrence.
func (w *eventWriter) isAt(id calendar.Time) func(*calendar.Event) bool {
	const near = 48 * time.Hour // of those further away no zone makes the same
	told := w.tellID(id)
	return func(e *calendar.Event) bool {
		return e.RecurrenceID != nil && e.RecurrenceID.Time.Sub(id.Time).Abs() < near && w.tellID(*e.RecurrenceID).Equal(told)
	}
}

// occurrence finds what stands for an occurrence, or makes it of the series; then
// it is not in the object yet.
func (w *eventWriter) occurrence(t time.Time) (e *calendar.Event, made bool, err error) {
	id := w.readShownID(t)
	if i := slices.IndexFunc(w.obj.Events, w.isAt(id)); i >= 0 {
		return w.obj.Events[i], false, nil
	}
	s := w.series
	if s.RecurrenceID != nil || !s.Recurs() || !s.HasOccurrence(id.Time) {
		return nil, false, ErrNotFound
	}
	if w.shown == shapeSteps {
		for _, o := range w.occurrences {
			if o.ID.Equal(id.Time) {
				return withoutPoints(w.made(o)), true, nil
			}
		}
	}
	one := w.obj.Instance(id.Time)
	if one == nil || len(one.Events) == 0 {
		return nil, false, ErrNotFound
	}
	return withoutPoints(one.Events[0]), true, nil
}

// withoutPoints takes out of what was made of a series the reminders at one point
// in time: they were of another occurrence.
func withoutPoints(e *calendar.Event) *calendar.Event {
	c := e.Component
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool {
		p := k.Prop("TRIGGER")
		return k.Name == "VALARM" && p != nil && strings.EqualFold(p.Param("VALUE"), "DATE-TIME")
	})
	e.Alarms = slices.DeleteFunc(slices.Clone(e.Alarms), func(a calendar.Alarm) bool { return !a.At.IsZero() })
	return e
}

// made is an event for one occurrence of a series that is shown in steps, which
// may take longer than the others.
func (w *eventWriter) made(o calendar.Occurrence) *calendar.Event {
	e := *o.Event
	e.Component = o.Event.Component.Clone()
	for _, name := range [...]string{"RRULE", "RDATE", "EXDATE", "EXRULE", "DURATION"} {
		e.Component.Remove(name)
	}
	id := o.ID
	e.RecurrenceID, e.ThisAndAfter, e.Rule, e.BadRule, e.Except = &id, false, nil, false, nil
	of := func(like calendar.Time, t time.Time) calendar.Time {
		switch {
		case like.Date:
			like.Time = dayOf(calendar.Time{Time: t})
		case like.Floating:
			like.Time = wallClock(t)
		default:
			like.Time = t.In(like.Location())
		}
		return like
	}
	e.Start, e.End = of(e.Start, o.Start), of(e.End, o.End)
	e.Component.Set(timeProperty("RECURRENCE-ID", id))
	e.Component.Set(timeProperty("DTSTART", e.Start))
	e.Component.Set(timeProperty("DTEND", e.End))
	return &e
}

// editInstance changes one occurrence (MS-ASCAL_R2113).
func (w *eventWriter) editInstance(t time.Time, in *eas.Calendar) error {
	e, made, err := w.occurrence(t)
	if err != nil {
		return err
	}
	return w.editOne(e, made, in, func(string) bool { return false })
}

func (w *eventWriter) editOne(e *calendar.Event, made bool, in *eas.Calendar, gone func(string) bool) error {
	cur := w.view(e)
	zone := w.zone
	defer func() { w.zone = zone }()
	if w.zone = zone; !e.Start.Date && !e.Start.Floating {
		w.zone = e.Start.Location()
	}
	if _, err := w.move(e, in, cur); err != nil {
		return err
	}
	if err := w.editContent(e, in, cur, gone); err != nil {
		return err
	}
	if _, changed := w.touched[e.Component]; made && changed {
		w.obj.Root.Children = append(w.obj.Root.Children, e.Component)
		w.obj.Events = append(w.obj.Events, e)
	}
	return nil
}

// editExceptions applies the exceptions that a client sends with their series: up
// to 14.1, and with a new one. Those that it does not send stay (MS-ASCAL_R541,
// R542). One that stands for no occurrence is passed over: what else the client
// says of the series is worth more.
func (w *eventWriter) editExceptions(list []eas.CalendarException) error {
	if err := w.reload(); err != nil {
		return err
	}
	master := w.view(w.series)
	for i := range list {
		x := &list[i]
		t := x.ExceptionStartTime
		if x.InstanceID != nil {
			t = x.InstanceID
		}
		if t == nil || t.IsZero() { // MS-ASCAL_R246
			return ErrBadValue
		}
		if err := checkCategories(x.Categories); err != nil {
			return err
		}
		if x.Deleted != nil && *x.Deleted == 1 {
			w.deleteAt(*t)
			continue
		}
		e, made, err := w.occurrence(*t)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.editOne(e, made, w.inherit(x, w.readShownID(*t), master, w.view(e)), func(string) bool { return false }); err != nil {
			return err
		}
	}
	return nil
}

// reload reads the object anew, so that the series is seen as it has become.
func (w *eventWriter) reload() error {
	obj, err := calendar.Parse(w.obj.Root.Append(nil))
	if err != nil || len(obj.Events) != len(w.obj.Events) {
		return ErrBadValue
	}
	touched := map[*calendar.Component]bool{}
	for i, e := range w.obj.Events {
		if significant, is := w.touched[e.Component]; is {
			touched[obj.Events[i].Component] = significant
		}
	}
	w.touched = touched
	w.obj, w.series = obj, seriesOf(obj)
	w.zone = eventZone(obj, w.series)
	w.shown = w.shapeOf()
	return nil
}

// inherit is what a client says of an exception: what it leaves out is as in the
// series (MS-ASCAL_R82 and its like), but for elements that it does not keep, and
// the text, which clients do not send again where they have only part of it.
func (w *eventWriter) inherit(x *eas.CalendarException, id calendar.Time, master, cur *eventView) *eas.Calendar {
	in := &eas.Calendar{
		Subject: x.Subject, StartTime: x.StartTime, EndTime: x.EndTime, LocationText: x.LocationText, Location: x.Location,
		Attachments: x.Attachments, Categories: x.Categories, Sensitivity: x.Sensitivity, BusyStatus: x.BusyStatus,
		AllDayEvent: x.AllDayEvent, Reminder: x.Reminder, MeetingStatus: x.MeetingStatus, Attendees: x.Attendees,
		CalendarBody: x.CalendarBody,
	}
	usual := func(tag string) bool {
		if w.o.Version >= eas.V160 || w.o.Supported == nil {
			return true
		}
		return slices.ContainsFunc(w.o.Supported, func(t wbxml.Tag) bool { return t.String() == "Calendar:"+tag })
	}
	if x.StartTime == nil || x.StartTime.IsZero() {
		start := w.tellID(id)
		in.StartTime = &start
	}
	if x.EndTime == nil || x.EndTime.IsZero() {
		end := in.StartTime.Add(master.end.Sub(master.start))
		in.EndTime = &end
	}
	if in.Subject == nil && usual("Subject") {
		in.Subject = &master.subject
	}
	if in.LocationText == nil && usual("Location") {
		in.LocationText = &master.location
	}
	if in.Location == nil {
		if in.Location = master.place; in.Location == nil {
			in.Location = &eas.Location{}
		}
	}
	if in.Categories == nil && usual("Categories") {
		in.Categories = append([]string{}, master.categories...)
	}
	if in.Sensitivity == nil && usual("Sensitivity") {
		in.Sensitivity = &master.sensitivity
	}
	if in.BusyStatus == nil && usual("BusyStatus") {
		in.BusyStatus = &master.busy
	}
	if in.AllDayEvent == nil {
		in.AllDayEvent = &master.allDay
	}
	// Up to 14.0 an exception cannot be told that it has none.
	if in.Reminder == nil && usual("Reminder") && (w.o.Version >= eas.V141 || cur.reminder >= 0) {
		reminder := ""
		if master.reminder >= 0 {
			reminder = strconv.Itoa(master.reminder)
		}
		in.Reminder = &reminder
	}
	if in.Attendees == nil && w.o.Version >= eas.V140 && usual("Attendees") {
		in.Attendees = append([]eas.CalendarAttendee{}, master.attendees...)
	}
	return in
}
