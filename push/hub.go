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

// shard holds the waiters of the mailboxes that hash to it, so that a storm in
// one mailbox does not hold up the others.
type shard struct {
	mu sync.RWMutex
	// first holds the first waiter of each mailbox that has any. The others
	// hang behind it: tens of thousands of held phones, most of them alone on
	// their mailbox, should not cost a map each.
	first map[uint64]*Waiter
	n     int
}

// Waker is what a change wakes. Wake is called while the hub is locked: it must
// be short, must not block and must not call the hub.
type Waker interface{ Wake() }

// Folders are folders of one mailbox, as a set of which folder numbers share a
// bit when they are 64 apart: who watches one of them is woken by the others
// too, which costs a look at the log.
type Folders uint64

// AllFolders are those of the mailbox, the hierarchy among them.
const AllFolders = ^Folders(0)

// FoldersOf returns the set of the folders named, or AllFolders when none is.
func FoldersOf(folders ...uint32) Folders {
	if len(folders) == 0 {
		return AllFolders
	}
	var set Folders
	for _, f := range folders {
		set |= 1 << (f % 64)
	}
	return set
}

// Waiter is a place in the hub. It is meant to be embedded in what waits, so
// that a held phone costs no memory of its own here. The zero value waits for
// nothing.
type Waiter struct {
	waker      Waker // guarded by the shard's mu, like next and prev; nil: it does not wait
	mailbox    uint64
	folders    Folders
	next, prev *Waiter
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	h := &Hub{}
	for i := range h.shards {
		h.shards[i].first = map[uint64]*Waiter{}
	}
	return h
}

func (h *Hub) shard(mailbox uint64) *shard {
	return &h.shards[(mailbox*0x9e3779b97f4a7c15)>>58]
}

// Add has waker woken by changes in the folders of a mailbox from now on.
// Register first and read the log afterwards: the other order loses what happens
// in between. A waiter that waits already must be removed first.
func (h *Hub) Add(w *Waiter, waker Waker, mailbox uint64, folders Folders) {
	s := h.shard(mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waker != nil {
		panic("push: the waiter waits already")
	}
	*w = Waiter{waker: waker, mailbox: mailbox, folders: folders, next: s.first[mailbox]}
	if w.next != nil {
		w.next.prev = w
	}
	s.first[mailbox] = w
	s.n++
}

// Remove ends it: when Remove has returned, the waiter is not woken any more.
// It may be called more than once, and of a waiter that never waited.
func (h *Hub) Remove(w *Waiter) {
	s := h.shard(w.mailbox)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waker == nil {
		return
	}
	w.waker = nil
	s.n--
	if w.next != nil {
		w.next.prev = w.prev
	}
	switch {
	case w.prev != nil:
		w.prev.next = w.next
	case w.next != nil:
		s.first[w.mailbox] = w.next
	default:
		delete(s.first, w.mailbox)
	}
	w.next, w.prev = nil, nil
}

// Publish wakes everyone who waits for the folder. Call it only after the change
// is durable. It never blocks.
func (h *Hub) Publish(mailbox uint64, folder uint32) {
	s := h.shard(mailbox)
	bit := FoldersOf(folder)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := s.first[mailbox]; w != nil; w = w.next {
		if w.folders&bit != 0 {
			w.waker.Wake()
		}
	}
}

// Each calls f with everyone who waits for a mailbox, who came last first, until
// it returns false. As in Wake, f must be short and must not call the hub.
func (h *Hub) Each(mailbox uint64, f func(Waker) bool) {
	s := h.shard(mailbox)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := s.first[mailbox]; w != nil; w = w.next {
		if !f(w.waker) {
			return
		}
	}
}

// Waiting counts those who wait, for metrics.
func (h *Hub) Waiting() int {
	n := 0
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.RLock()
		n += s.n
		s.mu.RUnlock()
	}
	return n
}

// Mailbox is where the waiter waits.
func (w *Waiter) Mailbox() uint64 { return w.mailbox }
