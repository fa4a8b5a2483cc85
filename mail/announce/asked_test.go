package announce

import (
	"fmt"
	"strings"
	"testing"

	"martlet/directory"
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

// mayNotSync has Alice's phones shut out, and let in again.
func (h *house) mayNotSync(shut bool) {
	h.Helper()
	file, err := directory.ParseFile(strings.NewReader(fmt.Sprintf("[[user]]\nlogin = \"alice@example.org\"\nactive_sync = %v\n", !shut)), "people.toml")
	h.must(err)
	_, err = h.directory.Apply(h.ctx(), file, false)
	h.must(err)
}
