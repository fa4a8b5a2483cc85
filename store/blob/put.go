package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"martlet/store"
)

// grace is how long a blob is kept that nobody refers to.
const grace = time.Hour

// pending is a blob that is being written, or waits for its first reference.
type pending struct {
	done  chan struct{} // closed when err or place is set
	err   error
	place place
	since time.Time
}

// Put stores data and returns when it is on the disk, or with an error. Content
// that is there already is not written again. A blob without a reference is
// kept for an hour at least, as long as this process lives.
func (b *Blobs) Put(ctx context.Context, data []byte) (Ref, error) {
	if len(data) > MaxSize {
		return Ref{}, ErrTooLarge
	}
	if err := ctx.Err(); err != nil {
		return Ref{}, err
	}
	ref := Ref{Hash: sha256.Sum256(data), Size: int64(len(data))}
	p, ours := b.claim(ref)
	if ours {
		b.begin(ctx, ref, p, data)
	}
	select {
	case <-p.done:
	case <-ctx.Done(): // the write goes on and is collected later
		return Ref{}, ctx.Err()
	}
	if p.err != nil {
		return Ref{}, p.err
	}
	return ref, nil
}

// claim returns the blob's entry among the pending ones, and whether the caller
// has made it and must fill it.
func (b *Blobs) claim(ref Ref) (p *pending, ours bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.pending[ref.Hash]; p != nil {
		p.since = time.Now()
		return p, false
	}
	p = &pending{done: make(chan struct{}), since: time.Now()}
	b.pending[ref.Hash] = p
	return p, true
}

// begin finds the blob in the store or starts to write it.
func (b *Blobs) begin(ctx context.Context, ref Ref, p *pending, data []byte) {
	ctx = context.WithoutCancel(ctx) // others may wait for the outcome
	found, err := b.find(ctx, ref)
	if err == nil && found.refs == 0 {
		err = b.touch(ctx, ref)
	}
	if !errors.Is(err, ErrGone) {
		b.settle(ref, p, err, false)
		return
	}
	buf := b.codec.encode(make([]byte, 0, b.codec.recordSize(ref.Size)), ref, data)
	b.out.submit(&record{
		data:    buf,
		reserve: store.MayUseReserve(ctx),
		landed: func(pack uint32, off int64, err error) {
			p.place = place{pack: pack, off: off, size: ref.Size}
			b.settle(ref, p, err, err == nil)
		},
	})
}

// touch lets the hour of a blob without a reference begin anew. It is done in a
// transaction, so that a collection cannot come in between.
func (b *Blobs) touch(ctx context.Context, ref Ref) error {
	return b.store.Update(ctx, func(tx *store.Tx) error {
		p, err := b.row(tx, ref)
		if err != nil || p.refs > 0 {
			return err
		}
		if err := b.tables.dead.Delete(tx, release{p.released, ref.Hash}); err != nil {
			return err
		}
		return b.bury(tx, ref, p)
	})
}

// bury writes the row of a blob that has no reference from now on.
func (b *Blobs) bury(tx *store.Tx, ref Ref, p place) error {
	p.refs, p.released = 0, now()
	if err := b.tables.dead.Set(tx, release{p.released, ref.Hash}, struct{}{}); err != nil {
		return err
	}
	return b.tables.blobs.Set(tx, ref.Hash, p)
}

// settle tells those who wait for p and keeps it among the pending or not.
func (b *Blobs) settle(ref Ref, p *pending, err error, keep bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.err = err
	if !keep {
		delete(b.pending, ref.Hash)
	}
	close(p.done)
}

// find returns a blob's row.
func (b *Blobs) find(ctx context.Context, ref Ref) (p place, err error) {
	err = b.store.View(ctx, func(tx *store.Tx) error {
		p, err = b.row(tx, ref)
		return err
	})
	return p, err
}

func (b *Blobs) row(tx *store.Tx, ref Ref) (place, error) {
	p, err := b.tables.blobs.Get(tx, ref.Hash)
	if errors.Is(err, store.ErrNotFound) {
		return p, ErrGone
	}
	if err == nil && p.size != ref.Size {
		return p, fmt.Errorf("%w: it has %d bytes, not %d", ErrBadRef, p.size, ref.Size)
	}
	return p, err
}

// Retain adds a reference in the caller's transaction. ErrGone says that the
// blob is not there: Put it again.
func (b *Blobs) Retain(tx *store.Tx, ref Ref) error {
	p, err := b.row(tx, ref)
	if errors.Is(err, ErrGone) {
		return b.retainFirst(tx, ref)
	}
	if err != nil {
		return err
	}
	if p.refs == 0 {
		if err := b.tables.dead.Delete(tx, release{p.released, ref.Hash}); err != nil {
			return err
		}
		p.released = 0
	}
	p.refs++
	return b.tables.blobs.Set(tx, ref.Hash, p)
}

// retainFirst gives a blob its row.
func (b *Blobs) retainFirst(tx *store.Tx, ref Ref) error {
	b.mu.Lock()
	p := b.pending[ref.Hash]
	ready := p != nil && p.landed()
	b.mu.Unlock()
	if !ready || p.err != nil || p.place.size != ref.Size {
		return ErrGone
	}
	tx.OnCommit(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.pending[ref.Hash] == p {
			delete(b.pending, ref.Hash)
		}
	})
	at := p.place
	at.refs = 1
	return b.tables.blobs.Set(tx, ref.Hash, at)
}

func (p *pending) landed() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Release takes a reference away in the caller's transaction. Without any, the
// blob may be collected an hour later.
func (b *Blobs) Release(tx *store.Tx, ref Ref) error {
	p, err := b.row(tx, ref)
	if err != nil {
		return err
	}
	if p.refs == 0 {
		return fmt.Errorf("blob: release of %s, which has no reference", ref)
	}
	p.refs--
	if p.refs == 0 {
		return b.bury(tx, ref, p)
	}
	return b.tables.blobs.Set(tx, ref.Hash, p)
}
