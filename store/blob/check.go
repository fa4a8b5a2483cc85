package blob

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"martlet/store"
)

// Audit says what to compare.
type Audit struct {
	// Deep reads every blob and compares its content with its hash.
	Deep bool
	// References calls count once for every reference that there is in the
	// rows of the packages above. It may be called several times with the same
	// transaction. Nil: the references are not compared.
	References func(tx *store.Tx, count func(Ref)) error
}

// auditBlobs is how many blobs an audit counts in memory at once; with more,
// References runs again for each part of the hashes.
const auditBlobs = 1 << 20

// Check compares the rows with the packs without reading the bodies.
func (b *Blobs) Check(ctx context.Context, report func(store.Problem)) error {
	return b.Audit(ctx, Audit{}, report)
}

// Audit compares the rows with the packs, and with what a asks for.
func (b *Blobs) Audit(ctx context.Context, a Audit, report func(store.Problem)) error {
	release, err := b.Pause(ctx)
	if err != nil {
		return err
	}
	defer release()
	return b.store.View(ctx, func(tx *store.Tx) error {
		n := 0
		for row, err := range b.tables.blobs.Scan(tx, store.TableRange[[HashSize]byte]{}) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			n++
			ref := Ref{Hash: row.Key, Size: row.Value.size}
			if err := b.checkBlob(tx, ref, row.Value, a.Deep); err != nil {
				report(store.Problem{Table: "blob", Key: ref.String(), Text: err.Error()})
			}
		}
		if err := b.checkDead(tx, report); err != nil || a.References == nil {
			return err
		}
		return b.checkReferences(tx, a, n/auditBlobs+1, report)
	})
}

func (b *Blobs) checkBlob(tx *store.Tx, ref Ref, at place, deep bool) error {
	dead, err := b.tables.dead.Has(tx, release{at.released, ref.Hash})
	if err != nil {
		return err
	}
	if dead != (at.refs == 0) {
		return fmt.Errorf("it has %d references, but its place in the list of the dead says otherwise", at.refs)
	}
	f, err := b.files.open(at.pack)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pack %d is missing", at.pack)
	}
	if err != nil {
		return err
	}
	defer b.files.release(f)
	n := int64(headerSize)
	if deep {
		n = b.codec.recordSize(ref.Size)
	}
	rec := make([]byte, n)
	if err := readFull(f, rec, at.off); err != nil {
		return err
	}
	if got, ok := b.codec.parseHeader(rec); !ok || got != ref {
		return fmt.Errorf("pack %d has another record at %d", at.pack, at.off)
	}
	if deep {
		return b.codec.verify(rec, ref, true)
	}
	info, err := f.Stat()
	if err == nil && at.off+b.codec.recordSize(ref.Size) > info.Size() {
		err = fmt.Errorf("pack %d ends before the record at %d does", at.pack, at.off)
	}
	return err
}

// checkDead finds entries of the list of the dead without their blob.
func (b *Blobs) checkDead(tx *store.Tx, report func(store.Problem)) error {
	for r, err := range b.tables.dead.Keys(tx, store.TableRange[release]{}) {
		if err != nil {
			return err
		}
		p, err := b.tables.blobs.Get(tx, r.hash)
		if errors.Is(err, store.ErrNotFound) || err == nil && p.released != r.when {
			report(store.Problem{Table: "blob dead", Key: Ref{Hash: r.hash}.String(), Text: "no such blob, or not released at that time"})
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkReferences counts the references, in several passes if there are many
// blobs, and compares them with the rows.
func (b *Blobs) checkReferences(tx *store.Tx, a Audit, passes int, report func(store.Problem)) error {
	step := (math.MaxUint16 + passes) / passes // of the first two bytes of the hash
	for lo := 0; lo <= math.MaxUint16; lo += step {
		in := func(h [HashSize]byte) bool {
			v := int(h[0])<<8 | int(h[1])
			return v >= lo && v < lo+step
		}
		counted := map[Ref]int64{}
		err := a.References(tx, func(r Ref) {
			if in(r.Hash) {
				counted[r]++
			}
		})
		if err != nil {
			return err
		}
		from := [HashSize]byte{byte(lo >> 8), byte(lo)}
		for row, err := range b.tables.blobs.Scan(tx, store.TableRange[[HashSize]byte]{From: &from}) {
			if err != nil {
				return err
			}
			if !in(row.Key) {
				break
			}
			ref := Ref{Hash: row.Key, Size: row.Value.size}
			if counted[ref] != row.Value.refs {
				report(store.Problem{Table: "blob", Key: ref.String(),
					Text: fmt.Sprintf("it counts %d references, there are %d", row.Value.refs, counted[ref])})
			}
			delete(counted, ref)
		}
		for ref, n := range counted {
			report(store.Problem{Table: "blob", Key: ref.String(), Text: fmt.Sprintf("it is missing, but referred to %d times", n)})
		}
	}
	return nil
}
