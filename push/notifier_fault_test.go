package push_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

// outage answers nothing until it is over.
type outage struct {
	over atomic.Bool
	as   push.Outcome
}

func (o *outage) answer(push.Target, *push.Notification) push.Outcome {
	if o.over.Load() {
		return push.Outcome{Result: push.Accepted, Status: 200}
	}
	return o.as
}

// byApp is a service whose apps fare differently.
type byApp map[string]push.Sender

func (a byApp) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	return a[t.App].Send(ctx, t, n)
}

// stampede is the first second after the first notification in which there were
// more than a slow beginning allows: 50, twice as many every five seconds.
func stampede(log []sent) (second, n int) {
	if len(log) == 0 {
		return 0, 0
	}
	by := make([]int, 3600)
	for _, m := range log {
		by[(m.at-log[0].at)/time.Second]++
	}
	for second, n = range by {
		if n > (50<<min(second/5, 6))*11/10+10 {
			return second, n
		}
	}
	return 0, 0
}

func TestOutageOfAnHourEndsWithEverythingTold(t *testing.T) {
	const devices = 3000
	for name, as := range map[string]push.Outcome{
		"connection lost": {Result: push.Retry, Reason: "connection lost"},
		"503":             {Result: push.Retry, Status: 503, Reason: "ServiceUnavailable", Wide: true},
		"503, Retry-After": {Result: push.Retry, Status: 503, Reason: "Shutdown", Wide: true,
			After: 5 * time.Minute},
		"500 each":             {Result: push.Retry, Status: 500, Reason: "InternalServerError"},
		"500 each, 15 minutes": {Result: push.Retry, Status: 500, Reason: "InternalServerError", After: 15 * time.Minute},
		"429 each":             {Result: push.Retry, Status: 429, Reason: "TooManyRequests", After: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far, gone := newShelf(), newService(), outage{as: as}
				far.delay, far.answer = 20*time.Millisecond, gone.answer
				book.register(devices, push.APNs, "mail")
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				for box := range uint64(devices) {
					st.change(box + 1)
				}
				pass(time.Hour)
				if n := len(far.log()); n > 500 {
					t.Errorf("%d attempts in an hour without the service", n)
				}
				if st.Stats().Lanes[0].State != push.LaneResting {
					t.Errorf("the lane is %s", st.Stats().Lanes[0].State)
				}
				gone.over.Store(true)
				began := time.Since(far.began)
				pass(20 * time.Minute)
				if n := book.unsettled(); n != 0 {
					t.Errorf("%d devices were not told after the outage", n)
				}
				accepted := far.accepted()
				if len(accepted) != devices {
					t.Errorf("%d notifications for %d devices", len(accepted), devices)
				}
				if second, n := stampede(accepted); n > 0 {
					t.Errorf("%d of %d in second %d: a stampede", n, devices, second)
				}
				last := accepted[len(accepted)-1].at - began
				t.Logf("%d attempts in the hour; all told %v after it",
					len(far.log())-devices, last.Round(time.Second))
				if st.log.count("they wait") != 1 || st.log.count("again") != 1 {
					t.Errorf("logged %d beginnings and %d ends of one outage", st.log.count("they wait"), st.log.count("again"))
				}
				st.stop(t)
			})
		})
	}
}

// Where there are few devices an outage is seen as well.
func TestOutageIsSeenWithFewDevices(t *testing.T) {
	for devices := 1; devices <= 3; devices++ {
		t.Run(fmt.Sprint(devices), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far, gone := newShelf(), newService(), outage{as: lost}
				far.answer = gone.answer
				book.register(devices, push.APNs, "mail")
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				for box := range devices {
					st.change(uint64(box) + 1)
				}
				pass(time.Hour)
				if l := st.Stats().Lanes[0]; l.State != push.LaneResting || l.Reason != lost.Reason {
					t.Errorf("after an hour: %+v", l)
				}
				if n := len(far.log()); n > 400 {
					t.Errorf("%d attempts in an hour", n)
				}
				gone.over.Store(true)
				pass(2 * time.Minute)
				if n := book.unsettled(); n != 0 {
					t.Errorf("%d were not told in two minutes", n)
				}
				if st.log.count("they wait") != 1 || st.log.count("again") != 1 {
					t.Errorf("logged %d beginnings and %d ends", st.log.count("they wait"), st.log.count("again"))
				}
				st.stop(t)
			})
		})
	}
}

// All that were under way when a connection breaks are one misfortune.
func TestLossOfManyAtOnceIsOneRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		var broken atomic.Bool
		far.delay = 50 * time.Millisecond
		far.answer = func(push.Target, *push.Notification) push.Outcome {
			if broken.Load() {
				return lost
			}
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(1000, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(1000) {
			st.change(box + 1)
		}
		pass(300 * time.Millisecond)
		if n := far.highest(); n < 64 {
			t.Fatalf("only %d were under way", n)
		}
		broken.Store(true)
		pass(50 * time.Millisecond)
		if l := st.Stats().Lanes[0]; l.State != push.LaneResting || l.NextTry > 2*time.Second {
			t.Errorf("the lane is %s for %v, want resting for 2 s at most", l.State, l.NextTry)
		}
		broken.Store(false)
		pass(time.Minute)
		if n := book.unsettled(); n != 0 {
			t.Errorf("%d were not told", n)
		}
		st.stop(t)
	})
}

func TestWhatExpiredInAnOutageIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		gone := outage{as: push.Outcome{Result: push.Retry, Reason: "connection refused"}}
		far.answer = gone.answer
		book.register(200, push.APNs, "mail")
		book.life = 30 * time.Minute
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(200) {
			st.change(box + 1)
			if box == 99 {
				pass(20 * time.Minute)
			}
		}
		pass(15 * time.Minute)
		gone.over.Store(true)
		pass(10 * time.Minute)
		expired, accepted := 0, 0
		for id := range uint64(200) {
			switch got := book.outcomes(id + 1); {
			case slices.Equal(got, []push.Result{push.Expired}):
				expired++
			case slices.Equal(got, []push.Result{push.Accepted}):
				accepted++
			default:
				t.Errorf("device %d: %v", id+1, got)
			}
		}
		if expired != 100 || accepted != 100 {
			t.Errorf("%d expired and %d accepted, want 100 of each", expired, accepted)
		}
		st.stop(t)
	})
}

func TestSlowAppDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far, slow := newShelf(), newService(), newService()
		slow.delay = time.Hour // until the notifier gives up
		for id := uint64(1); id <= 600; id += 3 {
			book.add(push.Subscription{ID: id, Mailbox: id, Folders: push.AllFolders, Kind: push.APNs, App: "slow"})
			book.add(push.Subscription{ID: id + 1, Mailbox: id, Folders: push.AllFolders, Kind: push.APNs, App: "fast"})
			book.add(push.Subscription{ID: id + 2, Mailbox: id, Folders: push.AllFolders, Kind: push.FCM, App: "fast"})
		}
		both := byApp{"slow": slow, "fast": far}
		st := play(t, book, push.NotifierConfig{Senders: map[push.Kind]push.Sender{push.APNs: both, push.FCM: both}})
		before := time.Now()
		for id := uint64(1); id <= 600; id += 3 {
			st.change(id)
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("publishing took %v", d)
		}
		pass(time.Second)
		if n := len(far.accepted()); n != 400 {
			t.Errorf("%d of 400 devices of the other apps were told within a second", n)
		}
		pass(10 * time.Minute)
		if slow.highest() > 8 {
			t.Errorf("%d notifications to a service that never answered were in flight", slow.highest())
		}
		st.stop(t)
	})
}

// Hosts of Web Push are many, and whoever registers chooses them.
func TestManySlowHostsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, slow, far := newShelf(), newService(), newService()
		slow.delay = time.Hour
		for id := range uint64(1000) {
			book.add(push.Subscription{ID: id + 1, Mailbox: id + 1, Folders: push.AllFolders, Kind: push.WebPush,
				App: "web", Service: fmt.Sprintf("host%d.example", id/4)})
		}
		book.add(push.Subscription{ID: 2000, Mailbox: 2000, Folders: push.AllFolders, Kind: push.APNs, App: "mail"})
		st := play(t, book, push.NotifierConfig{Limits: push.Limits{KindInFlight: 100},
			Senders: map[push.Kind]push.Sender{push.WebPush: slow, push.APNs: far}})
		for id := range uint64(1000) {
			st.change(id + 1)
		}
		pass(time.Second)
		st.change(2000)
		pass(time.Second)
		if n := len(far.accepted()); n != 1 {
			t.Error("slow hosts of Web Push delayed APNs")
		}
		if slow.highest() != 100 {
			t.Errorf("%d in flight, want the limit of 100", slow.highest())
		}
		pass(20 * time.Minute)
		tried := map[string]bool{}
		for _, m := range slow.log() {
			tried[m.token] = true
		}
		if len(tried) < 1000 {
			t.Errorf("%d of 1,000 devices have had a turn", len(tried))
		}
		st.stop(t)
	})
}

// A device that always fails has a back-off of its own.
func TestOneDeviceThatFailsStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
			if to.Token == "token1" {
				return push.Outcome{Result: push.Retry, Reason: "connection lost"}
			}
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(2, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(2 * time.Hour)
		if n := len(far.log()); n < 100 || n > 400 { // one in half a minute on average
			t.Errorf("%d attempts in two hours", n)
		}
		st.change(2)
		pass(100 * time.Millisecond)
		if len(far.accepted()) != 1 {
			t.Error("the other device was not told at once")
		}
		st.stop(t)
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	for _, wide := range []bool{false, true} {
		t.Run(fmt.Sprintf("wide=%t", wide), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far := newShelf(), newService()
				var asked sync.Once
				far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
					o := push.Outcome{Result: push.Accepted, Status: 200}
					asked.Do(func() {
						o = push.Outcome{Result: push.Retry, Status: 429, After: 10 * time.Minute, Wide: wide}
					})
					return o
				}
				book.register(2, push.APNs, "mail")
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				st.change(1)
				pass(time.Second)
				st.change(2)
				pass(10*time.Minute - 2*time.Second)
				st.change(1) // does not shorten it
				pass(time.Second)
				want := 1 // the other device
				if wide {
					want = 0
				}
				if n := len(far.accepted()); n != want {
					t.Errorf("%d were sent before the time was over, want %d", n, want)
				}
				pass(6 * time.Minute)
				if n := book.unsettled(); n != 0 {
					t.Errorf("%d were not told afterwards", n)
				}
				st.stop(t)
			})
		})
	}
}
