package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"martlet/store"
)

// maxMoves bounds how often a reader looks again for a blob that a collection
// is moving.
const maxMoves = 5

// Read returns the whole blob.
func (b *Blobs) Read(ctx context.Context, ref Ref) ([]byte, error) {
	buf, err := b.Append(ctx, nil, ref)
	if err != nil {
		return nil, err
	}
	return buf[:ref.Size:ref.Size], nil
}

// Append appends the whole blob to dst, which is returned as it was with an error.
// It needs a few bytes of room more than the blob has.
func (b *Blobs) Append(ctx context.Context, dst []byte, ref Ref) ([]byte, error) {
	if ref.Size < 0 || ref.Size > MaxSize {
		return dst, ErrBadRef
	}
	// The last chunk's tag is read behind the blob, those before it where the
	// next chunk goes: no byte is copied.
	begin := int64(len(dst))
	buf := slices.Grow(dst, int(ref.Size+b.codec.tag))[:begin+ref.Size+b.codec.tag]
	err := b.pinned(ctx, ref, func(f *packFile, at place) error {
		k := b.codec.opener(ref)
		for i := range chunks(ref.Size) {
			off, n := b.codec.chunk(ref.Size, i)
			start := begin + i*chunkSize
			box := buf[start : start+int64(n)+b.codec.tag]
			if err := readFull(f, box, at.off+off); err != nil {
				return err
			}
			if _, err := k.open(box, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return dst, fmt.Errorf("blob: read %s: %w", ref, err)
	}
	return buf[:begin+ref.Size], nil
}

// ReadAt reads part of a blob, as io.ReaderAt says. It reads and verifies whole
// chunks of 64 KiB; to read a blob piece by piece use a Reader.
func (b *Blobs) ReadAt(ctx context.Context, ref Ref, p []byte, off int64) (int, error) {
	box := b.boxes.Get().(*[]byte)
	defer b.boxes.Put(box)
	r := Reader{blobs: b, ctx: ctx, ref: ref, have: -1, box: *box}
	n, err := r.ReadAt(p, off)
	*box = r.box
	return n, err
}

// Reader reads a blob piece by piece. It keeps the chunk it read last, so it is
// for one goroutine.
type Reader struct {
	blobs *Blobs
	ctx   context.Context
	ref   Ref
	box   []byte
	chunk []byte // the plain chunk number have, in box
	have  int64
}

// Reader returns a reader of the blob; nothing is read yet.
func (b *Blobs) Reader(ctx context.Context, ref Ref) *Reader {
	return &Reader{blobs: b, ctx: ctx, ref: ref, have: -1}
}

// Size returns the blob's size in bytes.
func (r *Reader) Size() int64 { return r.ref.Size }

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("blob: negative offset")
	}
	n := 0
	for n < len(p) && off < r.ref.Size {
		if err := r.load(off / chunkSize); err != nil {
			return n, fmt.Errorf("blob: read %s: %w", r.ref, err)
		}
		c := copy(p[n:], r.chunk[off%chunkSize:])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (r *Reader) load(i int64) error {
	if r.have == i {
		return nil
	}
	r.have = -1
	codec := &r.blobs.codec
	off, n := codec.chunk(r.ref.Size, i)
	if need := n + int(codec.tag); cap(r.box) < need {
		r.box = make([]byte, need)
	}
	box := r.box[:n+int(codec.tag)]
	err := r.blobs.pinned(r.ctx, r.ref, func(f *packFile, at place) (err error) {
		if err = readFull(f, box, at.off+off); err != nil {
			return err
		}
		r.chunk, err = codec.opener(r.ref).open(box, i)
		return err
	})
	if err == nil {
		r.have = i
	}
	return err
}

// pinned runs fn with the blob's place and its pack, which stays open.
func (b *Blobs) pinned(ctx context.Context, ref Ref, fn func(*packFile, place) error) error {
	for try := 0; ; try++ {
		at, err := b.locate(ctx, ref)
		if err != nil {
			return err
		}
		f, err := b.files.open(at.pack)
		if errors.Is(err, os.ErrNotExist) && try < maxMoves {
			continue // moved and removed in between
		}
		if err != nil {
			return err
		}
		defer b.files.release(f)
		return fn(f, at)
	}
}

// locate finds a blob, also one that waits for its first reference.
func (b *Blobs) locate(ctx context.Context, ref Ref) (place, error) {
	p, err := b.find(ctx, ref)
	if !errors.Is(err, ErrGone) {
		return p, err
	}
	b.mu.Lock()
	w := b.pending[ref.Hash]
	b.mu.Unlock()
	if w != nil && w.landed() && w.err == nil && w.place.size == ref.Size {
		return w.place, nil
	}
	return b.find(ctx, ref) // it may have got its row in between
}

// readFull reads exactly len(p) bytes; less are damage, not an end.
func readFull(f *packFile, p []byte, off int64) error {
	_, err := f.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the pack ends early", ErrCorrupt)
	}
	return err
}

// live tells whether the record at off in a pack is the one its blob's row
// names.
func (b *Blobs) live(tx *store.Tx, ref Ref, pack uint32, off int64) (bool, error) {
	p, err := b.row(tx, ref)
	if errors.Is(err, ErrGone) || errors.Is(err, ErrBadRef) {
		return false, nil
	}
	return err == nil && p.in(pack, off), err
}
