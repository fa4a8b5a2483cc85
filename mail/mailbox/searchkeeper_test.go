package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

func TestKeepIndexFoldsWhatIsCommittedAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openHouse(t, t.TempDir())
		defer o.close(t)
		h := o.house
		inbox := h.role(1, mail.RoleInbox)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- h.KeepIndex(ctx) }()
		synctest.Wait()
		post := func(n int) {
			for i := range n {
				h.post(1, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody\r\n", i))
			}
			synctest.Wait()
		}
		post(h.keeper.fold - 1)
		if n := h.rows(store.PrefixSearchSegment, 1); n != 0 {
			t.Errorf("%d segments of too few messages", n)
		}
		post(1)
		if n := h.rows(store.PrefixSearchSegment, 1); n != 1 {
			t.Errorf("%d segments, want 1", n)
		}
		// Large ones are worth it sooner.
		for i := range 4 {
			h.post(1, inbox, fmt.Sprintf("Subject: large%d\r\n\r\n%s", i, strings.Repeat("body ", h.keeper.fold*heavy/16)))
		}
		synctest.Wait()
		if n := h.rows(store.PrefixSearchSegment, 1); n != 2 {
			t.Errorf("%d segments with large messages, want 2", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		// What came while nobody kept the index is taken up by the next one.
		post(h.keeper.fold)
		h.restart()
		h.keeper.sizes = defaultSizes()
		ctx, cancel = context.WithCancel(context.Background())
		go func() { ended <- h.KeepIndex(ctx) }()
		synctest.Wait()
		if n := h.rows(store.PrefixSearchSegment, 1); n != 3 {
			t.Errorf("%d segments after a restart, want 3", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestMergesKeepSegmentsFewAndDropWhatIsGone(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox := h.role(1, mail.RoleInbox)
	ctx := context.Background()
	for i := range 100 {
		h.post(1, inbox, fmt.Sprintf("Subject: s%d\r\n\r\nbody word%d\r\n", i, i%7))
		if i%5 == 0 {
			if err := h.catchUp(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func() (segments int, size uint64) {
		h.view(func(tx *store.Tx) error {
			s, err := h.segments(tx, 1)
			segments, size = len(s.live), 0
			for _, n := range s.live {
				size += n.Bytes
			}
			return err
		})
		return segments, size
	}
	segments, size := count()
	if segments == 0 || segments > 7 { // fewer than fanout of each level
		t.Errorf("%d segments of 100 messages", segments)
	}
	if _, err := h.Empty(ctx, 1, inbox, false); err != nil {
		t.Fatal(err)
	}
	if err := h.tend(ctx, 1, load{left: 1000}, func(context.Context, time.Duration) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if segments, left := count(); left > size/10 {
		t.Errorf("%d bytes in %d segments are left of %d", left, segments, size)
	}
}

// Deliveries, moves, searches and the upkeep at once: what was delivered before
// a search began is found by it.
func TestSearchesWhileEverythingGoesOn(t *testing.T) {
	h := newHouse(t)
	h.keeper.sizes = smallSizes()
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	ctx, cancel := context.WithCancel(context.Background())
	var keeper, all sync.WaitGroup
	keeper.Go(func() {
		if err := h.KeepIndex(ctx); err != nil {
			t.Error(err)
		}
	})
	for w := range 3 {
		all.Go(func() {
			for i := range 25 {
				name := fmt.Sprintf("worker%dmail%d", w, i)
				it := h.post(1, inbox, "Subject: "+name+"\r\n\r\n"+strings.Repeat("body ", i)+"\r\n")
				if i%3 == 0 {
					h.update(func(tx *store.Tx) (err error) {
						it, err = h.Move(tx, 1, inbox, it.ID, trash)
						return err
					})
				}
				found, err := h.Search(ctx, 1, search.Words{Fields: search.Subject, Text: name}, SearchOptions{})
				if err != nil || !slices.Equal(found.Places, place1(it)) {
					t.Errorf("%s: %+v %v, want %v", name, found, err, place1(it))
				}
			}
		})
	}
	all.Wait()
	cancel()
	keeper.Wait()
}
