package junk

import (
	"testing"

	"martlet/mail/filter"
	"martlet/mail/message"
	"martlet/store"
)

// taught is a house whose user and base know a lot.
func taughtHouse(b *testing.B) (*house, *corpus) {
	h, c := newHouse(b, 4, Options{}), newCorpus(1)
	h.school(-1, c, 250, false)
	h.school(0, c, 150, false)
	return h, c
}

// long is a letter of about ten kilobytes.
func (c *corpus) long(junk bool) []byte {
	return append(c.letter(junk), c.words(junk, 1500)...)
}

func BenchmarkScan(b *testing.B) {
	h, c := taughtHouse(b)
	raw := c.long(true)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		h.scan(raw, filter.Auth{}, "192.0.2.1", 0)
	}
}

func BenchmarkRead(b *testing.B) {
	c := newCorpus(1)
	raw := c.long(true)
	ix := message.Parse(raw)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		read(ix, raw)
	}
}

// The words of a user whom nobody has asked for are read from the store.
func BenchmarkScanOfAColdUser(b *testing.B) {
	h, c := taughtHouse(b)
	raw := c.long(true)
	b.ReportAllocs()
	for b.Loop() {
		h.images.forget(ownerOf(h.users[0]))
		h.scan(raw, filter.Auth{}, "192.0.2.1", 0)
	}
}

func BenchmarkTeach(b *testing.B) {
	h, c := taughtHouse(b)
	b.ReportAllocs()
	for b.Loop() {
		h.teach(0, c.long(true), true)
	}
}

func BenchmarkTeachWithoutTheDisk(b *testing.B) {
	h, c := taughtHouse(b)
	raw := c.long(true)
	m := &studied{tokens: read(message.Parse(raw), raw)}
	b.ReportAllocs()
	undo := store.ErrDiskFull
	for b.Loop() {
		err := h.store.Update(b.Context(), func(tx *store.Tx) error {
			if _, err := h.Filter.teach(tx, letterKey{box: 1}, isJunk, decided, m); err != nil {
				return err
			}
			return undo
		})
		if err != undo {
			b.Fatal(err)
		}
	}
}
