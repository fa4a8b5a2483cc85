package push_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

// answers gives one outcome after another, then accepts.
func answers(os ...push.Outcome) func(push.Target, *push.Notification) push.Outcome {
	var mu sync.Mutex
	return func(push.Target, *push.Notification) push.Outcome {
		mu.Lock()
		defer mu.Unlock()
		if len(os) == 0 {
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		o := os[0]
		os = os[1:]
		return o
	}
}

var lost = push.Outcome{Result: push.Retry, Reason: "connection lost"}

func TestOutcomesEndWhereTheyShould(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []push.Outcome
		settled []push.Result // the ends that the book wrote down
		noted   int           // what it noted on the way
		tries   int
	}{
		{"accepted", nil, []push.Result{push.Accepted}, 0, 1},
		{"refused", []push.Outcome{{Result: push.Refused, Status: 400}}, []push.Result{push.Refused}, 0, 1},
		{"expired there", []push.Outcome{{Result: push.Expired}}, []push.Result{push.Expired}, 0, 1},
		{"lost, then taken", []push.Outcome{lost, lost}, []push.Result{push.Accepted}, 2, 3},
		{"500, then refused", []push.Outcome{{Result: push.Retry, Status: 500}, {Result: push.Refused}},
			[]push.Result{push.Refused}, 1, 2},
		{"too large, then smaller", []push.Outcome{{Result: push.TooLarge, Status: 413}}, []push.Result{push.Accepted}, 1, 2},
		{"too large twice", []push.Outcome{{Result: push.TooLarge}, {Result: push.TooLarge}}, []push.Result{push.TooLarge}, 1, 2},
		{"gone", []push.Outcome{{Result: push.Gone, Status: 410}}, nil, 0, 1},
		{"bad target", []push.Outcome{{Result: push.BadTarget, Status: 400}}, nil, 0, 1},
		{"no outcome", []push.Outcome{{}, {Result: 99}}, []push.Result{push.Accepted}, 2, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book, far := newShelf(), newService()
				far.answer = answers(c.answers...)
				book.register(1, push.APNs, "mail")
				e := book.entries[1]
				st := play(t, book, push.NotifierConfig{Senders: apns(far)})
				st.change(1)
				pass(time.Hour)
				if got := book.outcomes(1); !slices.Equal(got, c.settled) {
					t.Errorf("settled %v, want %v", got, c.settled)
				}
				book.mu.Lock()
				defer book.mu.Unlock()
				if len(e.noted) != c.noted || len(far.log()) != c.tries {
					t.Errorf("noted %d and tried %d times, want %d and %d", len(e.noted), len(far.log()), c.noted, c.tries)
				}
				if len(book.entries) > 0 && book.logs[1] > e.mark {
					t.Error("the device is still behind")
				}
				st.cancel()
			})
		})
	}
}

func TestTargetThatIsGoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = answers(push.Outcome{Result: push.Gone, Status: 410, Reason: "Unregistered"})
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Second)
		if s := st.Stats(); s.Subscriptions != 0 || len(s.Lanes) != 0 || st.hub.Waiting() != 0 {
			t.Errorf("%+v, %d in the hub; want nothing", s, st.hub.Waiting())
		}
		st.stop(t)
	})
}

// A token that the service knows no more, but that was registered again since.
func TestGoneTargetThatTheBookKeepsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = func(to push.Target, _ *push.Notification) push.Outcome {
			if to.Token == "token1" {
				return push.Outcome{Result: push.Gone, Status: 410}
			}
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(1, push.APNs, "mail")
		book.settle = func(id uint64, p *push.Plan, o push.Outcome, _ bool) error {
			if o.Result == push.Gone {
				book.entries[id].token, p.Mark = "token of today", 0
			}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Second)
		if got := far.accepted(); len(got) != 1 || got[0].token != "token of today" {
			t.Errorf("accepted %v", got)
		}
		st.stop(t)
	})
}

// A book that does not forget what is gone is not asked again and again.
func TestGoneForEverIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = func(push.Target, *push.Notification) push.Outcome { return push.Outcome{Result: push.Gone} }
		book.register(1, push.APNs, "mail")
		book.settle = func(_ uint64, p *push.Plan, _ push.Outcome, _ bool) error {
			p.Target.Token, p.Mark = "another", 0
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Hour)
		if n := len(far.log()); n < 2 || n > 80 {
			t.Errorf("%d attempts in an hour", n)
		}
		st.stop(t)
	})
}

// The service may have taken what was lost on the way: the same ID tells it.
func TestAttemptsKeepTheIDUntilTheyAreSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = answers(lost, lost)
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Minute)
		st.change(1)
		pass(time.Minute)
		got := far.log()
		if len(got) != 4 {
			t.Fatalf("%d attempts, want 3 and 1", len(got))
		}
		if got[0].id != got[1].id || got[1].id != got[2].id {
			t.Errorf("attempts at one notification had the IDs %v", got[:3])
		}
		if got[3].id == got[2].id {
			t.Error("the next notification has the ID of the one before")
		}
		st.stop(t)
	})
}

func TestAttemptThatTellsOfSomethingElseHasAnotherID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = answers(lost)
		collapse := []string{"first", "second"}
		book.plan = func(_ uint64, _ push.Ask, p *push.Plan) error {
			if p.Notification != nil && len(collapse) > 0 {
				p.Notification.Collapse, collapse = collapse[0], collapse[1:]
			}
			return nil
		}
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Minute)
		if got := far.log(); len(got) != 2 || got[0].id == got[1].id {
			t.Errorf("attempts: %v", got)
		}
		st.stop(t)
	})
}

func TestOutcomeThatCouldNotBeWrittenIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(50, push.APNs, "mail")
		full := true
		book.settle = func(uint64, *push.Plan, push.Outcome, bool) error {
			if full {
				return errDisk
			}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		for box := range uint64(50) {
			st.change(box + 1)
		}
		pass(time.Hour)
		book.mu.Lock()
		full = false
		book.mu.Unlock()
		pass(10 * time.Minute)
		if n := len(far.log()); n != 50 {
			t.Errorf("%d notifications for 50 changes", n)
		}
		if book.unsettled() != 0 {
			t.Error("not all were written when the disk had room again")
		}
		if n := st.log.count("not written"); n == 0 || n > 75 {
			t.Errorf("%d lines of log in an hour with a full disk", n)
		}
		st.stop(t)
	})
}

func TestPlanThatFailsIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		book.register(1, push.APNs, "mail")
		fails := 5
		book.plan = func(uint64, push.Ask, *push.Plan) error {
			if fails--; fails >= 0 {
				return errors.New("read error")
			}
			return nil
		}
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(10 * time.Minute)
		if len(far.accepted()) != 1 {
			t.Error("not sent after the book was well again")
		}
		st.stop(t)
	})
}

func TestSenderThatPanicsIsALostAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		var once sync.Once
		far.answer = func(push.Target, *push.Notification) push.Outcome {
			once.Do(func() { panic("garbage") })
			return push.Outcome{Result: push.Accepted, Status: 200}
		}
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Minute)
		if len(far.accepted()) != 1 || st.log.count("panicked") != 1 {
			t.Errorf("accepted %d, logged %d", len(far.accepted()), st.log.count("panicked"))
		}
		st.stop(t)
	})
}

func TestSmallerIsAskedForAfterTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book, far := newShelf(), newService()
		far.answer = answers(push.Outcome{Result: push.TooLarge, Status: 413, Reason: "PayloadTooLarge"})
		var asked []bool
		book.plan = func(_ uint64, ask push.Ask, p *push.Plan) error {
			if p.Notification != nil {
				asked = append(asked, ask.Smaller)
			}
			return nil
		}
		book.register(1, push.APNs, "mail")
		st := play(t, book, push.NotifierConfig{Senders: apns(far)})
		st.change(1)
		pass(time.Minute)
		st.change(1)
		pass(time.Minute)
		if want := []bool{false, true, false}; !slices.Equal(asked, want) {
			t.Errorf("asked for smaller plans %v, want %v", asked, want)
		}
		st.stop(t)
	})
}
