// Package queue keeps the messages that have to go to other hosts: durably, in
// order of when they are due, until whoever delivers them takes them out. It
// must never open a connection, and never lose an entry that Add accepted.
package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// ErrNoEntry tells that the queue holds no entry of that number.
var ErrNoEntry = errors.New("queue: no such entry")

// ID names an entry. It is given once and never reused.
type ID uint64

// Entry is a message on its way to other hosts.
type Entry struct {
	ID        ID
	Envelope  mail.Envelope  // the recipients that still wait; of Trace only the ID is kept
	Blob      blob.Ref       // the queue holds one reference
	Sender    mail.MailboxID // who hears of failures; zero: nobody here
	Created   time.Time
	Due       time.Time // when the next attempt is to be made
	Attempts  uint32
	LastError string // of the last attempt, empty before the first
}

// Config holds what a Queue needs.
type Config struct {
	Store  *store.Store
	Blobs  *blob.Blobs
	Logger *slog.Logger // nil: slog.Default
}

// Queue is the table of outbound messages. It is safe for concurrent use.
type Queue struct {
	store   *store.Store
	blobs   *blob.Blobs
	log     *slog.Logger
	entries store.Table[ID, Entry]
	due     store.Table[dueKey, struct{}]
}

// New returns the queue of a store.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Queue{
		store:   cfg.Store,
		blobs:   cfg.Blobs,
		log:     cfg.Logger,
		entries: store.NewTable("queue", store.PrefixQueue, store.Uint64Key[ID](), entries),
		due:     store.NewTable("queue due", store.PrefixQueueDue, dueKeys, store.NoValue()),
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
	e.ID = ID(n)
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
	if err := q.entries.Set(tx, e.ID, e); err != nil {
		return 0, err
	}
	if err := q.due.Set(tx, dueKey{e.Due.UnixMilli(), e.ID}, struct{}{}); err != nil {
		return 0, err
	}
	tx.OnCommit(func() {
		q.log.Info("message queued; this version does not deliver to other hosts, it is kept until one does",
			"entry", uint64(e.ID), "id", e.Envelope.Trace.ID, "from", e.Envelope.From,
			"recipients", len(e.Envelope.To), "size", e.Blob.Size)
	})
	return e.ID, nil
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

// List walks over all entries, those due first at the front. It sees one
// moment of the queue; the walk should not wait for anything slow.
func (q *Queue) List(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		stopped := false
		err := q.store.View(ctx, func(tx *store.Tx) error {
			for key, err := range q.due.Keys(tx, store.TableRange[dueKey]{}) {
				if err != nil {
					return err
				}
				e, err := q.Get(tx, key.id)
				if err != nil {
					return fmt.Errorf("queue: entry %d: %w", key.id, err)
				}
				if stopped = !yield(e, nil); stopped {
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

// Remove takes an entry out and gives its reference to the blob back.
func (q *Queue) Remove(tx *store.Tx, id ID) error {
	e, err := q.Get(tx, id)
	if err != nil {
		return err
	}
	if err := q.due.Delete(tx, dueKey{e.Due.UnixMilli(), id}); err != nil {
		return err
	}
	if err := q.entries.Delete(tx, id); err != nil {
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

// Check reports every broken invariant: each entry stands once in the order of
// what is due, and nothing else does; each has recipients and a blob.
func (q *Queue) Check(ctx context.Context, report func(store.Problem)) error {
	return q.store.View(ctx, func(tx *store.Tx) error {
		problem := func(table string, id ID, text string) {
			report(store.Problem{Table: table, Key: fmt.Sprint(uint64(id)), Text: text})
		}
		for row, err := range q.entries.Scan(tx, store.TableRange[ID]{}) {
			if err != nil {
				return err
			}
			listed, err := q.due.Has(tx, dueKey{row.Value.Due.UnixMilli(), row.Key})
			if err != nil {
				return err
			}
			if !listed {
				problem("queue", row.Key, "is not in the order of what is due")
			}
			if len(row.Value.Envelope.To) == 0 {
				problem("queue", row.Key, "has no recipients")
			}
			if row.Value.Blob.IsZero() {
				problem("queue", row.Key, "has no message")
			}
		}
		for key, err := range q.due.Keys(tx, store.TableRange[dueKey]{}) {
			if err != nil {
				return err
			}
			e, err := q.Get(tx, key.id)
			switch {
			case errors.Is(err, ErrNoEntry):
				problem("queue due", key.id, "names an entry that does not exist")
			case err != nil:
				return err
			case e.Due.UnixMilli() != key.due:
				problem("queue due", key.id, "is due at another time than its entry says")
			}
		}
		return nil
	})
}
