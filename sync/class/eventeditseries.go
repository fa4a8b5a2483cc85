package class

import (
	"slices"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// editRecurrence applies how the event recurs. shown is what the client was
// shown, before how it was told then, and moved tells whether the times are
// others now. A rule that the client only sends back stays as it is, with all
// that no element tells.
func (w *eventWriter) editRecurrence(in *eas.Calendar, shown *eas.CalendarRecurrence, before moment, moved bool) error {
	r := in.Recurrence
	switch {
	case r == nil && !w.gone("Calendar:Recurrence"):
		return w.follow(before, moved)
	case r == nil || *r == (eas.CalendarRecurrence{}): // MS-ASCAL_R2180002
		if shown == nil || w.series.RecurrenceID != nil {
			return w.follow(before, moved)
		}
		w.setRule(nil)
		return nil
	}
	if w.o.Version >= eas.V160 {
		r = overlayPattern(shown, r)
	}
	rule, err := ruleOf(r, w.patternStart(), w.patternZone())
	if err != nil {
		return err
	}
	if w.series.RecurrenceID != nil { // of single occurrences there is no series to change
		return nil
	}
	if w.sameSteps(r, before.last) || shown != nil && samePattern(r, shown, before.told, before.zone) {
		return w.follow(before, moved)
	}
	if c := w.series.Component; c.Value("RRULE") == rule.String() && c.Prop("RDATE") == nil && c.Prop("EXRULE") == nil && !w.series.BadRule {
		return w.follow(before, moved) // one that cannot be shown, and is the same
	}
	w.setRule(rule)
	return nil
}

// setRule gives the series another rule, or none. Since 16.0 its exceptions go
// (MS-ASCAL_R2180), and before those that have lost their occurrence.
func (w *eventWriter) setRule(rule *calendar.Rule) {
	e := w.series
	c := e.Component
	for _, name := range [...]string{"RRULE", "RDATE", "EXRULE"} {
		c.Remove(name)
	}
	e.Rule, e.BadRule, e.Dates = rule, false, nil
	if rule != nil {
		c.SetValue("RRULE", rule.String())
	}
	w.touch(c, true)
	if w.shown = w.shapeOf(); rule == nil || w.o.Version >= eas.V160 {
		w.dropExceptions()
		return
	}
	w.prune()
}

// dropExceptions makes all occurrences equal.
func (w *eventWriter) dropExceptions() {
	w.series.Component.Remove("EXDATE")
	w.series.Except = nil
	w.remove(func(*calendar.Event) bool { return true })
}

// prune takes out what stands for occurrences that are no more.
func (w *eventWriter) prune() {
	w.remove(func(e *calendar.Event) bool { return !w.series.HasOccurrence(w.readID(w.tellID(*e.RecurrenceID)).Time) })
}

// remove takes out exceptions, and tells how many.
func (w *eventWriter) remove(drop func(*calendar.Event) bool) int {
	gone := map[*calendar.Component]bool{}
	w.obj.Events = slices.DeleteFunc(w.obj.Events, func(e *calendar.Event) bool {
		if e.RecurrenceID == nil || !drop(e) {
			return false
		}
		gone[e.Component] = true
		return true
	})
	if root := w.obj.Root; len(gone) > 0 {
		root.Children = slices.DeleteFunc(root.Children, func(c *calendar.Component) bool { return gone[c] })
	}
	return len(gone)
}

// follow brings along what hangs on the times of a series that has moved: the end
// of its rule, and its exceptions, which since 16.0 go (MS-ASCAL_R2097, R2202)
// and before move with their occurrences.
func (w *eventWriter) follow(before moment, moved bool) error {
	e := w.series
	if !moved || e.RecurrenceID != nil || !e.Recurs() {
		return nil
	}
	c := e.Component
	if rule := e.Rule; rule != nil && !e.BadRule && !rule.Until.IsZero() && rule.Count == 0 {
		day, next, start := lastDay(rule, before.told, before.zone), *rule, w.patternStart()
		next.Until, next.UntilDate, next.UntilLocal = onDay(day, start, w.patternZone()), false, false
		switch {
		case start.Date:
			next.Until, next.UntilDate = day, true
		case start.Floating:
			next.Until, next.UntilLocal = wallClock(next.Until.In(w.zone)), true
		}
		e.Rule = &next
		c.SetValue("RRULE", next.String())
	}
	if w.o.Version >= eas.V160 {
		w.dropExceptions()
		return nil
	}
	shift := wallClock(e.Start.Time).Sub(wallClock(before.start.Time))
	if shift == 0 && before.start.TZID == e.Start.TZID && before.start.Date == e.Start.Date {
		return nil
	}
	w.shift(before, shift)
	w.prune()
	return nil
}

// shift moves the exceptions with the series. One that was held at its usual time
// still is.
func (w *eventWriter) shift(before moment, by time.Duration) {
	e := w.series
	to := func(t calendar.Time) calendar.Time {
		wall := wallClock(t.Time)
		if !t.Date && !t.Floating && !before.start.Date && !before.start.Floating {
			wall = wallClock(t.Time.In(before.start.Location()))
		}
		wall = wall.Add(by)
		n := e.Start
		switch {
		case n.Date:
			n.Time = dayOf(calendar.Time{Time: wall})
		case n.Floating:
			n.Time = wall
		default:
			n.Time = calendar.InZone(wall, n.Location())
			if t.Date { // it was a day
				n = at(e.Start, wall)
			}
		}
		return n
	}
	e.Component.Remove("EXDATE")
	for i, t := range e.Except {
		e.Except[i] = to(t)
		e.Component.Add(timeProperty("EXDATE", e.Except[i]))
	}
	length := e.End.Sub(e.Start.Time)
	for _, o := range w.obj.Events {
		if o.RecurrenceID == nil {
			continue
		}
		id := to(*o.RecurrenceID)
		if o.Start.Same(*o.RecurrenceID) {
			o.Start, o.End = id, id
			o.End.Time = id.Add(length)
			o.Component.Remove("DURATION")
			o.Component.Set(timeProperty("DTSTART", o.Start))
			o.Component.Set(timeProperty("DTEND", o.End))
		}
		o.RecurrenceID = &id
		o.Component.Set(timeProperty("RECURRENCE-ID", id))
		w.touch(o.Component, true)
	}
}
