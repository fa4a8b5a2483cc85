package push_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

func TestFollowedLaterIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		sub := book.add(push.Subscription{ID: 1, Mailbox: 9, Folders: push.AllFolders, Kind: push.APNs, App: "mail"})
		st.change(9) // after the registration was written, before it is followed
		st.Follow(sub)
		pass(time.Second)
		if n := len(far.log()); n != 1 {
			t.Errorf("%d notifications, want that of the change in between", n)
		}
		pass(time.Minute)
		st.change(9)
		pass(time.Second)
		if n := len(far.log()); n != 2 {
			t.Errorf("%d notifications, want 2", n)
		}
		st.stop(t)
	})
}

func TestForgottenIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		book.register(4, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far), Limits: push.Limits{InFlight: 1}})
		st.change(3) // under way
		pass(100 * time.Millisecond)
		st.change(2) // queued
		pass(100 * time.Millisecond)
		st.change(1) // waits for others of its burst
		for id := range uint64(3) {
			st.Forget(id + 1)
			st.Forget(id + 1)
		}
		st.Forget(77)
		st.change(4)
		pass(time.Minute)
		told := map[string]bool{}
		for _, m := range far.log() {
			told[m.token] = true
		}
		if told["token1"] || told["token2"] || !told["token4"] {
			t.Errorf("told: %v", told)
		}
		if s := st.Stats(); s.Subscriptions != 1 || s.Waiting != 0 || s.Due != 0 || st.hub.Waiting() != 1 {
			t.Errorf("left: %+v, %d in the hub", s, st.hub.Waiting())
		}
		st.stop(t)
	})
}

// A new token while the old one is being tried, in every state.
func TestFollowedAnewIsTriedAtOnce(t *testing.T) {
	for name, before := range map[string]time.Duration{"under way": 500 * time.Millisecond, "in a back-off": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far := newShelf(), newService()
				far.delay = time.Second
				far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
					if to.Token == "token1" {
						return push.Outcome{Result: push.Retry, Status: 429, After: time.Hour}
					}
					return push.Outcome{Result: push.Accepted, Status: 200}
				}
				book.register(1, push.APNs, "mail")
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				st.change(1)
				pass(before)
				book.mu.Lock()
				e := book.entries[1]
				e.token, e.sub.App = "new", "other"
				sub := e.sub
				book.mu.Unlock()
				st.Follow(sub)
				pass(3 * time.Second)
				if got := far.accepted(); len(got) != 1 || got[0].token != "new" {
					t.Errorf("accepted %v", got)
				}
				if lanes := st.Stats().Lanes; len(lanes) != 1 || lanes[0].App != "other" {
					t.Errorf("lanes: %+v", lanes)
				}
				st.stop(t)
			})
		})
	}
}

// Whoever waits in the queue of an app that is refused need not stay there.
func TestFollowedAnewLeavesTheQueueOfARefusedApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
			if to.App == "mail" {
				return push.Outcome{Result: push.BadApp, Status: 403}
			}
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(20, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(20) {
			st.change(box + 1)
		}
		pass(time.Second)
		book.mu.Lock()
		e := book.entries[7]
		e.sub.App = "other"
		sub := e.sub
		book.mu.Unlock()
		st.Follow(sub)
		pass(time.Second)
		if got := far.accepted(); len(got) != 1 || got[0].token != "token7" {
			t.Errorf("accepted %v", got)
		}
		st.stop(t)
	})
}

func TestForgottenAndFollowedWhileUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(500 * time.Millisecond)
		sub := book.subscription(1)
		st.Forget(1)
		st.Follow(sub)
		st.Follow(sub)
		st.Forget(1)
		st.Follow(sub)
		pass(time.Minute)
		st.change(1)
		pass(time.Minute)
		if n := len(far.log()); n != 2 {
			t.Errorf("%d notifications for two changes", n)
		}
		st.Forget(1)
		if s := st.Stats(); s.Subscriptions != 0 || len(s.Lanes) != 0 {
			t.Errorf("left: %+v", s)
		}
		st.stop(t)
	})
}

func TestFollowedAndForgottenWhileUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(500 * time.Millisecond)
		st.Follow(book.subscription(1))
		st.Forget(1)
		st.change(1)
		pass(time.Minute)
		if s := st.Stats(); len(far.log()) != 1 || s.Plans != 1 || s.Subscriptions != 0 || s.Waiting != 0 {
			t.Errorf("%d notifications; left: %+v", len(far.log()), s)
		}
		st.stop(t)
	})
}

// Nothing is left of what was found out about the target before.
func TestFollowedAnewBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.delay = time.Second
		far.answer = answers(push.Outcome{Result: push.TooLarge}, lost)
		var asked []bool
		book.plan = func(_ uint64, ask push.Ask, _ *push.Plan) error { asked = append(asked, ask.Smaller); return nil }
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(1500 * time.Millisecond)
		st.Follow(book.subscription(1))
		pass(time.Minute)
		if want := []bool{false, true, false}; !slices.Equal(asked, want) {
			t.Errorf("asked for smaller plans %v, want %v", asked, want)
		}
		st.stop(t)
	})
}

func TestFollowedDuringTheStartIsNewerThanTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far, hub := newShelf(), newService(), push.NewHub()
		book.register(3, push.APNs, "mail")
		n := make(chan *push.Notifier, 1)
		book.listed = func(pass int, id uint64) {
			if pass == 1 && id == 2 {
				(<-n).Follow(book.add(push.Subscription{ID: 2, Mailbox: 50, Folders: push.AllFolders, Kind: push.FCM, App: "new"}))
			}
		}
		st := play(t, book, push.NotifierConfig{Hub: hub, Senders: map[push.Kind]push.Sender{push.APNs: far, push.FCM: far}})
		n <- st.Notifier
		pass(time.Minute)
		st.change(50)
		pass(time.Second)
		if got := far.log(); len(got) != 1 || got[0].app != "new" || hub.Waiting() != 3 {
			t.Errorf("sent %v; %d wait in the hub, want 3", got, hub.Waiting())
		}
		st.stop(t)
	})
}

// Devices come, change and go while mail arrives, services fail and the server
// is started anew; in the end everyone who is there has been told of everything.
func TestEveryoneIsToldInTheEnd(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stir(t, seed) })
		})
	}
}

func stir(t *testing.T, seed uint64) {
	const devices, boxes = 60, 12
	book, far, hub := newShelf(), newService(), push.NewHub()
	var mu sync.Mutex
	calm, rnd := false, rand.New(rand.NewPCG(seed, 1))
	pick := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rnd.IntN(n)
	}
	troubles := []push.Outcome{lost, lost, {Result: push.Retry, Status: 503, Wide: true}, {Result: push.TooLarge},
		{Result: push.BadApp}, {Result: push.Retry, Status: 429, After: time.Second}}
	far.delay = 30 * time.Millisecond
	far.answer = func(push.Target, *push.Notification) push.Outcome {
		k := pick(len(troubles) * 4)
		mu.Lock()
		defer mu.Unlock()
		if calm || k >= len(troubles) {
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		return troubles[k]
	}
	book.settle = func(uint64, *push.Plan, push.Outcome, bool) error {
		mu.Lock()
		defer mu.Unlock()
		if !calm && rnd.IntN(10) == 0 {
			return errDisk
		}
		return nil
	}
	subscription := func(id int) push.Subscription {
		return push.Subscription{ID: uint64(id), Mailbox: uint64(pick(boxes)), Folders: push.FoldersOf(5, uint32(pick(9))),
			Kind: push.Kind(1 + pick(3)), App: fmt.Sprint("app", pick(3))}
	}
	senders := map[push.Kind]push.Sender{push.APNs: far, push.FCM: far, push.WebPush: far}
	c := push.NotifierConfig{Hub: hub, Senders: senders, Limits: push.Limits{Interval: 500 * time.Millisecond,
		Probe: 5 * time.Second, InFlight: 4, KindInFlight: 6}}
	st := play(t, book, c)
	for range 3 {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 150 {
					switch id := 1 + pick(devices); pick(5) {
					case 0:
						sub := subscription(id)
						st.Follow(book.add(sub))
						if pick(3) == 0 {
							st.change(sub.Mailbox)
						}
					case 1:
						if pick(3) == 0 {
							book.remove(uint64(id))
							st.Forget(uint64(id))
						}
					default:
						st.change(uint64(pick(boxes)))
					}
					<-time.After(time.Duration(pick(50)) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		st.stop(t)
		st = play(t, book, c)
	}
	mu.Lock()
	calm = true
	mu.Unlock()
	pass(time.Hour)
	if n := book.unsettled(); n != 0 {
		t.Errorf("%d devices were never told", n)
	}
	book.mu.Lock()
	n := len(book.entries)
	book.mu.Unlock()
	if s := st.Stats(); s.Subscriptions != n || s.Due+s.InFlight+s.Writing != 0 || hub.Waiting() != n {
		t.Errorf("%d devices; stats %+v; %d in the hub", n, s, hub.Waiting())
	}
	st.stop(t)
}
