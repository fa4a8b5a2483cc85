package registration

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/mail/announce"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// service is the far side: it says what the test wants.
type service func(context.Context) push.Outcome

func (s service) Send(ctx context.Context, _ push.Target, _ *push.Notification) push.Outcome {
	return s(ctx)
}

// told is the book as the notifier has it.
type told struct {
	*announce.Book
	h *Handler
}

func (b told) Settle(ctx context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	err := b.Book.Settle(ctx, id, p, o, again)
	b.h.Settled(id)
	return err
}

// waking runs a notifier between the house and a service.
func (h *house) waking(s service) {
	n := push.NewNotifier(push.NotifierConfig{Hub: push.NewHub(), Book: told{h.c.Book, h.handler}, Senders: map[push.Kind]push.Sender{push.APNs: s}, Limits: push.Limits{Drain: time.Millisecond}})
	h.c.Book.Tell(n.Follow, n.Forget)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && ctx.Err() == nil {
			h.t.Error(err)
		}
	})
}

func TestATestSaysWhatTheServiceSays(t *testing.T) {
	for name, one := range map[string]struct {
		says   push.Outcome
		result string
		after  int // the status of a second test
	}{
		"accepted":  {push.Outcome{Result: push.Accepted, Status: 200}, "accepted", http.StatusOK},
		"refused":   {push.Outcome{Result: push.Refused, Status: 400, Reason: "PayloadEmpty"}, "refused", http.StatusOK},
		"gone":      {push.Outcome{Result: push.Gone, Status: 410, Reason: "Unregistered"}, "gone", http.StatusConflict},
		"bad token": {push.Outcome{Result: push.BadTarget, Status: 400, Reason: "BadDeviceToken"}, "bad_target", http.StatusConflict},
		"bad key":   {push.Outcome{Result: push.BadApp, Status: 403, Reason: "InvalidProviderToken"}, "bad_app", 0},
		"gone away": {push.Outcome{Result: push.Retry, Reason: "connection refused"}, "retry", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			h.waking(func(context.Context) push.Outcome { return one.says })
			path := h.register(apns)
			a := h.want(http.StatusOK, "POST", path+"/test", "")
			if a.text("result") != one.result || a.text("reason") != one.says.Reason || a.tree["ms"] == nil {
				t.Errorf("%s", a.raw)
			}
			if all := h.want(http.StatusOK, "GET", path+"/outcomes", ""); !strings.Contains(string(all.raw), `"result":"`+one.result+`"`) {
				t.Errorf("%s", all.raw)
			}
			if one.after == http.StatusConflict {
				if lost := h.want(one.after, "POST", path+"/test", ""); lost.text("code") != codeLost {
					t.Errorf("%s", lost.raw)
				}
				if r := h.want(http.StatusOK, "GET", path, ""); r.text("lost") != one.says.Reason {
					t.Errorf("%s", r.raw)
				}
				h.want(http.StatusOK, "POST", "/registrations", strings.Replace(apns, token, token2, 1))
				if r := h.want(http.StatusOK, "GET", path, ""); r.text("lost") != "" {
					t.Errorf("registered anew: %s", r.raw)
				}
			}
		})
	}
}

// Nobody waits for a test that is not sent, and is left to guess why.
func TestATestThatIsNotSentSaysWhy(t *testing.T) {
	h := newHouse(t, nil)
	path := h.register(apns)
	devices, id := device.New(device.Config{Store: h.c.Store}), device.ID{Account: h.accounts[robin].ID, Device: "IPHONE1"}
	access := func(a device.Access) {
		h.must(h.c.Store.Update(t.Context(), func(tx *store.Tx) error { return devices.Save(tx, device.Device{ID: id, Access: a}) }))
	}
	access(device.AccessBlocked)
	if a := h.want(http.StatusForbidden, "POST", path+"/test", ""); a.text("code") != codeForbidden {
		t.Errorf("blocked: %s", a.raw)
	}
	access(device.AccessAllowed)
	h.must(h.people.SetPassword(t.Context(), id.Account, "another nest"))
	if a := h.want(http.StatusConflict, "POST", path+"/test", ""); a.text("code") != codeLost {
		t.Errorf("another password: %s", a.raw)
	}
}

// A service that is slow keeps nobody waiting.
func TestATestAnswersWithinABound(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.TestPatience = 50 * time.Millisecond })
	h.waking(func(ctx context.Context) push.Outcome {
		<-ctx.Done()
		return push.Outcome{Result: push.Retry, Reason: "timeout"}
	})
	path := h.register(apns)
	if a := h.want(http.StatusAccepted, "POST", path+"/test", ""); a.text("result") != Pending {
		t.Errorf("%s", a.raw)
	}
	for range testBurst {
		if a := h.do("POST", path+"/test", ""); a.StatusCode == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" {
			return
		}
	}
	t.Error("there is no end to tests")
}
