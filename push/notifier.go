package push

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Limits are a notifier's. A zero field is the default.
type Limits struct {
	// Gather is how long the first change waits for those that belong to it: 20 ms.
	Gather time.Duration
	// Interval is the least time between two notifications to one device: 5 s.
	Interval time.Duration
	// InFlight is how many notifications of one lane are under way, what became of
	// them being written down included: 500. They share commits.
	InFlight int
	// KindInFlight is how many of one kind are, whatever their lane: 1,000. It
	// bounds what many Web Push hosts that answer slowly cost.
	KindInFlight int
	// Timeout is how long a service may take: 30 s.
	Timeout time.Duration
	// Backoff is the longest time between two attempts at one device, unless the
	// service asks for more: 5 min.
	Backoff time.Duration
	// Rest is the longest time between two attempts at a service that does not
	// answer, unless it asks for more: 1 min.
	Rest time.Duration
	// Probe is how long an app that is refused rests: 15 min.
	Probe time.Duration
	// Drain is how long Run waits at its end for what is under way: 5 s.
	Drain time.Duration
}

func (l Limits) withDefaults() Limits {
	preset := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	preset(&l.Gather, 20*time.Millisecond)
	preset(&l.Interval, 5*time.Second)
	preset(&l.Timeout, 30*time.Second)
	preset(&l.Backoff, 5*time.Minute)
	preset(&l.Rest, time.Minute)
	preset(&l.Probe, 15*time.Minute)
	preset(&l.Drain, 5*time.Second)
	if l.InFlight <= 0 {
		l.InFlight = 500
	}
	if l.KindInFlight <= 0 {
		l.KindInFlight = 1000
	}
	return l
}

// probe is spread, so that apps refused together are not tried together.
func (l Limits) probe() instant { return instant(l.Probe + rand.N(l.Probe/4+1)) }

const (
	// restAfterNothing is the least time between two plans of one device of which
	// the first had nothing to send, as when a user marks a thousand messages.
	restAfterNothing = instant(250 * time.Millisecond)
	// longestChain is how many notifications of plans with More follow one
	// another before the interval counts.
	longestChain = 16
	// clockCheck is how often the wall clock is looked at while somebody waits
	// for an hour of the day. clockStep is a change that matters.
	clockCheck = instant(5 * time.Minute)
	clockStep  = time.Second
)

// NotifierConfig is what a notifier works with.
type NotifierConfig struct {
	Hub     *Hub
	Book    Book
	Senders map[Kind]Sender // what is missing is refused as BadApp
	Logger  *slog.Logger    // nil: no log
	Limits  Limits
	Clock   func() time.Time // the wall clock; nil: time.Now
}

// Notifier wakes registered devices: it hears of changes from the hub, asks the
// book what each device is to be told, hands it to the service's sender, tells
// the book what became of it, and tries again where that helps. What it knows of
// a device is in the book; here is only who is due, which is found again after a
// crash. Use NewNotifier and Run. All methods are safe for concurrent use.
type Notifier struct {
	hub     *Hub
	book    Book
	senders atomic.Pointer[map[Kind]Sender]
	log     *slog.Logger
	limits  Limits
	clock   func() time.Time
	began   time.Time // of all instants

	inbox atomic.Pointer[subscriber] // who was woken: a stack, the last first
	bell  chan struct{}              // rouses Run

	workers atomic.Int32 // changed under mu
	waves   waves

	complained atomic.Int64 // when the book's failure was last logged, an instant
	looks      atomic.Uint64

	mu          sync.Mutex
	subscribers map[uint64]*subscriber
	elsewhere   map[uint64]*elsewhere // of those subscribers that wait in other mailboxes
	lanes       map[laneKey]*lane
	timers      schedule[*subscriber]
	gates       schedule[*lane]   // lanes with something due that must wait
	onWall      int               // how many of the timers follow the wall clock
	drift       time.Duration     // of the wall clock from began, when last looked at
	asleep      instant           // until when Run sleeps; math.MinInt64: it does not
	running     [WebPush + 1]int  // places of each kind that are taken
	writing     int               // workers without a place, which write down an outcome
	starved     [WebPush + 1]bool // a lane of the kind waits for another's worker
	results     [WebPush + 1]Results
	closed      bool
	idle        chan struct{} // closed when the last worker ends after closed
}

// NewNotifier returns a notifier that follows nobody yet.
func NewNotifier(c NotifierConfig) *Notifier {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	began := time.Now()
	n := &Notifier{
		hub: c.Hub, book: c.Book, log: c.Logger,
		limits: c.Limits.withDefaults(), clock: c.Clock, began: began,
		drift:       c.Clock().Round(0).Sub(began.Round(0)),
		bell:        make(chan struct{}, 1),
		idle:        make(chan struct{}),
		subscribers: map[uint64]*subscriber{}, elsewhere: map[uint64]*elsewhere{}, lanes: map[laneKey]*lane{},
		asleep: math.MinInt64,
	}
	n.senders.Store(&c.Senders)
	return n
}

func (n *Notifier) now() instant { return instant(time.Since(n.began)) }

// rouse has Run look again.
func (n *Notifier) rouse() {
	select {
	case n.bell <- struct{}{}:
	default:
	}
}

// Run follows everyone in the book and works until ctx is done. Then nothing
// more is started, what is under way may end within Limits.Drain, and whatever
// did not is found again by the next Run. It returns an error when the book
// cannot be read at the start.
func (n *Notifier) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer n.leave()
	if err := n.load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if d := n.turn(work); d < never {
			timer.Reset(time.Duration(d))
		} else {
			timer.Stop()
		}
		select {
		case <-n.bell:
		case <-timer.C:
		case <-ctx.Done():
			n.drain(cancel)
			return nil
		}
	}
}

// load watches the hub for everyone first and looks then who is behind: in the
// other order a change in between would be lost.
func (n *Notifier) load(ctx context.Context) error {
	for sub, err := range n.book.Subscriptions(ctx) {
		if err != nil {
			return fmt.Errorf("push: subscriptions: %w", err)
		}
		n.mu.Lock()
		if n.subscribers[sub.ID] == nil { // else followed already, and newer
			n.watchLocked(sub)
		}
		n.mu.Unlock()
	}
	for sub, err := range n.book.Subscriptions(ctx) {
		if err != nil {
			return fmt.Errorf("push: subscriptions: %w", err)
		}
		if !sub.Behind {
			continue
		}
		n.mu.Lock()
		if s := n.subscribers[sub.ID]; s != nil && s.state == idle {
			now := n.now()
			s.lane.ramp = min(s.lane.ramp, now) // there may be many
			n.awaitLocked(s, now)
		}
		n.mu.Unlock()
	}
	return nil
}

// turn takes what was woken and what is due, and says how long nothing else is.
func (n *Notifier) turn(work context.Context) instant {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asleep = math.MinInt64
	now := n.now()
	n.takeWokenLocked(now)
	n.followClockLocked(now)
	for n.timers.first() <= now {
		s := n.timers.take()
		n.leaveTimersLocked(s)
		s.state = queued
		s.lane.due.add(s)
		n.pumpLocked(work, s.lane, now)
	}
	for n.gates.first() <= now {
		l := n.gates.take()
		l.gated = false
		n.pumpLocked(work, l, now)
	}
	n.asleep = min(n.timers.first(), n.gates.first())
	if n.onWall > 0 {
		n.asleep = min(n.asleep, now+clockCheck)
	}
	if n.asleep == never {
		return never
	}
	return max(n.asleep-now, 0)
}

// takeWokenLocked empties the inbox, the first who was woken first.
func (n *Notifier) takeWokenLocked(now instant) {
	var first *subscriber
	for s := n.inbox.Swap(nil); s != nil; {
		next := s.inbox
		s.inbox = first
		first, s = s, next
	}
	for s := first; s != nil; {
		next := s.inbox
		s.inbox = nil
		s.told.Store(false) // from here on it may be on the stack again
		if !s.gone {
			n.wokenLocked(s, now)
		}
		s = next
	}
}

func (n *Notifier) wokenLocked(s *subscriber, now instant) {
	at := max(now+instant(n.limits.Gather), s.floor)
	switch s.state {
	case working:
		s.again = true
	case idle:
		n.awaitLocked(s, at)
	case waiting:
		if at < s.at {
			n.cancelLocked(s)
			n.awaitLocked(s, at)
		}
	}
}

// awaitLocked makes an idle subscriber due at an instant.
func (n *Notifier) awaitLocked(s *subscriber, at instant) {
	s.state, s.at = waiting, at
	n.timers.add(s)
	n.rouseByLocked(at)
}

// awaitClockLocked makes it due at a time of the wall clock.
func (n *Notifier) awaitClockLocked(s *subscriber, later time.Time, now instant) {
	s.wall = true
	n.onWall++
	d := min(max(later.Round(0).Sub(n.clock().Round(0)), 0), 10*365*24*time.Hour)
	n.awaitLocked(s, max(now+instant(d), s.floor))
}

func (n *Notifier) cancelLocked(s *subscriber) {
	n.timers.remove(s)
	n.leaveTimersLocked(s)
	s.state = idle
}

func (n *Notifier) leaveTimersLocked(s *subscriber) {
	if s.wall {
		s.wall = false
		n.onWall--
	}
}

// rouseByLocked sees to it that Run is awake at an instant.
func (n *Notifier) rouseByLocked(at instant) {
	if at < n.asleep {
		n.asleep = at
		n.rouse()
	}
}

// followClockLocked moves those who wait for a time of day when the clock was
// set.
func (n *Notifier) followClockLocked(now instant) {
	drift := n.clock().Round(0).Sub(n.began.Round(0)) - time.Duration(now)
	step := drift - n.drift
	if step.Abs() < clockStep {
		return
	}
	n.drift = drift
	if n.onWall == 0 {
		return
	}
	for _, s := range n.timers {
		if s.wall {
			s.at = max(s.at-instant(step), s.floor)
		}
	}
	for i := len(n.timers)/2 - 1; i >= 0; i-- {
		n.timers.down(i)
	}
}

// complain logs a failure of the book, once a minute at most: where the disk is
// full there are as many as devices.
func (n *Notifier) complain(msg string, err error) {
	now, last := n.now(), instant(n.complained.Load())
	if last != 0 && now-last < instant(time.Minute) || !n.complained.CompareAndSwap(int64(last), int64(now)) {
		return
	}
	n.log.Error(msg, "error", err)
}
