package webpush_test

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
	"martlet/push/webpush"
)

// book is of devices that are to be told one thing each.
type book struct {
	mu      sync.Mutex
	devices map[uint64]*pushtest.WebPushSubscription
	told    map[uint64]push.Result // the last outcome of what is settled
	changed chan struct{}          // closed when told has more
}

func newBook(devices ...*pushtest.WebPushSubscription) *book {
	b := &book{devices: map[uint64]*pushtest.WebPushSubscription{}, told: map[uint64]push.Result{}, changed: make(chan struct{})}
	for i, s := range devices {
		b.devices[uint64(i)] = s
	}
	return b
}

func (b *book) Subscriptions(context.Context) iter.Seq2[push.Subscription, error] {
	return func(yield func(push.Subscription, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(b.devices)) {
			u, err := url.Parse(b.devices[id].Endpoint)
			s := push.Subscription{ID: id, Mailbox: id, Folders: push.AllFolders, Kind: push.WebPush, App: "mail", Behind: true}
			if err == nil {
				s.Service = u.Host
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

func (b *book) Plan(_ context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r, told := b.told[id]; {
	case r == push.Gone || r == push.BadTarget:
		return push.Plan{}, push.ErrForgotten
	case told:
		return push.Plan{}, nil
	}
	n := alert()
	n.Expires = ask.Now.Add(time.Hour)
	return push.Plan{Target: target(b.devices[id]), Notification: n, Mark: 1}, nil
}

func (b *book) Settle(_ context.Context, id uint64, _ *push.Plan, o push.Outcome, again bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !again {
		b.told[id] = o.Result
		close(b.changed)
		b.changed = make(chan struct{})
	}
	return nil
}

// settled waits until n devices are told, or cannot be.
func (b *book) settled(t *testing.T, n int) map[uint64]push.Result {
	t.Helper()
	for ctx := within(t); ; {
		b.mu.Lock()
		told, changed := maps.Clone(b.told), b.changed
		b.mu.Unlock()
		if len(told) >= n {
			return told
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d of %d devices are settled", len(told), n)
		}
	}
}

func notify(t *testing.T, s *webpush.Sender, b *book) {
	t.Helper()
	n := push.NewNotifier(push.NotifierConfig{
		Hub: push.NewHub(), Book: b, Senders: map[push.Kind]push.Sender{push.WebPush: s},
		Limits: push.Limits{Gather: time.Nanosecond, Interval: time.Nanosecond, Backoff: time.Second, Probe: time.Second},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestEveryDeviceIsToldWhateverTheServiceDoes(t *testing.T) {
	times := func(n int, r pushtest.WebPushRefusal) func(*pushtest.WebPush) {
		return func(w *pushtest.WebPush) { w.Refuse(slices.Repeat([]pushtest.WebPushRefusal{r}, n)...) }
	}
	for name, fail := range map[string]func(*pushtest.WebPush){
		"resets":             times(4, pushtest.WebPushRefusal{Reset: true}),
		"answers garbage":    times(4, pushtest.WebPushRefusal{Garbage: true}),
		"is slow":            times(4, pushtest.WebPushRefusal{Status: 201, Delay: time.Hour}),
		"has enough":         times(2, pushtest.WebPushRefusal{Status: 429, RetryAfter: "1"}),
		"has no room":        times(2, pushtest.WebPushRefusal{Status: 503, RetryAfter: "1"}),
		"is broken":          times(4, pushtest.WebPushRefusal{Status: 500, Endless: true}),
		"refuses the token":  times(4, pushtest.WebPushRefusal{Status: 403, Body: `{"reason":"BadJwtToken"}`}),
		"finds it too large": times(4, pushtest.WebPushRefusal{Status: 413}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) { c.Timeout = time.Second })
			devices := make([]*pushtest.WebPushSubscription, 20)
			for i := range devices {
				devices[i] = r.service.Subscribe(r.key.Public())
			}
			fail(r.service)
			b := newBook(devices...)
			notify(t, r.sender, b)
			for id, result := range b.settled(t, len(devices)) {
				if result != push.Accepted {
					t.Errorf("device %d: %v", id, result)
				}
			}
			for i, s := range devices {
				d, err := s.Wait(within(t))
				var got struct{ Tag, Subject string }
				if err != nil || json.Unmarshal(d.Body, &got) != nil || got.Tag != "item-17" || got.Subject != "Grüße" {
					t.Errorf("device %d: %+v, %v", i, got, err)
				}
			}
		})
	}
}

// The endpoint of one user must not be what the others wait for.
func TestAServiceThatHangsHoldsUpNobodyElse(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	slow, err := pushtest.NewWebPush()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Close)
	slow.RefuseAll(&pushtest.WebPushRefusal{Status: 201, Delay: time.Hour})
	var devices []*pushtest.WebPushSubscription
	for range 200 {
		s := slow.Subscribe("")
		devices = append(devices, s)
	}
	for range 20 {
		devices = append(devices, r.service.Subscribe(r.key.Public()))
	}
	b := newBook(devices...)
	notify(t, r.sender, b)
	for id, result := range b.settled(t, 20) {
		if result != push.Accepted || id < 200 {
			t.Errorf("device %d: %v", id, result)
		}
	}
}

func TestSubscriptionsThatEndedAreForgotten(t *testing.T) {
	r := newRig(t, pushtest.Apple)
	other, err := webpush.GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	gone, foreign, kept := r.service.Subscribe(r.key.Public()), r.service.Subscribe(other.Public()), r.service.Subscribe(r.key.Public())
	gone.Unsubscribe()
	b := newBook(gone, foreign, kept)
	notify(t, r.sender, b)
	want := map[uint64]push.Result{0: push.Gone, 1: push.BadTarget, 2: push.Accepted}
	if got := b.settled(t, 3); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
