package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/store"
)

// Carrier takes messages to other hosts.
type Carrier interface {
	// Deliver takes a message to its destination. When ctx ends it breaks off what
	// is not under way yet.
	Deliver(ctx context.Context, out *mail.Outgoing) mail.Attempt
}

// Limits bound what is done at once and for how long. Zero fields take the default.
type Limits struct {
	AtOnce         int           // attempts: 64
	PerDestination int           // of them to one destination: 8
	Lifetime       time.Duration // after which a sender gets a message back: five days
	Late           time.Duration // after which a sender is told that it waits: four hours
}

func (l *Limits) setDefaults() {
	if l.AtOnce <= 0 {
		l.AtOnce = 64
	}
	if l.PerDestination <= 0 {
		l.PerDestination = 8
	}
	if l.Lifetime <= 0 {
		l.Lifetime = defaultLifetime
	}
	if l.Late <= 0 {
		l.Late = defaultLate
	}
}

func (q *Queue) limits() Limits {
	l := q.cfg.Limits
	l.setDefaults()
	return l
}

// afterTrouble is how long the scheduler rests when the store fails it.
const afterTrouble = 10 * time.Second

// Run sends what is due until ctx ends, and returns when the last attempt has
// ended. Which legs are being tried is known in memory alone: after a crash they
// are due, as they were.
func (q *Queue) Run(ctx context.Context, carrier Carrier) error {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	for ctx.Err() == nil {
		picked, wait, err := q.pick(ctx)
		if err != nil && ctx.Err() == nil {
			q.log.Error("queue: what is due cannot be read", "error", err)
			wait = afterTrouble
		}
		for _, k := range picked {
			attempts.Go(func() {
				defer q.release(k)
				q.try(ctx, carrier, k)
			})
		}
		q.sleep(ctx, wait)
	}
	return nil
}

// sleep waits until somebody wakes us or, if that is not negative, wait is over.
func (q *Queue) sleep(ctx context.Context, wait time.Duration) {
	var over <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-q.wakes:
	case <-over:
	case <-ctx.Done():
	}
}

// claim marks a leg as being tried. It fails when it is already.
func (q *Queue) claim(k legKey) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.claimed[k] {
		return false
	}
	q.claimed[k] = true
	q.busy[k.destination]++
	return true
}

func (q *Queue) release(k legKey) {
	q.mu.Lock()
	delete(q.claimed, k)
	if q.busy[k.destination]--; q.busy[k.destination] == 0 {
		delete(q.busy, k.destination)
	}
	q.mu.Unlock()
	q.wake()
}

// load is how much is being tried: in all, and of a destination.
func (q *Queue) load(name string) (all, there int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.claimed), q.busy[name]
}

// pick claims what is due, as far as the limits go: of each destination one leg in
// turn, those first that were looked at longest ago. wait is until when nothing
// more is due; negative: until somebody wakes us.
func (q *Queue) pick(ctx context.Context) (picked []legKey, wait time.Duration, err error) {
	if err := q.spreadRest(ctx); err != nil {
		return nil, 0, err
	}
	limits, now := q.limits(), time.Now()
	wait = -1
	err = q.store.View(ctx, func(tx *store.Tx) error {
		defer func() { q.looked = tx.Reads() }()
		if held, err := q.holds.Has(tx, Hold{Of: Everything}); held || err != nil {
			return err
		}
		for more := true; more; {
			more = false
			for k, err := range q.next.Keys(tx, store.TableRange[nextKey]{}) {
				if err != nil {
					return err
				}
				if k.next > now.UnixMilli() {
					wait = time.UnixMilli(k.next).Sub(now)
					break
				}
				all, there := q.load(k.destination)
				if all >= limits.AtOnce {
					return nil // whoever ends wakes us
				}
				d, err := q.destination(tx, k.destination)
				if err != nil {
					return err
				}
				most := limits.PerDestination
				if d.failures > 0 {
					most = 1 // to see whether it is back
				}
				if there >= most {
					continue
				}
				leg, ok, err := q.first(tx, k.destination, now)
				if err != nil {
					return err
				}
				if ok {
					picked, more = append(picked, leg), true
				}
			}
		}
		return nil
	})
	return picked, wait, err
}

// first claims the first leg of a destination that is due and not claimed.
func (q *Queue) first(tx *store.Tx, name string, now time.Time) (legKey, bool, error) {
	for w, err := range q.waiting.Keys(tx, store.TableRange[waitKey]{Prefix: store.AppendString(nil, name)}) {
		if err != nil || w.due > now.UnixMilli() {
			return legKey{}, false, err
		}
		if k := (legKey{w.id, name}); q.claim(k) {
			return k, true, nil
		}
	}
	return legKey{}, false, nil
}

// spreadRest makes legs of the recipients that Add has left.
func (q *Queue) spreadRest(ctx context.Context) error {
	for {
		var id ID
		err := q.store.View(ctx, func(tx *store.Tx) error {
			id = 0
			for k, err := range q.unspread.Keys(tx, store.TableRange[dueKey]{}) {
				id = k.id
				return err
			}
			return nil
		})
		if err != nil || id == 0 {
			return err
		}
		err = q.store.Update(ctx, func(tx *store.Tx) error {
			e, err := q.Get(tx, id)
			if err != nil {
				return err
			}
			return q.spread(tx, &e, spreadInRun)
		})
		if err != nil && !errors.Is(err, ErrNoEntry) {
			return err
		}
	}
}

// try makes one attempt at a leg.
func (q *Queue) try(ctx context.Context, carrier Carrier, k legKey) {
	e, l, ok := q.ready(ctx, k)
	if !ok {
		return
	}
	out := &mail.Outgoing{Destination: l.Destination, Envelope: e.Envelope, Message: q.blobs.Reader(context.WithoutCancel(ctx), e.Blob)}
	out.Envelope.To = make([]mail.Recipient, len(l.To))
	for i, w := range l.To {
		out.Envelope.To[i] = e.Envelope.To[w.Index]
	}
	within, work := tracing.Start(ctx, q.cfg.Tracer, tracing.Client, "queue attempt")
	defer work.End()
	a := carrier.Deliver(within, out)
	outcomes, any := decided(a.Outcomes, len(l.To))
	describe(work, &l, outcomes)
	if !any && ctx.Err() != nil {
		return // broken off: it is due as it was
	}
	q.settle(within, &e, &l, outcomes, &a.Down)
	if a.Down && ctx.Err() == nil {
		q.putOff(ctx, k, outcomes[0])
	}
}

// describe says where an attempt went and how it went, and of nobody's address.
func describe(work tracing.Span, l *Leg, outcomes []mail.Outcome) {
	if !work.Recorded() {
		return
	}
	work.Text("destination", l.Destination)
	work.Number("attempt", int(l.Attempts)+1)
	work.Number("recipients", len(outcomes))
	refused, late := 0, 0
	for i := range outcomes {
		switch outcomes[i].Action {
		case mail.Failed:
			refused++
		case mail.Delayed:
			late++
		}
	}
	work.Number("failed", refused)
	work.Number("delayed", late)
	if len(outcomes) > 0 {
		work.Text("status", outcomes[0].Status)
		work.Text("tls", outcomes[0].TLS)
	}
	if refused+late > 0 {
		work.Fail("not all delivered")
	}
}

// decided makes of recipients that an attempt did not come to ones that wait.
func decided(outcomes []mail.Outcome, n int) (all []mail.Outcome, any bool) {
	all = make([]mail.Outcome, n)
	copy(all, outcomes)
	for i := range all {
		if all[i].Action == 0 {
			all[i] = mail.Outcome{Action: mail.Delayed, Status: "4.3.2", Text: "this server was stopped"}
		} else {
			any = true
		}
	}
	return all, any
}

// ready returns a leg that is to be tried now. One whose sender is held is held;
// one whose recipients go elsewhere by now is split anew.
func (q *Queue) ready(ctx context.Context, k legKey) (e Entry, l Leg, ok bool) {
	moved, held := false, false
	look := func(tx *store.Tx) (err error) {
		ok = false
		if l, err = q.leg(tx, k); err != nil {
			return err
		}
		if e, err = q.Get(tx, k.id); err != nil || l.Held {
			return err
		}
		if held, err = q.holds.Has(tx, Hold{Sender, e.Envelope.From}); err != nil {
			return err
		}
		for _, w := range l.To {
			moved = moved || q.cfg.Destination(e.Envelope.From, e.Envelope.To[w.Index].Address) != l.Destination
		}
		ok = true
		return nil
	}
	err := q.store.View(ctx, look)
	if err == nil && (held || moved) {
		err = q.store.Update(ctx, func(tx *store.Tx) error {
			if err := look(tx); err != nil || !ok {
				return err
			}
			ok = false
			if held {
				return q.holdLeg(tx, &l, true)
			}
			return q.split(tx, &e, &l)
		})
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotFound) {
		q.log.Error("queue: a message cannot be read", "entry", uint64(k.id), "destination", k.destination, "error", err)
	}
	return e, l, ok && err == nil
}

// split takes a leg apart by where its recipients go now.
func (q *Queue) split(tx *store.Tx, e *Entry, l *Leg) error {
	if err := q.removeLeg(tx, l); err != nil {
		return err
	}
	for _, w := range l.To {
		name := q.cfg.Destination(e.Envelope.From, e.Envelope.To[w.Index].Address)
		other, err := q.leg(tx, legKey{e.ID, name})
		switch {
		case errors.Is(err, store.ErrNotFound):
			other = Leg{Entry: e.ID, Destination: name, Due: l.Due, Told: l.Told}
		case err != nil:
			return err
		default:
			if err := q.removeLeg(tx, &other); err != nil {
				return err
			}
		}
		other.To = insert(other.To, w)
		if err := q.putLeg(tx, &other); err != nil {
			return err
		}
	}
	return nil
}

func insert(to []Waiting, w Waiting) []Waiting {
	i := 0
	for i < len(to) && to[i].Index < w.Index {
		i++
	}
	return append(to[:i:i], append([]Waiting{w}, to[i:]...)...)
}

// putOff notes for everything else that is due at a destination that is down what
// the one attempt has found out, so that each waits, and is given up, in its time.
func (q *Queue) putOff(ctx context.Context, tried legKey, o mail.Outcome) {
	now := time.Now()
	for ctx.Err() == nil {
		var k legKey
		found := false
		err := q.store.View(ctx, func(tx *store.Tx) (err error) {
			k, found, err = q.first(tx, tried.destination, now)
			return err
		})
		if err != nil || !found {
			return
		}
		if e, l, ok := q.ready(ctx, k); ok {
			outcomes := make([]mail.Outcome, len(l.To))
			for i := range outcomes {
				outcomes[i] = o
			}
			q.settle(ctx, &e, &l, outcomes, nil)
		}
		q.release(k)
	}
}
