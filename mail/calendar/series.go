package calendar

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Series is when something takes place: a start and an end, what makes them come
// round, and which occurrences are elsewhere or not at all. It needs nothing
// else, so that it can be kept apart from the event that it is of.
type Series struct {
	Start, End Time
	Rules      []*Rule  // RRULE; mostly one
	NoRules    []*Rule  // EXRULE, of RFC 2445
	Dates      []Period // RDATE
	Except     []Time   // EXDATE
	Moved      []Moved  // in the order of the object
	// Alone means that there is no series, only the occurrences of Moved: those
	// of somebody who was invited to no others.
	Alone bool
}

// Period is a time between two others.
type Period struct {
	Start Time
	End   Time // zero: as long as the event takes
}

// Moved is an occurrence with an event of its own (RFC 5545 3.8.4.4).
type Moved struct {
	ID         Time // where it would be
	After      bool // those behind it are moved alike
	Start, End Time
	Event      *Event // nil in a series that is apart from its event
}

// Occurrence is one time at which an event takes place.
type Occurrence struct {
	ID         Time      // its RECURRENCE-ID: where the series has it
	Start, End time.Time // dates and floating times are in the zone that was asked for
	Moved      int       // which of Moved it is; -1: none
	Event      *Event    // what tells of it: the master, or what stands for the occurrence
}

// Series is when the event takes place, without those that stand for single
// occurrences.
func (e *Event) Series() *Series {
	s := &Series{Start: e.Start, End: e.End, Except: e.Except}
	ends := e.periodEnds()
	for _, t := range e.Dates {
		s.Dates = append(s.Dates, Period{Start: t, End: ends[t.Unix()]})
	}
	if e.Rule != nil {
		s.Rules = []*Rule{e.Rule}
	}
	if e.BadRule && e.Component != nil {
		s.Rules, s.NoRules = e.rules("RRULE"), e.rules("EXRULE")
	}
	return s
}

// periodEnds are when those occurrences of RDATE end that say so, by where they
// begin.
func (e *Event) periodEnds() map[int64]Time {
	if len(e.Periods) == 0 {
		return nil
	}
	ends := make(map[int64]Time, len(e.Periods))
	for _, p := range e.Periods {
		ends[p.Start.Unix()] = p.End
	}
	return ends
}

// rules are all rules of a name that can be followed.
func (e *Event) rules(name string) (out []*Rule) {
	for p := range e.Component.All(name) {
		if r, err := ParseAnyRule(p.Value); err == nil && len(out) < maxRules {
			r.plainAt(e.Start.Time)
			out = append(out, r)
		}
	}
	return out
}

// Series is when the object's event takes place, with all that stand for single
// occurrences; nil if there is none.
func (o *Object) Series() *Series {
	master := o.Master()
	if master == nil {
		return nil
	}
	s := master.Series()
	s.Alone = master.RecurrenceID != nil
	there := map[movedKey]int{}
	for _, e := range o.Events {
		if e.RecurrenceID == nil {
			continue
		}
		m := Moved{ID: *e.RecurrenceID, After: e.ThisAndAfter, Start: e.Start, End: e.End, Event: e}
		key := movedKey{s.wall(m.ID), m.After}
		if i, again := there[key]; !again {
			there[key] = len(s.Moved)
			s.Moved = append(s.Moved, m)
		} else if e.Sequence >= s.Moved[i].Event.Sequence {
			s.Moved[i] = m
		}
	}
	return s
}

// movedKey tells occurrences that are moved from each other. Of two events for one
// only the later state counts.
type movedKey struct {
	id    wall
	after bool
}

// Occurrences ranges over the object's occurrences that take place, if only in
// part, between two points in time, in the order of their starts. Dates and
// floating times are in zone. Those that are cancelled are among them.
func (o *Object) Occurrences(from, to time.Time, zone *time.Location) iter.Seq[Occurrence] {
	s := o.Series()
	return func(yield func(Occurrence) bool) {
		if s == nil {
			return
		}
		master := o.Master()
		for at := range s.Between(from, to, zone) {
			if at.Event = master; at.Moved >= 0 {
				at.Event = s.Moved[at.Moved].Event
			}
			if !yield(at) {
				return
			}
		}
	}
}

// Recurs tells whether there is more than one occurrence, or might be.
func (s *Series) Recurs() bool { return len(s.Rules) > 0 || len(s.Dates) > 0 || len(s.Moved) > 0 }

// Between ranges over the occurrences that take place, if only in part, between
// two points in time, in the order of their starts. Dates and floating times are
// in zone. What takes no time is there if it begins between them. It takes time
// for what lies between and the exceptions, not for what was before, unless
// occurrences have to be counted.
func (s *Series) Between(from, to time.Time, zone *time.Location) iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		if zone == nil {
			zone = time.UTC
		}
		if !s.Recurs() && !s.Alone && len(s.Except) == 0 { // most events
			x := expansion{Series: s, from: from, to: to, zone: zone}
			at := Occurrence{ID: s.Start, Moved: -1, Start: s.Start.In(zone), End: s.Start.later(s.End.Sub(s.Start.Time), zone)}
			if x.shows(at) {
				yield(at)
			}
			return
		}
		x := s.expansion(from, to, zone)
		waiting := x.moved()
		if len(x.after) > 0 && !s.Alone { // they may overtake each other
			waiting = slices.AppendSeq(waiting, x.regular())
			slices.SortStableFunc(waiting, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
		}
		if len(x.after) > 0 || s.Alone {
			for _, at := range waiting {
				if !yield(at) {
					return
				}
			}
			return
		}
		for at := range x.regular() {
			for len(waiting) > 0 && !at.Start.Before(waiting[0].Start) {
				if !yield(waiting[0]) {
					return
				}
				waiting = waiting[1:]
			}
			if !yield(at) {
				return
			}
		}
		for _, at := range waiting {
			if !yield(at) {
				return
			}
		}
	}
}

// shift is what one of Moved does to those behind it.
type shift struct {
	from   wall // they are behind this
	by     time.Duration
	length time.Duration
	number int // in Moved
}

// maxShift is the longest way that an occurrence moves those behind it.
const maxShift = 366 * 24 * time.Hour

// expansion is a series that is looked at through a window.
type expansion struct {
	*Series
	from, to time.Time
	zone     *time.Location
	length   time.Duration
	except   walls
	own      walls   // of the occurrences that have events of their own
	after    []shift // in order
	slack    time.Duration
	behind   wall                   // which nothing is asked for
	periods  map[wall]time.Duration // how long those of RDATE take that say so
	place    zoneClock              // that of the series
}

func (s *Series) expansion(from, to time.Time, zone *time.Location) *expansion {
	x := &expansion{Series: s, from: from, to: to, zone: zone, length: s.End.Sub(s.Start.Time)}
	if x.place.loc = s.Start.Location(); s.Start.Date || s.Start.Floating {
		x.place.loc = zone
	}
	for _, t := range s.Except {
		x.except.add(s, t)
	}
	longest := x.length
	for i := range s.Moved {
		m := &s.Moved[i]
		x.own.add(s, m.ID)
		if !m.After {
			continue
		}
		f := shift{from: s.wall(m.ID), length: m.End.Sub(m.Start.Time), number: i}
		if f.by = time.Duration(s.wall(m.Start)-f.from) * time.Second; f.by.Abs() > maxShift {
			continue
		}
		x.after = append(x.after, f)
		longest, x.slack = max(longest, f.length), max(x.slack, f.by.Abs())
	}
	slices.SortStableFunc(x.after, func(a, b shift) int { return cmp.Compare(a.from, b.from) })
	for _, p := range s.Dates {
		if !p.End.IsZero() {
			if x.periods == nil {
				x.periods = map[wall]time.Duration{}
			}
			x.periods[s.wall(p.Start)] = p.End.Sub(p.Start.Time)
			longest = max(longest, p.End.Sub(p.Start.Time))
		}
	}
	x.slack += longest
	if x.behind = lastWall; !to.IsZero() {
		const week = 7 * 24 * time.Hour // a year's first one may begin before it
		x.behind = min(x.behind, near(to, x.slack+apart*time.Second+week))
	}
	x.except.sort()
	x.own.sort()
	return x
}

// regular ranges over the occurrences that have no event of their own, in the
// order in which the series has them.
func (x *expansion) regular() iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		since, behind := near(x.from, -x.slack-apart*time.Second), near(x.to, x.slack+apart*time.Second)
		for w := range x.walls(since) {
			if w > behind {
				return
			}
			if x.own.some() && x.own.has(x.clock(w)) {
				continue
			}
			if at, ok := x.at(w); ok && !yield(at) {
				return
			}
		}
	}
}

// at is the occurrence that the series has at a wall clock, if the window shows
// it.
func (x *expansion) at(w wall) (Occurrence, bool) {
	at := Occurrence{ID: x.Start, Moved: -1}
	length, ok := x.periods[w]
	if !ok {
		length = x.length
	}
	begins := x.place.at(w)
	if at.ID.Time = begins; x.Start.Date || x.Start.Floating {
		at.ID.Time = w.time()
	}
	if i, _ := slices.BinarySearchFunc(x.after, w, shift.compare); i > 0 {
		f := x.after[i-1]
		at.Moved, length, w = f.number, f.length, w+wall(f.by/time.Second)
		begins = x.place.at(w)
	}
	at.Start = begins.In(x.zone)
	if at.End = at.Start.Add(length); x.Start.Date || x.Start.Floating {
		at.End = x.place.at(w + wall(length/time.Second)) // by the clock, over a day of 23 hours too
	}
	return at, x.shows(at)
}

// compare says where occurrences are that a shift is for: behind it.
func (f shift) compare(w wall) int {
	if f.from < w {
		return -1
	}
	return 1
}

// later is the point in time that is d behind t: by the clock where t is of no
// zone, over a day of 23 hours too.
func (t Time) later(d time.Duration, zone *time.Location) time.Time {
	if t.Date || t.Floating {
		return InZone(t.Time.Add(d), zone)
	}
	return t.Time.Add(d).In(zone)
}

// moved lists the occurrences with events of their own, in the order of their
// starts.
func (x *expansion) moved() (out []Occurrence) {
	for i := range x.Moved {
		m := &x.Moved[i]
		at := Occurrence{ID: m.ID, Moved: i, Start: m.Start.In(x.zone)}
		at.End = m.Start.later(m.End.Sub(m.Start.Time), x.zone)
		if x.shows(at) {
			out = append(out, at)
		}
	}
	slices.SortStableFunc(out, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
	return out
}

// shows tells whether the window has an occurrence in it (RFC 4791 9.9).
func (x *expansion) shows(at Occurrence) bool {
	if !at.End.After(at.Start) {
		return !at.Start.Before(x.from) && at.Start.Before(x.to)
	}
	return at.Start.Before(x.to) && at.End.After(x.from)
}

// local is a rule with its end on the clock of the series.
func (s *Series) local(r *Rule) *Rule {
	if r.Until.IsZero() || r.UntilDate || r.UntilLocal || s.Start.Date || s.Start.Floating {
		return r
	}
	n := *r
	n.Until = wallOf(r.Until.In(s.Start.Location()))
	return &n
}

// Wall is a time on the clock of the series, as if in UTC: a day if it has days.
func (s *Series) Wall(t Time) time.Time { return s.wall(t).time() }

func (s *Series) wall(t Time) wall {
	switch {
	case s.Start.Date:
		return wallTime(t.Time).day().at(0)
	case t.Date, t.Floating, s.Start.Floating:
		return wallTime(t.Time)
	}
	return wallTime(t.Time.In(s.Start.Location()))
}

// clock is what the clock of the series shows at what the series has for one of
// its wall clocks: another where clocks are set forward over it.
func (s *Series) clock(w wall) wall {
	if s.Start.Date || s.Start.Floating || s.Start.Location() == time.UTC {
		return w
	}
	return wallTime(InZone(w.time(), s.Start.Location()))
}

// walls are wall clocks of a series to be found again: by the second, or by the
// day where only that was told of an event with a time.
type walls struct{ seconds, days []wall }

func (w *walls) add(s *Series, t Time) {
	at := s.wall(t)
	if t.Date && !s.Start.Date {
		w.days = append(w.days, at)
	} else {
		w.seconds = append(w.seconds, at)
	}
}

func (w *walls) some() bool { return len(w.seconds) > 0 || len(w.days) > 0 }

func (w *walls) sort() {
	slices.Sort(w.seconds)
	slices.Sort(w.days)
}

func (w *walls) has(at wall) bool {
	if _, ok := slices.BinarySearch(w.seconds, at); ok {
		return true
	}
	if len(w.days) == 0 {
		return false
	}
	_, ok := slices.BinarySearch(w.days, at.day().at(0))
	return ok
}

// near is what a clock in UTC shows d later, as far as a calendar goes.
func near(t time.Time, d time.Duration) wall {
	return min(max(wall(t.Unix())+wall(d/time.Second), firstWall), lastWall+366*secondsADay)
}
