package push_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

func apns(s push.Sender) map[push.Kind]push.Sender { return map[push.Kind]push.Sender{push.APNs: s} }

func TestFirstChangeGoesAtOnceAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(2, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for range 10 {
			st.change(1)
		}
		pass(25 * time.Millisecond)
		if got := far.log(); len(got) != 1 || got[0].token != "token1" {
			t.Fatalf("sent %v, want one notification to the device of mailbox 1", got)
		}
		pass(time.Hour)
		if got := far.log(); len(got) != 1 {
			t.Errorf("sent %d notifications for one burst, want 1", len(got))
		}
		st.stop(t)
	})
}

// Two messages that come together are told together, and not the second one an
// interval later.
func TestChangesThatComeTogetherAreToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{Gather: 20 * time.Millisecond}})
		for range 3 {
			st.change(1)
			pass(5 * time.Millisecond)
		}
		pass(time.Minute)
		if n := len(far.log()); n != 1 || book.unsettled() != 0 {
			t.Errorf("%d notifications, %d devices behind", n, book.unsettled())
		}
		st.stop(t)
	})
}

func TestBurstIsCoalescedAndTheLastStateGetsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{Interval: 5 * time.Second}})
		for range 600 { // a minute
			st.change(1)
			pass(100 * time.Millisecond)
		}
		pass(5 * time.Second)
		got := far.log()
		if len(got) < 12 || len(got) > 14 {
			t.Errorf("%d notifications in a minute's burst, want one for each 5 s", len(got))
		}
		for i := 1; i < len(got); i++ {
			if d := got[i].at - got[i-1].at; d < 5*time.Second {
				t.Errorf("notification %d came %v after the one before", i, d)
			}
		}
		if n := book.unsettled(); n != 0 {
			t.Error("the last change was not told")
		}
		st.stop(t)
	})
}

// What changes while a notification is under way is not in it.
func TestChangeWhileOneIsUnderWayIsToldAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(500 * time.Millisecond)
		st.change(1)
		pass(time.Minute)
		if n := len(far.log()); n != 2 || book.unsettled() != 0 {
			t.Errorf("%d notifications, %d devices behind", n, book.unsettled())
		}
		st.stop(t)
	})
}

// The wake of a change between reading the list and watching the hub reaches
// nobody.
func TestChangeDuringTheStartIsFound(t *testing.T) {
	for pass1 := 1; pass1 <= 2; pass1++ {
		synctest.Test(t, func(t *testing.T) {
			book, far, hub := newShelf(), newService(), push.NewHub()
			book.register(3, push.APNs, "mail")
			book.listed = func(p int, id uint64) {
				if p == pass1 && id == 2 {
					for box := range uint64(3) {
						book.commit(box + 1)
						hub.Publish(box+1, 5)
					}
				}
			}
			st := play(t, book, push.NotifierConfig{Hub: hub, Senders: apns(far)})
			pass(time.Second)
			if n := book.unsettled(); n != 0 {
				t.Errorf("pass %d: %d devices were not told", pass1, n)
			}
			st.stop(t)
		})
	}
}

func TestWhatIsBehindAtTheStartIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(10, push.APNs, "mail")
		for box := uint64(1); box <= 10; box += 2 {
			book.commit(box)
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		pass(time.Second)
		if n := len(far.accepted()); n != 5 || book.unsettled() != 0 {
			t.Errorf("sent %d notifications, want 5; %d devices behind", n, book.unsettled())
		}
		if plans := st.Stats().Plans; plans != 5 {
			t.Errorf("the book was asked %d times for 5 devices behind", plans)
		}
		st.stop(t)
	})
}

// After a start as after an outage those who were behind come slowly, but who
// has nothing to be told costs no turn, and afterwards all goes as fast as ever.
func TestStartWithManyBehindIsSlowOnlyForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(5000, push.APNs, "mail")
		for box := range uint64(5000) {
			book.commit(box + 1)
		}
		book.plan = func(id uint64, _ push.Ask, p *push.Plan) error {
			if id > 100 && p.Mark == 1 {
				p.Notification = nil
			}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		pass(500 * time.Millisecond)
		if n := len(far.log()); n < 20 || n > 30 {
			t.Errorf("%d were sent in half a second, want 50 a second", n)
		}
		pass(2 * time.Second)
		if n := book.unsettled(); n != 0 {
			t.Errorf("%d of 5,000 are behind after 2.5 s", n)
		}
		pass(time.Minute)
		before := len(far.log())
		for box := range uint64(5000) {
			st.change(box + 1)
		}
		pass(time.Second)
		if n := len(far.log()) - before; n != 5000 {
			t.Errorf("%d of 5,000 were sent in the second after", n)
		}
		st.stop(t)
	})
}

func TestRestartInTheMiddleTellsEveryoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = 3 * time.Second
		book.register(100, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{InFlight: 8}})
		for box := range uint64(100) {
			st.change(box + 1)
		}
		for round := 0; book.unsettled() > 0; round++ {
			if round == 50 {
				t.Fatalf("%d devices are never told", book.unsettled())
			}
			pass(4 * time.Second)
			st.stop(t) // what is in flight ends
			st = play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{InFlight: 8}})
		}
		times := map[string]int{}
		for _, m := range far.accepted() {
			times[m.token]++
		}
		for id := range 100 {
			if token := fmt.Sprint("token", id+1); times[token] != 1 {
				t.Errorf("%s was told %d times", token, times[token])
			}
		}
		st.stop(t)
	})
}

func TestEndCutsOffWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Hour
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{Timeout: 2 * time.Hour, Drain: 5 * time.Second}})
		st.change(1)
		pass(time.Second)
		before := time.Now()
		st.stop(t)
		if d := time.Since(before); d != 5*time.Second {
			t.Errorf("the end took %v, want 5s", d)
		}
		if book.unsettled() != 1 {
			t.Error("what was cut off counts as told")
		}
		if st.log.count("level=") != 0 || len(book.entries[1].noted) != 0 {
			t.Errorf("the end of the server counts as a failure of the service: %v", book.entries[1].noted)
		}
	})
}

func TestIdleNotifierDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1000, push.APNs, "mail")
		var looks atomic.Int64
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Clock: func() time.Time { looks.Add(1); return time.Now() }})
		st.change(7)
		pass(time.Minute)
		before := looks.Load()
		pass(24 * time.Hour)
		if n := looks.Load() - before; n != 0 {
			t.Errorf("an idle notifier looked at the clock %d times in a day", n)
		}
		if n := st.Stats().Plans; n != 1 {
			t.Errorf("one change of one mailbox in 1,000 cost %d plans", n)
		}
		st.stop(t)
	})
}

// A user who marks a thousand messages makes nothing to be told, and few looks
// at the log.
func TestChangesWithoutNewsCostFewLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error { p.Notification = nil; return nil }
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for range 1000 {
			st.change(1)
			pass(10 * time.Millisecond)
		}
		if n := st.Stats().Plans; n < 30 || n > 45 {
			t.Errorf("%d plans in ten seconds, want some four a second", n)
		}
		pass(time.Second)
		if book.unsettled() != 0 {
			t.Error("the last look was not settled")
		}
		st.stop(t)
	})
}

func TestMoreFollowsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		left := 4
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error {
			if left == 0 {
				p.Notification, p.Mark = nil, 0
				return nil
			}
			p.Notification.Collapse, p.More = fmt.Sprint("withdraw", left), left > 1
			return nil
		}
		book.settle = func(_ uint64, p *push.Plan, _ push.Outcome, _ bool) error {
			left--
			if left > 0 {
				p.Mark = 0
			}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Second)
		if n := len(far.log()); n != 4 {
			t.Errorf("%d of 4 notifications within a second", n)
		}
		st.stop(t)
	})
}

// A book that always has more is held to the interval.
func TestMoreHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error {
			p.Notification, p.More, p.Mark = &push.Notification{}, true, 0
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(50 * time.Second)
		if n := len(far.log()); n > 11*17 {
			t.Errorf("%d notifications in 50 s", n)
		}
		st.stop(t)
	})
}

func TestEveryNotificationHasAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(3, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(3) {
			st.change(box + 1)
		}
		pass(time.Second)
		var ids []string
		for _, m := range far.log() {
			if len(m.id) != 36 || strings.Count(m.id, "-") != 4 || m.id[14] != '4' {
				t.Errorf("%q is no random UUID", m.id)
			}
			ids = append(ids, m.id)
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 3 {
			t.Errorf("IDs are not distinct: %v", ids)
		}
		st.stop(t)
	})
}
