package push_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

// scattered answers each one after another time.
type scattered struct{ *service }

func (s scattered) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	<-time.After(rand.N(100 * time.Millisecond))
	return s.service.Send(ctx, t, n)
}

func TestManyOutcomesAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const devices = 3000
		book, far := newShelf(), newService()
		book.register(devices, push.APNs, "mail")
		together := map[time.Duration]int{}
		book.settle = func(uint64, *push.Plan, push.Outcome, bool) error {
			together[time.Since(far.began)]++
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(scattered{far})})
		for box := range uint64(devices) {
			st.change(box + 1)
		}
		pass(3 * time.Second)
		if n := book.unsettled(); n != 0 {
			t.Fatalf("%d were not told", n)
		}
		if n := len(together); n > 150 {
			t.Errorf("%d outcomes were written at %d times", devices, n)
		}
		st.stop(t)
	})
}

func TestFewOutcomesAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		var at time.Duration
		book.settle = func(uint64, *push.Plan, push.Outcome, bool) error { at = time.Since(far.began); return nil }
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Second)
		if sent := far.log()[0].at; at != sent {
			t.Errorf("sent after %v, written after %v", sent, at)
		}
		st.stop(t)
	})
}

// slowDisk is a book that takes its time to write.
type slowDisk struct {
	*shelf
	delay time.Duration
}

func (b slowDisk) Settle(ctx context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	<-time.After(b.delay)
	return b.shelf.Settle(ctx, id, p, o, again)
}

// A disk that is slow holds up no notification, until as many wait for it as may.
func TestSlowDiskHoldsUpFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const devices = 4000
		book, far := newShelf(), newService()
		book.register(devices, push.APNs, "mail")
		n := push.NewNotifier(push.NotifierConfig{Hub: push.NewHub(), Book: slowDisk{book, time.Minute}, Senders: apns(far)})
		for id := range uint64(devices) {
			book.commit(id + 1)
			n.Follow(book.subscription(id + 1))
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		pass(30 * time.Second)
		if sent := len(far.log()); sent < 1000 || sent > 1600 {
			t.Errorf("%d were sent while nothing was written", sent)
		}
		pass(10 * time.Minute)
		if left := book.unsettled(); left != 0 || len(far.log()) != devices {
			t.Errorf("%d were sent, %d are behind", len(far.log()), left)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
