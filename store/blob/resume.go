package blob

import (
	"context"
	"errors"
	"os"

	"martlet/store"
)

// resume prepares the appender to go on behind what is there.
func (b *Blobs) resume() error {
	packs, err := b.dir.list()
	if err != nil || len(packs) == 0 {
		return err
	}
	n := packs[len(packs)-1]
	b.out.last = n
	f, err := b.dir.open(n, os.O_RDWR)
	if errors.Is(err, errTorn) && len(packs) > 1 {
		// A crash while the pack was being made: it is empty. The key is
		// still to be compared with a whole one.
		var whole *os.File
		if whole, err = b.dir.open(packs[len(packs)-2], os.O_RDONLY); err == nil {
			whole.Close()
		}
		return err
	}
	if errors.Is(err, errTorn) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := b.resumePack(n, f); err != nil {
		f.Close()
		return err
	}
	return nil
}

// resumePack cuts off what is not whole and writes on in pack n if it is
// neither full nor settled.
func (b *Blobs) resumePack(n uint32, f *os.File) error {
	settled := false
	err := b.store.View(context.Background(), func(tx *store.Tx) (err error) {
		settled, err = b.tables.packs.Has(tx, n)
		return err
	})
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if settled || info.Size() >= b.out.packSize {
		return f.Close()
	}
	end, err := b.codec.walk(f, info.Size(), func(Ref, int64) error { return nil })
	if err != nil {
		return err
	}
	if end < info.Size() {
		b.log.Info("cut off what a crash left half written", "pack", n, "bytes", info.Size()-end)
		if err := f.Truncate(end); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	b.out.file, b.out.end, b.out.current = f, end, n
	return nil
}
