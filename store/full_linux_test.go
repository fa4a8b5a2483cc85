package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"martlet/store"
)

// smallDisk mounts a file system of some megabytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("martlet", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no more than some bytes free, and returns how to undo that.
func fill(t *testing.T, dir string, leave int64) (undo func()) {
	t.Helper()
	free, err := store.FreeBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "filler")
	if err := os.WriteFile(name, make([]byte, free-leave), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskRefusesUpdatesAndNothingElse(t *testing.T) {
	dir := smallDisk(t, 64)
	cfg := store.Config{Path: dir + "/store", MemTable: 1 << 20, Reserve: 16 << 20}
	s := open(t, cfg)
	write := func(n int) error {
		return s.Update(t.Context(), func(tx *store.Tx) error {
			return tx.Set(fmt.Appendf(nil, "t%06d", n), make([]byte, 50_000))
		})
	}
	acked := 0
	for ; acked < 2000; acked++ { // 100 MB, more than the disk
		if err := write(acked); err != nil {
			if !errors.Is(err, store.ErrDiskFull) {
				t.Fatalf("write %d: %v", acked, err)
			}
			break
		}
	}
	if acked < 100 || acked == 2000 {
		t.Fatalf("%d writes of 50 kB on a disk of 64 MB", acked)
	}
	count := func() (n int) {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			for _, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if n := count(); n != acked {
		t.Errorf("%d rows acknowledged, %d there", acked, n)
	}
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Get([]byte("t000000"))
		return err
	})
	if err != nil {
		t.Errorf("an Update that writes nothing: %v", err)
	}
	// What frees space may go on into the reserve, and then there is room.
	for n := 0; n < acked; n += 10 {
		err := s.Update(store.WithReserve(t.Context()), func(tx *store.Tx) error {
			for i := n; i < min(n+10, acked); i++ {
				if err := tx.Delete(fmt.Appendf(nil, "t%06d", i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("a deletion with the reserve: %v", err)
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows after deleting all", n)
	}
}

func TestStoreGoesOnWhenSpaceReturns(t *testing.T) {
	dir := smallDisk(t, 64)
	cfg := store.Config{Path: dir + "/store", MemTable: 1 << 20, Reserve: 16 << 20}
	s := open(t, cfg)
	set(t, s, "ta", "1")
	undo := fill(t, dir, 2<<20)
	for _, ctx := range []func() error{
		func() error { return s.Update(t.Context(), setB) },
		func() error { return s.Update(store.WithReserve(t.Context()), setB) },
	} {
		if err := ctx(); !errors.Is(err, store.ErrDiskFull) {
			t.Errorf("with 2 MB free: %v", err)
		}
	}
	if _, err := store.Open(store.Config{Path: dir + "/other", MemTable: 1 << 20, Reserve: 16 << 20}); !errors.Is(err, store.ErrDiskFull) {
		t.Errorf("Open with 2 MB free: %v", err)
	}
	undo()
	update(t, s, setB)
	if got := dump(t, s, store.Range{Prefix: []byte("t")}); got != "ta=1 tb=2" {
		t.Errorf("rows: %s", got)
	}
}

func setB(tx *store.Tx) error { return tx.Set([]byte("tb"), []byte("2")) }
