package search

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// found is a posting as a reader sees it.
type found struct {
	term   string
	doc    Doc
	fields Field
}

// readBlocks returns all postings, and fails if blocks do not end where they
// say or are larger than they should be.
func readBlocks(t interface{ Fatalf(string, ...any) }, blocks []Block) (all []found) {
	var r Reader
	for i, b := range blocks {
		if len(b.Data) > blockSize+listSize+2*maxTerm+64 {
			t.Fatalf("block %d has %d bytes", i, len(b.Data))
		}
		r.Reset(b.Data)
		var last Entry
		for {
			e, more, err := r.Next()
			if err != nil {
				t.Fatalf("block %d: %v", i, err)
			}
			if !more {
				break
			}
			last = Entry{bytes.Clone(e.Term), e.First, nil}
			if err := e.Each(func(d Doc, f Field) { all = append(all, found{string(e.Term), d, f}) }); err != nil {
				t.Fatalf("block %d: %v", i, err)
			}
		}
		if !bytes.Equal(last.Term, b.Last) || last.First != b.First {
			t.Fatalf("block %d ends at %q %d, says %q %d", i, last.Term, last.First, b.Last, b.First)
		}
	}
	return all
}

func writer(blocks *[]Block) *Writer {
	return &Writer{Emit: func(b Block) error {
		*blocks = append(*blocks, Block{bytes.Clone(b.Last), b.First, bytes.Clone(b.Data)})
		return nil
	}}
}

func TestWhatABuilderTakesIsReadInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []found
		b := NewBuilder()
		doc := Doc(0)
		for range rapid.IntRange(0, 40).Draw(t, "messages") {
			doc += Doc(rapid.Uint32Range(1, 1<<20).Draw(t, "gap"))
			words := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}|[中文]{1,20}|\x01a`), rapid.Byte(), 0, 30).Draw(t, "terms")
			var terms Terms
			for w, f := range words {
				w = w[:min(len(w), maxTerm)]
				terms = append(append(terms, byte(len(w)), f), w...)
				want = append(want, found{w, doc, Field(f)})
			}
			b.Add(doc, terms)
		}
		slices.SortStableFunc(want, func(a, b found) int { return bytes.Compare([]byte(a.term), []byte(b.term)) })
		var blocks []Block
		w := writer(&blocks)
		if err := b.Write(w); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readBlocks(t, blocks); !slices.Equal(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}

func TestALongListGoesOnInSeveralBlocks(t *testing.T) {
	var blocks []Block
	w := writer(&blocks)
	var want []found
	for _, term := range []string{"a", "common", "z"} {
		for d := Doc(1); d < 60000; d++ {
			f := found{term, d, Body}
			if d%3 == 0 {
				f.fields = From | Body
			}
			want = append(want, f)
			if err := w.Add([]byte(term), d, f.fields); err != nil {
				t.Fatal(err)
			}
		}
	}
	size, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if len(blocks) < 10 || size > 3*60000*2 {
		t.Errorf("%d blocks, %d bytes", len(blocks), size)
	}
	if !slices.Equal(readBlocks(t, blocks), want) {
		t.Error("what was read is not what was written")
	}
}

// FuzzReader reads blocks that nobody wrote.
func FuzzReader(f *testing.F) {
	var blocks []Block
	w := writer(&blocks)
	for i := range 100 {
		if err := w.Add(fmt.Appendf(nil, "term%02d", i/3), Doc(i), Field(i%40)); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(blocks[0].Data)
	f.Add([]byte{0, 1, 'a', 1, 1, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Reader
		r.Reset(data)
		for {
			e, more, err := r.Next()
			if err != nil || !more {
				return
			}
			last := Doc(0)
			if err := e.Each(func(d Doc, _ Field) {
				if d < last {
					t.Errorf("%d after %d", d, last)
				}
				last = d
			}); err != nil {
				return
			}
		}
	})
}
