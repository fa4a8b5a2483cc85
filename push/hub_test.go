package push_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"martlet/push"
)

// woken tells whether a wake waits, and takes it.
func woken(w *push.Watch) bool {
	select {
	case <-w.C():
		return true
	default:
		return false
	}
}

func TestPublishWakesThoseWhoWatchTheFolder(t *testing.T) {
	h := push.NewHub()
	inbox, both, all := h.Watch(1, 5), h.Watch(1, 9, 5), h.Watch(1)
	other, stranger := h.Watch(1, 6), h.Watch(2, 5)
	h.Publish(1, 5)
	for name, c := range map[string]struct {
		w    *push.Watch
		want bool
	}{
		"the folder": {inbox, true}, "one of two": {both, true}, "every folder": {all, true},
		"another folder": {other, false}, "another mailbox": {stranger, false},
	} {
		if got := woken(c.w); got != c.want {
			t.Errorf("watch of %s: woken %t, want %t", name, got, c.want)
		}
	}
}

// Folders that share a bit wake each other's watchers; none is ever missed.
func TestEveryFolderNumberWakesItsWatcher(t *testing.T) {
	h := push.NewHub()
	for f := range uint32(300) {
		w := h.Watch(1, f)
		h.Publish(1, f)
		if !woken(w) {
			t.Fatalf("folder %d woke nobody", f)
		}
		w.Close()
	}
}

func TestEachFindsThoseWhoWaitForAMailbox(t *testing.T) {
	h := push.NewHub()
	a, b, other := h.Watch(1, 5), h.Watch(1, 6), h.Watch(2, 5)
	defer other.Close()
	found := map[push.Waker]int{}
	h.Each(1, func(w push.Waker) bool { found[w]++; return true })
	if len(found) != 2 || found[a] != 1 || found[b] != 1 {
		t.Errorf("found %v, want the two of mailbox 1", found)
	}
	n := 0
	h.Each(1, func(w push.Waker) bool {
		if n++; w != b {
			t.Error("who came first comes first")
		}
		return false
	})
	if n != 1 {
		t.Errorf("asked %d after the answer was no", n)
	}
}

func TestManyPublishesWhileNobodyLooksAreOneWake(t *testing.T) {
	h := push.NewHub()
	w := h.Watch(1, 5)
	for range 1000 {
		h.Publish(1, 5) // must not block
	}
	if !woken(w) {
		t.Fatal("not woken")
	}
	if woken(w) {
		t.Fatal("woken twice")
	}
	h.Publish(1, 5)
	if !woken(w) {
		t.Fatal("not woken again")
	}
}

func TestWatchKeepsItsOwnFolders(t *testing.T) {
	h := push.NewHub()
	folders := []uint32{5}
	w := h.Watch(1, folders...)
	folders[0] = 6 // the caller's slice is the caller's
	h.Publish(1, 5)
	if !woken(w) {
		t.Fatal("the watch changed with the caller's slice")
	}
}

func TestClosedWatchIsNeitherWokenNorKept(t *testing.T) {
	h := push.NewHub()
	a, b := h.Watch(1, 5), h.Watch(1, 5)
	a.Close()
	a.Close()
	h.Publish(1, 5)
	if woken(a) {
		t.Error("a closed watch was woken")
	}
	if !woken(b) {
		t.Error("closing one watch silenced another")
	}
	if n := h.Waiting(); n != 1 {
		t.Errorf("%d watches are waiting, want 1", n)
	}
	b.Close()
	if n := h.Waiting(); n != 0 {
		t.Errorf("%d watches are waiting, want none", n)
	}
}

func TestClosingInAnyOrderKeepsTheRest(t *testing.T) {
	const n = 6
	for range 200 {
		h := push.NewHub()
		var watches [n]*push.Watch
		for i := range watches {
			watches[i] = h.Watch(1, 5)
		}
		order := rand.Perm(n)
		for i, k := range order {
			watches[k].Close()
			h.Publish(1, 5)
			for _, left := range order[i+1:] {
				if !woken(watches[left]) {
					t.Fatalf("closed in the order %v: watch %d was lost after %d", order, left, k)
				}
			}
			if got := h.Waiting(); got != n-i-1 {
				t.Fatalf("%d watches are waiting, want %d", got, n-i-1)
			}
		}
	}
}

// The order that every waiter keeps, watch and then read, must never lose a
// change: whoever read the old number must be woken.
func TestWatchBeforeReadNeverLosesAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := push.NewHub()
		const mailboxes, waiters, changes = 4, 8, 500
		var log [mailboxes]atomic.Int64
		var wg sync.WaitGroup
		for box := range mailboxes {
			wg.Go(func() {
				for range changes {
					log[box].Add(1) // durable first
					h.Publish(uint64(box), 5)
				}
			})
			for range waiters {
				wg.Go(func() {
					w := h.Watch(uint64(box), 5)
					defer func() { w.Close() }()
					for seen := log[box].Load(); seen < changes; seen = log[box].Load() {
						// A lost wake leaves this blocked for ever, and the
						// bubble reports a deadlock.
						<-w.C()
						if rand.IntN(4) == 0 { // as a phone that answers and comes back
							w.Close()
							w = h.Watch(uint64(box), 5)
						}
					}
				})
			}
		}
		wg.Wait()
	})
}

func TestWatchesComeAndGoWhileOthersPublish(t *testing.T) {
	h := push.NewHub()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				box := uint64(i % 3)
				switch g % 2 {
				case 0:
					h.Publish(box, uint32(i%4))
				default:
					w := h.Watch(box, uint32(i%4))
					h.Publish(box, uint32(i%4))
					if !woken(w) {
						t.Errorf("a watch missed the publish that followed it")
					}
					w.Close()
				}
			}
		})
	}
	wg.Wait()
	if n := h.Waiting(); n != 0 {
		t.Errorf("%d watches are left", n)
	}
}

// A publish must cost the same however many wait for other mailboxes.
func BenchmarkPublish(b *testing.B) {
	for _, others := range []int{0, 19_000, 100_000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			h := push.NewHub()
			for i := range others {
				defer h.Watch(uint64(i)+2, 1, 2, 3, 4).Close()
			}
			w := h.Watch(1, 1, 2, 3, 4)
			defer w.Close()
			b.ReportAllocs()
			for b.Loop() {
				h.Publish(1, 3)
				<-w.C()
			}
		})
	}
}

// The mailboxes of one server publish and watch at the same time.
func BenchmarkWatchAndPublishParallel(b *testing.B) {
	h := push.NewHub()
	for i := range 19000 {
		defer h.Watch(uint64(i), 1, 2, 3, 4).Close()
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		box := rand.Uint64N(19000)
		for pb.Next() {
			w := h.Watch(box, 3)
			h.Publish(box, 3)
			w.Close()
			box = (box + 7919) % 19000
		}
	})
}
