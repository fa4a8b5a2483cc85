package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
)

// TellSenders has a function write what senders are told. Without it they are told
// nothing. It is called before anything is sent.
func (q *Queue) TellSenders(r Reporter) { q.report = r }

// settleAgain is how long to wait when an outcome cannot be written down: what has
// arrived must not be sent again.
const settleAgain = 10 * time.Second

// settle notes what an attempt made of a leg, with the report that it calls for, in
// one transaction. It goes on until that is durable, or ctx ends.
func (q *Queue) settle(ctx context.Context, e *Entry, l *Leg, outcomes []mail.Outcome, down *bool) {
	for {
		err := q.settleOnce(context.WithoutCancel(ctx), e, l, outcomes, down)
		if err == nil {
			return
		}
		q.log.Error("what became of a message cannot be written down", "entry", uint64(e.ID), "destination", l.Destination, "error", err)
		timer := time.NewTimer(settleAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// maxGone is how often a report is made anew because its body was collected before
// it was referred to. Once would do.
const maxGone = 3

func (q *Queue) settleOnce(ctx context.Context, e *Entry, l *Leg, outcomes []mail.Outcome, down *bool) (err error) {
	now := time.Now()
	j := q.judge(e, l, outcomes, now)
	var report Report
	var wrote bool
	for range maxGone {
		report = Report{}
		if len(j.told) > 0 && q.report != nil {
			if report, err = q.report(ctx, e, j.told); err != nil {
				return err
			}
		}
		err = q.store.Update(ctx, func(tx *store.Tx) error {
			wrote = false
			if down != nil {
				if err := q.setDown(tx, l.Destination, *down, why(outcomes), now); err != nil {
					return err
				}
			}
			still, err := q.leg(tx, l.key())
			if errors.Is(err, store.ErrNotFound) {
				return q.settleDestination(tx, l.Destination, now) // somebody has taken it out
			}
			if err != nil {
				return err
			}
			wrote = true
			next := j.leg
			next.Held = still.Held
			next.addNew(&still, l)
			if err := q.replaceLeg(tx, &still, &next, now); err != nil {
				return err
			}
			if err := q.cfg.Trace.Add(tx, j.event(e, now)); err != nil {
				return err
			}
			if report.Commit == nil {
				return nil
			}
			return report.Commit(tx)
		})
		if !errors.Is(err, blob.ErrGone) {
			break
		}
	}
	if err != nil {
		return err
	}
	if wrote {
		q.tell(e, l, &j)
		if report.Done != nil {
			report.Done()
		}
	}
	return nil
}

// addNew adds the recipients that have come to a leg while the others of it were
// tried.
func (l *Leg) addNew(still, tried *Leg) {
	for _, w := range still.To {
		if !slices.ContainsFunc(tried.To, func(o Waiting) bool { return o.Index == w.Index }) {
			if len(l.To) == 0 || still.Due.Before(l.Due) {
				l.Due = still.Due
			}
			l.To = insert(l.To, w)
		}
	}
}

// event is what is remembered of an attempt.
func (j *judged) event(e *Entry, now time.Time) trace.Event {
	t := trace.Event{Time: now, ID: e.Envelope.Trace.ID, From: e.Envelope.From, Size: e.Blob.Size}
	add := func(to string, o *mail.Outcome) {
		step := trace.Sent
		switch o.Action {
		case mail.Delayed:
			step = trace.Deferred
		case mail.Failed:
			step = trace.Failed
		}
		t.Outcomes = append(t.Outcomes, trace.Outcome{To: to, Step: step, Detail: strings.TrimSpace(o.Host + " " + cmp.Or(o.Reply, o.Text))})
	}
	for i := range j.done {
		add(j.done[i].To.Address, &j.done[i].Outcome)
	}
	for _, w := range j.leg.To {
		if w.Last.Action != 0 {
			add(e.Envelope.To[w.Index].Address, &w.Last)
		}
	}
	return t
}

// why is the reason why a destination is down.
func why(outcomes []mail.Outcome) string {
	for _, o := range outcomes {
		if o.Text != "" {
			return o.Text[:min(len(o.Text), maxKept)]
		}
	}
	return ""
}

// replaceLeg writes what is left of a leg, and takes the entry out when nothing is
// left of it at all.
func (q *Queue) replaceLeg(tx *store.Tx, old, with *Leg, now time.Time) error {
	if err := q.waiting.Delete(tx, old.waitKey()); err != nil {
		return err
	}
	if len(with.To) > 0 {
		if err := q.putLeg(tx, with); err != nil {
			return err
		}
		return q.settleDestination(tx, old.Destination, now)
	}
	if err := q.legs.Delete(tx, old.key()); err != nil {
		return err
	}
	if err := q.settleDestination(tx, old.Destination, now); err != nil {
		return err
	}
	return q.endEntry(tx, old.Entry)
}

// endEntry takes an entry out that nobody waits for any more.
func (q *Queue) endEntry(tx *store.Tx, id ID) error {
	for _, err := range q.legs.Keys(tx, store.TableRange[legKey]{Prefix: store.AppendUint64(nil, uint64(id))}) {
		return err // there is one
	}
	e, err := q.Get(tx, id)
	if err != nil {
		return err
	}
	if e.spread < len(e.Envelope.To) {
		return nil
	}
	return q.removeEntry(tx, &e)
}

// tell writes the log.
func (q *Queue) tell(e *Entry, l *Leg, j *judged) {
	log := q.log.With("entry", uint64(e.ID), "id", e.Envelope.Trace.ID, "from", e.Envelope.From, "destination", l.Destination)
	for _, t := range j.done {
		attrs := []any{"to", t.To.Address, "status", t.Status, "host", t.Host, "address", t.Addr, "reply", t.Reply}
		if t.Action != mail.Failed {
			log.Info("message sent", append(attrs, "tls", t.TLS, "policy", t.Policy)...)
			continue
		}
		told := slices.ContainsFunc(j.told, func(o Told) bool { return o.To.Address == t.To.Address })
		log.Warn("message not sent", append(attrs, "reason", t.Text, "sender_told", told)...)
	}
	for _, w := range j.leg.To { // not those of addNew
		log.Info("message delayed", "to", e.Envelope.To[w.Index].Address, "status", w.Last.Status, "host", w.Last.Host, "address", w.Last.Addr,
			"reply", w.Last.Reply, "reason", w.Last.Text, "attempts", j.leg.Attempts, "next", j.leg.Due)
	}
}
