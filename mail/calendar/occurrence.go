package calendar

import (
	"iter"
	"slices"
	"time"
)

// maxOccurrences bounds how many occurrences are counted off to find one.
const maxOccurrences = 20_000

// Occurrences ranges over the starts of the event's occurrences in order,
// without those that EXDATE takes out. Where an occurrence was moved is in the
// event with its RECURRENCE-ID.
func (e *Event) Occurrences() iter.Seq[Time] {
	return func(yield func(Time) bool) {
		dates := slices.SortedFunc(slices.Values(e.Dates), func(a, b Time) int { return a.Compare(b.Time) })
		except := map[int64]bool{}
		for _, x := range e.Except {
			except[e.key(x)] = true
		}
		var last int64
		first := true
		emit := func(t Time) bool {
			k := e.key(t)
			if !first && k == last {
				return true // by rule and by date
			}
			first, last = false, k
			return except[k] || yield(t)
		}
		for t := range e.ruled() {
			for len(dates) > 0 && dates[0].Before(t.Time) {
				if !emit(dates[0]) {
					return
				}
				dates = dates[1:]
			}
			if !emit(t) {
				return
			}
		}
		for _, t := range dates {
			if !emit(t) {
				return
			}
		}
	}
}

// ruled ranges over the start and what the rule makes of it: by the wall clock,
// so that ten o'clock stays ten o'clock over a change to summer time.
func (e *Event) ruled() iter.Seq[Time] {
	return func(yield func(Time) bool) {
		if e.Rule == nil {
			yield(e.Start)
			return
		}
		rule := *e.Rule
		if !rule.Until.IsZero() && !rule.UntilDate && !rule.UntilLocal && !e.Start.Date && !e.Start.Floating {
			rule.Until = wallOf(rule.Until.In(e.Start.Location()))
		}
		n := 0
		for wall := range rule.From(wallOf(e.Start.Time)) {
			t := e.Start
			t.Time = inZone(wall, e.Start.Location())
			if n++; n > maxOccurrences || !yield(t) {
				return
			}
		}
	}
}

// key makes occurrences comparable: by the day where the event has dates.
func (e *Event) key(t Time) int64 {
	if e.Start.Date || t.Date {
		y, m, d := t.Time.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	}
	return t.Unix()
}

// HasOccurrence tells whether one of the occurrences begins at t.
func (e *Event) HasOccurrence(t time.Time) bool {
	want := e.key(Time{Time: t})
	for o := range e.Occurrences() {
		k := e.key(o)
		if k >= want {
			return k == want
		}
	}
	return false
}

// Last returns the start of the last occurrence; false for a rule without end.
func (e *Event) Last() (last Time, ok bool) {
	if e.Rule != nil && e.Rule.Count == 0 && e.Rule.Until.IsZero() {
		return last, false
	}
	for t := range e.Occurrences() {
		last, ok = t, true
	}
	return last, ok
}

// Instance returns an object that holds one occurrence alone: the event that
// stands for it already, or a copy of the master moved to it. It is nil for an
// occurrence that is not there.
func (o *Object) Instance(start time.Time) *Object {
	master := o.Master()
	if master == nil {
		return nil
	}
	var chosen *Component
	for _, e := range o.Events {
		if e.RecurrenceID != nil && master.key(*e.RecurrenceID) == master.key(Time{Time: start}) {
			chosen = e.Component.Clone()
		}
	}
	if chosen == nil {
		if master.RecurrenceID != nil || !master.Recurs() || !master.HasOccurrence(start) {
			return nil
		}
		chosen = master.at(start)
	}
	root := &Component{Name: o.Root.Name, Props: slices.Clone(o.Root.Props)}
	for _, c := range o.Root.Children {
		if c.Name == "VTIMEZONE" {
			root.Children = append(root.Children, c.Clone())
		}
	}
	root.Children = append(root.Children, chosen)
	return newObject(root)
}

// at is a copy of the event for the occurrence that begins at start.
func (e *Event) at(start time.Time) *Component {
	c := e.Component.Clone()
	for _, name := range []string{"RRULE", "RDATE", "EXDATE", "EXRULE", "DURATION", "DTEND"} {
		c.Remove(name)
	}
	from, end := e.Start, e.End
	shift := end.Sub(from.Time)
	if from.Date {
		y, m, d := start.Date()
		from.Time = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	} else {
		from.Time = start.In(e.Start.Location())
	}
	end.Time = from.Time.Add(shift).In(e.End.Location())
	c.Set(from.property("DTSTART"))
	c.Set(end.property("DTEND"))
	c.Set(from.property("RECURRENCE-ID"))
	return c
}
