package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"martlet/store"
)

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = t.TempDir()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func set(t testing.TB, s *store.Store, kv ...string) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		for i := 0; i < len(kv); i += 2 {
			if err := tx.Set([]byte(kv[i]), []byte(kv[i+1])); err != nil {
				return err
			}
		}
		return nil
	})
}

// dump returns the rows of a range as "k=v k=v".
func dump(t testing.TB, s *store.Store, r store.Range) (out string) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		var err error
		out, err = rows(tx, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rows(tx *store.Tx, r store.Range) (string, error) {
	var out []string
	for kv, err := range tx.Scan(r) {
		if err != nil {
			return "", err
		}
		out = append(out, string(kv.Key)+"="+string(kv.Value))
	}
	return strings.Join(out, " "), nil
}

func TestWhatWasCommittedIsThereAfterReopening(t *testing.T) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32)} {
		cfg := store.Config{Path: t.TempDir() + "/a/b", Key: key, Logger: slog.New(slog.DiscardHandler)}
		s, err := store.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		set(t, s, "tone", "1", "ttwo", "2")
		update(t, s, func(tx *store.Tx) error { return tx.Delete([]byte("tone")) })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, cfg)
		if got := dump(t, s, store.Range{Prefix: []byte("t")}); got != "ttwo=2" {
			t.Errorf("after reopening: %s", got)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	s := open(t, store.Config{})
	_, err := store.Open(store.Config{Path: s.Path()})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "administration socket") {
		t.Errorf("second Open: %v", err)
	}
}

func TestWrongMissingAndSuperfluousKeysAreRefused(t *testing.T) {
	right, wrong := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	for _, c := range []struct{ made, opened []byte }{{right, wrong}, {right, nil}, {nil, right}, {right, right[:16]}} {
		cfg := store.Config{Path: t.TempDir(), Key: c.made, Logger: slog.New(slog.DiscardHandler)}
		s, err := store.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		cfg.Key = c.opened
		if _, err := store.Open(cfg); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("made with %v, opened with %v: %v", c.made, c.opened, err)
		}
		cfg.Key = c.made // a refusal leaves no lock behind
		open(t, cfg)
	}
}

func TestFailingUpdateIsUndoneAlone(t *testing.T) {
	s := open(t, store.Config{})
	set(t, s, "ta", "0", "tb", "0")
	boom := errors.New("boom")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				key := fmt.Appendf(nil, "t%03d", i)
				if err := tx.Set(key, []byte("x")); err != nil {
					return err
				}
				if i%2 == 0 {
					tx.Set([]byte("ta"), []byte("bad"))
					tx.Set([]byte("ta"), []byte("worse"))
					tx.Delete([]byte("tb"))
					return boom
				}
				return nil
			})
			if (i%2 == 0) != errors.Is(err, boom) {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	got := dump(t, s, store.Range{Prefix: []byte("t")})
	if n := strings.Count(got, "=x"); n != 25 || !strings.Contains(got, "ta=0 tb=0") {
		t.Errorf("%d rows stayed: %s", n, got)
	}
}

func TestPanicReachesItsCallerAndNobodyElse(t *testing.T) {
	s := open(t, store.Config{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			defer func() {
				if v := recover(); (v == "boom") != (i == 10) {
					t.Errorf("update %d recovered %v", i, v)
				}
			}()
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				tx.Set(fmt.Appendf(nil, "t%d", i), nil)
				if i == 10 {
					panic("boom")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := dump(t, s, store.Range{Prefix: []byte("t10")}); got != "" {
		t.Errorf("the panicking update wrote %s", got)
	}
}

func TestUpdateThatEndsItsGoroutineLeavesTheOthersAlone(t *testing.T) {
	s := open(t, store.Config{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				tx.Set(fmt.Appendf(nil, "t%02d", i), nil)
				if i == 10 {
					runtime.Goexit() // as testing.T.FailNow does
				}
				return nil
			})
			if err != nil || i == 10 {
				t.Errorf("update %d returned %v", i, err)
			}
		})
	}
	wg.Wait()
	if got := dump(t, s, store.Range{Prefix: []byte("t"), KeysOnly: true}); strings.Count(got, "=") != 19 || strings.Contains(got, "t10") {
		t.Errorf("rows: %s", got)
	}
}

func TestUpdatesSeeEachOtherInOrder(t *testing.T) {
	s := open(t, store.Config{})
	var wg sync.WaitGroup
	seen := make([]bool, 201)
	var mu sync.Mutex
	for range 200 {
		wg.Go(func() {
			var n uint64
			err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
				n, err = tx.Next("things")
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil || n < 1 || n > 200 || seen[n] {
				t.Errorf("number %d: %v", n, err)
				return
			}
			seen[n] = true
		})
	}
	wg.Wait()
}

func TestOnCommitRunsOnceAndOnlyAfterSuccess(t *testing.T) {
	s := open(t, store.Config{})
	ran := 0
	update(t, s, func(tx *store.Tx) error {
		tx.OnCommit(func() {
			ran++
			if got := dump(t, s, store.Range{Prefix: []byte("t")}); got != "ta=1" {
				t.Errorf("when OnCommit runs, a View sees %q", got)
			}
		})
		return tx.Set([]byte("ta"), []byte("1"))
	})
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		tx.OnCommit(func() { t.Error("OnCommit of a failed update ran") })
		return errors.New("no")
	})
	if ran != 1 || err == nil {
		t.Errorf("ran %d times, %v", ran, err)
	}
}

func TestViewStaysAsItWas(t *testing.T) {
	s := open(t, store.Config{MemTable: 1 << 20})
	set(t, s, "ta", "old")
	err := s.View(t.Context(), func(tx *store.Tx) error {
		for i := range 40 { // enough for flushes and compactions
			set(t, s, "ta", fmt.Sprint("new", i), fmt.Sprint("tz", i), strings.Repeat("x", 100_000))
		}
		got, err := rows(tx, store.Range{Prefix: []byte("t")})
		if got != "ta=old" {
			t.Errorf("the view sees %.100q", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUpdateLargerThanATransactionIsRefused(t *testing.T) {
	s := open(t, store.Config{MemTable: 1 << 20})
	big := func(n int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			for i := range n {
				tx.Set(fmt.Appendf(nil, "t%d", i), make([]byte, 1000)) // its error is ignored on purpose
			}
			return nil
		}
	}
	if err := s.Update(t.Context(), big(1000)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("1 MB in one update: %v", err)
	}
	if got := dump(t, s, store.Range{Prefix: []byte("t")}); got != "" {
		t.Errorf("it left %.80s", got)
	}
	var wg sync.WaitGroup // together too large, alone not
	for range 16 {
		wg.Go(func() {
			if err := s.Update(t.Context(), big(100)); err != nil {
				t.Errorf("100 kB in one of 16 updates: %v", err)
			}
		})
	}
	wg.Wait()
	for _, err := range []error{
		s.Update(t.Context(), func(tx *store.Tx) error { return tx.Set(make([]byte, 2000), nil) }),
		s.Update(t.Context(), func(tx *store.Tx) error { return tx.Set([]byte("t"), make([]byte, 1<<20)) }),
	} {
		if !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("an oversized row: %v", err)
		}
	}
}

func TestCancelledUpdateDoesNotRun(t *testing.T) {
	s := open(t, store.Config{})
	inside, leave := make(chan bool), make(chan bool)
	first := make(chan error)
	go func() {
		first <- s.Update(context.Background(), func(tx *store.Tx) error {
			inside <- true
			<-leave
			return tx.Set([]byte("t1"), nil)
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error)
	go func() {
		second <- s.Update(ctx, func(tx *store.Tx) error {
			t.Error("a cancelled update ran")
			return nil
		})
	}()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while queued: %v", err)
	}
	leave <- true
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	s := open(t, store.Config{})
	s.Close()
	nop := func(*store.Tx) error { return nil }
	if err := s.Update(t.Context(), nop); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Update: %v", err)
	}
	if err := s.View(t.Context(), nop); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View: %v", err)
	}
}

// A process can die between making a log file of Badger's and giving it its
// size. Nothing was acknowledged from such a file, and the next start goes on.
func TestALogFileThatWasOnlyBegunIsNoObstacle(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(store.Config{Path: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, "\x70a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, store.Config{Path: dir})
	set(t, s, "\x70b", "2")
	if got := dump(t, s, store.Range{Prefix: []byte("\x70")}); got != "\x70a=1 \x70b=2" {
		t.Errorf("got %q", got)
	}
}
