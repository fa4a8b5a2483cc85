package search

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// Builder turns the terms of a few hundred messages into sorted postings. It
// holds them in memory: ask Size before adding more.
type Builder struct {
	c        collector
	postings []posting
}

type posting struct {
	term   uint32 // number of the term, in order of appearance
	doc    Doc
	fields Field
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	return &Builder{c: collector{seed: maphash.MakeSeed(), slots: make([]int32, 16*firstSlots)}}
}

// Add adds a message. Messages must come in ascending order.
func (b *Builder) Add(doc Doc, terms Terms) {
	for term, fields := range terms.All() {
		b.postings = append(b.postings, posting{b.c.number(term), doc, fields})
	}
}

// Size is about how many bytes the builder holds.
func (b *Builder) Size() int { return 12*len(b.postings) + len(b.c.arena) + 24*len(b.c.entries) }

// Write gives all postings to w, sorted by term.
func (b *Builder) Write(w *Writer) error {
	entries := b.c.entries
	order := make([]uint32, len(entries))
	for i := range order {
		order[i] = uint32(i)
	}
	term := func(i uint32) []byte {
		e := &entries[i]
		return b.c.arena[e.at : e.at+uint32(e.length)]
	}
	slices.SortFunc(order, func(x, y uint32) int { return bytes.Compare(term(x), term(y)) })

	// The postings lie in order of Doc; a stable distribution to their terms
	// keeps it.
	starts := make([]uint32, len(entries)+1)
	for _, p := range b.postings {
		starts[p.term+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]posting, len(b.postings))
	next := slices.Clone(starts[:len(entries)])
	for _, p := range b.postings {
		sorted[next[p.term]] = p
		next[p.term]++
	}
	for _, i := range order {
		t := term(i)
		for _, p := range sorted[starts[i]:starts[i+1]] {
			if err := w.Add(t, p.doc, p.fields); err != nil {
				return err
			}
		}
	}
	return nil
}
