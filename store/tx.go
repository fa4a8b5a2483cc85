package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Tx is one transaction, valid until the function it was given to returns and
// only on that function's goroutine. The bytes it returns must not be changed.
type Tx struct {
	store *Store
	read  *badger.Txn      // nil after the end
	over  *overlay         // nil in a View
	call  *call            // nil in a View
	stop  error            // why this closure's writes cannot be committed
	room  error            // why nothing may be written now, ErrDiskFull
	alone bool             // the first of its batch
	once  map[any]struct{} // the keys OnCommitOnce has seen
	reads int
	arena arena
	key   []byte // for the keys a Table builds

	maxBytes int64 // that the overlay may hold
	maxRows  int
}

// errBatchFull says that the closure must be run again, in a batch of its own.
var errBatchFull = errors.New("store: batch full")

// Writable tells whether tx belongs to an Update.
func (tx *Tx) Writable() bool { return tx.over != nil }

// Get returns the value at key, or ErrNotFound.
func (tx *Tx) Get(key []byte) ([]byte, error) {
	tx.reads++
	if tx.over != nil && tx.over.len() > 0 {
		if w, ok := tx.over.get(key); ok {
			if w.deleted {
				return nil, ErrNotFound
			}
			return w.value, nil
		}
	}
	item, err := tx.read.Get(key)
	if err != nil {
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil, ErrNotFound
		}
		return nil, fmt.Errorf("store: read %x: %w", key, err)
	}
	var value []byte
	err = item.Value(func(v []byte) error { // Badger has made this copy for us
		value = v
		return nil
	})
	if err == nil && tx.store.seal != nil {
		value, err = tx.store.seal.open(tx.arena.grab(len(value)), key, value)
	}
	if err != nil {
		return nil, fmt.Errorf("store: read %x: %w", key, err)
	}
	return value, nil
}

// Set writes value at key. Both are copied.
func (tx *Tx) Set(key, value []byte) error {
	if len(key) == 0 || len(key) > maxKey || len(value) > maxValue {
		err := fmt.Errorf("%w: key of %d bytes, value of %d", ErrTooLarge, len(key), len(value))
		if tx.Writable() {
			tx.stop = err
		}
		return err
	}
	return tx.write(write{key: tx.arena.copy(key), value: tx.arena.copy(value)})
}

// Delete removes the row at key, if there is one.
func (tx *Tx) Delete(key []byte) error {
	return tx.write(write{key: tx.arena.copy(key), deleted: true})
}

func (tx *Tx) write(w write) error {
	switch {
	case tx.over == nil:
		return errors.New("store: write in a View")
	case tx.read == nil:
		panic("store: transaction used after its end")
	case tx.stop != nil:
		return tx.stop // it is lost already
	case tx.room != nil:
		tx.stop = tx.room
		return tx.stop
	}
	tx.over.put(w)
	if tx.over.bytes > tx.maxBytes || tx.over.len() > tx.maxRows {
		tx.stop = errBatchFull
		if tx.alone {
			tx.stop = ErrTooLarge
		}
	}
	return tx.stop
}

// Reads counts the rows looked at so far, by Get and by scans, so that a test
// can show that work is proportional to change.
func (tx *Tx) Reads() int { return tx.reads }

// OnCommit has fn run once this update is durable, before Update returns and on
// the goroutine that called it. It does not run when the update fails.
func (tx *Tx) OnCommit(fn func()) {
	if tx.call == nil {
		panic("store: OnCommit in a View")
	}
	tx.call.after = append(tx.call.after, fn)
}

// OnCommitOnce is OnCommit for what need not be done twice: of all calls with
// the same key, which must be comparable, only the first counts.
func (tx *Tx) OnCommitOnce(key any, fn func()) {
	if _, again := tx.once[key]; again {
		return
	}
	if tx.once == nil {
		tx.once = map[any]struct{}{}
	}
	tx.once[key] = struct{}{}
	tx.OnCommit(fn)
}

// Next returns the next number of a persistent counter; the first is 1.
func (tx *Tx) Next(counter string) (uint64, error) {
	key := append([]byte{byte(PrefixCounter)}, counter...)
	var n uint64
	b, err := tx.Get(key)
	if err == nil && len(b) == 8 {
		n = binary.BigEndian.Uint64(b)
	} else if !errors.Is(err, ErrNotFound) {
		return 0, errors.Join(fmt.Errorf("store: counter %s is damaged", counter), err)
	}
	n++
	return n, tx.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// restored is the row that says when the store was restored.
func restored() []byte { return append([]byte{byte(PrefixCounter)}, "restored"...) }

// Restored returns when the store was last restored from a backup, in seconds
// since 1970, and zero if it never was. What was numbered after that backup was
// made is forgotten, and its numbers are given again: whoever shows numbers to
// those who keep them for long must show this too.
func (tx *Tx) Restored() (uint32, error) {
	b, err := tx.Get(restored())
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err == nil && len(b) != 8 {
		err = errors.New("the row is damaged")
	}
	if err != nil {
		return 0, fmt.Errorf("store: restored: %w", err)
	}
	return uint32(binary.BigEndian.Uint64(b)), nil
}

// SetRestored notes that the store was restored at a time.
func (tx *Tx) SetRestored(now time.Time) error {
	return tx.Set(restored(), binary.BigEndian.AppendUint64(nil, uint64(now.Unix())))
}

// arena hands out small pieces of larger allocations. It never takes one back,
// so that what a transaction returned stays as it was.
type arena struct {
	free []byte
	next int
}

const (
	arenaFirst = 512
	arenaMost  = 32 << 10
)

// grab returns an empty slice with room for n bytes.
func (a *arena) grab(n int) []byte {
	if n > len(a.free) {
		if n > arenaMost/4 {
			return make([]byte, 0, n)
		}
		a.next = min(max(a.next*2, arenaFirst, n), arenaMost)
		a.free = make([]byte, a.next)
	}
	b := a.free[:0:n]
	a.free = a.free[n:]
	return b
}

func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return []byte{}
	}
	return append(a.grab(len(b)), b...)
}

// prefixEnd returns the first key after all keys that begin with p, nil if
// there is none.
func prefixEnd(p []byte) []byte {
	n := len(p)
	for n > 0 && p[n-1] == 0xff { // not bytes.TrimRight, which takes bytes for UTF-8
		n--
	}
	if n == 0 {
		return nil
	}
	end := bytes.Clone(p[:n])
	end[n-1]++
	return end
}
