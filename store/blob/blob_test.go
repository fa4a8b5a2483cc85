package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"martlet/store"
	"martlet/store/blob"
)

var (
	key     = bytes.Repeat([]byte{3}, store.KeySize)
	discard = slog.New(slog.DiscardHandler)
)

// kit is a store with its blobs in a directory.
type kit struct {
	*blob.Blobs
	store *store.Store
	cfg   blob.Config
	scfg  store.Config
}

// newKit opens store and blobs in dir, or in a new directory. Every close
// checks all invariants.
func newKit(t testing.TB, dir string, key []byte, packSize int64) *kit {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	k := &kit{
		scfg: store.Config{Path: dir + "/store", Logger: discard},
		cfg:  blob.Config{Path: dir + "/blobs", Key: key, Logger: discard, PackSize: packSize},
	}
	k.open(t)
	t.Cleanup(func() {
		k.check(t)
		k.close(t)
	})
	return k
}

func (k *kit) open(t testing.TB) {
	t.Helper()
	var err error
	if k.store, err = store.Open(k.scfg); err != nil {
		t.Fatal(err)
	}
	k.cfg.Store = k.store
	if k.Blobs, err = blob.Open(k.cfg); err != nil {
		k.store.Close()
		t.Fatal(err)
	}
}

func (k *kit) close(t testing.TB) {
	t.Helper()
	if err := errors.Join(k.Blobs.Close(), k.store.Close()); err != nil {
		t.Error(err)
	}
}

func (k *kit) check(t testing.TB) {
	t.Helper()
	for _, p := range k.problems(t, blob.Audit{Deep: true}) {
		t.Errorf("check: %s", p)
	}
}

func (k *kit) problems(t testing.TB, a blob.Audit) (out []store.Problem) {
	t.Helper()
	if err := k.Audit(context.Background(), a, func(p store.Problem) { out = append(out, p) }); err != nil {
		t.Error(err)
	}
	return out
}

func (k *kit) put(t testing.TB, data []byte) blob.Ref {
	t.Helper()
	ref, err := k.Put(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (k *kit) retain(t testing.TB, refs ...blob.Ref) {
	t.Helper()
	k.each(t, k.Retain, refs)
}

func (k *kit) release(t testing.TB, refs ...blob.Ref) {
	t.Helper()
	k.each(t, k.Release, refs)
}

func (k *kit) each(t testing.TB, do func(*store.Tx, blob.Ref) error, refs []blob.Ref) {
	t.Helper()
	err := k.store.Update(context.Background(), func(tx *store.Tx) error {
		for _, ref := range refs {
			if err := do(tx, ref); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (k *kit) want(t testing.TB, ref blob.Ref, data []byte) {
	t.Helper()
	got, err := k.Read(context.Background(), ref)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%s: %d bytes of %d, %v", ref, len(got), len(data), err)
	}
}

// body returns n bytes that differ for each seed.
func body(seed, n int) []byte {
	var s [32]byte
	copy(s[:], fmt.Sprint(seed))
	out := make([]byte, n)
	rand.NewChaCha8(s).Read(out)
	return out
}

// withAndWithoutKey runs a test both ways.
func withAndWithoutKey(t *testing.T, fn func(t *testing.T, key []byte)) {
	t.Run("plain", func(t *testing.T) { fn(t, nil) })
	t.Run("sealed", func(t *testing.T) { fn(t, key) })
}

// sizes lie around the borders of chunks.
var sizes = []int{0, 1, 100, 65535, 65536, 65537, 131072, 131073, 300_000}

func TestEveryRangeOfABlobReadsBack(t *testing.T) {
	withAndWithoutKey(t, func(t *testing.T, key []byte) {
		k := newKit(t, "", key, 0)
		for _, n := range sizes {
			data := body(n, n)
			ref := k.put(t, data)
			k.want(t, ref, data) // before its first reference
			k.retain(t, ref)
			k.want(t, ref, data)
			if err := iotest.TestReader(io.NewSectionReader(k.Reader(t.Context(), ref), 0, ref.Size), data); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
			for _, off := range sizes {
				for _, length := range sizes {
					p := make([]byte, length)
					got, err := k.ReadAt(t.Context(), ref, p, int64(off))
					want := copy(make([]byte, length), data[min(off, n):])
					if got != want || !bytes.Equal(p[:got], data[min(off, n):min(off, n)+got]) || (err == io.EOF) != (want < length) {
						t.Errorf("%d bytes, %d from %d: %d, %v", n, length, off, got, err)
					}
				}
			}
		}
	})
}

func TestBlobsSurviveReopening(t *testing.T) {
	withAndWithoutKey(t, func(t *testing.T, key []byte) {
		k := newKit(t, "", key, 100_000) // several packs
		refs := map[blob.Ref][]byte{}
		for i := range 50 {
			data := body(i, 100*i)
			ref := k.put(t, data)
			k.retain(t, ref)
			refs[ref] = data
			if i%10 == 9 {
				k.close(t)
				k.open(t)
			}
		}
		lost := k.put(t, body(99, 5000)) // never retained
		k.close(t)
		k.open(t)
		for ref, data := range refs {
			k.want(t, ref, data)
		}
		if _, err := k.Read(t.Context(), lost); !errors.Is(err, blob.ErrGone) {
			t.Errorf("a blob nobody retained, after reopening: %v", err)
		}
	})
}

func TestEqualContentIsStoredOnce(t *testing.T) {
	k := newKit(t, "", nil, 0)
	data := body(1, 20_000)
	before := diskUse(t, k)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ref, err := k.Put(t.Context(), data)
			if err == nil {
				err = k.store.Update(t.Context(), func(tx *store.Tx) error { return k.Retain(tx, ref) })
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if grown := diskUse(t, k) - before; grown > 21_000 {
		t.Errorf("20 times the same 20,000 bytes took %d", grown)
	}
	ref := k.put(t, data)
	counted := func(n int) func(*store.Tx, func(blob.Ref)) error {
		return func(_ *store.Tx, count func(blob.Ref)) error {
			for range n {
				count(ref)
			}
			return nil
		}
	}
	if p := k.problems(t, blob.Audit{References: counted(20)}); len(p) != 0 {
		t.Errorf("20 references: %v", p)
	}
	if p := k.problems(t, blob.Audit{References: counted(19)}); len(p) != 1 {
		t.Errorf("one reference too few: %v", p)
	}
}

func TestRetainOfWhatIsNotThereIsErrGone(t *testing.T) {
	k := newKit(t, "", nil, 0)
	var ref blob.Ref
	ref.Hash[0], ref.Size = 1, 5
	for _, do := range []func(*store.Tx, blob.Ref) error{k.Retain, k.Release} {
		err := k.store.Update(t.Context(), func(tx *store.Tx) error { return do(tx, ref) })
		if !errors.Is(err, blob.ErrGone) {
			t.Error(err)
		}
	}
	if _, err := k.ReadAt(t.Context(), ref, make([]byte, 5), 0); !errors.Is(err, blob.ErrGone) {
		t.Error(err)
	}
}

func TestRefRoundTrip(t *testing.T) {
	for _, r := range []blob.Ref{{}, {Hash: [32]byte{1, 2}, Size: 1 << 20}} {
		got, err := blob.ParseRef(blob.AppendRef(nil, r))
		if err != nil || got != r {
			t.Errorf("%v became %v, %v", r, got, err)
		}
	}
	good := blob.AppendRef(nil, blob.Ref{Size: 300})
	for _, bad := range [][]byte{good[:10], good[:33], append(good, 0), append(good[:32:32], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)} {
		if r, err := blob.ParseRef(bad); !errors.Is(err, blob.ErrBadRef) {
			t.Errorf("%x: %v, %v", bad, r, err)
		}
	}
}

func TestCancelledPutReturns(t *testing.T) {
	k := newKit(t, "", nil, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Put(ctx, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	k.put(t, []byte("x"))
}

func TestClosedBlobsSaySo(t *testing.T) {
	k := newKit(t, "", nil, 0)
	k.Blobs.Close()
	if _, err := k.Put(t.Context(), []byte("x")); !errors.Is(err, blob.ErrClosed) {
		t.Error(err)
	}
}

func TestOtherKeyIsRefused(t *testing.T) {
	other := bytes.Repeat([]byte{4}, store.KeySize)
	for _, c := range []struct{ made, opened []byte }{{key, other}, {key, nil}, {nil, key}, {nil, key[:5]}} {
		k := newKit(t, "", c.made, 0)
		k.retain(t, k.put(t, []byte("x")))
		k.Blobs.Close()
		cfg := k.cfg
		cfg.Key = c.opened
		if _, err := blob.Open(cfg); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("made with %v, opened with %v: %v", c.made, c.opened, err)
		}
		k.store.Close()
		k.open(t)
	}
}

// ctx is for what runs after the test's own context has ended.
var ctx = context.Background()

// diskUse returns the bytes in pack files.
func diskUse(t testing.TB, k *kit) (n int64) {
	t.Helper()
	files, err := filepath.Glob(k.cfg.Path + "/*.pack")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}
