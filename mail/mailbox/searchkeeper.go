package mailbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

const (
	// restFactor is how long KeepIndex rests after each step, measured by the
	// step: deliveries need the processors more.
	restFactor = 4
	maxRest    = time.Second
)

// keeper knows which mailboxes' indexes want work. What it knows may be lost:
// KeepIndex begins with a look at all of them.
type keeper struct {
	sizes
	wake  chan struct{} // there is something due
	words wordCache

	mu    sync.Mutex
	loads map[mail.MailboxID]*load
	due   []mail.MailboxID
	locks map[mail.MailboxID]*turn
}

// load counts what happened to a mailbox since its index was tended.
type load struct {
	arrived int // messages, large ones counted as several
	left    int
	due     bool
}

// turn is the right to write a mailbox's segments; it is there as long as
// somebody has it or waits for it.
type turn struct {
	free  chan struct{}
	users int
}

func (k *keeper) init() {
	k.sizes = defaultSizes()
	k.wake = make(chan struct{}, 1)
	k.loads, k.locks = map[mail.MailboxID]*load{}, map[mail.MailboxID]*turn{}
	k.words.init()
}

// heavy is the size in bytes from which a message that waits counts as several:
// a search may have to read it.
const heavy = 32 << 10

// arrives notes a message that is pending once tx is committed.
func (k *keeper) arrives(tx *store.Tx, box mail.MailboxID, size int64) {
	weight := 1 + int(min(size/heavy, int64(k.fold/4)))
	tx.OnCommit(func() { k.note(box, weight, 0) })
}

// leaves notes a message that is gone once tx is committed.
func (k *keeper) leaves(tx *store.Tx, box mail.MailboxID) {
	tx.OnCommit(func() { k.note(box, 0, 1) })
}

func (k *keeper) note(box mail.MailboxID, arrived, left int) {
	k.mu.Lock()
	l := k.loads[box]
	if l == nil {
		l = &load{}
		k.loads[box] = l
	}
	l.arrived += arrived
	l.left += left
	ring := !l.due && (l.arrived >= k.fold || l.left >= k.prune)
	if ring {
		l.due = true
		k.due = append(k.due, box)
	}
	k.mu.Unlock()
	if ring {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

// take returns a mailbox that is due, and what happened to it.
func (k *keeper) take() (box mail.MailboxID, l load, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.due) == 0 {
		return 0, load{}, false
	}
	box, k.due = k.due[0], k.due[1:]
	return box, k.forgetLocked(box), true
}

// forgetLocked begins to count anew.
func (k *keeper) forgetLocked(box mail.MailboxID) load {
	l := k.loads[box]
	if l == nil {
		return load{}
	}
	delete(k.loads, box)
	return *l
}

// enter waits for the turn of a mailbox; leave gives it back.
func (k *keeper) enter(ctx context.Context, box mail.MailboxID) error {
	k.mu.Lock()
	t := k.locks[box]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		k.locks[box] = t
	}
	t.users++
	k.mu.Unlock()
	select {
	case t.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		k.drop(box, t)
		return ctx.Err()
	}
}

func (k *keeper) leave(box mail.MailboxID) {
	k.mu.Lock()
	t := k.locks[box]
	k.mu.Unlock()
	<-t.free
	k.drop(box, t)
}

func (k *keeper) drop(box mail.MailboxID, t *turn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(k.locks, box)
	}
}

// KeepIndex keeps the index for searches small and quick until ctx ends: it
// folds the words of new messages into segments and merges those. Commits wake
// it; between two steps it rests, so that deliveries hardly notice. At its
// start it takes up what an earlier process left, and makes the index of
// mailboxes that have none. Searches are right without it, only slower.
func (m *Mailboxes) KeepIndex(ctx context.Context) error {
	if err := m.surveyIndex(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("mailbox: keep index: %w", err)
	}
	for {
		box, l, ok := m.keeper.take()
		if !ok {
			select {
			case <-m.keeper.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		err := m.tend(ctx, box, l, rest)
		if errors.Is(err, search.ErrBadBlock) {
			if err = m.renew(ctx, box, err); err == nil {
				m.keeper.note(box, m.keeper.fold, 0)
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, store.ErrClosed):
			return fmt.Errorf("mailbox: keep index: %w", err)
		case err != nil:
			m.log.Error("the index of a mailbox could not be tended", "mailbox", uint64(box), "err", err)
		}
	}
}

// rest waits after a step that took d.
func rest(ctx context.Context, d time.Duration) error {
	d = min(d*restFactor, maxRest)
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// surveyIndex puts every mailbox on the list whose index wants work.
func (m *Mailboxes) surveyIndex(ctx context.Context) error {
	var from mail.MailboxID
	for more := true; more; {
		more = false
		err := m.store.View(ctx, func(tx *store.Tx) error {
			n := 0
			for row, err := range stateTable.Scan(tx, store.TableRange[mail.MailboxID]{From: &from}) {
				if err != nil {
					return err
				}
				if n++; n > surveyChunk {
					from, more = row.Key, true
					return nil
				}
				wants, err := m.wantsTending(tx, row.Key, row.Value)
				if err != nil {
					return err
				}
				if wants {
					m.keeper.note(row.Key, m.keeper.fold, 0)
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// surveyChunk is how many mailboxes are looked at in one snapshot.
const surveyChunk = 1000
