package announce

import (
	"fmt"
	"os"
	"testing"

	"martlet/push"
)

// crash returns the house as it is found after the process was killed now: a
// copy of its files, opened by another.
func (h *house) crash() *house {
	h.Helper()
	after := *h
	after.dir = h.TempDir()
	h.must(os.CopyFS(after.dir, os.DirFS(h.dir)))
	after.open()
	h.Cleanup(after.close)
	return &after
}

// behind lists who is asked for at the start.
func (h *house) behind() (ids []uint64) {
	h.Helper()
	for s, err := range h.book.Subscriptions(h.ctx()) {
		h.must(err)
		if s.Behind {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func TestAfterACrashNothingIsLostAndNothingIsDoubled(t *testing.T) {
	for _, c := range []struct {
		mode         push.Mode
		first, again string
	}{
		{push.Alert, "[alert | Carol | One | Text 1. | 1]", "[alert | Carol | Two | Text 2. | 2]"},
		{push.Badge, "[badge |  |  |  | 1]", "[badge |  |  |  | 2]"},
		{push.Silent, "[silent |  |  | ]", "[silent |  |  | ]"},
	} {
		h := newHouse(t)
		id := h.phone(mode(c.mode)).ID
		if got := h.crash().behind(); len(got) != 0 {
			t.Errorf("%s: behind before anything happened: %v", c.mode, got)
		}
		h.deliver(letter{subject: "One"})

		// Killed before it was sent, or after it was sent and before that was written.
		p := h.plan(id)
		if got := spell([]*push.Notification{p.Notification}); got != c.first {
			t.Fatalf("%s: %s", c.mode, got)
		}
		after := h.crash()
		if got := fmt.Sprint(after.behind()); got != fmt.Sprint([]uint64{id}) {
			t.Errorf("%s: behind %s", c.mode, got)
		}
		if q := after.plan(id); q.Notification.Collapse != p.Notification.Collapse || !q.Notification.Expires.Equal(p.Notification.Expires) && c.mode != push.Badge {
			t.Errorf("%s: it does not take its own place", c.mode)
		}
		after.says(id, c.first)
		after.nothing(id)

		// Killed after it was written.
		h.settle(id, &p, push.Outcome{Result: push.Accepted})
		after = h.crash()
		if got := after.behind(); len(got) != 0 {
			t.Errorf("%s: behind after it was told: %v", c.mode, got)
		}
		after.nothing(id)
		after.deliver(letter{subject: "Two"})
		after.says(id, c.again)
		after.check()
	}
}

func TestAfterACrashWithdrawalsAreStillDue(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{})
	alert := h.only(id)
	h.see(it)
	h.plan(id)
	after := h.crash()
	if len(after.behind()) != 1 {
		t.Error("nobody asks")
	}
	if w := after.only(id); !w.Withdrawn || w.Collapse != alert.Collapse {
		t.Errorf("%s", spell([]*push.Notification{w}))
	}
	after.nothing(id)
}
