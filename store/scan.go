package store

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"
)

// KV is one row of a scan.
type KV struct{ Key, Value []byte }

// Range says which rows a scan visits: those that begin with Prefix and lie in
// the half-open interval [From, To), both full keys, nil for no bound.
type Range struct {
	Prefix   []byte
	From, To []byte
	Reverse  bool // from the highest key down
	KeysOnly bool // leave Value nil
}

// Scan visits the rows of r in key order, with what the transaction itself has
// written so far. Rows ahead may be set and deleted while it runs. The bytes
// are valid until the transaction ends. After an error it stops.
func (tx *Tx) Scan(r Range) iter.Seq2[KV, error] {
	return func(yield func(KV, error) bool) {
		lo, hi := r.bounds()
		if hi != nil && bytes.Compare(lo, hi) >= 0 {
			return
		}
		sc := scan{tx: tx, r: r, lo: lo, hi: hi}
		sc.open()
		defer sc.it.Close()
		for {
			kv, ok, err := sc.next()
			if !ok || !yield(kv, err) || err != nil {
				return
			}
		}
	}
}

// bounds returns the tightest interval [lo, hi) that holds all of r.
func (r *Range) bounds() (lo, hi []byte) {
	lo, hi = r.Prefix, prefixEnd(r.Prefix)
	if bytes.Compare(r.From, lo) > 0 {
		lo = r.From
	}
	if r.To != nil && (hi == nil || bytes.Compare(r.To, hi) < 0) {
		hi = r.To
	}
	return lo, hi
}

// scan merges the rows of a snapshot with the writes of the batch over it.
type scan struct {
	tx     *Tx
	r      Range
	lo, hi []byte
	it     *badger.Iterator

	last  []byte // the key visited last, nil before the first
	gen   uint64 // of the overlay when ahead was looked up
	look  bool   // ahead is to be looked up
	more  bool   // ahead is valid
	entry write
}

func (sc *scan) open() {
	opt := badger.IteratorOptions{Reverse: sc.r.Reverse, Prefix: sc.r.Prefix}
	sc.it = sc.tx.read.NewIterator(opt)
	sc.look = true
	if !sc.r.Reverse {
		sc.it.Seek(sc.lo)
		return
	}
	if sc.hi != nil && bytes.HasPrefix(sc.hi, sc.r.Prefix) {
		sc.it.Seek(sc.hi)
		if sc.it.Valid() && bytes.Equal(sc.it.Item().Key(), sc.hi) {
			sc.it.Next()
		}
		return
	}
	// Badger seeks downwards from a key that it includes, and stops at once on
	// one without the prefix: begin at the highest key the prefix can have.
	top := append(make([]byte, 0, maxKey+1), sc.r.Prefix...)
	for len(top) <= maxKey {
		top = append(top, 0xff)
	}
	sc.it.Seek(top)
}

// base returns the snapshot's next key, nil at the end.
func (sc *scan) base() []byte {
	if !sc.it.Valid() {
		return nil
	}
	key := sc.it.Item().Key()
	if !sc.within(key) {
		return nil
	}
	return key
}

func (sc *scan) within(key []byte) bool {
	if sc.r.Reverse {
		return bytes.Compare(key, sc.lo) >= 0
	}
	return sc.hi == nil || bytes.Compare(key, sc.hi) < 0
}

// ahead returns the overlay's next write, which may be a deletion.
func (sc *scan) ahead() (write, bool) {
	over := sc.tx.over
	if over == nil {
		return write{}, false
	}
	if sc.look || sc.gen != over.gen {
		sc.look, sc.gen = false, over.gen
		switch {
		case sc.r.Reverse && sc.last != nil:
			sc.entry, sc.more = over.prev(sc.last)
		case sc.r.Reverse:
			sc.entry, sc.more = over.prev(sc.hi)
		case sc.last != nil:
			sc.entry, sc.more = over.next(sc.last, true)
		default:
			sc.entry, sc.more = over.next(sc.lo, false)
		}
		sc.more = sc.more && sc.within(sc.entry.key)
	}
	return sc.entry, sc.more
}

func (sc *scan) next() (KV, bool, error) {
	for {
		sc.tx.reads++
		base := sc.base()
		w, over := sc.ahead()
		if over && base != nil {
			c := bytes.Compare(w.key, base)
			if sc.r.Reverse {
				c = -c
			}
			over = c <= 0
			if c == 0 {
				sc.it.Next() // the batch replaces this row
			}
		}
		switch {
		case over:
			sc.last, sc.look = w.key, true
			if w.deleted {
				continue
			}
			kv := KV{Key: w.key}
			if !sc.r.KeysOnly {
				kv.Value = w.value
			}
			return kv, true, nil
		case base != nil:
			kv, err := sc.row(base)
			sc.last = kv.Key
			sc.it.Next()
			return kv, true, err
		}
		return KV{}, false, nil
	}
}

// row copies the snapshot's row, whose bytes the iterator uses again.
func (sc *scan) row(key []byte) (KV, error) {
	kv := KV{Key: sc.tx.arena.copy(key)}
	if sc.r.KeysOnly {
		return kv, nil
	}
	err := sc.it.Item().Value(func(v []byte) error {
		if sc.tx.store.seal == nil {
			kv.Value = sc.tx.arena.copy(v)
			return nil
		}
		var err error
		kv.Value, err = sc.tx.store.seal.open(sc.tx.arena.grab(len(v)), key, v)
		return err
	})
	if err != nil {
		return kv, fmt.Errorf("store: read %x: %w", key, err)
	}
	return kv, nil
}
