package search

import (
	"encoding/binary"
	"errors"
)

// ErrBadBlock means that a block cannot be read.
var ErrBadBlock = errors.New("search: malformed block")

// Doc is the number of a message in the index of its mailbox: given in
// ascending order and never reused.
type Doc uint32

// What a block holds. A block is one row of the store, read as a whole.
const (
	blockSize = 4 << 10 // bytes after which a block ends
	listSize  = 8 << 10 // bytes of postings after which a term's list goes on in an entry of its own
)

// Block is a piece of a segment: entries in order of their terms. An entry says
// in which messages a term stands and in which of their fields.
//
// An entry is: how many bytes of the term are those of the term before, how
// many others follow, these; the first Doc; how many bytes of postings follow,
// these. A posting is the distance from the Doc before, shifted by one; if the
// lowest bit is set a byte with the fields follows, else it is the body alone.
type Block struct {
	Last  []byte // the last term in it
	First Doc    // the first Doc of the last entry
	Data  []byte
}

// Writer cuts sorted postings into blocks. Terms must come in ascending order,
// the Docs of a term too.
type Writer struct {
	Emit func(Block) error // is given each block; its bytes are valid until it returns

	data  []byte
	prev  []byte // term of the entry before, in this block
	term  []byte // of the open entry
	list  []byte // of the open entry
	first Doc
	last  Doc
	open  bool
	bytes int
}

// Add adds one posting.
func (w *Writer) Add(term []byte, doc Doc, fields Field) error {
	same := w.open && string(term) == string(w.term)
	if w.open && (!same || len(w.list) > listSize) {
		w.close()
		// A block ends between terms or within one that is found in very many
		// messages.
		if len(w.data) >= blockSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	if !w.open {
		w.open = true
		w.term = append(w.term[:0], term...)
		w.first, w.last = doc, doc
	}
	delta := uint64(doc-w.last) << 1
	if fields == Body {
		w.list = binary.AppendUvarint(w.list, delta)
	} else {
		w.list = append(binary.AppendUvarint(w.list, delta|1), byte(fields))
	}
	w.last = doc
	return nil
}

// Close writes what is left and returns how many bytes all blocks had.
func (w *Writer) Close() (int, error) {
	if w.open {
		w.close()
	}
	if len(w.data) > 0 {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	return w.bytes, nil
}

// close ends the open entry.
func (w *Writer) close() {
	shared := 0
	for shared < len(w.prev) && shared < len(w.term) && w.prev[shared] == w.term[shared] {
		shared++
	}
	w.data = binary.AppendUvarint(w.data, uint64(shared))
	w.data = binary.AppendUvarint(w.data, uint64(len(w.term)-shared))
	w.data = append(w.data, w.term[shared:]...)
	w.data = binary.AppendUvarint(w.data, uint64(w.first))
	w.data = binary.AppendUvarint(w.data, uint64(len(w.list)))
	w.data = append(w.data, w.list...)
	w.prev = append(w.prev[:0], w.term...)
	w.list, w.open = w.list[:0], false
}

func (w *Writer) flush() error {
	err := w.Emit(Block{Last: w.prev, First: w.first, Data: w.data})
	w.bytes += len(w.data)
	w.data, w.prev = w.data[:0], w.prev[:0]
	return err
}

// Entry is a term with a list of postings.
type Entry struct {
	Term  []byte // valid until the next entry
	First Doc
	list  []byte
}

// Reader reads the entries of a block one after another.
type Reader struct {
	data []byte
	term []byte
}

// Reset begins with another block.
func (r *Reader) Reset(data []byte) { r.data, r.term = data, r.term[:0] }

// Next returns the next entry, false at the end.
func (r *Reader) Next() (Entry, bool, error) {
	if len(r.data) == 0 {
		return Entry{}, false, nil
	}
	shared, n := binary.Uvarint(r.data)
	if n <= 0 || shared > uint64(len(r.term)) {
		return Entry{}, false, ErrBadBlock
	}
	suffix, rest, ok := chunk(r.data[n:])
	if !ok || len(suffix) > 255 {
		return Entry{}, false, ErrBadBlock
	}
	first, n := binary.Uvarint(rest)
	if n <= 0 || first > uint64(^Doc(0)) {
		return Entry{}, false, ErrBadBlock
	}
	list, rest, ok := chunk(rest[n:])
	if !ok {
		return Entry{}, false, ErrBadBlock
	}
	r.term = append(r.term[:shared], suffix...)
	r.data = rest
	return Entry{r.term, Doc(first), list}, true, nil
}

// chunk reads a length and as many bytes.
func chunk(b []byte) (data, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

// Each visits the postings of the entry, in ascending order of Doc.
func (e Entry) Each(fn func(Doc, Field)) error {
	doc := e.First
	for list := e.list; len(list) > 0; {
		v, n := uint64(list[0]), 1
		if v >= 0x80 {
			if v, n = binary.Uvarint(list); n <= 0 {
				return ErrBadBlock
			}
		}
		list = list[n:]
		fields := Body
		if v&1 != 0 {
			if len(list) == 0 {
				return ErrBadBlock
			}
			fields = Field(list[0])
			list = list[1:]
		}
		if v>>1 > uint64(^Doc(0)-doc) {
			return ErrBadBlock
		}
		doc += Doc(v >> 1)
		fn(doc, fields)
	}
	return nil
}
