package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"martlet/store"
	"martlet/store/archive"
	"martlet/store/blob"
)

var (
	discard = slog.New(slog.DiscardHandler)
	key     = bytes.Repeat([]byte{5}, store.KeySize)
	ctx     = context.Background()
)

type server struct {
	store *store.Store
	blobs *blob.Blobs
	scfg  store.Config
	bcfg  blob.Config
}

func configure(t *testing.T, key []byte) *server {
	return &server{
		scfg: store.Config{Path: t.TempDir(), Key: key, Logger: discard, MemTable: 1 << 20},
		bcfg: blob.Config{Path: t.TempDir(), Key: key, Logger: discard, PackSize: 200_000},
	}
}

func (s *server) open(t *testing.T) {
	t.Helper()
	var err error
	if s.store, err = store.Open(s.scfg); err != nil {
		t.Fatal(err)
	}
	s.bcfg.Store = s.store
	if s.blobs, err = blob.Open(s.bcfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.blobs.Close(), s.store.Close()); err != nil {
			t.Error(err)
		}
	})
}

func content(n int) []byte {
	out := make([]byte, 1000+n*97%80_000)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(out)
	return out
}

// deliver stores message n: a body and a row that refers to it.
func (s *server) deliver(t *testing.T, n int) {
	ref, err := s.blobs.Put(ctx, content(n))
	if err == nil {
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			if err := s.blobs.Retain(tx, ref); err != nil {
				return err
			}
			return tx.Set(fmt.Appendf(nil, "t%06d", n), blob.AppendRef(nil, ref))
		})
	}
	if err != nil {
		t.Error(err)
	}
}

// messages checks all invariants and reads every body.
func (s *server) messages(t *testing.T) (n int) {
	t.Helper()
	refs := func(tx *store.Tx, count func(blob.Ref)) error {
		for kv, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
			if err != nil {
				return err
			}
			ref, err := blob.ParseRef(kv.Value)
			if err != nil {
				return err
			}
			count(ref)
		}
		return nil
	}
	report := func(p store.Problem) { t.Errorf("check: %s", p) }
	if err := s.blobs.Audit(ctx, blob.Audit{Deep: true, References: refs}, report); err != nil {
		t.Error(err)
	}
	err := s.store.View(ctx, func(tx *store.Tx) error { return refs(tx, func(blob.Ref) { n++ }) })
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestArchiveOfARunningServerRestores(t *testing.T) {
	for _, key := range [][]byte{nil, key} {
		s := configure(t, key)
		s.open(t)
		for n := range 50 {
			s.deliver(t, n)
		}
		var wg sync.WaitGroup // deliveries go on
		for actor := range 4 {
			wg.Go(func() {
				for n := range 50 {
					s.deliver(t, 1000*(actor+1)+n)
				}
			})
		}
		var buf bytes.Buffer
		var last archive.Progress
		if err := archive.Write(ctx, &buf, s.store, s.blobs, func(p archive.Progress) { last = p }); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if last.Rows < 100 || last.Blobs < 50 || last.Bytes == 0 {
			t.Errorf("progress: %+v", last)
		}
		r := configure(t, key)
		if err := archive.Restore(ctx, iotest.HalfReader(&buf), r.scfg, r.bcfg, nil); err != nil {
			t.Fatal(err)
		}
		r.open(t)
		if n := r.messages(t); n < 50 {
			t.Errorf("%d messages restored", n)
		}
		r.deliver(t, 9999)
		r.messages(t)
	}
}

func TestCutOrDamagedArchiveLeavesNothingThatOpens(t *testing.T) {
	s := configure(t, nil)
	s.open(t)
	for n := range 5 {
		s.deliver(t, n)
	}
	var buf bytes.Buffer
	if err := archive.Write(ctx, &buf, s.store, s.blobs, nil); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	for _, n := range []int{0, 10, 100, 500, 3000, len(whole) / 2, len(whole) - 60, len(whole) - 20, len(whole) - 1} {
		flipped := bytes.Clone(whole)
		flipped[n] ^= 4
		for _, bad := range [][]byte{whole[:n], flipped} {
			r := configure(t, nil)
			if err := archive.Restore(ctx, bytes.NewReader(bad), r.scfg, r.bcfg, nil); !errors.Is(err, store.ErrBadBackup) {
				t.Errorf("byte %d of %d: %v", n, len(whole), err)
			}
			if n < 20 {
				continue // nothing was begun
			}
			if st, err := store.Open(r.scfg); err == nil {
				t.Errorf("byte %d: the store opens", n)
				st.Close()
			}
		}
	}
}

func TestRestoreNeedsTheKeyOfTheArchive(t *testing.T) {
	s := configure(t, key)
	s.open(t)
	s.deliver(t, 1)
	var buf bytes.Buffer
	if err := archive.Write(ctx, &buf, s.store, s.blobs, nil); err != nil {
		t.Fatal(err)
	}
	r := configure(t, bytes.Repeat([]byte{6}, store.KeySize))
	if err := archive.Restore(ctx, &buf, r.scfg, r.bcfg, nil); !errors.Is(err, store.ErrWrongKey) {
		t.Error(err)
	}
}
