package announce

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// service is the far side: it shows what it accepts, and has its moods.
type service struct {
	mu     sync.Mutex
	r      *rand.Rand
	moody  bool
	badge  int
	screen map[string]*push.Notification
	ids    map[string]string // of each notification accepted, its collapse id
	alerts int
}

// Send implements push.Sender.
func (s *service) Send(_ context.Context, _ push.Target, n *push.Notification) push.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	mood := 0
	if s.moody {
		mood = s.r.IntN(6)
	}
	if mood == 1 {
		return push.Outcome{Result: push.Retry, Reason: "busy", After: time.Millisecond}
	}
	if n.Unread != nil {
		s.badge = *n.Unread
	}
	switch {
	case n.Withdrawn:
		delete(s.screen, n.Collapse)
	case n.Mode == push.Alert:
		s.screen[n.Collapse] = n
		s.alerts++
	}
	s.ids[n.ID] = n.Collapse
	if mood == 2 { // it was shown, and the answer is lost
		return push.Outcome{Result: push.Retry, Reason: "connection reset", After: time.Millisecond}
	}
	return push.Outcome{Result: push.Accepted, Status: 200}
}

// TestTheNotifierTellsWhatIsNew has the real notifier follow a mailbox while
// things happen, through failures and restarts.
func TestTheNotifierTellsWhatIsNew(t *testing.T) {
	h := newHouse(t)
	r := rand.New(rand.NewPCG(7, 7))
	s := &service{r: rand.New(rand.NewPCG(1, 2)), moody: true, screen: map[string]*push.Notification{}, ids: map[string]string{}}
	id := h.phone().ID
	var items []mail.Item
	seen := map[mail.ItemID]bool{}
	round := func(steps int) {
		ctx, cancel := context.WithCancel(t.Context())
		n := push.NewNotifier(push.NotifierConfig{
			Hub: h.hub, Book: h.book, Senders: map[push.Kind]push.Sender{push.APNs: s},
			Limits: push.Limits{Gather: time.Microsecond, Interval: time.Millisecond, Backoff: time.Millisecond, Drain: time.Millisecond},
		})
		h.book.Tell(n.Follow, n.Forget)
		ended := make(chan error)
		go func() { ended <- n.Run(ctx) }()
		for range steps {
			if r.IntN(3) > 0 || len(items) == 0 {
				items = append(items, h.deliver(letter{at: time.Now()}))
			} else {
				it := items[r.IntN(len(items))]
				h.see(it)
				seen[it.ID] = true
			}
		}
		if steps == 0 {
			for deadline := time.Now().Add(30 * time.Second); len(h.behind()) > 0; runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Error("there is no end of it")
					break
				}
			}
		}
		cancel()
		h.must(<-ended)
		h.reopenBook()
	}
	for range 6 {
		round(6)
	}
	s.mu.Lock()
	s.moody = false
	s.mu.Unlock()
	round(0)

	var st state
	h.must(h.store.View(h.ctx(), func(tx *store.Tx) (err error) {
		st, err = h.book.state(tx, id)
		return err
	}))
	unread := 0
	reg, err := h.book.Load(h.ctx(), 0, id)
	h.must(err)
	shown := map[string]bool{}
	for _, e := range st.Told {
		shown[reg.collapse(e.slot())] = true
	}
	for _, it := range items {
		if seen[it.ID] {
			continue
		}
		unread++
		told := 0
		for _, e := range st.Told {
			if e.Item == it.ID {
				told++
			}
		}
		if told != 1 {
			t.Errorf("message %d stands %d times among what was told", it.ID, told)
		}
	}
	if s.badge != unread {
		t.Errorf("the badge is %d, and %d are unread", s.badge, unread)
	}
	for collapse := range s.screen {
		if !shown[collapse] {
			t.Errorf("%s is on the screen for nothing", collapse)
		}
	}
	for collapse := range shown {
		if s.screen[collapse] == nil {
			t.Errorf("%s is not on the screen", collapse)
		}
	}
	if s.alerts == 0 || len(st.Waiting) != 0 {
		t.Errorf("%d alerts, %d wait", s.alerts, len(st.Waiting))
	}
}
