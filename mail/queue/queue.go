// Package queue keeps the messages that have to go to other hosts: durably, split
// by where they go, until they have arrived or their senders are told that they
// will not. It decides when to try and has others do it. It must never open a
// connection, never lose a recipient that Add accepted, and never look at more of
// what waits than is due.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
)

// ErrNoEntry tells that the queue holds no entry of that number.
var ErrNoEntry = errors.New("queue: no such entry")

// ID names an entry. It is given once and never reused.
type ID uint64

// Entry is a message on its way to other hosts.
type Entry struct {
	ID       ID
	Envelope mail.Envelope  // all recipients it came with, in their order; of Trace only the ID is kept
	Blob     blob.Ref       // the queue holds one reference
	Sender   mail.MailboxID // whose message it is; zero: nobody's here
	Created  time.Time
	Due      time.Time // no attempt is made before

	// spread is how many recipients are in legs by now: the others wait for that.
	spread int
}

// Config holds what a Queue needs.
type Config struct {
	Store  *store.Store
	Blobs  *blob.Blobs
	Logger *slog.Logger // nil: slog.Default
	// Destination says where mail of a sender to an address goes. Nil: to the
	// address's domain.
	Destination func(from, to string) string
	Limits      Limits
	Trace       *trace.Log     // what became of messages; nil: nobody remembers
	Tracer      tracing.Tracer // nil: nothing is traced
}

// Queue is the table of outbound messages, and what sends them while Run does. It
// is safe for concurrent use.
type Queue struct {
	cfg   Config
	store *store.Store
	blobs *blob.Blobs
	log   *slog.Logger

	entries      store.Table[ID, Entry]
	unspread     store.Table[dueKey, struct{}] // entries that have recipients in no leg
	legs         store.Table[legKey, Leg]
	waiting      store.Table[waitKey, struct{}] // the legs that are not held, by destination and time due
	destinations store.Table[string, destination]
	next         store.Table[nextKey, struct{}] // the destinations that something waits for, by when to look
	holds        store.Table[Hold, time.Time]

	wakes  chan struct{} // something is due that was not
	looked int           // rows that the scheduler read the last time
	report Reporter      // nil: senders are told nothing

	mu      sync.Mutex // guards the fields below
	claimed map[legKey]bool
	busy    map[string]int // claimed legs of each destination
}

// New returns the queue of a store.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Destination == nil {
		cfg.Destination = func(_, to string) string { return strings.ToLower(to[strings.LastIndexByte(to, '@')+1:]) }
	}
	return &Queue{
		cfg: cfg, store: cfg.Store, blobs: cfg.Blobs, log: cfg.Logger,
		entries:      store.NewTable("queue", store.PrefixQueue, store.Uint64Key[ID](), entries),
		unspread:     store.NewTable("queue unspread", store.PrefixQueueDue, dueKeys, store.NoValue()),
		legs:         store.NewTable("queue leg", store.PrefixQueueLeg, legKeys, legs),
		waiting:      store.NewTable("queue waiting", store.PrefixQueueWaiting, waitKeys, store.NoValue()),
		destinations: store.NewTable("queue destination", store.PrefixQueueDestination, store.StringKey[string](), destinations),
		next:         store.NewTable("queue next", store.PrefixQueueNext, nextKeys, store.NoValue()),
		holds:        store.NewTable("queue hold", store.PrefixQueueHold, holdKeys, store.TimeValue()),
		wakes:        make(chan struct{}, 1),
		claimed:      map[legKey]bool{},
		busy:         map[string]int{},
	}
}

// Add puts an entry into the queue as part of the caller's transaction and
// takes a reference to its blob. Created defaults to now and Due to Created.
// The error is blob.ErrGone when the blob is not there.
func (q *Queue) Add(tx *store.Tx, e Entry) (ID, error) {
	if len(e.Envelope.To) == 0 {
		return 0, fmt.Errorf("queue: add: %w", mail.ErrNoRecipients)
	}
	n, err := tx.Next("queue")
	if err != nil {
		return 0, fmt.Errorf("queue: add: %w", err)
	}
	e.ID, e.spread = ID(n), 0
	if e.Created.IsZero() {
		e.Created = time.Now()
	}
	if e.Due.IsZero() {
		e.Due = e.Created
	}
	e.Created, e.Due = inMilliseconds(e.Created), inMilliseconds(e.Due)
	if err := q.blobs.Retain(tx, e.Blob); err != nil {
		return 0, fmt.Errorf("queue: add: %w", err)
	}
	if err := q.unspread.Set(tx, dueKey{e.Due.UnixMilli(), e.ID}, struct{}{}); err != nil {
		return 0, err
	}
	if err := q.spread(tx, &e, spreadAtOnce); err != nil {
		return 0, err
	}
	tx.OnCommit(func() {
		q.log.Info("message queued", "entry", uint64(e.ID), "id", e.Envelope.Trace.ID, "from", e.Envelope.From,
			"recipients", len(e.Envelope.To), "size", e.Blob.Size)
		q.wake()
	})
	return e.ID, nil
}

// wake has the scheduler look.
func (q *Queue) wake() {
	select {
	case q.wakes <- struct{}{}:
	default:
	}
}

// Get returns an entry, or ErrNoEntry.
func (q *Queue) Get(tx *store.Tx, id ID) (Entry, error) {
	e, err := q.entries.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Entry{}, ErrNoEntry
	}
	e.ID = id
	return e, err
}

// List walks over all entries in the order in which they came. It sees one moment
// of the queue; the walk should not wait for anything slow.
func (q *Queue) List(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		stopped := false
		err := q.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range q.entries.Scan(tx, store.TableRange[ID]{}) {
				if err != nil {
					return err
				}
				row.Value.ID = row.Key
				if stopped = !yield(row.Value, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(Entry{}, err)
		}
	}
}

// Remove takes an entry out, whoever still waits for it, and gives its reference to
// the blob back. Nobody is told.
func (q *Queue) Remove(tx *store.Tx, id ID) error {
	e, err := q.Get(tx, id)
	if err != nil {
		return err
	}
	all, err := q.Legs(tx, id)
	if err != nil {
		return err
	}
	for i := range all {
		if err := q.removeLeg(tx, &all[i]); err != nil {
			return err
		}
	}
	return q.removeEntry(tx, &e)
}

func (q *Queue) removeEntry(tx *store.Tx, e *Entry) error {
	if err := q.unspread.Delete(tx, dueKey{e.Due.UnixMilli(), e.ID}); err != nil {
		return err
	}
	if err := q.entries.Delete(tx, e.ID); err != nil {
		return err
	}
	return q.blobs.Release(tx, e.Blob)
}

// References calls count once for each reference the queue holds to a blob,
// for blob.Audit.
func (q *Queue) References(tx *store.Tx, count func(blob.Ref)) error {
	for row, err := range q.entries.Scan(tx, store.TableRange[ID]{}) {
		if err != nil {
			return err
		}
		count(row.Value.Blob)
	}
	return nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if cmp.Compare(a.UnixMilli(), b.UnixMilli()) < 0 {
		return b
	}
	return a
}
