package push

import "sync/atomic"

// state is where a subscriber stands. What is due is this state and nothing
// else: there is no queue of messages.
type state uint8

const (
	idle    state = iota
	waiting       // in Notifier.timers, until its instant
	queued        // in its lane's queue
	working       // a worker asks the book or sends
)

// subscriber is a registered device. There may be hundreds of thousands, so it
// holds what all of them need and nothing else; its size is measured by
// BenchmarkNotifierMemory.
type subscriber struct {
	Waiter
	id   uint64
	lane *lane
	// told: it has been woken and stands in the inbox, linked by inbox.
	inbox *subscriber
	told  atomic.Bool

	// What follows is guarded by Notifier.mu. The trial belongs to the worker
	// while there is one.
	trial *trial // nil unless something went wrong
	at    instant
	floor instant // not to be asked for before: after a notification, or in a back-off
	place int32
	state state
	again bool // woken while working
	fresh bool // followed anew while working
	gone  bool // forgotten
	wall  bool // at follows the wall clock
	chain uint8
}

func (s *subscriber) when() instant { return s.at }
func (s *subscriber) slot() *int32  { return &s.place }

// Wake is for the hub. It takes no lock and does not block: the subscriber is
// put on a stack, once.
func (s *subscriber) Wake() {
	if s.told.Load() || s.told.Swap(true) {
		return
	}
	n := s.lane.notifier
	for {
		head := n.inbox.Load()
		s.inbox = head
		if n.inbox.CompareAndSwap(head, s) {
			if head == nil {
				n.rouse()
			}
			return
		}
	}
}

// trial is what a subscriber remembers of attempts that did not end.
type trial struct {
	attempts  int
	id        string // of the notification tried
	collapse  string
	smaller   bool // the service took it for too large
	gone      bool // the target was, but the book had not forgotten it
	unsettled *settlement
}

// settlement is what the book could not write down yet.
type settlement struct {
	plan    Plan
	outcome Outcome
}
