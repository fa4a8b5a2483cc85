package push_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

// waits is a subscription that waits in other mailboxes as a test says.
func waits(t *testing.T, first, planned []push.Topic) (*stage, *atomic.Pointer[[]push.Topic]) {
	book := newShelf()
	book.add(push.Subscription{ID: 1, Mailbox: 1, Folders: push.FoldersOf(5), Elsewhere: first, Kind: push.APNs, App: "mail"})
	now := &atomic.Pointer[[]push.Topic]{}
	now.Store(&planned)
	book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error {
		p.Elsewhere = *now.Load()
		return nil
	}
	return play(t, book, push.NotifierConfig{Senders: apns(newService())}), now
}

// asks counts the plans that what happens costs.
func (st *stage) asks(f func()) uint64 {
	before := st.Stats().Plans
	f()
	pass(time.Minute)
	return st.Stats().Plans - before
}

func TestAChangeInAnotherMailboxWakesWhoWaitsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := []push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3)}, {Mailbox: 8, Folders: push.FoldersOf(4)}}
		st, _ := waits(t, there, there)
		for _, c := range []struct {
			mailbox uint64
			folder  uint32
			want    uint64
		}{{1, 5, 1}, {7, 3, 1}, {8, 4, 1}, {7, 4, 0}, {9, 3, 0}} {
			if n := st.asks(func() { st.hub.Publish(c.mailbox, c.folder) }); n != c.want {
				t.Errorf("a change of %d in %d costs %d plans, want %d", c.folder, c.mailbox, n, c.want)
			}
		}
		if n := st.asks(func() { st.hub.Publish(7, 3); st.hub.Publish(8, 4); st.hub.Publish(1, 5) }); n != 1 {
			t.Errorf("a burst in three mailboxes costs %d plans", n)
		}
		st.Forget(1)
		if n := st.hub.Waiting(); n != 0 {
			t.Errorf("%d wait for one who is forgotten", n)
		}
		st.stop(t)
	})
}

// What happens between a plan and the place in the hub is not heard, so the book
// is asked once more, and only then.
func TestWhoIsToWaitInMorePlacesIsAskedForOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, now := waits(t, nil, nil)
		steps := []struct {
			there []push.Topic
			want  uint64
		}{
			{[]push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3)}}, 2},
			{[]push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3)}}, 1},
			{[]push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3, 4)}}, 2},
			{[]push.Topic{{Mailbox: 7, Folders: push.FoldersOf(4)}}, 1},
			{[]push.Topic{{Mailbox: 8, Folders: push.FoldersOf(4)}, {Mailbox: 7, Folders: push.FoldersOf(4)}}, 2},
			{nil, 1},
		}
		for i, s := range steps {
			now.Store(&s.there)
			if n := st.asks(func() { st.hub.Publish(1, 5) }); n != s.want {
				t.Errorf("step %d costs %d plans, want %d", i, n, s.want)
			}
			if n := st.hub.Waiting(); n != 1+len(s.there) {
				t.Errorf("step %d: it waits in %d places", i, n)
			}
		}
		if n := st.asks(func() { st.hub.Publish(7, 4); st.hub.Publish(8, 4) }); n != 0 {
			t.Errorf("where it waits no more costs %d plans", n)
		}
		st.stop(t)
	})
}

// Who is followed anew while a worker has it waits where it was said last.
func TestFollowingAnewCountsMoreThanAPlanOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		sub := book.add(push.Subscription{ID: 1, Mailbox: 1, Folders: push.FoldersOf(5), Kind: push.APNs, App: "mail"})
		plan := []push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3)}}
		var planned atomic.Pointer[[]push.Topic]
		planned.Store(&plan)
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error { p.Elsewhere = *planned.Load(); return nil }
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(500 * time.Millisecond) // it is being sent
		sub.Elsewhere = []push.Topic{{Mailbox: 8, Folders: push.FoldersOf(3)}}
		planned.Store(&sub.Elsewhere)
		st.Follow(sub)
		pass(time.Minute)
		if n := st.asks(func() { st.hub.Publish(7, 3) }); n != 0 {
			t.Error("it waits where a plan of before had it wait")
		}
		if n := st.asks(func() { st.hub.Publish(8, 3) }); n != 1 {
			t.Errorf("a change where it waits costs %d plans", n)
		}
		st.stop(t)
	})
}

// Who is forgotten while a worker has it waits nowhere afterwards.
func TestWhoIsForgottenMeanwhileWaitsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		book.register(1, push.APNs, "mail")
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error {
			p.Elsewhere = []push.Topic{{Mailbox: 7, Folders: push.FoldersOf(3)}}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(500 * time.Millisecond) // it is being sent
		st.Forget(1)
		pass(time.Minute)
		if n := st.hub.Waiting(); n != 0 {
			t.Errorf("%d still wait", n)
		}
		st.stop(t)
	})
}
