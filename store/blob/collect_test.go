package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/store"
	"martlet/store/blob"
)

// inBubble runs a test in a bubble, where an hour passes at once.
func inBubble(t *testing.T, packSize int64, key []byte, fn func(t *testing.T, k *kit)) {
	synctest.Test(t, func(t *testing.T) {
		k := &kit{
			scfg: store.Config{Path: t.TempDir(), Logger: discard, NoCompaction: true},
			cfg:  blob.Config{Path: t.TempDir(), Key: key, Logger: discard, PackSize: packSize},
		}
		k.open(t)
		defer k.close(t)
		fn(t, k)
		k.check(t)
	})
}

func (k *kit) collect(t testing.TB) blob.Collected {
	t.Helper()
	c, err := k.Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReleasedBlobStaysAnHourAndThenGoes(t *testing.T) {
	withAndWithoutKey(t, func(t *testing.T, key []byte) {
		inBubble(t, 0, key, func(t *testing.T, k *kit) {
			kept, gone := k.put(t, []byte("kept")), k.put(t, []byte("gone"))
			k.retain(t, kept, gone, gone)
			k.release(t, gone)
			time.Sleep(2 * time.Hour)
			if c := k.collect(t); c.Blobs != 0 {
				t.Errorf("with a reference left: %+v", c)
			}
			k.release(t, gone)
			time.Sleep(59 * time.Minute)
			if c := k.collect(t); c.Blobs != 0 {
				t.Errorf("after 59 minutes: %+v", c)
			}
			k.want(t, gone, []byte("gone"))
			time.Sleep(2 * time.Minute)
			if c := k.collect(t); c.Blobs != 1 {
				t.Errorf("after an hour: %+v", c)
			}
			if _, err := k.Read(ctx, gone); !errors.Is(err, blob.ErrGone) {
				t.Error(err)
			}
			k.want(t, kept, []byte("kept"))
		})
	})
}

func TestBlobRetainedAgainIsNotCollected(t *testing.T) {
	inBubble(t, 0, nil, func(t *testing.T, k *kit) {
		ref := k.put(t, []byte("back"))
		k.retain(t, ref)
		k.release(t, ref)
		time.Sleep(30 * time.Minute)
		k.retain(t, ref)
		time.Sleep(2 * time.Hour)
		if c := k.collect(t); c.Blobs != 0 {
			t.Errorf("%+v", c)
		}
		k.release(t, ref)
		time.Sleep(30 * time.Minute)
		if c := k.collect(t); c.Blobs != 0 {
			t.Errorf("half an hour after the second release: %+v", c)
		}
		k.want(t, ref, []byte("back"))
	})
}

func TestPutKeepsADeadBlobForAnHour(t *testing.T) {
	inBubble(t, 0, nil, func(t *testing.T, k *kit) {
		data := []byte("mass mail")
		ref := k.put(t, data)
		k.retain(t, ref)
		k.release(t, ref)
		time.Sleep(2 * time.Hour) // nobody collects
		k.put(t, data)
		if c := k.collect(t); c.Blobs != 0 {
			t.Errorf("just put: %+v", c)
		}
		k.retain(t, ref)
		k.want(t, ref, data)
		k.release(t, ref)
		k.put(t, data)
		time.Sleep(2 * time.Hour)
		if c := k.collect(t); c.Blobs != 1 {
			t.Errorf("put and never retained: %+v", c)
		}
		err := k.store.Update(ctx, func(tx *store.Tx) error { return k.Retain(tx, ref) })
		if !errors.Is(err, blob.ErrGone) {
			t.Errorf("retained after its collection: %v", err)
		}
	})
}

func TestPacksHalfDeadAreRewritten(t *testing.T) {
	withAndWithoutKey(t, func(t *testing.T, key []byte) {
		inBubble(t, 100_000, key, func(t *testing.T, k *kit) {
			var kept, gone []blob.Ref
			bodies := map[blob.Ref][]byte{}
			for i := range 100 {
				data := body(i, 10_000)
				ref := k.put(t, data)
				k.retain(t, ref)
				if i%3 == 0 {
					kept, bodies[ref] = append(kept, ref), data
				} else {
					gone = append(gone, ref)
				}
			}
			orphan := k.put(t, body(1000, 10_000)) // never retained
			before := diskUse(t, k)
			k.release(t, gone...)
			r := k.Reader(ctx, kept[0])
			time.Sleep(2 * time.Hour)

			c := k.collect(t)
			if c.Blobs != len(gone) || c.Packs == 0 || c.Moved == 0 {
				t.Errorf("%+v", c)
			}
			if after := diskUse(t, k); after > before/2 {
				t.Errorf("%d bytes before, %d after", before, after)
			}
			for ref, data := range bodies {
				k.want(t, ref, data)
			}
			if _, err := r.ReadAt(make([]byte, 100), 0); err != nil {
				t.Errorf("a reader from before: %v", err)
			}
			if _, err := k.Read(ctx, orphan); !errors.Is(err, blob.ErrGone) {
				t.Error(err)
			}
			k.close(t)
			k.open(t)
			for ref, data := range bodies {
				k.want(t, ref, data)
			}
			if c := k.collect(t); c.Blobs != 0 {
				t.Errorf("a second collection: %+v", c)
			}
		})
	})
}

// TestCollectionsAndReadersMeet rewrites packs while others read and deliver.
func TestCollectionsAndReadersMeet(t *testing.T) {
	inBubble(t, 50_000, nil, func(t *testing.T, k *kit) {
		for round := range 5 {
			var refs []blob.Ref
			for i := range 40 {
				refs = append(refs, k.put(t, body(round*1000+i, 5_000)))
			}
			k.retain(t, refs...)
			k.release(t, refs[:30]...)
			time.Sleep(2 * time.Hour)
			var wg sync.WaitGroup
			wg.Go(func() { k.collect(t) })
			for i := range 4 {
				wg.Go(func() {
					for j, ref := range refs[30:] {
						k.want(t, ref, body(round*1000+30+j, 5_000))
						k.retain(t, k.put(t, body(round*1000+i, 5_000)))
					}
				})
			}
			wg.Wait()
		}
	})
}

func TestDamageIsFoundAndNothingBehindItIsCollected(t *testing.T) {
	for _, where := range []string{"header", "body"} {
		k := newKit(t, "", nil, 50_000)
		var refs []blob.Ref
		for i := range 10 {
			refs = append(refs, k.put(t, body(i, 10_000)))
		}
		k.retain(t, refs...)
		k.Blobs.Close()
		pack := filepath.Join(k.cfg.Path, "00000001.pack")
		good, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), good...)
		bad[map[string]int{"header": 10_100, "body": 15_000}[where]] ^= 1
		if err := os.WriteFile(pack, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if k.Blobs, err = blob.Open(k.cfg); err != nil {
			t.Fatal(err)
		}
		if p := k.problems(t, blob.Audit{Deep: true}); len(p) != 1 {
			t.Errorf("damaged %s: %v", where, p)
		}
		if _, err := k.Read(ctx, refs[1]); where == "body" && !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("damaged %s: %v", where, err)
		}
		k.collect(t)
		for i, ref := range refs {
			if i != 1 {
				k.want(t, ref, body(i, 10_000))
			}
		}
		if err := os.WriteFile(pack, good, 0o600); err != nil { // for the check at the end
			t.Fatal(err)
		}
	}
}

func TestMissingPackIsReported(t *testing.T) {
	k := newKit(t, "", nil, 0)
	k.retain(t, k.put(t, []byte("a")))
	k.Blobs.Close()
	pack := filepath.Join(k.cfg.Path, "00000001.pack")
	if err := os.Rename(pack, pack+".away"); err != nil {
		t.Fatal(err)
	}
	var err error
	if k.Blobs, err = blob.Open(k.cfg); err != nil {
		t.Fatal(err)
	}
	if p := k.problems(t, blob.Audit{}); len(p) != 1 {
		t.Errorf("%v", p)
	}
	k.Blobs.Close()
	if err := os.Rename(pack+".away", pack); err != nil {
		t.Fatal(err)
	}
	if k.Blobs, err = blob.Open(k.cfg); err != nil {
		t.Fatal(err)
	}
}
