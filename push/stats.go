package push

import (
	"cmp"
	"slices"
	"time"
)

// Results counts outcomes; the index is the Result.
type Results [BadApp + 1]uint64

// NotifierStats is how a notifier stands.
type NotifierStats struct {
	Subscriptions int
	Waiting       int // for their interval, a back-off, a time of day
	Due           int // for the service
	InFlight      int
	Writing       int    // answered, not yet written down
	Plans         uint64 // asked of the book since the start
	// Results counts the outcomes of each kind since the start; the index is the
	// Kind.
	Results [WebPush + 1]Results
	Lanes   []LaneStats // by kind, app and service
}

// LaneStats is how the notifications of one app at one service stand.
type LaneStats struct {
	Kind          Kind
	App, Service  string
	Subscriptions int
	Due, InFlight int
	Oldest        time.Duration // how long the first of those due has waited
	State         LaneState
	Reason        string        // why it is not open
	NextTry       time.Duration // of a lane that is not open
	Results       Results       // since the lane has somebody in it
}

// Stats tells how things stand, for metrics and the console. It costs what
// there are lanes, not devices.
func (n *Notifier) Stats() NotifierStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	st := NotifierStats{
		Subscriptions: len(n.subscribers), Waiting: len(n.timers), Writing: n.writing,
		Plans: n.looks.Load(), Results: n.results, Lanes: make([]LaneStats, 0, len(n.lanes)),
	}
	for key, l := range n.lanes {
		ls := LaneStats{
			Kind: key.kind, App: key.app, Service: key.service, Subscriptions: l.subscribers,
			Due: len(l.due), InFlight: l.running, State: l.state, Reason: l.reason, Results: l.results,
		}
		if len(l.due) > 0 {
			ls.Oldest = time.Duration(now - l.due.first())
		}
		if l.state != LaneOpen {
			ls.NextTry = time.Duration(max(l.notBefore-now, 0))
		}
		st.Due += ls.Due
		st.InFlight += ls.InFlight
		st.Lanes = append(st.Lanes, ls)
	}
	slices.SortFunc(st.Lanes, func(a, b LaneStats) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.App, b.App), cmp.Compare(a.Service, b.Service))
	})
	return st
}
