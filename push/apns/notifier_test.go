package apns_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
)

// ledger is a book of devices that are told of each change of their mailbox
// once.
type ledger struct {
	mu      sync.Mutex
	tokens  map[uint64]string
	log     map[uint64]uint64
	marks   map[uint64]uint64
	results map[push.Result]int
	calm    chan struct{} // closed when nobody is behind; made by change
}

func newLedger(service *pushtest.APNs, devices uint64) *ledger {
	l := &ledger{tokens: map[uint64]string{}, log: map[uint64]uint64{}, marks: map[uint64]uint64{}, results: map[push.Result]int{}}
	for id := range devices {
		l.tokens[id] = service.Install(topic)
	}
	return l
}

// change has news for everyone, and tells when they all have it.
func (l *ledger) change(hub *push.Hub) <-chan struct{} {
	l.mu.Lock()
	ids := slices.Sorted(maps.Keys(l.tokens))
	l.calm = make(chan struct{})
	calm := l.calm
	for _, id := range ids {
		l.log[id]++
	}
	l.mu.Unlock()
	for _, id := range ids {
		hub.Publish(id, 5)
	}
	return calm
}

func (l *ledger) Subscriptions(context.Context) iter.Seq2[push.Subscription, error] {
	return func(yield func(push.Subscription, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(l.tokens)) {
			if !yield(push.Subscription{ID: id, Mailbox: id, Folders: push.AllFolders, Kind: push.APNs, App: "mail"}, nil) {
				return
			}
		}
	}
}

func (l *ledger) Plan(_ context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	token, ok := l.tokens[id]
	if !ok {
		return push.Plan{}, push.ErrForgotten
	}
	p := push.Plan{Target: push.Target{Kind: push.APNs, App: "mail", Token: token}, Mark: l.log[id]}
	if l.log[id] > l.marks[id] {
		p.Notification = &push.Notification{Collapse: "bmV3cw", Mode: push.Alert, High: true, Title: "news", Expires: ask.Now.Add(time.Hour)}
	} else {
		p.Mark = 0
	}
	return p, nil
}

func (l *ledger) Settle(_ context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results[o.Result]++
	if again {
		return nil
	}
	l.marks[id] = p.Mark
	if o.Result == push.Gone {
		delete(l.tokens, id)
	}
	for id := range l.tokens {
		if l.log[id] > l.marks[id] {
			return nil
		}
	}
	close(l.calm)
	return nil
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !so() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// newNotifier runs a notifier over a ledger until the test ends.
func newNotifier(t *testing.T, r *rig, l *ledger) (*push.Hub, *push.Notifier) {
	hub := push.NewHub()
	n := push.NewNotifier(push.NotifierConfig{Hub: hub, Book: l, Senders: map[push.Kind]push.Sender{push.APNs: r.sender},
		Limits: push.Limits{Gather: time.Nanosecond, Interval: time.Nanosecond, Backoff: 200 * time.Millisecond, Rest: 200 * time.Millisecond, Probe: time.Second}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	await(t, "everyone is followed", func() bool { return hub.Waiting() == len(l.tokens) })
	return hub, n
}

// Whatever the service does, everyone is told in the end, and what is shown is
// there once: a notification that may have arrived is sent again under the same
// names.
func TestEveryDeviceIsToldWhateverTheServiceDoes(t *testing.T) {
	const devices = 40
	times := func(n int, a pushtest.Answer) func(*pushtest.APNs) {
		return func(s *pushtest.APNs) { s.Script(slices.Repeat([]pushtest.Answer{a}, n)...) }
	}
	for name, fail := range map[string]func(*pushtest.APNs){
		"resets":             times(3, pushtest.Answer{Fault: pushtest.HangUp}), // each with all that is under way
		"resets streams":     times(9, pushtest.Answer{Fault: pushtest.ResetStream}),
		"answers garbage":    times(3, pushtest.Answer{Fault: pushtest.Garbage}),
		"is slow":            times(9, pushtest.Answer{Delay: 300 * time.Millisecond}),
		"has enough":         times(9, pushtest.Answer{Status: 429, Reason: "TooManyRequests", RetryAfter: "1"}),
		"has no room":        times(9, pushtest.Answer{Status: 503, Reason: "ServiceUnavailable", RetryAfter: "1"}),
		"refuses the key":    times(9, pushtest.Answer{Status: 403, Reason: "InvalidProviderToken"}),
		"is another service": times(9, pushtest.Answer{Status: 202, Body: []byte("<html>")}),
		"is not there":       func(s *pushtest.APNs) { s.Down() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *apns.Config) { c.Timeout = time.Second })
			book := newLedger(r.service, devices)
			hub, n := newNotifier(t, r, book)
			<-book.change(hub)
			fail(r.service)
			calm := book.change(hub)
			if name == "is not there" {
				await(t, "the lane rests", func() bool { return n.Stats().Lanes[0].State == push.LaneResting })
				if err := r.service.Up(); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-calm:
			case <-time.After(time.Minute):
				t.Fatalf("not everyone was told within a minute; %v; %+v", book.results, n.Stats().Lanes)
			}
			for id, token := range book.tokens {
				if got := r.service.Shown(token); len(got) != 1 {
					t.Errorf("device %d shows %d notifications, want one", id, len(got))
				}
			}
			t.Logf("outcomes: %v", book.results)
		})
	}
}
