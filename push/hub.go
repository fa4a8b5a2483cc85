// Package push decides whom a change wakes. The hub knows mailboxes and
// folders only as opaque numbers, a wake carries no data, and a wake may be
// lost or doubled: whoever is woken reads the change log, which decides. This
// package must never carry mail, touch the store or block a publisher.
package push

import (
	"slices"
	"sync"
)

// Hub connects publishers of changes with those who wait for them. The zero
// value is not ready: use NewHub. All methods are safe for concurrent use.
type Hub struct {
	shards [64]shard
}

// shard holds the watches of the mailboxes that hash to it, so that a storm in
// one mailbox does not hold up the others.
type shard struct {
	mu sync.RWMutex
	// watches holds the first watch of each mailbox that has any. The others
	// hang behind it: tens of thousands of held phones, most of them alone on
	// their mailbox, should not cost a map each.
	watches map[uint64]*Watch
}

// Watch is one waiter's interest in folders of one mailbox.
type Watch struct {
	hub     *Hub
	mailbox uint64
	folders []uint32 // empty: every folder
	c       chan struct{}

	// The shard's mu guards these.
	next, prev *Watch
	closed     bool
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	h := &Hub{}
	for i := range h.shards {
		h.shards[i].watches = map[uint64]*Watch{}
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
	w := &Watch{hub: h, mailbox: mailbox, folders: slices.Clone(folders), c: make(chan struct{}, 1)}
	s := h.shard(mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.next = s.watches[mailbox]; w.next != nil {
		w.next.prev = w
	}
	s.watches[mailbox] = w
	return w
}

// C receives an empty value after a change. It is never closed.
func (w *Watch) C() <-chan struct{} { return w.c }

// Close ends the watch. It may be called more than once.
func (w *Watch) Close() {
	s := w.hub.shard(w.mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	if w.next != nil {
		w.next.prev = w.prev
	}
	switch {
	case w.prev != nil:
		w.prev.next = w.next
	case w.next != nil:
		s.watches[w.mailbox] = w.next
	default:
		delete(s.watches, w.mailbox)
	}
	w.next, w.prev = nil, nil
}

// Publish wakes everyone who watches the folder. Call it only after the change
// is durable. It never blocks.
func (h *Hub) Publish(mailbox uint64, folder uint32) {
	s := h.shard(mailbox)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := s.watches[mailbox]; w != nil; w = w.next {
		if w.wants(folder) {
			select {
			case w.c <- struct{}{}:
			default: // a wake is already waiting; one is enough
			}
		}
	}
}

func (w *Watch) wants(folder uint32) bool {
	return len(w.folders) == 0 || slices.Contains(w.folders, folder)
}

// Waiting counts the open watches, for metrics.
func (h *Hub) Waiting() int {
	n := 0
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.RLock()
		for _, w := range s.watches {
			for ; w != nil; w = w.next {
				n++
			}
		}
		s.mu.RUnlock()
	}
	return n
}
