// Package push decides whom a change wakes. The hub knows mailboxes and
// folders only as opaque numbers, a wake carries no data, and a wake may be
// lost or doubled: whoever is woken reads the change log, which decides. This
// package must never carry mail, touch the store or block a publisher.
package push

import "sync"

// Hub connects publishers of changes with those who wait for them. The zero
// value is not ready: use NewHub. All methods are safe for concurrent use.
type Hub struct {
	shards [64]shard
}

// shard holds the watches of the mailboxes that hash to it, so that a storm in
// one mailbox does not hold up the others.
type shard struct {
	mu      sync.RWMutex
	watches map[uint64]map[*Watch]struct{}
}

// Watch is one waiter's interest in folders of one mailbox.
type Watch struct {
	hub     *Hub
	mailbox uint64
	folders []uint32 // empty: every folder
	c       chan struct{}
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	h := &Hub{}
	for i := range h.shards {
		h.shards[i].watches = map[uint64]map[*Watch]struct{}{}
	}
	return h
}

func (h *Hub) shard(mailbox uint64) *shard {
	return &h.shards[(mailbox*0x9e3779b97f4a7c15)>>58]
}

// Watch starts to listen for changes in the named folders of a mailbox, or in
// all of them when none is named. Register first and read the log afterwards:
// the other order loses what happens in between. The caller must Close it.
func (h *Hub) Watch(mailbox uint64, folders ...uint32) *Watch {
	w := &Watch{hub: h, mailbox: mailbox, folders: folders, c: make(chan struct{}, 1)}
	s := h.shard(mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.watches[mailbox]
	if m == nil {
		m = map[*Watch]struct{}{}
		s.watches[mailbox] = m
	}
	m[w] = struct{}{}
	return w
}

// C receives an empty value after a change. It is never closed.
func (w *Watch) C() <-chan struct{} { return w.c }

// Close ends the watch. It may be called more than once.
func (w *Watch) Close() {
	s := w.hub.shard(w.mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.watches[w.mailbox]
	delete(m, w)
	if len(m) == 0 {
		delete(s.watches, w.mailbox)
	}
}

// Publish wakes everyone who watches the folder. Call it only after the change
// is durable. It never blocks.
func (h *Hub) Publish(mailbox uint64, folder uint32) {
	s := h.shard(mailbox)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := range s.watches[mailbox] {
		if w.wants(folder) {
			select {
			case w.c <- struct{}{}:
			default: // a wake is already waiting; one is enough
			}
		}
	}
}

func (w *Watch) wants(folder uint32) bool {
	if len(w.folders) == 0 {
		return true
	}
	for _, f := range w.folders {
		if f == folder {
			return true
		}
	}
	return false
}

// Waiting counts the open watches, for metrics.
func (h *Hub) Waiting() int {
	n := 0
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.RLock()
		for _, m := range s.watches {
			n += len(m)
		}
		s.mu.RUnlock()
	}
	return n
}
