package push

import (
	"context"
	"time"
)

// Follow adds a subscription, or takes its changes. It is due at once: what
// happened since the book had it would be lost otherwise. Nothing is left of
// attempts before.
func (n *Notifier) Follow(sub Subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	s := n.subscribers[sub.ID]
	if s == nil {
		n.awaitLocked(n.watchLocked(sub), n.now())
		return
	}
	old := s.lane
	n.unwatchLocked(s)
	n.attachLocked(s, sub)
	n.endLaneLocked(old) // not before: a lane that is refused stays so
	if s.state == working {
		s.fresh, s.gone = true, false
		return
	}
	s.trial = nil
	n.awaitLocked(s, n.now())
}

// Forget ends a subscription. A notification that is under way is not called
// back.
func (n *Notifier) Forget(id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.subscribers[id]
	if s == nil || s.gone {
		return
	}
	n.dropLocked(s)
	if s.state != working { // else when the worker is done with it
		delete(n.subscribers, id)
	}
}

// Reopen has an app tried at once that was refused or is at rest.
func (n *Notifier) Reopen(kind Kind, app string) {
	n.reopen(func(l *lane) bool { return l.kind == kind && l.app == app })
}

// Replace has everything sent through other senders from now on, as after the
// credentials of apps were changed, and every app tried at once. The senders of
// before may be closed afterwards: what they lose then is tried again with the
// new ones.
func (n *Notifier) Replace(senders map[Kind]Sender) {
	n.senders.Store(&senders)
	n.reopen(func(*lane) bool { return true })
}

func (n *Notifier) reopen(which func(*lane) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for _, l := range n.lanes {
		if !which(l) {
			continue
		}
		l.era++ // what is under way says nothing about the time after
		if l.state == LaneOpen {
			continue
		}
		l.reopenLocked(now)
		l.notBefore++ // it is Run that starts what is due
		n.gateLocked(l, now)
	}
	for _, s := range n.subscribers {
		if s.state == waiting && s.trial != nil && which(s.lane) {
			n.cancelLocked(s)
			s.floor = now
			n.awaitLocked(s, now)
		}
	}
}

// watchLocked follows a subscription that is new.
func (n *Notifier) watchLocked(sub Subscription) *subscriber {
	s := &subscriber{id: sub.ID}
	n.subscribers[sub.ID] = s
	n.attachLocked(s, sub)
	return s
}

// attachLocked puts it into its lane and has the hub wake it. The lane comes
// first: the hub's wakes read it without a lock of ours.
func (n *Notifier) attachLocked(s *subscriber, sub Subscription) {
	if sub.Kind > WebPush {
		sub.Kind = 0 // for which there is no sender
	}
	key := laneKey{sub.Kind, sub.App, sub.Service}
	l := n.lanes[key]
	if l == nil {
		l = &lane{laneKey: key, notifier: n, window: min(firstWindow, n.limits.InFlight), ramp: never}
		n.lanes[key] = l
	}
	l.subscribers++
	s.lane = l
	n.hub.Add(&s.Waiter, s, sub.Mailbox, sub.Folders)
	n.waitElsewhereLocked(s, sub.Elsewhere)
}

// unwatchLocked takes it out of the hub, its lane and whatever it waits in.
func (n *Notifier) unwatchLocked(s *subscriber) {
	n.hub.Remove(&s.Waiter)
	n.waitElsewhereLocked(s, nil)
	l := s.lane
	switch s.state {
	case waiting:
		n.cancelLocked(s)
	case queued:
		l.due.remove(s)
		s.state = idle
		n.gateLocked(l, n.now())
	}
	if !s.gone {
		l.subscribers--
	}
}

// dropLocked ends it for good.
func (n *Notifier) dropLocked(s *subscriber) {
	n.unwatchLocked(s)
	s.gone, s.fresh = true, false
	n.endLaneLocked(s.lane)
}

// endLaneLocked drops a lane that nobody is in.
func (n *Notifier) endLaneLocked(l *lane) {
	if l.subscribers == 0 && l.running == 0 && n.lanes[l.laneKey] == l {
		if l.gated {
			n.gates.remove(l)
			l.gated = false
		}
		delete(n.lanes, l.laneKey)
	}
}

// drain waits for what is under way, and cuts it off when that takes too long.
func (n *Notifier) drain(cutOff context.CancelFunc) {
	n.mu.Lock()
	n.closed = true
	if n.workers.Load() == 0 {
		close(n.idle)
	}
	n.mu.Unlock()
	timer := time.NewTimer(n.limits.Drain)
	defer timer.Stop()
	select {
	case <-n.idle:
		return
	case <-timer.C:
	}
	cutOff()
	<-n.idle
}

// leave has the hub forget everyone, at the end of Run.
func (n *Notifier) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, s := range n.subscribers {
		n.hub.Remove(&s.Waiter)
		n.waitElsewhereLocked(s, nil)
	}
}
