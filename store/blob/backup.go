package blob

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"martlet/store"
)

// A backup of blobs is the magic, the key's probe, the records as they are in
// the packs, sealed ones sealed, a header of zeros and the SHA-256 of all that.
const backupMagic = "martlet bodies 1\n"

// The most that one step of a restore writes.
const (
	restoreBytes = 8 << 20
	restoreRows  = 256
)

// Backup writes the blobs that tx knows to w. Hold a Pause since before tx
// began. A blob that cannot be read is left out and logged: a check of the
// restored store reports it. progress may be nil.
func (b *Blobs) Backup(ctx context.Context, tx *store.Tx, w io.Writer, progress func(blobs int64)) error {
	sum := sha256.New()
	bw := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	bw.WriteString(backupMagic)
	bw.Write(b.codec.probe[:])
	n := int64(0)
	for row, err := range b.tables.blobs.Scan(tx, store.TableRange[[HashSize]byte]{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		ref := Ref{Hash: row.Key, Size: row.Value.size}
		rec, err := b.rawRecord(row.Value)
		if err == nil {
			err = b.codec.verify(bytes.Clone(rec), ref, false)
		}
		if err != nil {
			b.log.Error("a blob is left out of the backup", "blob", ref.String(), "err", err)
			continue
		}
		if _, err := bw.Write(rec); err != nil {
			return err
		}
		if n++; progress != nil {
			progress(n)
		}
	}
	bw.Write(make([]byte, headerSize))
	if err := bw.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// rawRecord reads a record at the place that a snapshot names, which Pause
// keeps from moving.
func (b *Blobs) rawRecord(at place) ([]byte, error) {
	f, err := b.files.open(at.pack)
	if err != nil {
		return nil, err
	}
	defer b.files.release(f)
	rec := make([]byte, b.codec.recordSize(at.size))
	return rec, readFull(f, rec, at.off)
}

// Restore reads what Backup wrote, and no more, into the empty or missing
// directory cfg.Path, and tells the rows of cfg.Store, which must be the ones
// of the same backup, where their blobs are now.
func Restore(ctx context.Context, cfg Config, r io.Reader, progress func(blobs int64)) (err error) {
	if err := store.EmptyDir(cfg.Path); err != nil {
		return fmt.Errorf("blob: restore into %s: %w", cfg.Path, err)
	}
	b, err := Open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.restore(ctx, r, progress); err != nil {
		return fmt.Errorf("blob: restore into %s: %w", cfg.Path, err)
	}
	return nil
}

func (b *Blobs) restore(ctx context.Context, r io.Reader, progress func(int64)) error {
	if err := b.forgetPacks(ctx); err != nil {
		return err
	}
	in := &recordReader{r: r, sum: sha256.New(), codec: &b.codec}
	if err := in.open(); err != nil {
		return err
	}
	var batch []*record
	var refs []Ref
	size, n := 0, int64(0)
	for {
		ref, data, err := in.next()
		if err != nil {
			return err
		}
		if data == nil || size+len(data) > restoreBytes || len(batch) == restoreRows {
			if err := b.restoreBatch(ctx, refs, batch); err != nil {
				return err
			}
			if n += int64(len(batch)); progress != nil {
				progress(n)
			}
			batch, refs, size = nil, nil, 0
		}
		if data == nil {
			return in.close()
		}
		batch, refs = append(batch, &record{data: data}), append(refs, ref)
		size += len(data)
	}
}

// forgetPacks removes the rows of the packs, which were another directory's,
// and begins the numbers behind them, so that a blob left out of the backup is
// missing and not mistaken for another.
func (b *Blobs) forgetPacks(ctx context.Context) error {
	var packs []uint32
	err := b.store.View(ctx, func(tx *store.Tx) error {
		for p, err := range b.tables.packs.Keys(tx, store.TableRange[uint32]{}) {
			if err != nil {
				return err
			}
			packs = append(packs, p)
		}
		for row, err := range b.tables.blobs.Scan(tx, store.TableRange[[HashSize]byte]{}) {
			if err != nil {
				return err
			}
			b.out.last = max(b.out.last, row.Value.pack)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for len(packs) > 0 {
		part := packs[:min(len(packs), restoreRows)]
		packs = packs[len(part):]
		err := b.store.Update(ctx, func(tx *store.Tx) error {
			for _, p := range part {
				if err := b.tables.packs.Delete(tx, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Blobs) restoreBatch(ctx context.Context, refs []Ref, batch []*record) error {
	places := make([]place, len(batch))
	landed := make(chan error, len(batch))
	for i, r := range batch {
		r.landed = func(pack uint32, off int64, err error) {
			places[i] = place{pack: pack, off: off}
			landed <- err
		}
		b.out.submit(r)
	}
	var err error
	for range batch {
		err = errors.Join(err, <-landed)
	}
	if err != nil {
		return err
	}
	return b.store.Update(ctx, func(tx *store.Tx) error {
		for i, ref := range refs {
			p, err := b.row(tx, ref)
			if errors.Is(err, ErrGone) {
				continue // of no use to this store
			}
			if err != nil {
				return err
			}
			p.pack, p.off = places[i].pack, places[i].off
			if err := b.tables.blobs.Set(tx, ref.Hash, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// recordReader reads exactly what belongs to the backup and sums it up.
type recordReader struct {
	r     io.Reader
	sum   hash.Hash
	codec *codec
}

func (in *recordReader) read(p []byte) error {
	if _, err := io.ReadFull(in.r, p); err != nil {
		return fmt.Errorf("%w: %w", store.ErrBadBackup, err)
	}
	in.sum.Write(p)
	return nil
}

func (in *recordReader) open() error {
	head := make([]byte, len(backupMagic)+probeSize)
	if err := in.read(head); err != nil {
		return err
	}
	if string(head[:len(backupMagic)]) != backupMagic {
		return fmt.Errorf("%w: it does not begin as one", store.ErrBadBackup)
	}
	if [probeSize]byte(head[len(backupMagic):]) != in.codec.probe {
		return fmt.Errorf("%w: the bodies were not backed up with this key", store.ErrWrongKey)
	}
	return nil
}

// next returns the next record, nil after the last.
func (in *recordReader) next() (Ref, []byte, error) {
	h := make([]byte, headerSize)
	if err := in.read(h); err != nil {
		return Ref{}, nil, err
	}
	ref, ok := in.codec.parseHeader(h)
	if !ok {
		if !bytes.Equal(h, make([]byte, headerSize)) {
			return ref, nil, fmt.Errorf("%w: a record's header", store.ErrBadBackup)
		}
		return ref, nil, nil
	}
	rec := make([]byte, in.codec.recordSize(ref.Size))
	copy(rec, h)
	if err := in.read(rec[headerSize:]); err != nil {
		return ref, nil, err
	}
	if err := in.codec.verify(bytes.Clone(rec), ref, false); err != nil {
		return ref, nil, fmt.Errorf("%w: %s: %w", store.ErrBadBackup, ref, err)
	}
	return ref, rec, nil
}

func (in *recordReader) close() error {
	want := in.sum.Sum(nil)
	got := make([]byte, len(want))
	if err := in.read(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: wrong checksum", store.ErrBadBackup)
	}
	return nil
}
