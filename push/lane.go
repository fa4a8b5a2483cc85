package push

import (
	"context"
	"math/rand/v2"
	"time"
)

// How a lane slows down and comes back.
const (
	firstWindow = 8 // notifications in flight before the service has answered any
	// A lane rests after attempts of so many different devices, or of all there
	// are, and after so many in all, came to nothing one after another. One device
	// that always fails stops nobody.
	tripDevices  = 8
	tripAttempts = 3
	// restBase doubles with each rest until Limits.Rest. An outage of an hour costs
	// some hundred attempts for each app, however many devices wait.
	restBase = 2 * time.Second
	// After a rest the lane begins anew at rampRate notifications a second, which
	// doubles every rampDouble, until rampOver: who has waited for an hour need
	// not all be woken in the same second, and come back to us in the next.
	rampRate   = 50.0
	rampDouble = 5 * time.Second
	rampOver   = 2000.0
	// rampSlack is how far a lane may catch up where timers are late.
	rampSlack = instant(10 * time.Millisecond)
)

// LaneState is whether the notifications of a lane go out.
type LaneState uint8

// The states.
const (
	LaneOpen    LaneState = iota
	LaneResting           // the service does not answer, or asks for patience; one attempt now and then
	LaneRefused           // the service refuses the app; tried again rarely, or after Reopen
)

// String is the state's name for logs and the console.
func (s LaneState) String() string {
	switch s {
	case LaneResting:
		return "resting"
	case LaneRefused:
		return "refused"
	}
	return "open"
}

type laneKey struct {
	kind         Kind
	app, service string
}

// lane is the queue of one app at one service, with workers of its own: what
// happens to it delays nobody else. A lane without anything due has no
// goroutine. All of it is guarded by Notifier.mu.
type lane struct {
	laneKey
	notifier    *Notifier
	subscribers int
	due         schedule[*subscriber]
	running     int
	window      int // how many may run: grows with every answer, shrinks with every failure

	state     LaneState
	reason    string // the service's word, or what went wrong, of a lane that is not open
	notBefore instant
	place     int32 // in Notifier.gates
	gated     bool
	// era counts rests: what began before one says nothing about the time after.
	era    uint32
	row    int    // failures one after another
	fails  int    // of different devices
	failed uint64 // who failed last
	rests  int
	ramp   instant // when the ramp began; never: there is none

	results Results
}

func (l *lane) when() instant { return l.notBefore }
func (l *lane) slot() *int32  { return &l.place }

// remark is what is to be logged of a lane, once its lock is given back.
type remark uint8

const (
	unremarkable remark = iota
	restsNow
	refusedNow
	openNow
)

// judgeLocked draws from one outcome what it says about the whole lane.
func (l *lane) judgeLocked(who uint64, era uint32, o *Outcome, now instant) remark {
	if era != l.era {
		return unremarkable
	}
	switch o.Result {
	case BadApp:
		return l.refuseLocked(who, o, now)
	case Retry:
		return l.failLocked(who, o, now)
	}
	l.row, l.fails = 0, 0
	l.window = min(l.window+1, l.notifier.limits.InFlight)
	if l.state == LaneOpen {
		return unremarkable
	}
	l.reopenLocked(now)
	return openNow
}

func (l *lane) failLocked(who uint64, o *Outcome, now instant) remark {
	if l.state == LaneRefused {
		l.shutLocked(LaneRefused, l.reason, now+l.notifier.limits.probe())
		return unremarkable
	}
	l.countLocked(who)
	if !o.Wide && l.state == LaneOpen && (l.row < tripAttempts || l.fails < min(tripDevices, l.subscribers)) {
		return unremarkable
	}
	was := l.state
	pause := fullJitter(restBase, l.rests, l.notifier.limits.Rest)
	if o.Wide && o.After > 0 { // else it is the device that waits so long
		pause = patience(o.After)
	}
	l.rests++
	l.shutLocked(LaneResting, o.Reason, now+instant(pause))
	if was == LaneResting {
		return unremarkable
	}
	return restsNow
}

// refuseLocked believes that it is the app that is refused when as many devices
// say so as are needed, or all there are: of Web Push one subscription that was
// made with an older key says the same.
func (l *lane) refuseLocked(who uint64, o *Outcome, now instant) remark {
	l.countLocked(who)
	if l.state == LaneOpen && l.fails < min(tripDevices, l.subscribers) {
		return unremarkable
	}
	was, reason := l.state, l.reason
	l.shutLocked(LaneRefused, o.Reason, now+l.notifier.limits.probe())
	if was == LaneRefused && reason == o.Reason {
		return unremarkable
	}
	return refusedNow
}

// countLocked counts a failure. One device's failures are one.
func (l *lane) countLocked(who uint64) {
	l.window = max(l.window/2, 1)
	l.row++
	if who != l.failed || l.fails == 0 {
		l.fails++
		l.failed = who
	}
}

func (l *lane) shutLocked(state LaneState, reason string, until instant) {
	l.state, l.reason, l.notBefore = state, reason, until
	l.window = 1
	l.row, l.fails = 0, 0
	l.era++
}

// reopenLocked begins anew, slowly.
func (l *lane) reopenLocked(now instant) {
	l.state, l.reason, l.notBefore = LaneOpen, "", now
	l.rests, l.row, l.fails = 0, 0, 0
	l.era++
	l.ramp = now
}

// paceLocked spaces out what starts while the lane comes back.
func (l *lane) paceLocked(now instant) {
	if l.ramp == never {
		return
	}
	rate := rampRate
	for t := now - l.ramp; t >= instant(rampDouble) && rate < rampOver; t -= instant(rampDouble) {
		rate *= 2
	}
	if rate >= rampOver {
		l.ramp = never
		return
	}
	l.notBefore = max(l.notBefore, now-rampSlack) + instant(float64(time.Second)/rate)
}

// easeLocked gives a turn back that sent nothing, and ends the ramp when everyone
// has had a turn.
func (l *lane) easeLocked(tried bool, now instant) {
	if l.ramp == never || l.state != LaneOpen {
		return
	}
	if !tried {
		l.notBefore = min(l.notBefore, now)
	}
	if l.running == 0 && len(l.due) == 0 {
		l.ramp = never
	}
}

// fullJitter is a random time up to base doubled n times, or up to most.
func fullJitter(base time.Duration, n int, most time.Duration) time.Duration {
	d := most
	if n < 30 {
		d = min(base<<n, most)
	}
	return rand.N(d) + 1
}

// patience is what a service asked for and some more, so that those who were
// told the same do not come back together.
func patience(after time.Duration) time.Duration {
	after = min(after, MaxRetryAfter)
	return after + rand.N(after/4+time.Second)
}

// readyLocked tells whether a lane may start one more.
func (n *Notifier) readyLocked(l *lane, now instant) bool {
	switch {
	case n.closed || len(l.due) == 0 || l.running >= l.window || now < l.notBefore:
		return false
	case n.running[l.kind] >= n.limits.KindInFlight:
		n.starved[l.kind] = true
		return false
	}
	return true
}

// takeLocked takes the one that has been due for the longest time.
func (n *Notifier) takeLocked(l *lane, now instant) turn {
	s := l.due.take()
	s.state, s.again = working, false
	l.running++
	n.running[l.kind]++
	n.workers.Add(1)
	l.paceLocked(now)
	return turn{lane: l, s: s, era: l.era, place: true}
}

// pumpLocked starts workers for what is due.
func (n *Notifier) pumpLocked(ctx context.Context, l *lane, now instant) {
	for n.readyLocked(l, now) {
		go n.work(ctx, n.takeLocked(l, now))
	}
	n.gateLocked(l, now)
}

// pumpKindLocked lets all lanes of a kind have what one gave back, in no order,
// so that none is always the last.
func (n *Notifier) pumpKindLocked(ctx context.Context, k Kind, now instant) {
	for _, l := range n.lanes {
		if l.kind == k {
			n.pumpLocked(ctx, l, now)
		}
	}
}

// gateLocked has a lane looked at again when its rest is over. It must be called
// whenever notBefore has changed.
func (n *Notifier) gateLocked(l *lane, now instant) {
	if wait := len(l.due) > 0 && l.running < l.window && l.notBefore > now; !wait {
		if l.gated {
			n.gates.remove(l)
			l.gated = false
		}
		return
	}
	if l.gated {
		n.gates.moved(l)
	} else {
		n.gates.add(l)
		l.gated = true
	}
	n.rouseByLocked(l.notBefore)
}
