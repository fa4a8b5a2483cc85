package blob

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"martlet/store"
)

// The most that one transaction of a collection handles.
const (
	collectRows  = 500
	rewriteBytes = 4 << 20
)

// Collected says what a collection did.
type Collected struct {
	Blobs int   // blobs dropped
	Moved int   // blobs moved into another pack
	Packs int   // pack files removed
	Bytes int64 // bytes of disk freed
}

// Collect drops the blobs that have had no reference for an hour, and moves
// what is left of packs that are half dead or more, so that their space comes
// back. It waits for a backup under way, works in small transactions and may
// use the reserve of disk space.
func (b *Blobs) Collect(ctx context.Context) (Collected, error) {
	var done Collected
	release, err := b.Pause(ctx)
	if err != nil {
		return done, err
	}
	defer release()
	ctx = store.WithReserve(ctx)
	old := time.Now().Add(-grace)
	b.expire(old)
	err = b.drop(ctx, old, &done)
	if err == nil {
		err = b.settlePacks(ctx)
	}
	if err == nil {
		err = b.rewritePacks(ctx, &done)
	}
	if err != nil {
		return done, fmt.Errorf("blob: collect: %w", err)
	}
	return done, nil
}

// expire forgets the blobs that were Put and never retained.
func (b *Blobs) expire(old time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for hash, p := range b.pending {
		if p.landed() && p.since.Before(old) {
			delete(b.pending, hash)
		}
	}
}

// drop removes the rows of blobs without a reference.
func (b *Blobs) drop(ctx context.Context, old time.Time, done *Collected) error {
	var from release
	until := release{when: old.UnixMilli()}
	for {
		var n, dropped int
		var next release
		err := b.store.Update(ctx, func(tx *store.Tx) error {
			n, dropped = 0, 0
			for r, err := range b.tables.dead.Keys(tx, store.TableRange[release]{From: &from, To: &until}) {
				if err != nil {
					return err
				}
				next = r
				gone, err := b.dropOne(tx, r)
				if err != nil {
					return err
				}
				if gone {
					dropped++
				}
				if n++; n == collectRows {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done.Blobs += dropped
		if n < collectRows {
			return nil
		}
		from = next
	}
}

func (b *Blobs) dropOne(tx *store.Tx, r release) (bool, error) {
	if err := b.tables.dead.Delete(tx, r); err != nil {
		return false, err
	}
	p, err := b.tables.blobs.Get(tx, r.hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && (p.refs > 0 || p.released != r.when) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := b.addDead(tx, p.pack, b.codec.recordSize(p.size)); err != nil {
		return false, err
	}
	return true, b.tables.blobs.Delete(tx, r.hash)
}

// addDead counts bytes nobody refers to. A pack that is not settled will be
// counted as a whole.
func (b *Blobs) addDead(tx *store.Tx, pack uint32, n int64) error {
	row, err := b.tables.packs.Get(tx, pack)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	row.dead += n
	return b.tables.packs.Set(tx, pack, row)
}

// settlePacks counts the dead bytes of the packs that have come to rest since
// the last collection.
func (b *Blobs) settlePacks(ctx context.Context) error {
	packs, err := b.dir.list()
	if err != nil {
		return err
	}
	// After the list: a pack made since is not in it.
	current, busy := b.out.writing(), map[uint32]bool{}
	b.mu.Lock()
	for _, p := range b.pending {
		if p.landed() {
			busy[p.place.pack] = true
		}
	}
	b.mu.Unlock()
	for _, n := range packs {
		if n >= current && current != 0 || busy[n] {
			continue
		}
		if err := b.settlePack(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *Blobs) settlePack(ctx context.Context, n uint32) error {
	settled := false
	err := b.store.View(ctx, func(tx *store.Tx) (err error) {
		settled, err = b.tables.packs.Has(tx, n)
		return err
	})
	if settled || err != nil {
		return err
	}
	size, records, err := b.records(n)
	if err != nil && !errors.Is(err, errDamaged) {
		return err
	}
	// No row can come to name this pack any more, and only a collection, this
	// one, takes rows away or moves them: the count stays true.
	row := packRow{dead: size}
	err = b.store.View(ctx, func(tx *store.Tx) error {
		for _, r := range records {
			live, err := b.live(tx, r.ref, n, r.off)
			if err != nil {
				return err
			}
			if live {
				row.dead -= b.codec.recordSize(r.ref.Size)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.store.Update(ctx, func(tx *store.Tx) error {
		return b.tables.packs.Set(tx, n, row)
	})
}

// errDamaged is the error of a pack in which something is not a record. It is
// kept for ever: what lies behind the damage may still be referred to.
var errDamaged = errors.New("damaged record")

// found is a record met in a pack.
type found struct {
	ref Ref
	off int64
}

// records lists what is in a pack and how many bytes that is. With errDamaged
// the list ends early.
func (b *Blobs) records(n uint32) (size int64, out []found, err error) {
	info, err := os.Stat(b.dir.file(n))
	if err != nil {
		return 0, nil, err
	}
	size = info.Size() - int64(packHeaderSize)
	if size <= 0 {
		return 0, nil, nil // a crash while it was being made: it holds nothing
	}
	f, err := b.files.open(n)
	if err != nil {
		return 0, nil, err
	}
	defer b.files.release(f)
	end, err := b.codec.walk(f, info.Size(), func(ref Ref, off int64) error {
		out = append(out, found{ref, off})
		return nil
	})
	if err == nil && end < info.Size() {
		err = fmt.Errorf("%w at offset %d", errDamaged, end)
	}
	return size, out, err
}

// rewritePacks empties and removes the packs that are half dead or more.
func (b *Blobs) rewritePacks(ctx context.Context, done *Collected) error {
	var packs []uint32
	err := b.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range b.tables.packs.Scan(tx, store.TableRange[uint32]{}) {
			if err != nil {
				return err
			}
			info, err := os.Stat(b.dir.file(row.Key))
			if errors.Is(err, os.ErrNotExist) || err == nil && row.Value.dead*2 >= info.Size()-int64(packHeaderSize) {
				packs = append(packs, row.Key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range packs {
		if err := b.rewritePack(ctx, n, done); err != nil {
			return fmt.Errorf("pack %d: %w", n, err)
		}
	}
	return nil
}

func (b *Blobs) rewritePack(ctx context.Context, n uint32, done *Collected) error {
	size, records, err := b.records(n)
	if errors.Is(err, errDamaged) || errors.Is(err, errTorn) {
		b.log.Error("blob pack cannot be collected", "pack", n, "err", err)
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for len(records) > 0 {
		take, bytes := 0, int64(0)
		for take < len(records) && (take == 0 || bytes < rewriteBytes) {
			bytes += b.codec.recordSize(records[take].ref.Size)
			take++
		}
		moved, err := b.move(ctx, n, records[:take])
		if err != nil {
			return err
		}
		done.Moved += moved
		records = records[take:]
	}
	err = b.store.Update(ctx, func(tx *store.Tx) error { return b.tables.packs.Delete(tx, n) })
	if err != nil {
		return err
	}
	b.files.forget(n)
	if err := b.dir.remove(n); err != nil {
		return err
	}
	done.Packs++
	done.Bytes += size
	return nil
}

// move copies the live ones of some records to the end of the packs and then
// changes their rows.
func (b *Blobs) move(ctx context.Context, n uint32, records []found) (int, error) {
	var live []found
	err := b.store.View(ctx, func(tx *store.Tx) error {
		for _, r := range records {
			ok, err := b.live(tx, r.ref, n, r.off)
			if err != nil {
				return err
			}
			if ok {
				live = append(live, r)
			}
		}
		return nil
	})
	if err != nil || len(live) == 0 {
		return 0, err
	}
	places, err := b.copyRecords(n, live)
	if err != nil {
		return 0, err
	}
	moved := 0
	err = b.store.Update(ctx, func(tx *store.Tx) error {
		moved = 0
		for i, r := range live {
			p, err := b.row(tx, r.ref)
			if errors.Is(err, ErrGone) || err == nil && !p.in(n, r.off) {
				continue
			}
			if err != nil {
				return err
			}
			p.pack, p.off = places[i].pack, places[i].off
			if err := b.tables.blobs.Set(tx, r.ref.Hash, p); err != nil {
				return err
			}
			moved++
		}
		return nil
	})
	return moved, err
}

// copyRecords appends records of pack n and returns their new places.
func (b *Blobs) copyRecords(n uint32, records []found) ([]place, error) {
	f, err := b.files.open(n)
	if err != nil {
		return nil, err
	}
	defer b.files.release(f)
	places := make([]place, len(records))
	landed := make(chan error, len(records))
	for i, r := range records {
		data := make([]byte, b.codec.recordSize(r.ref.Size))
		if err := readFull(f, data, r.off); err != nil {
			landed <- err
			continue
		}
		b.out.submit(&record{data: data, reserve: true, landed: func(pack uint32, off int64, err error) {
			places[i] = place{pack: pack, off: off}
			landed <- err
		}})
	}
	for range records {
		err = errors.Join(err, <-landed)
	}
	return places, err
}
