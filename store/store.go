// Package store is the ordered key-value engine under everything that must
// survive: transactions, typed tables, records that can grow, and the list of
// all key prefixes. It runs on Badger and is the only package that knows it.
// It must never learn what its rows mean, hold message bodies (store/blob does)
// or acknowledge an update before it is on the disk.
package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("store: no such key")
	ErrClosed   = errors.New("store: closed")
	ErrTooLarge = errors.New("store: the update is too large for one transaction")
	ErrDiskFull = errors.New("store: the disk is full")
	ErrWrongKey = errors.New("store: wrong key")
	ErrLocked   = errors.New("store: in use by another process")
)

// Config says where a store lives and how it is opened. Only Path is needed.
type Config struct {
	Path   string       // directory, made if missing
	Key    []byte       // nil, or 32 bytes: every value is sealed with an AEAD
	Logger *slog.Logger // nil: slog.Default()

	// Reserve is the free space in bytes below which updates are refused with
	// ErrDiskFull; zero means DefaultReserve.
	Reserve int64
	// MemTable is the size in bytes of the table that collects writes in
	// memory; zero means DefaultMemTable. One update may write 15 % of it.
	MemTable int64
	// NoCompaction starts no background work with timers, for tests in a
	// synctest bubble.
	NoCompaction bool
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct{}

// Problem is a broken invariant that a Check found.
type Problem struct {
	Table string // the table's or file's name
	Key   string // the row, readable
	Text  string // what is wrong
}

func Open(cfg Config) (*Store, error)                                   { panic("soon") }
func (s *Store) Close() error                                           { panic("soon") }
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error     { panic("soon") }
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error   { panic("soon") }
func (s *Store) Check(ctx context.Context, report func(Problem)) error  { panic("soon") }
func (s *Store) Backup(ctx context.Context, w io.Writer) error          { panic("soon") }
func Restore(cfg Config, r io.Reader, then ...func(*Store) error) error { panic("soon") }
