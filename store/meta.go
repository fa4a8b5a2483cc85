package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// formatVersion is the version of the layout of the whole store. A binary
// refuses a store with a higher one.
const formatVersion = 1

// metaKey is the row that describes the store itself. It is never sealed.
var metaKey = []byte{byte(PrefixMeta), 'f'}

// keyProbe is sealed into the meta row to recognise the key.
const keyProbe = "martlet"

type meta struct {
	version uint64
	salt    []byte
	probe   []byte // nil: values are not sealed
}

func (m *meta) encode() []byte {
	e := NewEncoder(nil)
	e.Uint(1, m.version)
	e.Bytes(2, m.salt)
	e.Bytes(3, m.probe)
	return e.Out()
}

func parseMeta(b []byte) (m meta, err error) {
	err = DecodeFields(b, func(f Field) error {
		switch f.Number {
		case 1:
			m.version = f.Uint()
		case 2:
			m.salt = bytes.Clone(f.Bytes())
		case 3:
			m.probe = bytes.Clone(f.Bytes())
		}
		return nil
	})
	return m, err
}

// openMeta reads the meta row, or writes it into a new store, and returns what
// opens the values.
func (s *Store) openMeta(key []byte) (*sealer, error) {
	snap := s.snaps.newest()
	item, err := snap.txn.Get(metaKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		if snap.ts != 0 {
			return nil, errors.New("there is data, but it is not a store of martlet")
		}
		return s.createMeta(key)
	}
	if err != nil {
		return nil, err
	}
	b, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	m, err := parseMeta(b)
	if err != nil {
		return nil, fmt.Errorf("format row: %w", err)
	}
	if m.version > formatVersion {
		return nil, fmt.Errorf("the store has format %d, this binary knows %d: use a newer one", m.version, formatVersion)
	}
	return m.sealer(key)
}

func (m *meta) sealer(key []byte) (*sealer, error) {
	switch {
	case m.probe == nil && key == nil:
		return nil, nil
	case m.probe == nil:
		return nil, fmt.Errorf("%w: the store was made without a key, but one is configured", ErrWrongKey)
	case key == nil:
		return nil, fmt.Errorf("%w: the store is sealed, but no key is configured", ErrWrongKey)
	}
	sl, err := newSealer(key, m.salt)
	if err != nil {
		return nil, err
	}
	if got, err := sl.open(nil, metaKey, m.probe); err != nil || string(got) != keyProbe {
		return nil, fmt.Errorf("%w: the store was sealed with another key", ErrWrongKey)
	}
	return sl, nil
}

func (s *Store) createMeta(key []byte) (sl *sealer, err error) {
	m := meta{version: formatVersion, salt: make([]byte, 16)}
	rand.Read(m.salt)
	if key != nil {
		if sl, err = newSealer(key, m.salt); err != nil {
			return nil, err
		}
		m.probe = sl.seal(nil, metaKey, []byte(keyProbe))
	}
	return sl, s.putRaw([]write{{key: metaKey, value: m.encode()}})
}

// putRaw commits rows as they are, for a store that nobody else uses yet.
func (s *Store) putRaw(rows []write) error {
	ts := s.snaps.newest().ts + 1
	txn := s.db.NewTransactionAt(ts, true)
	defer txn.Discard()
	for _, w := range rows {
		if err := txn.SetEntry(badger.NewEntry(w.key, w.value)); err != nil {
			return err
		}
	}
	if err := txn.CommitAt(ts, nil); err != nil {
		return diskFull(err)
	}
	s.snaps.publish(ts)
	return nil
}
