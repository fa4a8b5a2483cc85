package push_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

func TestLaterIsAskedAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		morning := time.Now().Add(8 * time.Hour)
		book.plan = quietUntil(morning)
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(7 * time.Hour)
		if n := len(far.log()); n != 0 {
			t.Fatalf("%d notifications in quiet hours", n)
		}
		pass(time.Hour + 10*time.Millisecond)
		if n := len(far.log()); n != 1 {
			t.Errorf("%d notifications after quiet hours, want 1", n)
		}
		if n := st.Stats().Plans; n != 2 {
			t.Errorf("%d plans, want one at the change and one in the morning", n)
		}
		st.stop(t)
	})
}

func quietUntil(morning time.Time) func(uint64, push.Ask, *push.Plan) error {
	return func(_ uint64, ask push.Ask, p *push.Plan) error {
		if p.Notification != nil && ask.Now.Before(morning) {
			p.Notification, p.Mark, p.Later = nil, 0, morning
		}
		return nil
	}
}

func TestLaterFollowsTheClock(t *testing.T) {
	for _, step := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set atomic.Int64
				clock := func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				book, far := newShelf(), newService()
				book.register(20, push.APNs, "mail")
				morning := time.Now().Add(8 * time.Hour)
				book.plan = quietUntil(morning)
				st := play(t, book, push.NotifierConfig{Senders: apns(far), Clock: clock})
				for box := range uint64(20) {
					st.change(box + 1)
				}
				pass(time.Hour)
				set.Store(int64(step))
				until := morning.Sub(clock())
				pass(until - time.Minute)
				if n := len(far.log()); n != 0 {
					t.Errorf("%d notifications a minute before the end of quiet hours", n)
				}
				pass(time.Minute + 5*time.Minute) // nobody says that a clock was set
				if n := len(far.accepted()); n != 20 {
					t.Errorf("%d notifications when quiet hours were over, want 20", n)
				}
				st.stop(t)
			})
		})
	}
}

func TestClockThatJumpsHoldsNoBurstUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set atomic.Int64
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Clock: func() time.Time {
			return time.Now().Add(time.Duration(set.Load()))
		}})
		for i := range 10 {
			set.Store(int64([]time.Duration{0, -1000 * time.Hour, 1000 * time.Hour}[i%3]))
			st.change(1)
			pass(6 * time.Second)
			if n := len(far.log()); n != i+1 {
				t.Fatalf("%d notifications after %d changes", n, i+1)
			}
		}
		st.stop(t)
	})
}

func TestChangeInQuietHoursIsPlannedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		var vip atomic.Bool
		quiet := quietUntil(time.Now().Add(8 * time.Hour))
		book.plan = func(id uint64, ask push.Ask, p *push.Plan) error {
			if vip.Load() {
				return nil
			}
			return quiet(id, ask, p)
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Hour)
		vip.Store(true)
		st.change(1)
		pass(time.Second)
		if n := len(far.log()); n != 1 {
			t.Errorf("%d notifications, want that of the VIP at once", n)
		}
		st.stop(t)
	})
}
