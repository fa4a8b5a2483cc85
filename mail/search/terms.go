package search

import (
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"sync"

	"martlet/mail/message"
)

// Version is that of the rules by which words are found. An index of another
// version is made anew.
const Version = 2

// What is looked at of one message. What lies beyond is not found by its words;
// the message itself is.
const (
	maxText  = 512 << 10 // bytes of text, of all its parts together
	maxHTML  = 2 << 20   // bytes of HTML read for it
	maxTerms = 10000     // different ones
	maxFiles = 256       // attachments whose names are read
	maxNames = 1024      // addresses
)

// Terms that say something of the whole message begin with a byte that no word
// contains.
const (
	termAttachment = "\x01a"
	termHigh       = "\x01h"
	termLow        = "\x01l"
)

// Terms are the words of one message, each once, with the fields where it
// stands: for each one byte of length, one of fields, and the word.
type Terms []byte

// All visits the terms. The bytes are part of t.
func (t Terms) All() iter.Seq2[[]byte, Field] {
	return func(yield func([]byte, Field) bool) {
		for rest := t; len(rest) >= 2 && len(rest) >= 2+int(rest[0]); rest = rest[2+int(rest[0]):] {
			if !yield(rest[2:2+int(rest[0])], Field(rest[1])) {
				return
			}
		}
	}
}

// Extract finds the words of a message. src is the raw message; an error is
// one of reading it.
func Extract(ix *message.Index, src io.ReaderAt) (Terms, error) {
	c := collectors.Get().(*collector)
	defer c.release()
	if important := ix.Importance; important == message.ImportanceHigh {
		c.add([]byte(termHigh), Subject)
	} else if important == message.ImportanceLow {
		c.add([]byte(termLow), Subject)
	}
	for _, i := range ix.Attachments() {
		if !ix.Inline(i) {
			c.add([]byte(termAttachment), Attachment)
			break
		}
	}
	meeting, ok, err := requested(ix, src)
	if err != nil {
		return nil, fmt.Errorf("search: extract: %w", err)
	}
	if ok {
		c.add(meeting.term(), Subject)
	}
	err = texts(ix, src, allFields, func(f Field, text string) bool {
		c.text(f, text)
		return len(c.entries) < maxTerms
	})
	if err != nil {
		return nil, fmt.Errorf("search: extract: %w", err)
	}
	return c.terms(), nil
}

// texts gives fn the texts of the fields until it returns false.
func texts(ix *message.Index, src io.ReaderAt, fields Field, fn func(Field, string) bool) error {
	if fields&Subject != 0 && !fn(Subject, ix.Subject) {
		return nil
	}
	for _, l := range []struct {
		field Field
		list  []message.Address
	}{{From, ix.From}, {From, ix.Sender}, {To, ix.To}, {Cc, ix.Cc}, {Cc, ix.Bcc}} {
		if fields&l.field == 0 {
			continue
		}
		for _, a := range l.list[:min(len(l.list), maxNames)] {
			if a.Name != "" && !fn(l.field, a.Name) || a.Address != "" && !fn(l.field, a.Address) {
				return nil
			}
		}
	}
	if fields&(Attachment|Body) == 0 {
		return nil
	}
	body, files := ix.Shape()
	if fields&Attachment != 0 {
		for _, i := range files[:min(len(files), maxFiles)] {
			if name := ix.Parts[i].Filename; name != "" && !fn(Attachment, name) {
				return nil
			}
		}
	}
	if fields&Body == 0 {
		return nil
	}
	if len(body) == 0 { // some programs send nothing but a meeting
		text, err := meetingText(ix, src)
		if err == nil && text != "" {
			fn(Body, text[:min(len(text), maxText)])
		}
		return err
	}
	left := maxText
	for _, b := range body {
		text, err := bodyText(ix, src, b, left)
		if err != nil {
			return err
		}
		if left -= len(text); !fn(Body, text) || left <= 0 {
			return nil
		}
	}
	return nil
}

// bodyText reads one piece of the body: the HTML, which is what people see, or
// the plain text where there is no HTML or nothing in it.
func bodyText(ix *message.Index, src io.ReaderAt, b message.Body, limit int) (string, error) {
	if b.HTML >= 0 {
		html, _, _, err := ix.ReadText(b.HTML, src, maxHTML)
		if err != nil {
			return "", err
		}
		if text := message.HTMLToBareText(html, limit); text != "" {
			return text[:min(len(text), limit)], nil
		}
	}
	if b.Plain < 0 {
		return "", nil
	}
	text, _, _, err := ix.ReadText(b.Plain, src, int64(limit))
	return text, err
}

// collector gathers terms, each once.
type collector struct {
	seed    maphash.Seed
	arena   []byte  // the terms, one after the other
	entries []entry // in order of appearance
	slots   []int32 // by hash: number of the entry + 1
	pair    []byte
}

type entry struct {
	hash   uint64
	at     uint32
	length uint8
	fields Field
}

const firstSlots = 1 << 10

var collectors = sync.Pool{New: func() any {
	return &collector{seed: maphash.MakeSeed(), slots: make([]int32, firstSlots)}
}}

func (c *collector) release() {
	if len(c.slots) > 16*firstSlots {
		return
	}
	c.arena, c.entries = c.arena[:0], c.entries[:0]
	clear(c.slots)
	collectors.Put(c)
}

// text adds the terms of a text: its words and addresses; of characters without
// blanks each with its successor, and the last one of a run alone.
func (c *collector) text(f Field, text string) {
	lex := newLexer(text)
	last := c.pair[:0] // the character before, which still looks for a successor
	for len(c.entries) < maxTerms {
		tok, ok := lex.next()
		if len(last) > 0 {
			n := len(last)
			if ok && tok.joined {
				last = append(last, tok.text...)
			}
			c.add(last, f)
			last = append(last[:0], last[n:]...)
		}
		if !ok {
			break
		}
		if tok.ideo {
			last = append(last[:0], tok.text...)
			continue
		}
		c.add(tok.text, f)
	}
	c.pair = last
}

func (c *collector) add(term []byte, f Field) {
	if len(term) > 0 {
		c.entries[c.number(term)].fields |= f
	}
}

// number returns the number of a term, which is a new one if need be.
func (c *collector) number(term []byte) uint32 {
	h := maphash.Bytes(c.seed, term)
	mask := uint64(len(c.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		n := c.slots[i]
		if n == 0 {
			n = int32(len(c.entries) + 1)
			c.slots[i] = n
			break
		}
		if e := &c.entries[n-1]; e.hash == h && string(c.arena[e.at:e.at+uint32(e.length)]) == string(term) {
			return uint32(n - 1)
		}
	}
	c.entries = append(c.entries, entry{h, uint32(len(c.arena)), uint8(len(term)), 0})
	c.arena = append(c.arena, term...)
	if 2*len(c.entries) > len(c.slots) {
		c.grow()
	}
	return uint32(len(c.entries) - 1)
}

func (c *collector) grow() {
	c.slots = make([]int32, 2*len(c.slots))
	mask := uint64(len(c.slots) - 1)
	for n, e := range c.entries {
		i := e.hash & mask
		for c.slots[i] != 0 {
			i = (i + 1) & mask
		}
		c.slots[i] = int32(n + 1)
	}
}

func (c *collector) terms() Terms {
	out := make(Terms, 0, len(c.arena)+2*len(c.entries))
	for _, e := range c.entries {
		out = append(out, e.length, byte(e.fields))
		out = append(out, c.arena[e.at:e.at+uint32(e.length)]...)
	}
	return out
}
