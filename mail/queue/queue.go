// Package queue keeps the messages that have to go to other hosts: durably, in
// order of when they are due, until whoever delivers them takes them out. It
// must never open a connection, and never lose an entry that Add accepted.
package queue

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"martlet/directory"
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
	Envelope  mail.Envelope       // the recipients that still wait
	Blob      blob.Ref            // the queue holds one reference
	Account   directory.AccountID // who sent it; zero: the server itself
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
	store *store.Store
	blobs *blob.Blobs
	log   *slog.Logger
}

// New returns the queue of a store.
func New(cfg Config) *Queue {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Queue{store: cfg.Store, blobs: cfg.Blobs, log: cfg.Logger}
}

// Add puts an entry into the queue as part of the caller's transaction and
// takes a reference to its blob. Created and Due default to now.
func (q *Queue) Add(tx *store.Tx, e Entry) (ID, error) { return 0, errors.ErrUnsupported }

// Get returns an entry, or ErrNoEntry.
func (q *Queue) Get(tx *store.Tx, id ID) (Entry, error) { return Entry{}, errors.ErrUnsupported }

// List walks over all entries, those due first at the front.
func (q *Queue) List(ctx context.Context) iter.Seq2[Entry, error] { return nil }

// Remove takes an entry out and gives its reference to the blob back.
func (q *Queue) Remove(tx *store.Tx, id ID) error { return errors.ErrUnsupported }

// Check reports every broken invariant of the queue's tables.
func (q *Queue) Check(ctx context.Context, report func(store.Problem)) error { return nil }
