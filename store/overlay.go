package store

import (
	"bytes"

	"github.com/tidwall/btree"
)

// write is what a batch does to one key.
type write struct {
	key     []byte
	value   []byte
	deleted bool
}

// rowCost is what Badger counts for an entry besides its key and value, with
// what sealing adds.
const rowCost = 12 + sealOverhead

func (w *write) cost() int64 { return int64(len(w.key) + len(w.value) + rowCost) }

// overlay holds the writes of a batch that is being made, ordered by key, and
// can undo those of its last closure.
type overlay struct {
	tree  *btree.BTreeG[write]
	bytes int64
	gen   uint64 // changes with every write: tells scans to look again
	undo  []undo
}

// undo restores one key to what the closures before had made of it.
type undo struct {
	prev write
	had  bool
}

func newOverlay() *overlay {
	less := func(a, b write) bool { return bytes.Compare(a.key, b.key) < 0 }
	return &overlay{tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 16})}
}

func (o *overlay) len() int { return o.tree.Len() }

func (o *overlay) get(key []byte) (write, bool) { return o.tree.Get(write{key: key}) }

// put takes possession of w's bytes.
func (o *overlay) put(w write) {
	prev, had := o.tree.Set(w)
	o.bytes += w.cost()
	if had {
		o.bytes -= prev.cost()
	} else {
		prev.key = w.key
	}
	o.undo = append(o.undo, undo{prev, had})
	o.gen++
}

// settle makes the writes since the last settle part of the batch.
func (o *overlay) settle() { o.undo = o.undo[:0] }

// rollback undoes the writes since the last settle.
func (o *overlay) rollback() {
	for i := len(o.undo) - 1; i >= 0; i-- {
		u := o.undo[i]
		if u.had {
			now, _ := o.tree.Set(u.prev)
			o.bytes += u.prev.cost() - now.cost()
		} else {
			now, _ := o.tree.Delete(u.prev)
			o.bytes -= now.cost()
		}
	}
	o.gen++
	o.settle()
}

// next returns the first write at or after key, or beyond it when past.
func (o *overlay) next(key []byte, past bool) (found write, ok bool) {
	o.tree.Ascend(write{key: key}, func(w write) bool {
		if past && bytes.Equal(w.key, key) {
			return true
		}
		found, ok = w, true
		return false
	})
	return found, ok
}

// prev returns the last write below key, or the very last when key is nil.
func (o *overlay) prev(key []byte) (found write, ok bool) {
	if key == nil {
		return o.tree.Max()
	}
	o.tree.Descend(write{key: key}, func(w write) bool {
		if bytes.Equal(w.key, key) {
			return true
		}
		found, ok = w, true
		return false
	})
	return found, ok
}
