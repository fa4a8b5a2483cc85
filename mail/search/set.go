package search

import (
	"iter"
	"math/bits"
)

// Set is a set of Docs at or above a first one, a bit for each.
type Set struct {
	first Doc
	words []uint64
}

// NewSet returns an empty set for the Docs from first to last.
func NewSet(first, last Doc) *Set {
	if last < first {
		return &Set{first: first}
	}
	return &Set{first: first, words: make([]uint64, (last-first)/64+1)}
}

// Add adds a Doc. One beyond the set's bounds is not kept.
func (s *Set) Add(d Doc) {
	if i := (d - s.first) / 64; d >= s.first && int(i) < len(s.words) {
		s.words[i] |= 1 << ((d - s.first) % 64)
	}
}

// Has tells whether the Doc is in the set.
func (s *Set) Has(d Doc) bool {
	i := (d - s.first) / 64
	return d >= s.first && int(i) < len(s.words) && s.words[i]&(1<<((d-s.first)%64)) != 0
}

// Len counts the Docs.
func (s *Set) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// All visits the Docs, ascending.
func (s *Set) All() iter.Seq[Doc] {
	return func(yield func(Doc) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(s.first + Doc(i*64+bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

func (s *Set) clone() *Set { return &Set{s.first, append([]uint64(nil), s.words...)} }

// The three operations below take sets with the same bounds.

func (s *Set) and(o *Set) {
	for i := range s.words {
		s.words[i] &= o.words[i]
	}
}

func (s *Set) or(o *Set) {
	for i := range s.words {
		s.words[i] |= o.words[i]
	}
}

func (s *Set) complement() *Set {
	c := s.clone()
	for i := range c.words {
		c.words[i] = ^c.words[i]
	}
	return c
}
