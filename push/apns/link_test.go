package apns

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
)

// bubble runs a test with a service and a sender whose hours take a moment.
func bubble(t *testing.T, f func(t *testing.T, b *inBubble)) {
	synctest.Test(t, func(t *testing.T) {
		service, err := pushtest.NewMemoryAPNs()
		if err != nil {
			t.Fatal(err)
		}
		key, err := service.NewKey("TEAM123456", "com.example.mail")
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{
			Apps: []App{{Name: "mail", Topic: "com.example.mail", Key: key.P8, KeyID: key.KeyID, TeamID: key.TeamID}},
			Host: service.HostURL(), Roots: service.Roots(),
		})
		if err != nil {
			t.Fatal(err)
		}
		b := &inBubble{service: service, sender: s, token: service.Install("com.example.mail")}
		s.apps["mail"].place[0].link.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			b.dials.Add(1)
			return service.Dial(ctx, network, address)
		}
		f(t, b)
		s.Close()
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
}

type inBubble struct {
	service *pushtest.APNs
	sender  *Sender
	token   string
	dials   atomic.Int64
}

func (b *inBubble) send(t *testing.T) push.Outcome {
	return b.sender.Send(t.Context(), push.Target{Kind: push.APNs, App: "mail", Token: b.token}, &push.Notification{Mode: push.Silent})
}

func (b *inBubble) accept(t *testing.T) {
	t.Helper()
	if o := b.send(t); o.Result != push.Accepted {
		t.Fatalf("outcome %+v, want it accepted", o)
	}
}

// The service holds tokens to an hour at most, and to 20 minutes at least.
func TestADayOfNotificationsTakesOneConnection(t *testing.T) {
	bubble(t, func(t *testing.T, b *inBubble) {
		for range 24 * 6 {
			b.accept(t)
			time.Sleep(10 * time.Minute)
		}
		if n := b.dials.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

func TestAConnectionOutlivesADayOfSilence(t *testing.T) {
	bubble(t, func(t *testing.T, b *inBubble) {
		b.accept(t)
		time.Sleep(24 * time.Hour)
		b.accept(t)
		if n := b.dials.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

func TestADeadIdleConnectionIsFoundBeforeItIsNeeded(t *testing.T) {
	bubble(t, func(t *testing.T, b *inBubble) {
		b.accept(t)
		b.service.Freeze()
		time.Sleep(pingAfter + pingTimeout + time.Second)
		start := time.Now()
		b.accept(t)
		if d := time.Since(start); d > time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestAnHourWithoutTheServiceIsAnHourOfFewDials(t *testing.T) {
	bubble(t, func(t *testing.T, b *inBubble) {
		b.accept(t)
		if err := b.service.Down(); err != nil {
			t.Fatal(err)
		}
		for range 3600 {
			if o := b.send(t); o.Result != push.Retry || o.Status != 0 {
				t.Fatalf("outcome %+v, want to try again", o)
			}
			time.Sleep(time.Second)
		}
		if n := b.dials.Load(); n > 260 {
			t.Errorf("%d dials in an hour", n)
		}
		if err := b.service.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lastPause)
		b.accept(t)
		// The next trouble begins with a short pause again.
		if err := b.service.Down(); err != nil {
			t.Fatal(err)
		}
		b.send(t)
		b.send(t)
		if err := b.service.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(firstPause)
		b.accept(t)
	})
}

func TestAHangingServiceTakesTheTimeoutAndNoMore(t *testing.T) {
	bubble(t, func(t *testing.T, b *inBubble) {
		b.accept(t)
		b.service.Always(&pushtest.Answer{Fault: pushtest.NoAnswer})
		start := time.Now()
		done := make(chan push.Outcome)
		const n = 1000
		for range n {
			go func() { done <- b.send(t) }()
		}
		for range n {
			if o := <-done; o.Result != push.Retry {
				t.Errorf("outcome %+v, want to try again", o)
			}
		}
		if d := time.Since(start); d != defaultTimeout {
			t.Errorf("it took %v, want %v", d, defaultTimeout)
		}
	})
}
