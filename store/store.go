// Package store is the ordered key-value engine under everything that must
// survive: transactions, typed tables, records that can grow, and the list of
// all key prefixes. It runs on Badger and is the only package that knows it.
// It must never learn what its rows mean, hold message bodies (store/blob does)
// or acknowledge an update before it is on the disk.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dgraph-io/badger/v4"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("store: no such key")
	ErrClosed   = errors.New("store: closed")
	ErrTooLarge = errors.New("store: too large for one update")
	ErrDiskFull = errors.New("store: the disk is full")
	ErrWrongKey = errors.New("store: wrong key")
	ErrLocked   = errors.New("store: in use by another process")
)

// The defaults of Config.
const (
	// DefaultReserve is what others may write to the disk between two looks at
	// its free space.
	DefaultReserve = 64 << 20
	// DefaultMemTable keeps an idle process small and lets one update write
	// 2.4 MB.
	DefaultMemTable = 16 << 20
)

// KeySize is the length of a sealing key in bytes.
const KeySize = 32

// Config says where a store lives and how it is opened. Only Path is needed.
type Config struct {
	Path   string       // directory, made if missing
	Key    []byte       // nil, or KeySize bytes: every value is sealed with an AEAD
	Logger *slog.Logger // nil: slog.Default()

	// Reserve is the free space in bytes, besides what the engine itself may
	// need, below which updates are refused with ErrDiskFull; zero means
	// DefaultReserve.
	Reserve int64
	// MemTable is the size in bytes of the table that collects writes in
	// memory; zero means DefaultMemTable. One update may write 15 % of it.
	MemTable int64
	// NoCompaction starts no background work with timers, for tests in a
	// synctest bubble.
	NoCompaction bool
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	path    string
	log     *slog.Logger
	db      *badger.DB
	lock    *os.File
	seal    *sealer // nil: values are stored as they are
	snaps   snapshots
	commits *committer
	space   *space
}

// Problem is a broken invariant that a Check found.
type Problem struct {
	Table string // the table's or file's name
	Key   string // the row, readable
	Text  string // what is wrong
}

// Open opens the store at cfg.Path and makes it if there is none. Only one
// process can have it open: others get ErrLocked. A key that is not the one the
// store was made with, a missing or a superfluous one is ErrWrongKey.
func Open(cfg Config) (*Store, error) {
	s, err := open(cfg, false)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", cfg.Path, err)
	}
	return s, nil
}

func open(cfg Config, restoring bool) (_ *Store, err error) {
	if cfg.Path == "" {
		return nil, errors.New("no path")
	}
	if cfg.Key != nil && len(cfg.Key) != KeySize {
		return nil, fmt.Errorf("%w: it has %d bytes, not %d", ErrWrongKey, len(cfg.Key), KeySize)
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.Reserve = cmp.Or(cfg.Reserve, DefaultReserve)
	cfg.MemTable = cmp.Or(cfg.MemTable, DefaultMemTable)
	s := &Store{path: cfg.Path, log: cfg.Logger, space: newSpace(cfg)}
	if err := MakeDir(cfg.Path); err != nil {
		return nil, diskFull(err)
	}
	if s.lock, err = lockDir(cfg.Path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.lock.Close()
		}
	}()
	if !restoring && exists(filepath.Join(cfg.Path, restoreMark)) {
		return nil, errors.New("a restore into this directory was not finished; remove the directory and restore again")
	}
	if err = s.space.beforeOpen(); err != nil {
		return nil, err
	}
	if err = dropBegun(cfg.Path); err != nil {
		return nil, err
	}
	if s.db, err = openBadger(cfg, s.log); err != nil {
		return nil, diskFull(err)
	}
	defer func() {
		if err != nil {
			s.db.Close()
		}
	}()
	s.snaps.init(s.db)
	if !restoring {
		if s.seal, err = s.openMeta(cfg.Key); err != nil {
			return nil, err
		}
	}
	s.commits = newCommitter(s)
	go s.commits.run()
	return s, nil
}

// Close waits for the updates and views under way and closes the store.
// Updates that have not begun get ErrClosed.
func (s *Store) Close() error {
	if !s.commits.stop() {
		return nil
	}
	s.snaps.close()
	if err := s.space.needs(s.workRoom()); err != nil {
		// Badger would write what is in memory into a mapped file and die of
		// it. It is in the log: leave it as a crash would.
		s.log.Error("no room to close the store in order, the log will be read again", "err", err)
		return fmt.Errorf("store: close: %w", errors.Join(err, s.lock.Close()))
	}
	err := s.db.Close()
	if lerr := s.lock.Close(); err == nil {
		err = lerr
	}
	if err != nil {
		return fmt.Errorf("store: close: %w", diskFull(err))
	}
	return nil
}

// Path returns the store's directory.
func (s *Store) Path() string { return s.path }

// Reserve returns the free space in bytes that updates leave alone.
func (s *Store) Reserve() int64 { return s.space.reserve }

// View runs fn over a consistent snapshot of everything committed before. It
// never waits for an update. A View may stand within another View, never
// within an Update.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	snap, err := s.snaps.acquire()
	if err != nil {
		return err
	}
	tx := Tx{store: s, read: snap.txn}
	defer func() {
		tx.read = nil // a transaction kept by mistake fails at once
		s.snaps.release(snap)
	}()
	return fn(&tx)
}

// diskFull makes a full disk recognisable, whichever call met it.
func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
