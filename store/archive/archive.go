// Package archive writes a whole server's data, rows and bodies, into one
// stream while it runs, and restores it into empty directories. It must never
// leave half a restored store that opens as a whole one.
package archive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"martlet/store"
	"martlet/store/blob"
)

// Progress tells how far a backup or a restore has come.
type Progress struct {
	Rows  int64 // rows of the store so far; not counted by a restore
	Blobs int64 // blobs so far
	Bytes int64 // bytes of the archive so far
}

// An archive is the magic, the rows as store.Backup writes them and the bodies
// as blob.Backup does, each with its checksum, and the end.
const (
	magic = "martlet archive 1\n"
	end   = "end of archive\n"
)

// Write backs up st and blobs into w, as they are at one moment, while both go
// on working; collections wait. progress may be nil; it is called often.
func Write(ctx context.Context, w io.Writer, st *store.Store, blobs *blob.Blobs, progress func(Progress)) error {
	resume, err := blobs.Pause(ctx)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer resume()
	m := meter{w: w, progress: progress}
	err = st.View(ctx, func(tx *store.Tx) error {
		if _, err := io.WriteString(&m, magic); err != nil {
			return err
		}
		if err := tx.Backup(ctx, &m, m.rows); err != nil {
			return err
		}
		if err := blobs.Backup(ctx, tx, &m, m.blobs); err != nil {
			return err
		}
		_, err := io.WriteString(&m, end)
		return err
	})
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// Restore reads what Write wrote into the two configurations' directories,
// which must be empty or missing. The keys must be the ones the archive was
// written with; blobCfg.Store is not used. After an error, and after a crash,
// the store's directory cannot be opened: remove both and restore again.
func Restore(ctx context.Context, r io.Reader, storeCfg store.Config, blobCfg blob.Config, progress func(Progress)) error {
	if err := store.EmptyDir(blobCfg.Path); err != nil {
		return fmt.Errorf("archive: %s: %w", blobCfg.Path, err)
	}
	m := meter{r: bufio.NewReaderSize(r, 256<<10), progress: progress}
	if err := m.expect(magic); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	err := store.Restore(storeCfg, &m, func(st *store.Store) error {
		blobCfg.Store = st
		if err := blob.Restore(ctx, blobCfg, &m, m.blobs); err != nil {
			return err
		}
		if err := m.expect(end); err != nil {
			return err
		}
		return st.Update(ctx, func(tx *store.Tx) error { return tx.SetRestored(time.Now()) })
	})
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// meter counts what goes through it.
type meter struct {
	w        io.Writer
	r        io.Reader
	progress func(Progress)
	so       Progress
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.so.Bytes += int64(n)
	return n, err
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.so.Bytes += int64(n)
	return n, err
}

func (m *meter) rows(n int64) {
	m.so.Rows = n
	m.tell()
}

func (m *meter) blobs(n int64) {
	m.so.Blobs = n
	m.tell()
}

func (m *meter) tell() {
	if m.progress != nil {
		m.progress(m.so)
	}
}

func (m *meter) expect(want string) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(m, got); err != nil || string(got) != want {
		return fmt.Errorf("%w: %q expected", store.ErrBadBackup, want)
	}
	return nil
}
