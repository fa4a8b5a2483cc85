package announce

import (
	"testing"

	"martlet/push"
)

// Who asks for a test wants to see it, whatever else the device hears of by
// itself.
func TestATestIsSentToADeviceThatHoldsARequest(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.held["phone"] = true
	h.deliver(letter{})
	h.must(h.book.Test(h.ctx(), h.alice, id))
	h.says(id, "[alert high | Test |  | This device is woken when there is mail. | 1]")
	h.nothing(id)
}

// A plan that had nothing to say knows nothing of a test that was asked for
// while it was made.
func TestATestThatIsAskedForDuringAPlanIsSent(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.held["phone"] = true
	h.deliver(letter{})
	p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now})
	h.must(err)
	if p.Notification != nil || p.Mark == 0 {
		t.Fatalf("%+v", p)
	}
	h.must(h.book.Test(h.ctx(), h.alice, id))
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{}, false))
	h.says(id, "[alert high | Test |  | This device is woken when there is mail. | 1]")
}
