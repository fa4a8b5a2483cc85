package announce

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"martlet/push"
	"martlet/store"
)

// Settle makes durable what became of a plan. It is push.Book's.
func (b *Book) Settle(ctx context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	n, _ := p.Note.(*note)
	if n == nil {
		return fmt.Errorf("announce: settle: the plan of %d is not ours", id)
	}
	now := time.Now().UTC()
	err := b.store.Update(ctx, func(tx *store.Tx) error {
		reg, err := b.load(tx, 0, id)
		if errors.Is(err, ErrNoRegistration) { // removed meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		st, err := b.state(tx, id)
		if err != nil {
			return err
		}
		if o.Result != 0 {
			if err := b.note(tx, id, &st, noted(p, n, o, again, now)); err != nil {
				return err
			}
		}
		if again {
			if n.act.withdrew && n.epoch == st.Epoch {
				// When it was seen stands nowhere else, and it ends by that.
				failing := st.Failing
				st = n.carry(&st)
				st.Failing = failing
			}
			if st.Failing.IsZero() {
				st.Failing = now
			}
			st.Run = b.run
			return b.states.Set(tx, id, st)
		}
		st = n.settle(st, o.Result)
		st.Run = b.run
		if err := b.states.Set(tx, id, st); err != nil {
			return err
		}
		if reg.lostBy(p, o) {
			return b.lose(tx, &reg, o, now)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("announce: settle: %w", err)
	}
	return nil
}

// noted is the outcome as it is kept.
func noted(p *push.Plan, n *note, o push.Outcome, again bool, now time.Time) *Outcome {
	out := &Outcome{At: now, Result: o.Result, Status: o.Status, Reason: o.Reason, Service: o.ID, Test: n.act.test, Again: again}
	if m := p.Notification; m != nil {
		out.ID, out.Mode, out.High, out.Withdrawn = m.ID, m.Mode, m.High, m.Withdrawn
	}
	return out
}

// carry is the plan's state, with what only others write as it is in st.
func (n *note) carry(st *state) state {
	next := n.state.clone()
	next.Noted, next.Asked = st.Noted, st.Asked
	if !slices.EqualFunc(n.had, st.Marks, ofSame) { // other folders are asked for since
		next.Marks = slices.DeleteFunc(next.Marks, func(m mark) bool { return hasMark(n.had, m) && !hasMark(st.Marks, m) })
		for _, m := range st.Marks {
			if !hasMark(n.had, m) && !hasMark(next.Marks, m) {
				next.Marks = append(next.Marks, m)
			}
		}
	}
	return next
}

// settle returns where a registration stands after a plan, of which st is what
// it is now.
func (n *note) settle(st state, r push.Result) state {
	if n.epoch != st.Epoch {
		// Another target, or begun anew: the plan speaks of what was before.
		return st
	}
	next := n.carry(&st)
	next.Failing = time.Time{}
	a := &n.act
	switch r {
	case push.Accepted:
		next.tell(a.entries, a.sum)
		if a.unread != nil {
			next.Unread = *a.unread
		}
		next.Spent = a.spent
		next.caughtUp(a.stale)
	case push.Gone, push.BadTarget, push.BadApp:
		// Another target may be there by now, or the app be mended: what was to be
		// told still is.
		return next
	case 0: // there was nothing to tell
		if n.state.Asked.IsZero() && st.Asked.Equal(a.asked) { // of who is barred
			next.Asked = time.Time{}
		}
		return next
	default:
		// It is given up. An attempt whose answer was lost may have come through, so
		// it is withdrawn when it is seen.
		next.tell(a.entries, a.sum)
		next.caughtUp(a.stale)
	}
	if a.withdrew {
		next.settled(a.over)
	}
	if a.test && st.Asked.Equal(a.asked) {
		next.Asked = time.Time{}
	}
	if a.last != nil {
		next.Last = *a.last
	}
	return next
}

// lostBy tells whether an outcome says that the target registered now is gone.
func (r *Registration) lostBy(p *push.Plan, o push.Outcome) bool {
	t := r.Target()
	if t.Kind != p.Target.Kind || t.Token != p.Target.Token || t.Endpoint != p.Target.Endpoint || t.Sandbox != p.Target.Sandbox {
		return false
	}
	switch o.Result {
	case push.BadTarget:
		return true
	case push.Gone:
		return o.Since.IsZero() || r.Updated.Before(o.Since)
	}
	return false
}

// lose forgets a target, and keeps the row to tell of it.
func (b *Book) lose(tx *store.Tx, r *Registration, o push.Outcome, now time.Time) error {
	if err := b.forgetTarget(tx, r); err != nil {
		return err
	}
	r.Lost, r.LostAt = o.Result.String(), now
	if o.Reason != "" {
		r.Lost = push.Cut(o.Reason, maxReason)
	}
	r.Token, r.Endpoint, r.PublicKey, r.Auth = "", "", nil, nil
	b.forgotten(tx, r.ID)
	id, account, result := r.ID, r.Account, o.Result.String()
	tx.OnCommit(func() {
		b.log.Info("app lost", "registration", id, "account", account, "result", result, "status", o.Status)
	})
	return b.registrations.Set(tx, r.ID, *r)
}

// equal compares all that a plan may change but how far the log was read.
func (s *state) equal(o *state) bool {
	return s.Unread == o.Unread && s.Missed == o.Missed && s.Asked.Equal(o.Asked) &&
		slices.Equal(s.Waiting, o.Waiting) && slices.Equal(s.Told, o.Told) && slices.Equal(s.Over, o.Over) &&
		sameMarks(s.Marks, o.Marks)
}

// Subscriptions lists all who have a target, and removes whose time is over. It
// is push.Book's.
func (b *Book) Subscriptions(ctx context.Context) iter.Seq2[push.Subscription, error] {
	errStop := errors.New("announce: the caller has enough")
	return func(yield func(push.Subscription, error) bool) {
		var over []uint64
		now := time.Now()
		err := b.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range b.registrations.Scan(tx, store.TableRange[uint64]{}) {
				if err != nil {
					return err
				}
				r := &row.Value
				r.ID = row.Key
				if r.over(now) {
					over = append(over, r.ID)
				}
				if r.Lost != "" || r.expired(now) {
					continue
				}
				s, err := b.standing(tx, r)
				if err != nil {
					return err
				}
				if !yield(s, nil) {
					return errStop
				}
			}
			return nil
		})
		if err == errStop {
			return
		}
		if err == nil {
			err = b.removeOver(ctx, over, now)
		}
		if err != nil {
			yield(push.Subscription{}, fmt.Errorf("announce: subscriptions: %w", err))
		}
	}
}

// standing is a registration as the notifier follows it, Behind when there may
// be something to tell.
func (b *Book) standing(tx *store.Tx, r *Registration) (push.Subscription, error) {
	w, err := b.watch(tx, r)
	if err != nil {
		return push.Subscription{}, err
	}
	s := r.subscription(&w)
	st, err := b.state(tx, r.ID)
	if err != nil {
		return s, err
	}
	badge := (r.Mode == push.Badge || r.Mode == push.Alert) && st.Unread != w.unread+1
	s.Behind = badge || r.Mode != push.Badge && w.behindMarks(&st) || w.highest > st.Last.ModSeq || len(st.Waiting) > 0 || len(st.Over) > 0 || !st.Asked.IsZero()
	return s, nil
}

// Sweep removes registrations that have expired, and those that lost their
// target long ago. Call it once a day; Subscriptions does too.
func (b *Book) Sweep(ctx context.Context) error {
	now := time.Now()
	var over []uint64
	for r, err := range b.ListAll(ctx) {
		if err != nil {
			return err
		}
		if r.over(now) {
			over = append(over, r.ID)
		}
	}
	return b.removeOver(ctx, over, now)
}

func (b *Book) removeOver(ctx context.Context, over []uint64, now time.Time) error {
	for _, id := range over {
		if err := b.removeIf(ctx, id, func(r *Registration) bool { return r.over(now) }); err != nil {
			return fmt.Errorf("announce: sweep: %w", err)
		}
	}
	return nil
}

// removeIf removes a registration if it is still as it was found.
func (b *Book) removeIf(ctx context.Context, id uint64, still func(*Registration) bool) error {
	return b.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		r, err := b.load(tx, 0, id)
		if errors.Is(err, ErrNoRegistration) || err == nil && !still(&r) {
			return nil
		}
		if err != nil {
			return err
		}
		return b.remove(tx, &r)
	})
}

// over tells whether a registration is to be removed.
func (r *Registration) over(now time.Time) bool {
	return r.expired(now) || r.Lost != "" && now.Sub(r.LostAt) > LostLife
}
