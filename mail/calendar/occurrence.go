package calendar

import (
	"iter"
	"slices"
	"time"
)

// maxOccurrences bounds how many occurrences of an event are counted off.
const maxOccurrences = 100_000

// Occurrences ranges over the starts of the event's occurrences in order,
// without those that EXDATE takes out. Where an occurrence was moved is in the
// event with its RECURRENCE-ID: see Object.Occurrences.
func (e *Event) Occurrences() iter.Seq[Time] {
	s := e.Series()
	return func(yield func(Time) bool) {
		for w := range s.expansion(time.Time{}, time.Time{}, time.UTC).walls(noWall) {
			if !yield(s.timeAt(w)) {
				return
			}
		}
	}
}

// timeAt is a wall clock of the series as a time of its kind.
func (s *Series) timeAt(w wall) Time {
	t := s.Start
	t.Time = InZone(w.time(), t.Location())
	return t
}

// HasOccurrence tells whether one of the occurrences begins at t.
func (e *Event) HasOccurrence(t time.Time) bool {
	s := e.Series()
	if e.Start.Floating {
		t = t.UTC()
	}
	want := s.wall(Time{Time: t})
	for w := range s.expansion(time.Time{}, time.Time{}, time.UTC).walls(want - apart) {
		if at := s.clock(w); at >= want {
			return at == want
		}
	}
	return false
}

// key makes occurrences comparable: by the day where the event has dates.
func (e *Event) key(t Time) int64 {
	s := Series{Start: e.Start}
	return int64(s.wall(t))
}

// Last returns the start of the last occurrence; false for a rule without end.
func (e *Event) Last() (Time, bool) {
	s := e.Series()
	w, ok := s.last()
	if !ok || w == noWall {
		return Time{}, false
	}
	return s.timeAt(w), true
}

// endless tells whether the series never ends.
func (s *Series) endless() bool {
	return slices.ContainsFunc(s.Rules, func(r *Rule) bool { return r.Count == 0 && (r.Until.IsZero() || r.Until.Year() >= lastYear) })
}

// last is where the clock of the series stands at the last of its regular
// occurrences: noWall if all of them are taken out, false if it never ends.
func (s *Series) last() (last wall, ok bool) {
	last = noWall
	if s.endless() {
		return last, false
	}
	x := s.expansion(time.Time{}, time.Time{}, time.UTC)
	start := s.wall(s.Start)
	behind, counted := start, false
	for _, r := range s.Rules {
		if counted = counted || r.Count > 0; !counted {
			behind = max(behind, s.local(r).end())
		}
	}
	for _, p := range s.Dates {
		behind = max(behind, s.wall(p.Start))
	}
	// Looked for from the end on, further back each time.
	for span := wall(8 * secondsADay); ; span *= 8 {
		since := behind - span
		if counted || span > wall(maxDuration/time.Second) || since < start {
			since = start
			for _, p := range s.Dates {
				since = min(since, s.wall(p.Start))
			}
		}
		for w := range x.walls(since) {
			last = w
		}
		if last != noWall || since <= start {
			return last, true
		}
	}
}

// Ends is when the last occurrence is over, dates and floating times taken for
// those of zone; false if there is always another.
func (s *Series) Ends(zone *time.Location) (end time.Time, ok bool) {
	if s.endless() && !s.Alone {
		return end, false
	}
	x := s.expansion(time.Time{}, time.Date(lastYear*2, 1, 1, 0, 0, 0, 0, time.UTC), zone)
	take := func(t time.Time) {
		if t.After(end) {
			end = t
		}
	}
	for i := range s.Moved {
		m := &s.Moved[i]
		take(m.Start.later(m.End.Sub(m.Start.Time), zone))
	}
	if s.Alone {
		return end, true
	}
	last, _ := s.last()
	if last == noWall && len(s.Moved) == 0 {
		last = s.wall(s.Start)
	}
	if last != noWall && !x.own.has(x.clock(last)) {
		at, _ := x.at(last)
		take(at.End)
	} else if last != noWall { // the last of those that are where the series has them
		for at := range x.regular() {
			take(at.End)
		}
	}
	for _, p := range s.Dates {
		if w := s.wall(p.Start); !p.End.IsZero() && !x.except.has(w) && !x.own.has(w) {
			at, _ := x.at(w)
			take(at.End)
		}
	}
	return end, true
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
