package store

import (
	"errors"
	"fmt"
	"iter"
)

// Codec turns a key or a value into bytes and back. Append must write keys so
// that byte order is the order wanted. Parse must not keep the bytes it is
// given and must refuse what it does not understand.
type Codec[T any] struct {
	Append func(dst []byte, v T) []byte
	Parse  func(b []byte) (T, error)
}

// Table is a typed view of all rows under one prefix. It holds no state and is
// made once, where a package's New makes everything else.
type Table[K, V any] struct {
	name   string
	prefix Prefix
	key    Codec[K]
	value  Codec[V]
}

// Row is one row of a table.
type Row[K, V any] struct {
	Key   K
	Value V
}

// TableRange says which rows a scan visits: those whose encoded key begins with
// Prefix (without the table's own byte) and lies in [From, To); nil pointers
// are no bounds.
type TableRange[K any] struct {
	Prefix   []byte
	From, To *K
	Reverse  bool
}

// NewTable returns the table under prefix p. The name is for error messages.
func NewTable[K, V any](name string, p Prefix, key Codec[K], value Codec[V]) Table[K, V] {
	return Table[K, V]{name: name, prefix: p, key: key, value: value}
}

// Get returns the value at k, or ErrNotFound.
func (t Table[K, V]) Get(tx *Tx, k K) (V, error) {
	var zero V
	b, err := tx.Get(t.keyOf(tx, k))
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return zero, ErrNotFound
		}
		return zero, fmt.Errorf("%s: %w", t.name, err)
	}
	v, err := t.value.Parse(b)
	if err != nil {
		return zero, fmt.Errorf("%s: value of %x: %w", t.name, t.keyOf(tx, k), err)
	}
	return v, nil
}

// Has tells whether there is a row at k.
func (t Table[K, V]) Has(tx *Tx, k K) (bool, error) {
	_, err := tx.Get(t.keyOf(tx, k))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Set writes the row at k.
func (t Table[K, V]) Set(tx *Tx, k K, v V) error {
	if err := tx.Set(t.keyOf(tx, k), t.value.Append(nil, v)); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// Delete removes the row at k, if there is one.
func (t Table[K, V]) Delete(tx *Tx, k K) error {
	if err := tx.Delete(t.keyOf(tx, k)); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// Scan visits rows in key order, also those the transaction itself has written
// so far. Rows ahead may be set and deleted while it runs.
func (t Table[K, V]) Scan(tx *Tx, r TableRange[K]) iter.Seq2[Row[K, V], error] {
	return func(yield func(Row[K, V], error) bool) {
		for kv, err := range tx.Scan(t.rangeOf(r, false)) {
			var row Row[K, V]
			if err == nil {
				row.Key, err = t.key.Parse(kv.Key[1:])
			}
			if err == nil {
				row.Value, err = t.value.Parse(kv.Value)
			}
			if err != nil {
				yield(row, fmt.Errorf("%s: row %x: %w", t.name, kv.Key, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Keys visits the keys alone, which is cheaper.
func (t Table[K, V]) Keys(tx *Tx, r TableRange[K]) iter.Seq2[K, error] {
	return func(yield func(K, error) bool) {
		for kv, err := range tx.Scan(t.rangeOf(r, true)) {
			var k K
			if err == nil {
				k, err = t.key.Parse(kv.Key[1:])
			}
			if err != nil {
				yield(k, fmt.Errorf("%s: key %x: %w", t.name, kv.Key, err))
				return
			}
			if !yield(k, nil) {
				return
			}
		}
	}
}

// keyOf builds the key in the transaction's scratch space.
func (t Table[K, V]) keyOf(tx *Tx, k K) []byte {
	tx.key = t.key.Append(append(tx.key[:0], byte(t.prefix)), k)
	return tx.key
}

func (t Table[K, V]) rangeOf(r TableRange[K], keysOnly bool) Range {
	out := Range{Reverse: r.Reverse, KeysOnly: keysOnly}
	out.Prefix = append([]byte{byte(t.prefix)}, r.Prefix...)
	if r.From != nil {
		out.From = t.key.Append([]byte{byte(t.prefix)}, *r.From)
	}
	if r.To != nil {
		out.To = t.key.Append([]byte{byte(t.prefix)}, *r.To)
	}
	return out
}
