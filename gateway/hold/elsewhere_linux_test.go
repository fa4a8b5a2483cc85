package hold_test

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/gateway/hold"
	"martlet/push"
)

// shared are folders of two other mailboxes.
var shared = []hold.Topic{{Mailbox: 8, Folders: push.FoldersOf(3)}, {Mailbox: 9, Folders: push.FoldersOf(4, 5)}}

func TestARequestWaitsForFoldersOfOtherMailboxesToo(t *testing.T) {
	for _, topic := range [][2]int{{7, 1}, {8, 3}, {9, 4}, {9, 5}} {
		t.Run(fmt.Sprint(topic), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := push.NewHub()
				h := hold.New(hold.Config{Hub: hub})
				r := h.Expect(7, push.FoldersOf(1), newPhone("a", always("changed")), shared...)
				c := make(chan result, 1)
				go func() {
					defer r.Cancel()
					a, err := r.Park(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "POST", "/", nil), time.Hour)
					c <- result{a, err}
				}()
				synctest.Wait()
				hub.Publish(7, 3) // the number of another mailbox's folder
				hub.Publish(8, 1)
				hub.Publish(10, 4)
				synctest.Wait()
				if h.Waiting() != 1 {
					t.Fatal("woken by what it does not wait for")
				}
				hub.Publish(uint64(topic[0]), uint32(topic[1]))
				if got := <-c; string(got.answer.Body) != "changed" || got.err != nil {
					t.Errorf("got %q, %v", got.answer.Body, got.err)
				}
				synctest.Wait()
				if h.Waiting() != 0 || hub.Waiting() != 0 {
					t.Errorf("%d held and %d watches left over", h.Waiting(), hub.Waiting())
				}
			})
		})
	}
}

func TestWhoWaitsForAnotherMailboxIsNoPhoneOfIt(t *testing.T) {
	hub := push.NewHub()
	h := hold.New(hold.Config{Hub: hub})
	r := h.Expect(7, push.FoldersOf(1), newPhone("a", always("x")), shared...)
	if !h.Holding(7, "a") || h.Holding(8, "a") {
		t.Errorf("holding in its own mailbox %v, in the other %v", h.Holding(7, "a"), h.Holding(8, "a"))
	}
	h.Supersede(8, "a", 18) // the same telephone with another account
	r.Cancel()
	if n := hub.Waiting(); n != 0 {
		t.Errorf("%d watches left over", n)
	}
}

func TestAParkedRequestWaitsForOtherMailboxesOverAnUpgrade(t *testing.T) {
	var news atomic.Bool
	before, after := build(t, hold.Config{}, false), build(t, hold.Config{}, false)
	before.say, after.say = quietUntil(&news), quietUntil(&news)
	before.also, after.also = shared, shared
	var phones []*handset
	for i := range 3 {
		p := before.dial(0)
		p.ask(fmt.Sprintf("/hold/%d", i))
		phones = append(phones, p)
	}
	before.wantHeld(3)
	if n := before.hub.Waiting(); n != 9 {
		t.Errorf("%d waiters, want 3 for each phone", n)
	}
	parcels, _ := pass(t, before.leave())
	if n := before.hub.Waiting(); n != 0 {
		t.Errorf("%d waiters stay behind", n)
	}
	after.adopt(parcels)
	waitFor(t, "the phones to be looked at", func() bool { return after.hub.Waiting() == 9 })
	news.Store(true)
	after.hub.Publish(9, 5)
	for _, p := range phones {
		p.want("answer 0")
	}
	waitFor(t, "the watches to end", func() bool { return after.hub.Waiting() == 0 })
}
