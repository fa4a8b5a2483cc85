package announce

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/push"
)

func TestWhatWasNotSettledIsPlannedAgain(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	p := h.plan(id)
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry, Reason: "slow"}, true))
	h.reopenBook()
	q := h.plan(id)
	if q.Notification == nil || q.Notification.Collapse != p.Notification.Collapse || q.Notification.Title != p.Notification.Title {
		t.Fatalf("%+v", q.Notification)
	}
	h.settle(id, &q, push.Outcome{Result: push.Accepted})
	h.nothing(id)
}

func TestOutcomesThatEndIt(t *testing.T) {
	for _, r := range []push.Result{push.Refused, push.Expired, push.TooLarge, push.Retry} {
		h := newHouse(t)
		id := h.phone().ID
		h.deliver(letter{})
		p := h.plan(id)
		h.settle(id, &p, push.Outcome{Result: r})
		for _, n := range first(h.told(id)) {
			if n.Mode == push.Alert {
				t.Errorf("after %s it is told again: %s", r, spell([]*push.Notification{n}))
			}
		}
	}
}

func TestAnAppThatIsRefusedHearsWhenItIsMended(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: "Kept"})
	p := h.plan(id)
	h.settle(id, &p, push.Outcome{Result: push.BadApp, Reason: "TopicDisallowed"})
	h.says(id, "[alert | Carol | Kept | Text 1. | 1]")
}

func TestAGoneTargetIsForgotten(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name string
		o    push.Outcome
		gone bool
	}{
		{"gone", push.Outcome{Result: push.Gone, Reason: "Unregistered"}, true},
		{"gone since a minute", push.Outcome{Result: push.Gone, Reason: "Unregistered", Since: now.Add(time.Minute)}, true},
		{"gone before it was registered again", push.Outcome{Result: push.Gone, Reason: "Unregistered", Since: now.Add(-time.Hour)}, false},
		{"bad", push.Outcome{Result: push.BadTarget, Reason: "BadDeviceToken"}, true},
		{"bad, without a word", push.Outcome{Result: push.BadTarget}, true},
	} {
		h := newHouse(t)
		var forgot []uint64
		h.book.Tell(func(push.Subscription) {}, func(id uint64) { forgot = append(forgot, id) })
		id := h.phone().ID
		h.deliver(letter{})
		p := h.plan(id)
		h.settle(id, &p, c.o)
		r, err := h.book.Load(h.ctx(), h.alice, id)
		h.must(err)
		if (r.Lost != "") != c.gone || (r.Token == "") != c.gone || (len(forgot) == 1) != c.gone {
			t.Errorf("%s: %+v, forgot %v", c.name, r, forgot)
		}
		_, err = h.book.Plan(h.ctx(), id, push.Ask{Now: h.now})
		if errors.Is(err, push.ErrForgotten) != c.gone {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.gone {
			h.says(id, "[alert | Carol | Subject 1 | Text 1. | 1]")
			continue
		}
		if err := h.book.Test(h.ctx(), h.alice, id); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", c.name, err)
		}
		for s := range h.book.Subscriptions(h.ctx()) {
			t.Errorf("%s: still followed: %+v", c.name, s)
		}
		out, err := h.book.Outcomes(h.ctx(), h.alice, id, 0)
		if err != nil || len(out) != 1 || out[0].Result != c.o.Result || out[0].Reason != c.o.Reason {
			t.Errorf("%s: %+v, %v", c.name, out, err)
		}
		// The app comes back with another target, and begins at the present.
		again := h.phone(func(r *Registration) { r.Token = token(9) })
		if again.ID != id || again.Lost != "" {
			t.Errorf("%s: %+v", c.name, again)
		}
		h.nothing(id)
		h.deliver(letter{subject: "Back"})
		h.says(id, "[alert | Carol | Back | Text 2. | 2]")
	}
}

func TestATargetThatIsReplacedWhileUnderWayIsNotLost(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: "Both"})
	p := h.plan(id)
	h.phone(func(r *Registration) { r.Token = token(1) })
	h.settle(id, &p, push.Outcome{Result: push.Gone})
	if r, err := h.book.Load(h.ctx(), h.alice, id); err != nil || r.Lost != "" || r.Token != token(1) {
		t.Errorf("%+v, %v", r, err)
	}
	h.says(id, "[alert | Carol | Both | Text 1. | 1]")
}

func TestATestIsNotLostWhileSomethingIsUnderWay(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	p := h.plan(id)
	h.must(h.book.Test(h.ctx(), h.alice, id))
	h.settle(id, &p, push.Outcome{Result: push.Accepted})
	if n := h.only(id); n.Title != "Test" {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
}

func TestARegistrationThatIsRemovedWhileUnderWayStaysAway(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	p := h.plan(id)
	h.must(h.book.Remove(h.ctx(), h.alice, id))
	h.settle(id, &p, push.Outcome{Result: push.Accepted})
	if _, err := h.book.Load(h.ctx(), 0, id); !errors.Is(err, ErrNoRegistration) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsTooLargeIsSaidInLess(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: strings.Repeat("long ", 60)})
	p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now, Smaller: true})
	h.must(err)
	if n := p.Notification; n.Body != "" || len(n.Subtitle) > maxSmaller || n.Title != "Carol" {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
}

func TestAnOutageEnds(t *testing.T) {
	h := newHouse(t)
	id := h.phone(mode(push.Badge)).ID
	h.now = time.Now().UTC()
	h.deliver(letter{})
	p := h.plan(id)
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry}, true))
	h.now = h.now.Add(30 * time.Hour)
	q := h.plan(id)
	if d := q.Notification.Expires.Sub(p.Notification.Expires); d > time.Minute {
		t.Errorf("the badge is %v younger than it was", d)
	}
	h.settle(id, &q, push.Outcome{Result: push.Accepted})
	h.deliver(letter{})
	if r := h.plan(id); r.Notification.Expires.Before(h.now.Add(changeLife)) {
		t.Error("the next is as old as that")
	}
}

func TestTheLastThousandOutcomesAreKept(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	p := push.Plan{Note: &note{}}
	total := 2*pageSize*pages + 7
	for i := range total {
		h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry, Status: 503, Reason: fmt.Sprint(i)}, true))
		if n := i + 1; n == 1 || n == pageSize || n == pageSize+1 || n == KeptOutcomes || n == KeptOutcomes+1 || n == total {
			out, err := h.book.Outcomes(h.ctx(), h.alice, id, 0)
			if err != nil || len(out) != min(n, KeptOutcomes) {
				t.Fatalf("after %d: %d, %v", n, len(out), err)
			}
			for back, o := range out {
				if o.Reason != fmt.Sprint(i-back) || o.Status != 503 || !o.Again {
					t.Fatalf("after %d, %d back: %+v", n, back, o)
				}
			}
		}
	}
	if out, err := h.book.Outcomes(h.ctx(), h.alice, id, 3); err != nil || len(out) != 3 || out[0].Reason != fmt.Sprint(total-1) {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := h.book.Outcomes(h.ctx(), h.bob, id, 0); !errors.Is(err, ErrNoRegistration) {
		t.Errorf("another user sees them: %v", err)
	}
	h.must(h.book.Remove(h.ctx(), 0, id)) // and leaves nothing, as the check says
}

func TestAReasonFromOutsideIsBounded(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	p := push.Plan{Note: &note{}}
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry, Status: -1, Reason: strings.Repeat("\xff", 5000)}, true))
	out, err := h.book.Outcomes(h.ctx(), h.alice, id, 0)
	if err != nil || len(out) != 1 || len(out[0].Reason) > maxReason || out[0].Status != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}
