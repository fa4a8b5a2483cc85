package push_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

func TestRefusedAppIsProbedRarelyAndLoggedOnce(t *testing.T) {
	for _, mend := range []string{"probe", "Reopen"} {
		t.Run(mend, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far := newShelf(), newService()
				gone := outage{as: push.Outcome{Result: push.BadApp, Status: 403, Reason: "InvalidProviderToken"}}
				far.answer = gone.answer
				book.register(500, push.APNs, "mail")
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				for box := range uint64(500) {
					st.change(box + 1)
				}
				pass(time.Second)
				at := len(far.log())
				pass(24 * time.Hour)
				if n := len(far.log()) - at; at > 10 || n < 70 || n > 100 {
					t.Errorf("%d attempts at once and %d in a day", at, n)
				}
				if n := st.log.count("push app is refused"); n != 1 {
					t.Errorf("logged %d times", n)
				}
				if l := st.Stats().Lanes[0]; l.State != push.LaneRefused || l.Reason != "InvalidProviderToken" || l.Due != 500 {
					t.Errorf("stats: %+v", l)
				}
				gone.over.Store(true)
				wait := time.Minute
				if mend == "Reopen" {
					st.Reopen(push.APNs, "mail")
				} else {
					wait += 20 * time.Minute
				}
				pass(wait)
				if n := book.unsettled(); n != 0 {
					t.Errorf("%d were not told after the app was mended", n)
				}
				st.stop(t)
			})
		})
	}
}

func TestReplacedSendersAreUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far, mended := newShelf(), newService(), newService()
		far.answer = func(push.Target, *push.Notification) push.Outcome {
			return push.Outcome{Result: push.BadApp, Status: 403}
		}
		book.register(20, push.APNs, "mail")
		for id := range uint64(20) {
			book.add(push.Subscription{ID: 100 + id, Mailbox: id + 1, Folders: push.AllFolders, Kind: push.FCM, App: "new"})
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(20) {
			st.change(box + 1)
		}
		pass(time.Minute)
		st.Replace(map[push.Kind]push.Sender{push.APNs: mended, push.FCM: mended})
		pass(5 * time.Second)
		if n := len(mended.accepted()); n != 40 {
			t.Errorf("%d of 40 devices were told", n)
		}
		st.stop(t)
	})
}

func TestWhatReplacedSendersLoseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, old, fresh := newShelf(), newService(), newService()
		var closed atomic.Bool
		old.delay = time.Second
		old.answer = func(push.Target, *push.Notification) push.Outcome {
			if closed.Load() {
				return lost
			}
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(500, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(old)})
		for box := range uint64(500) {
			st.change(box + 1)
		}
		pass(3500 * time.Millisecond)
		if n := st.Stats().InFlight; n < 30 {
			t.Fatalf("only %d under way", n)
		}
		st.Replace(apns(fresh))
		closed.Store(true)
		pass(10 * time.Second)
		if n := book.unsettled(); n != 0 || len(old.accepted())+len(fresh.accepted()) != 500 {
			t.Errorf("%d are behind; %d and %d were told", n, len(old.accepted()), len(fresh.accepted()))
		}
		if n := st.log.count("level="); n != 0 {
			t.Errorf("%d lines of log, as if the service had failed", n)
		}
		st.stop(t)
	})
}

// One subscription that was made with an older key is refused as if it were the
// app; the others are not.
func TestOneDeviceThatIsRefusedStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
			if to.Token == "token1" {
				return push.Outcome{Result: push.BadApp, Status: 403}
			}
			return push.Outcome{Result: push.Accepted, Status: 201}
		}
		book.register(20, push.WebPush, "web")
		st := play(t, book, push.NotifierConfig{Senders: map[push.Kind]push.Sender{push.WebPush: far}})
		st.change(1)
		for box := range uint64(19) {
			pass(10 * time.Minute)
			st.change(box + 2)
			pass(time.Second)
			if n := len(far.accepted()); n != int(box)+1 {
				t.Fatalf("%d devices were told, want %d", n, box+1)
			}
		}
		if n := len(far.log()) - 19; n < 10 || n > 60 {
			t.Errorf("%d attempts at the one in three hours", n)
		}
		st.stop(t)
	})
}

func TestKindWithoutSenderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := newShelf()
		book.register(1, push.FCM, "mail")
		book.add(push.Subscription{ID: 2, Mailbox: 1, Folders: push.AllFolders, Kind: 77, App: "mail"})
		st := play(t, book, push.NotifierConfig{Senders: apns(newService())})
		st.change(1)
		pass(time.Minute)
		if n := st.log.count("push app is refused"); n != 2 {
			t.Errorf("logged %d times, want once for each kind", n)
		}
		st.stop(t)
	})
}

// Devices that were told to wait for a quarter of an hour do so; the app's other
// devices are tried as soon as the service may be there again.
func TestPauseOfSomeDevicesIsNotTheApps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		gone := outage{as: push.Outcome{Result: push.Retry, Status: 500, After: 15 * time.Minute}}
		far.answer = gone.answer
		book.register(20, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(15) {
			st.change(box + 1)
		}
		pass(time.Second)
		gone.over.Store(true)
		st.change(20)
		pass(time.Minute)
		if book.unsettled() >= 15 || len(book.outcomes(20)) != 1 {
			t.Errorf("%d devices are behind a minute after, the new one with %v", book.unsettled(), book.outcomes(20))
		}
		if n := len(far.accepted()); n > 10 {
			t.Errorf("%d were sent, though most were told to wait", n)
		}
		pass(20 * time.Minute)
		if n := book.unsettled(); n != 0 {
			t.Errorf("%d were not told", n)
		}
		st.stop(t)
	})
}
