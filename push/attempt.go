package push

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	// The back-offs of a device: from lostBase to lostMost where there was no
	// answer, which is likely over soon, from answerBase to Limits.Backoff where
	// the service said so itself.
	lostBase   = time.Second
	lostMost   = time.Minute
	answerBase = 5 * time.Second
	bookBase   = 2 * time.Second // the book failed: a full disk
)

// attempt asks the book what a subscriber is to be told now, sends it and has
// the book write down what became of it. The trial is the worker's own here.
func (n *Notifier) attempt(ctx context.Context, turn *turn) verdict {
	s := turn.s
	lasting := context.WithoutCancel(ctx) // what is known is written down, at the end too
	t := s.trial
	if t != nil && t.unsettled != nil {
		if err := n.write(lasting, s.id, &t.unsettled.plan, t.unsettled.outcome, false); err != nil {
			n.complain("push outcome not written", err)
			return n.again(s, bookBase, n.limits.Backoff)
		}
		t, s.trial = nil, nil
	}
	ask := Ask{Now: n.clock(), Smaller: t != nil && t.smaller}
	n.looks.Add(1)
	p, err := n.book.Plan(ctx, s.id, ask)
	turn.planned, turn.elsewhere = err == nil, p.Elsewhere
	switch {
	case errors.Is(err, ErrForgotten):
		return verdict{forgotten: true}
	case err != nil && ctx.Err() != nil:
		return verdict{}
	case err != nil:
		n.complain("push not planned", err)
		return n.again(s, bookBase, n.limits.Backoff)
	case p.Notification == nil:
		v := verdict{later: p.Later}
		s.trial = nil
		if p.Mark == 0 {
			return v
		}
		return n.settle(lasting, s, &p, v)
	}
	v := verdict{more: p.More, later: p.Later}
	if e := p.Notification.Expires; !e.IsZero() && !ask.Now.Before(e) {
		v.outcome = Outcome{Result: Expired}
		return n.settle(lasting, s, &p, v)
	}
	n.name(t, p.Notification)
	v.tried = true
	v.outcome = n.send(ctx, &p)
	if v.outcome.Result == Retry && ctx.Err() != nil { // cut off at the end: found again
		return verdict{}
	}
	n.answered(ctx, turn, &v)
	return n.conclude(lasting, s, &p, v)
}

// name gives a notification its ID: that of the attempt before, if it told of
// the same, because the service may have taken that one.
func (n *Notifier) name(t *trial, m *Notification) {
	switch {
	case t != nil && t.id != "" && m.Collapse != "" && t.collapse == m.Collapse:
		m.ID = t.id
	case m.ID == "":
		m.ID = newID()
	}
}

// newID returns a random UUID (RFC 9562 5.4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// send hands a notification to its service. What a foreign answer does to the
// code that reads it must not reach mail: a panic is a lost attempt.
func (n *Notifier) send(ctx context.Context, p *Plan) (o Outcome) {
	sender := (*n.senders.Load())[p.Target.Kind]
	if sender == nil {
		return Outcome{Result: BadApp, Reason: "no sender for " + p.Target.Kind.String()}
	}
	ctx, cancel := context.WithTimeout(ctx, n.limits.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			n.log.Error("push sender panicked", "kind", p.Target.Kind.String(), "app", p.Target.App,
				"panic", r, "stack", string(debug.Stack()))
			o = Outcome{Result: Retry, Reason: "the sender failed"}
		}
	}()
	o = sender.Send(ctx, p.Target, p.Notification)
	if o.Result == 0 || o.Result > BadApp {
		return Outcome{Result: Retry, Reason: "the sender knows no outcome"}
	}
	return o
}

// conclude decides whether an outcome ends the matter.
func (n *Notifier) conclude(ctx context.Context, s *subscriber, p *Plan, v verdict) verdict {
	o := v.outcome
	smaller := s.trial != nil && s.trial.smaller
	switch {
	case o.Result == Retry, o.Result == BadApp, o.Result == TooLarge && !smaller:
		if err := n.write(ctx, s.id, p, o, true); err != nil {
			n.complain("push outcome not noted", err)
		}
		return n.retry(s, p, v)
	case o.Result == Accepted:
		v.told = true
	}
	gone := o.Result == Gone || o.Result == BadTarget
	v = n.settle(ctx, s, p, v)
	if gone && !v.retry { // it is asked for once more; a book that keeps it anyhow is asked less and less
		r := n.again(s, lostBase, n.limits.Backoff)
		if !s.trial.gone {
			s.trial.gone, r.delay = true, 0
		}
		r.tried, r.outcome = v.tried, v.outcome
		return r
	}
	return v
}

// retry keeps what the next attempt needs.
func (n *Notifier) retry(s *subscriber, p *Plan, v verdict) verdict {
	base, most := answerBase, n.limits.Backoff
	switch {
	case v.outcome.Result == BadApp:
		most = n.limits.Probe
	case v.outcome.Status == 0:
		base, most = lostBase, min(lostMost, most)
	}
	r := n.again(s, base, most)
	r.tried, r.outcome = v.tried, v.outcome
	s.trial.id, s.trial.collapse = p.Notification.ID, p.Notification.Collapse
	switch v.outcome.Result {
	case TooLarge:
		s.trial.smaller = true
		r.delay = 0
	case Retry:
		if v.outcome.After > 0 {
			r.delay = patience(v.outcome.After)
		}
	}
	return r
}

// again is a verdict of another attempt after a back-off.
func (n *Notifier) again(s *subscriber, base, most time.Duration) verdict {
	if s.trial == nil {
		s.trial = &trial{}
	}
	delay := fullJitter(base, s.trial.attempts, most)
	s.trial.attempts++
	return verdict{retry: true, delay: delay}
}

// settle has the book write down an end. Where it cannot, it is asked again,
// and nothing is sent before.
func (n *Notifier) settle(ctx context.Context, s *subscriber, p *Plan, v verdict) verdict {
	err := n.write(ctx, s.id, p, v.outcome, false)
	if err == nil {
		if v.outcome.Result != Gone && v.outcome.Result != BadTarget {
			s.trial = nil
		}
		return v
	}
	n.complain("push outcome not written", err)
	r := n.again(s, bookBase, n.limits.Backoff)
	s.trial.unsettled = &settlement{*p, v.outcome}
	r.tried, r.outcome = v.tried, v.outcome
	return r
}
