package push

import (
	"context"
	"time"
)

// mostWriting bounds how many workers write down outcomes beside those that hold
// a place in their lane. Where the disk is slower than the service, the lanes
// wait for it.
const mostWriting = 1000

// turn is a subscriber with a worker.
type turn struct {
	lane  *lane
	s     *subscriber // nil: none
	era   uint32      // of the lane, when it began
	began instant
	place bool // it counts among those that the lane has in flight
	// planned: the book has said where else the subscriber is to wait.
	planned   bool
	elsewhere []Topic
}

// verdict is what is to become of a subscriber after a worker had it.
type verdict struct {
	tried     bool // the sender was asked: outcome says something about the lane
	outcome   Outcome
	forgotten bool
	told      bool // it was told something: the interval counts
	more      bool
	retry     bool
	delay     time.Duration // of retry
	later     time.Time
}

// work is a worker of a lane: it ends when nothing is due that may be sent now,
// or when another took its place.
func (n *Notifier) work(ctx context.Context, t turn) {
	for t.s != nil {
		t.began = n.now()
		v := n.attempt(ctx, &t)
		t = n.finish(ctx, &t, &v)
	}
}

// answered draws the conclusions for the lane as soon as the service has said
// something, and lets others have the place: what is left to do is the disk's.
func (n *Notifier) answered(ctx context.Context, t *turn, v *verdict) {
	n.mu.Lock()
	now, l := n.now(), t.lane
	n.countLocked(l, v)
	said := l.judgeLocked(t.s.id, t.era, &v.outcome, now)
	reason, rest := l.reason, l.notBefore-now
	n.gateLocked(l, now)
	if n.writing < mostWriting {
		n.writing++
		n.leaveLocked(ctx, t, true, now)
		n.pumpLocked(ctx, l, now)
	}
	n.mu.Unlock()
	n.report(l.laneKey, said, &v.outcome, reason, rest)
}

func (n *Notifier) countLocked(l *lane, v *verdict) {
	if r := v.outcome.Result; r != 0 {
		l.results[r]++
		n.results[l.kind][r]++
	}
}

// leaveLocked gives a place back.
func (n *Notifier) leaveLocked(ctx context.Context, t *turn, tried bool, now instant) {
	l := t.lane
	t.place = false
	l.running--
	n.running[l.kind]--
	l.easeLocked(tried, now)
	if n.starved[l.kind] {
		n.starved[l.kind] = false
		n.pumpKindLocked(ctx, l.kind, now)
	}
}

// finish gives a subscriber back and takes the next one that the lane may send
// to now, if the place is still the worker's.
func (n *Notifier) finish(ctx context.Context, t *turn, v *verdict) (next turn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, l := n.now(), t.lane
	if !v.tried {
		n.countLocked(l, v)
	}
	if l.state == LaneRefused && v.outcome.Result == BadApp {
		v.delay = 0 // it is the lane that waits
	}
	n.returnLocked(t, now, v)
	n.workers.Add(-1)
	if t.place {
		n.leaveLocked(ctx, t, v.tried, now)
		if n.readyLocked(l, now) {
			next = n.takeLocked(l, now)
		}
		n.pumpLocked(ctx, l, now)
	} else {
		n.writing--
	}
	n.endLaneLocked(l)
	if n.closed && n.workers.Load() == 0 {
		close(n.idle)
	}
	return next
}

// returnLocked decides when a subscriber is asked for again.
func (n *Notifier) returnLocked(t *turn, now instant, v *verdict) {
	s := t.s
	s.state = idle
	woken := s.again
	s.again = false
	if t.planned && !s.fresh && !s.gone && !v.forgotten && n.waitElsewhereLocked(s, t.elsewhere) {
		woken = true
	}
	switch {
	case s.fresh: // what was found is about what it was
		s.fresh = false
		s.trial, s.chain = nil, 0
		n.awaitLocked(s, now)
		return
	case v.forgotten || s.gone:
		if !s.gone {
			n.dropLocked(s)
		}
		delete(n.subscribers, s.id)
		return
	case v.retry:
		s.floor = now + instant(v.delay)
		n.awaitLocked(s, s.floor)
		return
	case v.told:
		s.floor = t.began + instant(n.limits.Interval)
	default:
		s.floor = now + restAfterNothing
	}
	if v.more && s.chain < longestChain {
		s.chain++
		n.awaitLocked(s, now)
		return
	}
	s.chain = 0
	switch {
	case woken || v.more:
		n.awaitLocked(s, max(s.floor, now+instant(n.limits.Gather)))
	case !v.later.IsZero():
		n.awaitClockLocked(s, v.later, now)
	}
}

// report logs what became of a lane, once for each turn of its fate.
func (n *Notifier) report(key laneKey, said remark, o *Outcome, reason string, rest instant) {
	if said == unremarkable {
		return
	}
	log := n.log.With("kind", key.kind.String(), "app", key.app)
	if key.service != "" {
		log = log.With("service", key.service)
	}
	switch said {
	case refusedNow:
		log.Error("push app is refused: nothing is sent for it until its credentials are mended",
			"status", o.Status, "reason", reason, "next_try", time.Duration(rest).Round(time.Second))
	case restsNow:
		log.Warn("push service does not take notifications: they wait",
			"status", o.Status, "reason", reason, "next_try", time.Duration(rest).Round(time.Millisecond))
	case openNow:
		log.Info("push service takes notifications again")
	}
}
