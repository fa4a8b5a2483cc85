package junk

import (
	"container/list"
	"errors"
	"maps"
	"sync"

	"martlet/store"
)

// maxImages bounds the words that are kept in memory, in bytes. Those of the base
// are there nearly always: some megabytes when it is full.
const maxImages = 48 << 20

// image is the words of one owner as they were at a generation. It never changes.
type image struct {
	generation uint64
	rows       map[uint32][]byte
	bytes      int
}

func (im *image) find(o owner, t token, today uint16) (counts, bool) {
	return find(im.rows[o.bucket(t)], t, today)
}

// images are those that were used last.
type images struct {
	mu    sync.Mutex
	of    map[owner]*list.Element
	order *list.List // of held, the last used first
	bytes int
}

type held struct {
	owner owner
	image *image
}

func newImages() *images { return &images{of: map[owner]*list.Element{}, order: list.New()} }

// at returns an owner's words of a generation, nil if they are not here.
func (c *images) at(o owner, generation uint64) *image {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.of[o]
	if e == nil || e.Value.(*held).image.generation != generation {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*held).image
}

// put keeps an owner's words, unless newer ones are here.
func (c *images) put(o owner, im *image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.of[o]; e != nil {
		if e.Value.(*held).image.generation >= im.generation {
			return
		}
		c.dropLocked(e)
	}
	c.of[o] = c.order.PushFront(&held{o, im})
	c.bytes += im.bytes
	for c.bytes > maxImages && c.order.Len() > 1 {
		c.dropLocked(c.order.Back())
	}
}

// forget drops an owner's words.
func (c *images) forget(o owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.of[o]; e != nil {
		c.dropLocked(e)
	}
}

func (c *images) dropLocked(e *list.Element) {
	h := c.order.Remove(e).(*held)
	delete(c.of, h.owner)
	c.bytes -= h.image.bytes
}

// state reads how much an owner has learned, by today.
func (f *Filter) state(tx *store.Tx, o owner, today uint16) (state, error) {
	s, err := f.tables.states.Get(tx, o)
	if errors.Is(err, store.ErrNotFound) {
		return state{Day: today}, nil
	}
	s.age(today)
	return s, err
}

// image returns an owner's words as a transaction sees them.
func (f *Filter) image(tx *store.Tx, o owner, generation uint64) (*image, error) {
	if im := f.images.at(o, generation); im != nil {
		return im, nil
	}
	im := &image{generation: generation, rows: map[uint32][]byte{}}
	r := store.TableRange[bucketKey]{Prefix: store.AppendUint64(nil, uint64(o))}
	for row, err := range f.tables.words.Scan(tx, r) {
		if err != nil {
			return nil, err
		}
		im.rows[row.Key.bucket] = row.Value
		im.bytes += len(row.Value) + rowOverhead
	}
	if !tx.Writable() { // what others in the batch wrote may never be
		f.images.put(o, im)
	}
	return im, nil
}

// rowOverhead is about what a row costs in a map besides its bytes.
const rowOverhead = 64

// with is the image with some rows instead of its own.
func (im *image) with(generation uint64, rows map[uint32][]byte) *image {
	next := &image{generation: generation, rows: maps.Clone(im.rows), bytes: im.bytes}
	for b, row := range rows {
		if old, ok := next.rows[b]; ok {
			next.bytes -= len(old) + rowOverhead
		}
		next.rows[b] = row
		next.bytes += len(row) + rowOverhead
	}
	return next
}
