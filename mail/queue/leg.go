package queue

import (
	"errors"
	"time"

	"martlet/mail"
	"martlet/store"
)

// Leg is the part of an entry that goes to one destination. What becomes of it
// concerns no other leg.
type Leg struct {
	Entry       ID
	Destination string
	To          []Waiting // ascending by Index
	Due         time.Time // of the next attempt
	Attempts    uint32
	Told        bool // the sender knows that it is late
	Held        bool // until it is released
}

// Waiting is a recipient of whom nothing final is known.
type Waiting struct {
	Index int          // in the entry's Envelope.To
	Last  mail.Outcome // of the last attempt; zero: there was none
}

func (l *Leg) key() legKey { return legKey{l.Entry, l.Destination} }

func (l *Leg) waitKey() waitKey { return waitKey{l.Destination, l.Due.UnixMilli(), l.Entry} }

// destination is what is known of one. It has a row while anything goes there.
type destination struct {
	next     time.Time // when to look for what is due; zero: nothing waits, or all is held
	failures int       // attempts in a row that reached no host
	until    time.Time // then: nobody tries before
	last     string    // then: why
}

// Limits of one transaction.
const (
	spreadAtOnce = 16  // legs that Add makes; the rest is made by Run
	spreadInRun  = 200 // legs that Run makes in one transaction
)

// spread puts recipients that are in no leg into legs, as long as these are no
// more than most, and writes the entry.
func (q *Queue) spread(tx *store.Tx, e *Entry, most int) error {
	made := map[string]*Leg{}
	var order []string
	for ; e.spread < len(e.Envelope.To); e.spread++ {
		name := q.cfg.Destination(e.Envelope.From, e.Envelope.To[e.spread].Address)
		leg := made[name]
		if leg == nil {
			if len(made) == most {
				break
			}
			l, err := q.legs.Get(tx, legKey{e.ID, name})
			switch {
			case errors.Is(err, store.ErrNotFound):
				l = Leg{Due: e.Due}
			case err != nil:
				return err
			default:
				l.Entry, l.Destination = e.ID, name
				if err := q.removeLeg(tx, &l); err != nil {
					return err
				}
			}
			l.Entry, l.Destination = e.ID, name
			leg = &l
			made[name], order = leg, append(order, name)
		}
		leg.To = append(leg.To, Waiting{Index: e.spread})
	}
	for _, name := range order {
		if err := q.putLeg(tx, made[name]); err != nil {
			return err
		}
	}
	if e.spread == len(e.Envelope.To) {
		if err := q.unspread.Delete(tx, dueKey{e.Due.UnixMilli(), e.ID}); err != nil {
			return err
		}
	}
	return q.entries.Set(tx, e.ID, *e)
}

// Legs returns what still waits of an entry.
func (q *Queue) Legs(tx *store.Tx, id ID) (all []Leg, err error) {
	for row, err := range q.legs.Scan(tx, store.TableRange[legKey]{Prefix: store.AppendUint64(nil, uint64(id))}) {
		if err != nil {
			return nil, err
		}
		row.Value.Entry, row.Value.Destination = row.Key.id, row.Key.destination
		all = append(all, row.Value)
	}
	return all, nil
}

// leg returns one leg, or store.ErrNotFound.
func (q *Queue) leg(tx *store.Tx, k legKey) (Leg, error) {
	l, err := q.legs.Get(tx, k)
	l.Entry, l.Destination = k.id, k.destination
	return l, err
}

// putLeg writes a leg that is not there, or was removed, and has its destination
// looked at when it is due.
func (q *Queue) putLeg(tx *store.Tx, l *Leg) error {
	l.Due = inMilliseconds(l.Due)
	if err := q.legs.Set(tx, l.key(), *l); err != nil {
		return err
	}
	d, err := q.destination(tx, l.Destination)
	if err != nil {
		return err
	}
	at := d.next
	if !l.Held {
		if err := q.waiting.Set(tx, l.waitKey(), struct{}{}); err != nil {
			return err
		}
		held, err := q.heldDestination(tx, l.Destination)
		if err != nil {
			return err
		}
		if due := later(l.Due, d.until); !held && (at.IsZero() || due.Before(at)) {
			at = due
		}
	}
	return q.setDestination(tx, l.Destination, d, at)
}

// removeLeg takes a leg out; its destination's row stays until settled.
func (q *Queue) removeLeg(tx *store.Tx, l *Leg) error {
	if err := q.waiting.Delete(tx, l.waitKey()); err != nil {
		return err
	}
	if err := q.legs.Delete(tx, l.key()); err != nil {
		return err
	}
	return q.settleDestination(tx, l.Destination, time.Time{})
}

// destination returns what is known of one; a new one if there is nothing.
func (q *Queue) destination(tx *store.Tx, name string) (destination, error) {
	d, err := q.destinations.Get(tx, name)
	if errors.Is(err, store.ErrNotFound) {
		return destination{}, nil
	}
	return d, err
}

// setDestination writes a destination with another time to look.
func (q *Queue) setDestination(tx *store.Tx, name string, d destination, at time.Time) error {
	old, err := q.destination(tx, name)
	if err != nil {
		return err
	}
	if !old.next.IsZero() && !old.next.Equal(at) {
		if err := q.next.Delete(tx, nextKey{old.next.UnixMilli(), name}); err != nil {
			return err
		}
	}
	d.next = at
	if !at.IsZero() {
		d.next = inMilliseconds(at)
		if err := q.next.Set(tx, nextKey{d.next.UnixMilli(), name}, struct{}{}); err != nil {
			return err
		}
	}
	return q.destinations.Set(tx, name, d)
}

// settleDestination finds out anew when to look at a destination: not before the
// given time, so that one with much to do goes behind the others. One that nothing
// goes to is forgotten.
func (q *Queue) settleDestination(tx *store.Tx, name string, notBefore time.Time) error {
	d, err := q.destination(tx, name)
	if err != nil {
		return err
	}
	first := time.Time{}
	for k, err := range q.waiting.Keys(tx, store.TableRange[waitKey]{Prefix: store.AppendString(nil, name)}) {
		if err != nil {
			return err
		}
		first = later(later(time.UnixMilli(k.due), d.until), notBefore)
		break
	}
	held, err := q.heldDestination(tx, name)
	if err != nil {
		return err
	}
	if held {
		return q.setDestination(tx, name, d, time.Time{})
	}
	if first.IsZero() {
		if err := q.setDestination(tx, name, d, time.Time{}); err != nil {
			return err
		}
		return q.destinations.Delete(tx, name)
	}
	return q.setDestination(tx, name, d, first)
}

// down notes that no host of a destination can be reached, or that one can again.
func (q *Queue) setDown(tx *store.Tx, name string, down bool, why string, now time.Time) error {
	d, err := q.destination(tx, name)
	if err != nil {
		return err
	}
	if !down {
		if d.failures == 0 {
			return nil
		}
		d.failures, d.until, d.last = 0, time.Time{}, ""
	} else if !now.Before(d.until) { // several found it at once
		d.failures++
		d.until, d.last = inMilliseconds(now.Add(downFor(d.failures))), why
	}
	return q.setDestination(tx, name, d, d.next)
}
