package queue

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"martlet/mail"
	"martlet/store"
)

// HoldOf is what a hold is of.
type HoldOf byte

// What can be held. Legs can be held one by one besides.
const (
	Everything  HoldOf = 'q'
	Destination HoldOf = 'd'
	Sender      HoldOf = 's'
)

// Hold keeps mail from being tried: what is there, and what comes.
type Hold struct {
	Of   HoldOf
	Name string // the destination or the sender's address; empty: Everything
}

// ErrSending tells that a leg is on its way at this moment.
var ErrSending = errors.New("queue: it is being sent at this moment")

// Holds returns what is held, and since when.
func (q *Queue) Holds(ctx context.Context) (all []store.Row[Hold, time.Time], err error) {
	err = q.store.View(ctx, func(tx *store.Tx) error {
		all = nil
		for row, err := range q.holds.Scan(tx, store.TableRange[Hold]{}) {
			if err != nil {
				return err
			}
			all = append(all, row)
		}
		return nil
	})
	return all, err
}

// SetHold holds mail, or lets it go.
func (q *Queue) SetHold(ctx context.Context, h Hold, held bool) error {
	return q.store.Update(ctx, func(tx *store.Tx) error {
		if held {
			if err := q.holds.Set(tx, h, inMilliseconds(time.Now())); err != nil {
				return err
			}
		} else if err := q.holds.Delete(tx, h); err != nil {
			return err
		}
		tx.OnCommit(q.wake)
		if h.Of == Destination {
			return q.settleDestination(tx, h.Name, time.Time{})
		}
		return nil
	})
}

func (q *Queue) heldDestination(tx *store.Tx, name string) (bool, error) {
	return q.holds.Has(tx, Hold{Destination, name})
}

// holdLeg holds a leg that is there, or lets it go.
func (q *Queue) holdLeg(tx *store.Tx, l *Leg, held bool) error {
	if l.Held == held {
		return nil
	}
	if err := q.waiting.Delete(tx, l.waitKey()); err != nil {
		return err
	}
	l.Held = held
	if err := q.putLeg(tx, l); err != nil {
		return err
	}
	return q.settleDestination(tx, l.Destination, time.Time{})
}

// Filter chooses legs. Zero fields choose all.
type Filter struct {
	Entry       ID
	From        string // address of the sender, or "@example.org"; "<>": the null sender
	To          string // address of a recipient that waits, or "@example.org"
	Destination string
	Held        bool // only those that are held
}

func (f *Filter) takes(e *Entry, l *Leg) bool {
	if f.Entry != 0 && e.ID != f.Entry || f.Destination != "" && !strings.EqualFold(f.Destination, l.Destination) || f.Held && !l.Held {
		return false
	}
	if f.From == "<>" && e.Envelope.From != "" || f.From != "" && f.From != "<>" && !matches(f.From, e.Envelope.From) {
		return false
	}
	if f.To == "" {
		return true
	}
	for _, w := range l.To {
		if matches(f.To, e.Envelope.To[w.Index].Address) {
			return true
		}
	}
	return false
}

func matches(pattern, address string) bool {
	if strings.HasPrefix(pattern, "@") {
		return len(address) >= len(pattern) && strings.EqualFold(address[len(address)-len(pattern):], pattern)
	}
	return strings.EqualFold(pattern, address)
}

// Queued is a leg with its entry.
type Queued struct {
	Entry
	Leg
	Sending bool
	Down    string // why its destination is not tried; empty: it is
}

// Waiting counts how many legs wait, and how many destinations they wait for: an
// entry has a leg for each destination of its recipients.
func (q *Queue) Waiting(ctx context.Context) (legs, destinations int, err error) {
	err = q.store.View(ctx, func(tx *store.Tx) error {
		legs, destinations = 0, 0
		for _, err := range q.legs.Keys(tx, store.TableRange[legKey]{}) {
			if err != nil {
				return err
			}
			legs++
		}
		for _, err := range q.next.Keys(tx, store.TableRange[nextKey]{}) {
			if err != nil {
				return err
			}
			destinations++
		}
		return nil
	})
	return legs, destinations, err
}

// Select walks over the legs that a filter takes, oldest entry first. It sees one
// moment of the queue.
func (q *Queue) Select(ctx context.Context, f Filter) iter.Seq2[Queued, error] {
	return func(yield func(Queued, error) bool) {
		stopped := false
		err := q.store.View(ctx, func(tx *store.Tx) error {
			r := store.TableRange[legKey]{}
			if f.Entry != 0 {
				r.Prefix = store.AppendUint64(nil, uint64(f.Entry))
			}
			var e Entry
			for row, err := range q.legs.Scan(tx, r) {
				if err != nil {
					return err
				}
				if row.Key.id != e.ID {
					if e, err = q.Get(tx, row.Key.id); err != nil {
						return err
					}
				}
				l := row.Value
				l.Entry, l.Destination = row.Key.id, row.Key.destination
				if !f.takes(&e, &l) {
					continue
				}
				d, err := q.destination(tx, l.Destination)
				if err != nil {
					return err
				}
				out := Queued{Entry: e, Leg: l, Sending: q.isClaimed(row.Key)}
				if d.failures > 0 {
					out.Down = d.last
				}
				if stopped = !yield(out, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(Queued{}, err)
		}
	}
}

func (q *Queue) isClaimed(k legKey) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.claimed[k]
}

// SetHeld holds one leg, or lets it go.
func (q *Queue) SetHeld(ctx context.Context, id ID, destination string, held bool) error {
	return q.change(ctx, id, destination, func(tx *store.Tx, l *Leg) error { return q.holdLeg(tx, l, held) })
}

// Retry has one leg tried at once, whatever is known of its destination.
func (q *Queue) Retry(ctx context.Context, id ID, destination string) error {
	return q.change(ctx, id, destination, func(tx *store.Tx, l *Leg) error {
		d, err := q.destination(tx, l.Destination)
		if err != nil {
			return err
		}
		d.until = time.Time{}
		if err := q.setDestination(tx, l.Destination, d, d.next); err != nil {
			return err
		}
		if err := q.waiting.Delete(tx, l.waitKey()); err != nil {
			return err
		}
		l.Due = time.Now()
		if err := q.putLeg(tx, l); err != nil {
			return err
		}
		return q.settleDestination(tx, l.Destination, time.Time{})
	})
}

func (q *Queue) change(ctx context.Context, id ID, destination string, fn func(*store.Tx, *Leg) error) error {
	return q.store.Update(ctx, func(tx *store.Tx) error {
		l, err := q.leg(tx, legKey{id, destination})
		if errors.Is(err, store.ErrNotFound) {
			return ErrNoEntry
		}
		if err != nil {
			return err
		}
		tx.OnCommit(q.wake)
		return fn(tx, &l)
	})
}

// Bounce gives one leg back to its sender, as if it had failed. ErrSending: not now.
func (q *Queue) Bounce(ctx context.Context, id ID, destination string) error {
	k := legKey{id, destination}
	if !q.claim(k) {
		return ErrSending
	}
	defer q.release(k)
	var e Entry
	var l Leg
	err := q.store.View(ctx, func(tx *store.Tx) (err error) {
		if l, err = q.leg(tx, k); err != nil {
			return err
		}
		e, err = q.Get(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoEntry
	}
	if err != nil {
		return err
	}
	outcomes := make([]mail.Outcome, len(l.To))
	for i, w := range l.To {
		outcomes[i] = mail.Outcome{Action: mail.Failed, Status: "5.7.1", Text: "the administrator has taken it out of the queue", Reply: w.Last.Reply, Host: w.Last.Host, Addr: w.Last.Addr}
	}
	return q.settleOnce(ctx, &e, &l, outcomes, nil)
}
