package keyring

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

func open(t *testing.T, c Config) *Ring {
	t.Helper()
	r, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeysOutliveTheProcess(t *testing.T) {
	for name, seal := range map[string][]byte{"sealed": bytes.Repeat([]byte{7}, 32), "plain": nil} {
		c := Config{File: filepath.Join(t.TempDir(), "tls", "keys"), Seal: seal, Every: day, Keep: 7 * day}
		first := open(t, c).Keys()
		if again := open(t, c).Keys(); len(first) != 1 || len(again) != 1 || first[0] != again[0] {
			t.Errorf("%s: %d and %d keys, or others", name, len(first), len(again))
		}
		b, err := os.ReadFile(c.File)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, first[0][:]) == (seal != nil) {
			t.Errorf("%s: the file is not what it should be", name)
		}
		if info, err := os.Stat(c.File); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if left, _ := filepath.Glob(c.File + ".new*"); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

func TestAKeyIsNewEachDayAndGoneAfterAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{File: filepath.Join(t.TempDir(), "keys"), Every: day, Keep: 7 * day}
		r := open(t, c)
		first := r.Keys()[0]
		ctx, cancel := context.WithCancel(t.Context())
		var newest atomic.Pointer[[KeySize]byte]
		go r.Run(ctx, func(k [][KeySize]byte) { newest.Store(&k[0]) })
		synctest.Wait()
		for d := 1; d <= 6; d++ {
			before := *newest.Load()
			time.Sleep(day)
			synctest.Wait()
			if all := r.Keys(); len(all) != d+1 || all[d] != first || *newest.Load() == before || all[0] != *newest.Load() {
				t.Fatalf("after %d days: %d keys", d, len(all))
			}
		}
		time.Sleep(day)
		synctest.Wait()
		for _, k := range r.Keys() {
			if k == first {
				t.Error("a key is kept longer than said")
			}
		}
		cancel()
		synctest.Wait()
	})
}

func TestAKeyOfTheFutureIsNotUsed(t *testing.T) {
	r := open(t, Config{File: filepath.Join(t.TempDir(), "keys"), Every: day, Keep: 7 * day})
	first := r.Keys()[0]
	if _, err := r.Rotate(time.Now().Add(-3 * day)); err != nil { // the clock was put back
		t.Fatal(err)
	}
	if all := r.Keys(); len(all) != 1 || all[0] == first {
		t.Errorf("%d keys", len(all))
	}
}

func TestAFileThatIsNoGoodIsReplaced(t *testing.T) {
	seal := bytes.Repeat([]byte{7}, 32)
	c := Config{File: filepath.Join(t.TempDir(), "keys"), Seal: seal, Every: day, Keep: 7 * day}
	first := open(t, c).Keys()[0]
	other := c
	other.Seal = bytes.Repeat([]byte{8}, 32)
	if k := open(t, other).Keys(); len(k) != 1 || k[0] == first {
		t.Error("another key opens the file")
	}
	plain := c
	plain.Seal = nil
	lain := open(t, plain).Keys()[0]
	if k := open(t, c).Keys(); k[0] == lain {
		t.Error("keys that lay in the clear are used in a sealed store")
	}
	for _, b := range [][]byte{nil, []byte("x"), []byte(sealedHead), []byte(plainHead + "short")} {
		if err := os.WriteFile(c.File, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if k := open(t, c).Keys(); len(k) != 1 {
			t.Errorf("%q: %d keys", b, len(k))
		}
	}
}

func TestAFolderThatCannotBeWrittenIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "in-the-way")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{File: filepath.Join(file, "keys"), Every: day, Keep: 7 * day}); err == nil {
		t.Error("no error")
	}
}

func FuzzDecode(f *testing.F) {
	seal := bytes.Repeat([]byte{7}, 32)
	k := []key{{made: time.Unix(1_800_000_000, 0).UTC()}, {made: time.Unix(1_700_000_000, 0).UTC()}}
	for _, s := range [][]byte{nil, seal} {
		b, err := encode(k, s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decode(b, seal)
		keys, err := decode(b, nil)
		if err != nil {
			return
		}
		again, err := encode(keys, nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x became %x, %v", b, again, err)
		}
	})
}
