package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"martlet/store"
)

func TestBackupIsOneMomentOfARunningStore(t *testing.T) {
	for _, key := range [][]byte{nil, sealKey} {
		s := open(t, store.Config{Key: key, MemTable: 1 << 20})
		for i := range 20 {
			set(t, s, fmt.Sprintf("ta%02d", i), strings.Repeat("x", 100_000))
		}
		// Pairs of rows that only ever change together.
		stop, stopped := make(chan bool), make(chan bool)
		go func() {
			defer close(stopped)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					set(t, s, "tb", fmt.Sprint(i), "tz", fmt.Sprint(i))
				}
			}
		}()
		var buf bytes.Buffer
		if err := s.Backup(t.Context(), &buf); err != nil {
			t.Fatal(err)
		}
		close(stop)
		<-stopped
		if key != nil && bytes.Contains(buf.Bytes(), []byte("xxxx")) {
			t.Error("the backup of a sealed store can be read")
		}
		cfg := store.Config{Path: t.TempDir(), Key: key, MemTable: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
		if err := store.Restore(cfg, bytes.NewReader(append(buf.Bytes(), "what follows"...))); err != nil {
			t.Fatal(err)
		}
		r := open(t, cfg)
		if n := strings.Count(dump(t, r, store.Range{Prefix: []byte("ta")}), "="); n != 20 {
			t.Errorf("%d rows", n)
		}
		b, z := dump(t, r, store.Range{Prefix: []byte("tb")}), dump(t, r, store.Range{Prefix: []byte("tz")})
		if strings.TrimPrefix(b, "tb") != strings.TrimPrefix(z, "tz") {
			t.Errorf("not one moment: %s, %s", b, z)
		}
		set(t, r, "tnew", "1") // and it can be written to
	}
}

func TestDamagedOrCutBackupIsRefusedAndLeavesNothingThatOpens(t *testing.T) {
	s := open(t, store.Config{})
	set(t, s, "ta", "1", "tb", "2")
	var buf bytes.Buffer
	if err := s.Backup(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	for n := range buf.Len() {
		for _, bad := range [][]byte{buf.Bytes()[:n], flip(buf.Bytes(), n)} {
			if n%8 != 0 { // each takes a file system's time
				continue
			}
			cfg := store.Config{Path: t.TempDir(), Logger: slog.New(slog.DiscardHandler), NoCompaction: true}
			if err := store.Restore(cfg, bytes.NewReader(bad)); !errors.Is(err, store.ErrBadBackup) {
				t.Errorf("damaged at byte %d of %d: %v", n, buf.Len(), err)
			}
			if _, err := store.Open(cfg); err == nil || !strings.Contains(err.Error(), "restore") {
				t.Errorf("opening it afterwards: %v", err)
			}
		}
	}
}

func flip(b []byte, n int) []byte {
	b = bytes.Clone(b)
	b[n] ^= 0x10
	return b
}

func TestRestoreNeedsAnEmptyDirectoryAndTheKey(t *testing.T) {
	s := open(t, store.Config{Key: sealKey})
	set(t, s, "ta", "1")
	var buf bytes.Buffer
	if err := s.Backup(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/something", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(store.Config{Path: dir, Key: sealKey}, bytes.NewReader(buf.Bytes())); err == nil {
		t.Error("restored over something")
	}
	cfg := store.Config{Path: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	if err := store.Restore(cfg, bytes.NewReader(buf.Bytes())); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("without the key: %v", err)
	}
}

func TestCheckFindsUnknownPrefixes(t *testing.T) {
	s := open(t, store.Config{Key: sealKey})
	set(t, s, "\xfe1", "")
	update(t, s, func(tx *store.Tx) error { _, err := tx.Next("x"); return err })
	var got []store.Problem
	if err := s.Check(t.Context(), func(p store.Problem) { got = append(got, p) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Text != "unknown prefix" {
		t.Errorf("%v", got)
	}
}

// FuzzRestore must refuse what is not a backup, and never panic.
func FuzzRestore(f *testing.F) {
	s := open(f, store.Config{})
	set(f, s, "ta", "1", "tb", strings.Repeat("2", 300))
	var buf bytes.Buffer
	if err := s.Backup(f.Context(), &buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := store.Config{Path: t.TempDir(), Logger: slog.New(slog.DiscardHandler), NoCompaction: true, MemTable: 1 << 20}
		if err := store.Restore(cfg, bytes.NewReader(b)); err == nil {
			open(t, cfg)
		}
	})
}
