package blob

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// packOf returns records one after another, as they stand behind a pack's header.
func packOf(c *codec, bodies ...[]byte) []byte {
	out := make([]byte, packHeaderSize)
	for _, b := range bodies {
		out = c.encode(out, Ref{Hash: sha256.Sum256(b), Size: int64(len(b))}, b)
	}
	return out
}

// FuzzWalk reads packs full of anything, and every record found in them.
func FuzzWalk(f *testing.F) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{1}, 32)} {
		c, err := newCodec(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packOf(&c, []byte("one"), nil, bytes.Repeat([]byte("x"), chunkSize+1)), key != nil)
		f.Add(packOf(&c, []byte("cut"))[:packHeaderSize+headerSize+1], key != nil)
	}
	f.Fuzz(func(t *testing.T, pack []byte, sealed bool) {
		var key []byte
		if sealed {
			key = bytes.Repeat([]byte{1}, 32)
		}
		c, err := newCodec(key)
		if err != nil {
			t.Fatal(err)
		}
		size := int64(len(pack))
		last := int64(packHeaderSize)
		end, err := c.walk(bytes.NewReader(pack), size, func(ref Ref, off int64) error {
			if off != last {
				t.Errorf("a record at %d, not at %d", off, last)
			}
			last = off + c.recordSize(ref.Size)
			if last > size {
				t.Errorf("a record ends at %d of %d", last, size)
			}
			record := bytes.Clone(pack[off:last])
			_ = c.verify(record, ref, true) // must not panic
			return nil
		})
		if err != nil || end > max(size, int64(packHeaderSize)) || end != last {
			t.Errorf("walked to %d of %d: %v", end, size, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	f.Add(AppendRef(nil, Ref{Size: 5}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRef(b)
		if err != nil || len(b) == 0 {
			return
		}
		if again, err := ParseRef(AppendRef(nil, r)); err != nil || again != r {
			t.Errorf("%v became %v, %v", r, again, err)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add(appendPlace(nil, place{pack: 3, off: 40, size: 5, refs: 2, released: 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePlace(b)
		if err != nil {
			return
		}
		if again, err := parsePlace(appendPlace(nil, p)); err != nil || again != p {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}
