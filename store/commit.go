package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"martlet/internal/tracing"
)

// maxCalls bounds how many updates one commit merges.
const maxCalls = 1024

// reserveKey marks a context made by WithReserve.
type reserveKey struct{}

// WithReserve returns a context whose updates may use half of the reserve of
// disk space: for work that frees space, as deleting mail and collecting blobs.
func WithReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

// MayUseReserve tells whether ctx comes from WithReserve.
func MayUseReserve(ctx context.Context) bool { return ctx.Value(reserveKey{}) != nil }

// call is one Update on its way through the committer.
type call struct {
	ctx      context.Context
	fn       func(*Tx) error
	state    atomic.Int32 // queued, then started or abandoned
	done     chan struct{}
	err      error
	panicked any      // what fn panicked with
	exited   bool     // fn ended its goroutine, as testing.T.FailNow does
	after    []func() // run when it is durable
	reserve  bool
}

const (
	queued int32 = iota
	started
	abandoned
)

// Update runs fn and returns when what it wrote is durable, or its error, with
// nothing written. Updates that come together are merged into one commit: their
// functions run one after another, each seeing what those before it wrote, and
// one that fails is undone alone. fn may be run again, so it must have no other
// effect than on tx and on variables it assigns; it must not block, do I/O, or
// call View or Update. If ctx ends before fn begins, fn does not run; after
// that the outcome is awaited.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, work := tracing.Child(ctx, "store commit")
	defer work.End()
	c := &call{ctx: ctx, fn: fn, done: make(chan struct{}), reserve: MayUseReserve(ctx)}
	if !s.commits.submit(c) {
		return ErrClosed
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		<-c.done
	}
	switch {
	case c.panicked != nil:
		panic(c.panicked)
	case c.exited:
		runtime.Goexit()
	}
	if c.err != nil {
		return c.err
	}
	for _, fn := range c.after {
		fn()
	}
	return nil
}

// committer runs updates and commits them in batches, one batch at a time.
type committer struct {
	store    *Store
	maxBytes int64
	maxRows  int
	wake     chan struct{}
	ended    chan struct{}

	mu      sync.Mutex
	queue   []*call
	stopped bool

	// Only the goroutine that runs batches uses these.
	failed  error   // a commit failed: what is in memory can no longer be trusted
	current []*call // not yet answered
	running *call   // whose fn is on the stack
	names   names
}

func newCommitter(s *Store) *committer {
	return &committer{
		store:    s,
		maxBytes: s.db.MaxBatchSize() * 9 / 10,
		maxRows:  int(s.db.MaxBatchCount() * 9 / 10),
		wake:     make(chan struct{}, 1),
		ended:    make(chan struct{}),
		names:    names{path: s.path},
	}
}

func (c *committer) submit(cl *call) bool {
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return false
	}
	c.queue = append(c.queue, cl)
	c.mu.Unlock()
	c.ring()
	return true
}

func (c *committer) ring() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// stop refuses new updates, waits for those queued and tells whether it was the
// first to stop.
func (c *committer) stop() bool {
	c.mu.Lock()
	first := !c.stopped
	c.stopped = true
	c.mu.Unlock()
	c.ring()
	<-c.ended
	return first
}

func (c *committer) run() {
	defer c.restart()
	for {
		if len(c.current) == 0 {
			c.mu.Lock()
			stopped := c.stopped
			c.current, c.queue = c.queue, nil
			c.mu.Unlock()
			if len(c.current) == 0 {
				if stopped {
					close(c.ended)
					return
				}
				<-c.wake
				continue
			}
		}
		n := c.batch(c.current[:min(len(c.current), maxCalls)])
		c.current = c.current[n:]
	}
}

// restart goes on with the others when a call has ended the goroutine. What
// they did in this batch is forgotten, so they run again.
func (c *committer) restart() {
	cl := c.running
	if cl == nil {
		return
	}
	c.running = nil
	c.current = slices.DeleteFunc(slices.Clone(c.current), func(other *call) bool { return other == cl })
	cl.exited = true
	close(cl.done)
	go c.run()
}

// batch runs as many calls as fit into one commit, commits them, wakes their
// callers and returns how many they were.
func (c *committer) batch(calls []*call) int {
	over := newOverlay()
	n := 0
	plain, urgent := c.store.admit(c.maxBytes)
	for ; n < len(calls); n++ {
		cl := calls[n]
		if !cl.state.CompareAndSwap(queued, started) && cl.state.Load() == abandoned {
			continue
		}
		if cl.err = cmp.Or(c.failed, cl.ctx.Err()); cl.err != nil {
			continue
		}
		room := plain
		if cl.reserve {
			room = urgent
		}
		if !c.exec(cl, over, room) {
			break
		}
	}
	if over.len() > 0 {
		if err := c.commit(over); err != nil {
			for _, cl := range calls[:n] {
				cl.err = err
			}
		}
	}
	for _, cl := range calls[:n] {
		if cl.state.Load() == started {
			close(cl.done)
		}
	}
	return n
}

// exec runs one call over the batch so far. It returns false when the call has
// to be run again in a new batch.
func (c *committer) exec(cl *call, over *overlay, room error) bool {
	cl.err, cl.panicked, cl.after = nil, nil, nil
	tx := Tx{
		store: c.store, read: c.store.snaps.newest().txn,
		over: over, call: cl, room: room,
		maxBytes: c.maxBytes, maxRows: c.maxRows, alone: over.len() == 0,
	}
	c.running = cl
	cl.run(&tx, c.store.log)
	c.running = nil
	tx.read = nil // a transaction kept by mistake fails at once
	if tx.stop != nil && cl.panicked == nil {
		cl.err = tx.stop // whatever fn made of it
	}
	if cl.err != nil || cl.panicked != nil {
		over.rollback()
		return !errors.Is(cl.err, errBatchFull)
	}
	over.settle()
	return true
}

func (cl *call) run(tx *Tx, log *slog.Logger) {
	defer func() {
		if v := recover(); v != nil {
			cl.panicked = v
			log.Error("an update panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	cl.err = cl.fn(tx)
}

// commit writes the batch and returns when it is on the disk.
func (c *committer) commit(over *overlay) error {
	ts := c.store.snaps.newest().ts + 1
	txn := c.store.db.NewTransactionAt(ts, true)
	defer txn.Discard()
	var err error
	over.tree.Scan(func(w write) bool {
		e := &badger.Entry{Key: w.key, Value: w.value}
		if w.deleted {
			err = txn.Delete(w.key)
			return err == nil
		}
		if c.store.seal != nil {
			e.Value = c.store.seal.seal(make([]byte, 0, len(w.value)+sealOverhead), w.key, w.value)
		}
		err = txn.SetEntry(e)
		return err == nil
	})
	if err != nil { // nothing has been written
		return fmt.Errorf("store: commit: %w", err)
	}
	err = txn.CommitAt(ts, nil)
	if err == nil {
		err = c.names.sync()
	}
	if err != nil {
		// Part of it may be in the log or in memory, and a failed fsync may
		// have dropped pages: only a restart reads back what is true.
		c.failed = fmt.Errorf("store: a commit failed, restart to go on: %w", diskFull(err))
		c.store.log.Error("commit failed, the store takes no more updates", "err", err)
		return c.failed
	}
	c.store.space.written += over.bytes
	c.store.snaps.publish(ts)
	return nil
}
