package object

import (
	"iter"
	"time"

	"martlet/mail/calendar"
)

// Period is a time that an event takes.
type Period struct {
	Start, End time.Time
	Status     Status
	Cancelled  bool
}

// Busy ranges over the times that the event takes between two points in time:
// Periods without those that are free or cancelled.
func (b *Brief) Busy(from, to time.Time, zone *time.Location) iter.Seq[Period] {
	return taken(b.Periods(from, to, zone))
}

// BusyIn is Brief.Busy of an object that is open.
func BusyIn(o *calendar.Object, from, to time.Time, zone *time.Location) iter.Seq[Period] {
	return taken(PeriodsIn(o, from, to, zone))
}

func taken(all iter.Seq[Period]) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		for p := range all {
			if p.Status != Free && !p.Cancelled && !yield(p) {
				return
			}
		}
	}
}

// Periods ranges over the event's occurrences that take place, if only in part,
// between two points in time, in the order of their starts. Days and floating
// times are in zone. Where Open is set only the body has them: there are none.
func (b *Brief) Periods(from, to time.Time, zone *time.Location) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		if b.Open || b.Series == nil && b.Start.IsZero() {
			return
		}
		s := b.Series
		if s == nil {
			s = &calendar.Series{Start: b.point(b.Start), End: b.point(b.End)}
		}
		for at := range s.Between(from, to, zone) {
			p := Period{at.Start, at.End, b.Status, b.Cancelled}
			if at.Moved >= 0 && at.Moved < len(b.moved) {
				p.Status, p.Cancelled = b.moved[at.Moved].status, b.moved[at.Moved].cancelled
			}
			if !yield(p) {
				return
			}
		}
	}
}

func (b *Brief) point(t time.Time) calendar.Time {
	return calendar.Time{Time: t, Floating: b.Floating}
}

// PeriodsIn is Brief.Periods of an object that is open.
func PeriodsIn(o *calendar.Object, from, to time.Time, zone *time.Location) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		for at := range o.Occurrences(from, to, zone) {
			if !yield(Period{at.Start, at.End, StatusOf(at.Event), at.Event.Status == "CANCELLED"}) {
				return
			}
		}
	}
}
