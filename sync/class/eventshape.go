package class

import (
	"slices"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// shape is how a series is shown: ActiveSync knows fewer of them than iCalendar.
type shape uint8

const (
	shapeAlone shape = iota // one event: it does not recur, or cannot be followed
	shapeRule               // by its rule
	shapeSteps              // each occurrence by itself, as an exception
)

// shapeOf chooses how the series is shown, so that no day is wrong and few are
// missing: see docs/decisions/0017. Where steps are shown, steps has them.
func (r *eventReader) shapeOf() shape {
	e := r.series
	r.occurrences = nil
	if e.RecurrenceID != nil {
		if r.occurrences = r.orphans(); len(r.occurrences) > 1 {
			return shapeSteps
		}
		return shapeAlone
	}
	rules, dates := 0, false
	for i := range e.Component.Props {
		switch e.Component.Props[i].Name {
		case "RRULE":
			rules++
		case "EXRULE":
			rules += 2 // what it takes out no element can tell
		case "RDATE":
			dates = true
		}
	}
	if rules == 0 && !dates {
		return shapeAlone
	}
	var p *eas.CalendarRecurrence
	told := false
	if rules == 1 && !e.BadRule {
		p, told = r.pattern()
	}
	after := slices.ContainsFunc(r.obj.Events, func(e *calendar.Event) bool { return e.ThisAndAfter })
	if told && !dates && !after && (p.Occurrences == nil && p.Until == nil || startsIn(p, r.patternStart())) {
		return shapeRule
	}
	list, whole := r.unfold()
	switch {
	case told && !whole: // the days of the rule are more than could be shown one by one
		return shapeRule
	case len(list) < 2 && len(e.Except) == 0:
		return shapeAlone
	}
	r.occurrences = list
	return shapeSteps
}

// orphans lists the occurrences that somebody was invited to by the days from the
// first of them on. Days between have no event.
func (r *eventReader) orphans() (list []calendar.Occurrence) {
	first := dayOf(*r.series.RecurrenceID)
	for _, e := range r.obj.Events {
		n := int(dayOf(*e.RecurrenceID).Sub(first).Hours()) / 24
		if n < 0 || n >= maxExceptions {
			continue
		}
		for len(list) <= n {
			list = append(list, calendar.Occurrence{Moved: -1})
		}
		if list[n].Event == nil {
			list[n] = calendar.Occurrence{ID: *e.RecurrenceID, Start: e.Start.In(r.zone), End: e.End.In(r.zone), Moved: -1, Event: e}
		}
	}
	return list
}

// unfold lists the occurrences that the series would have if none were taken out,
// and tells whether these are all. They are numbered by what does not change when
// one of them is deleted or moved: clients name them by their numbers.
func (r *eventReader) unfold() (list []calendar.Occurrence, whole bool) {
	s := r.obj.Series()
	s.Except = nil
	s.Moved = slices.DeleteFunc(s.Moved, func(m calendar.Moved) bool { return !m.After })
	zone := r.zone
	from := earliest(r.series).AddDate(-1, 0, 0)
	for at := range s.Between(from, from.AddDate(400, 0, 0), zone) {
		if len(list) == maxExceptions {
			return list, false
		}
		if at.Moved >= 0 && s.Moved[at.Moved].Event != nil {
			at.Event = s.Moved[at.Moved].Event
		} else {
			at.Event = r.series
		}
		list = append(list, at)
	}
	return list, true
}

// earliest is the first day that a series may have.
func earliest(e *calendar.Event) time.Time {
	t := e.Start.Time
	for _, d := range e.Dates {
		if d.Before(t) {
			t = d.Time
		}
	}
	return t
}

// step is where the n-th occurrence of a series that is shown in steps would be if
// it came round each day: the name under which a client knows it.
func (r *eventReader) step(n int) calendar.Time {
	start := r.series.Start
	day := dayOf(start).AddDate(0, 0, n)
	if start.Date {
		start.Time = day
		return start
	}
	return at(start, day)
}

// steps shows a series as a daily one whose days are all elsewhere.
func (r *eventReader) steps(master *eventView) (*eas.CalendarRecurrence, []eas.CalendarException) {
	p := &eas.CalendarRecurrence{Type: pointer(recursDaily), Interval: pointer(uint16(1)), Occurrences: pointer(uint16(len(r.occurrences)))}
	if r.opt.Version >= eas.V140 {
		p.IsLeapMonth = pointer(uint8(0))
	}
	if r.opt.Version >= eas.V141 {
		p.FirstDayOfWeek = pointer(uint8(time.Monday))
	}
	except := map[time.Time]*calendar.Event{}
	for _, d := range r.exceptionList() {
		except[d.at] = d.event
	}
	var list []eas.CalendarException
	for n, o := range r.occurrences {
		id, t := r.tellID(o.ID), r.tellID(r.step(n))
		e, listed := except[id]
		switch {
		case o.Event == nil: // no occurrence
			list = append(list, eas.CalendarException{})
			r.exception(&list[len(list)-1], dated{t, nil}, master)
			continue
		case o.Event == r.series && o.Event.RecurrenceID != nil:
			continue
		case listed:
			list = append(list, eas.CalendarException{})
			r.exception(&list[len(list)-1], dated{t, e}, master)
			continue
		case o.Moved >= 0: // as the one before it that moves those behind
			list = append(list, eas.CalendarException{})
			r.exception(&list[len(list)-1], dated{t, o.Event}, master)
		default:
			if r.told(o).Equal(t) {
				continue
			}
			list = append(list, eas.CalendarException{})
			r.setID(&list[len(list)-1], t)
		}
		x := &list[len(list)-1]
		start := r.told(o)
		end := start.Add(o.End.Sub(o.Start))
		if r.series.AllDay() {
			end = r.tellDay(dayOf(calendar.Time{Time: o.End}))
		}
		x.StartTime, x.EndTime = &start, &end
	}
	return p, list
}

// told is how the client is told when an occurrence takes place.
func (r *eventReader) told(o calendar.Occurrence) time.Time {
	if r.series.AllDay() {
		return r.tellDay(dayOf(calendar.Time{Time: o.Start}))
	}
	return o.Start.UTC()
}

// readShownID is the occurrence that a client means by the time under which it was
// shown to it.
func (r *eventReader) readShownID(t time.Time) calendar.Time {
	id := r.readID(t)
	if r.shown != shapeSteps {
		return id
	}
	days := int(dayOf(id).Sub(dayOf(r.series.Start)).Hours()) / 24
	if days < 0 || days >= len(r.occurrences) || r.occurrences[days].Event == nil || !r.tellID(r.step(days)).Equal(r.tellID(id)) {
		return calendar.Time{Time: time.Unix(0, 0).UTC(), Date: id.Date} // none
	}
	return r.occurrences[days].ID
}

// lastStep is where the last of the steps is told, zero if there are none.
func (r *eventReader) lastStep() time.Time {
	if r.shown != shapeSteps {
		return time.Time{}
	}
	return r.tellID(r.step(len(r.occurrences) - 1))
}

// sameSteps tells whether a recurrence is the one by which steps are shown, which
// end there: some clients tell ends in their own way.
func (r *eventReader) sameSteps(p *eas.CalendarRecurrence, last time.Time) bool {
	if r.shown != shapeSteps || p.Type == nil || *p.Type != recursDaily || valueOf(p.Interval) > 1 || p.DayOfWeek != nil && *p.DayOfWeek != allDays {
		return false
	}
	if p.Occurrences != nil {
		return int(*p.Occurrences) == len(r.occurrences)
	}
	return p.Until != nil && (p.Until.Sub(last).Abs() < 36*time.Hour || p.Until.Sub(r.lastStep()).Abs() < 36*time.Hour)
}
