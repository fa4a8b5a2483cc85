package store

import (
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// snapshot is one state of the store that readers share. Badger's read-only
// transactions are safe to share and hold nothing but a number.
type snapshot struct {
	txn  *badger.Txn
	ts   uint64
	refs int
}

// snapshots knows the newest state and the older ones somebody still reads, so
// that Badger may forget what nobody can see any more.
type snapshots struct {
	mu     sync.Mutex
	db     *badger.DB
	live   []*snapshot // ascending; the last one is the newest
	idle   sync.Cond   // signalled when the last reader leaves a closed store
	closed bool
}

func (s *snapshots) init(db *badger.DB) {
	s.db = db
	s.idle.L = &s.mu
	s.publish(db.MaxVersion())
}

// publish makes the commit with number ts visible to new readers.
func (s *snapshots) publish(ts uint64) {
	snap := &snapshot{txn: s.db.NewTransactionAt(ts, false), ts: ts}
	s.mu.Lock()
	s.live = append(s.live, snap)
	n := 0
	for n < len(s.live)-1 && s.live[n].refs == 0 {
		n++
	}
	s.live = append(s.live[:0], s.live[n:]...)
	oldest := s.live[0].ts
	s.mu.Unlock()
	s.db.SetDiscardTs(oldest)
}

func (s *snapshots) acquire() (*snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	snap := s.live[len(s.live)-1]
	snap.refs++
	return snap, nil
}

func (s *snapshots) release(snap *snapshot) {
	s.mu.Lock()
	snap.refs--
	if s.closed {
		s.idle.Broadcast()
	}
	s.mu.Unlock()
}

// newest is for the committer, which is the only one that publishes.
func (s *snapshots) newest() *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[len(s.live)-1]
}

// close refuses new readers and waits for the others.
func (s *snapshots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.busyLocked() {
		s.idle.Wait()
	}
}

func (s *snapshots) busyLocked() bool {
	for _, snap := range s.live {
		if snap.refs > 0 {
			return true
		}
	}
	return false
}
