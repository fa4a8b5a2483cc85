package fcm

import (
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
)

// clock can be moved.
type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

func withClock(s *Sender) *clock {
	c := new(clock)
	s.apps["mail"].access.now = c.now
	return c
}

// settled waits until no grant is under way.
func settled(s *Sender) {
	a := s.apps["mail"].access
	a.mu.Lock()
	g := a.grant
	a.mu.Unlock()
	if g != nil {
		<-g.done
	}
}

func TestOneGrantServesAll(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
				t.Errorf("%+v", o)
			}
		})
	}
	all.Wait()
	if n := f.Grants(); n != 1 {
		t.Errorf("%d grants", n)
	}
}

func TestAccessIsRenewedBeforeItEnds(t *testing.T) {
	f, s := service(t)
	c := withClock(s)
	token := f.Register()
	send := func(when string, grants int) {
		t.Helper()
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
			t.Errorf("%s: %+v", when, o)
		}
		settled(s)
		if n := f.Grants(); n != grants {
			t.Errorf("%s: %d grants, want %d", when, n, grants)
		}
	}
	send("at first", 1)
	c.move(45 * time.Minute)
	send("after 45 minutes", 1)
	c.move(6 * time.Minute)
	send("after 51 minutes", 2) // the old one still served
	send("with the new one", 2)
	c.move(2 * time.Hour)
	send("after a quiet night", 3)
}

func TestARenewalThatFailsDisturbsNobody(t *testing.T) {
	f, s := service(t)
	c := withClock(s)
	token := f.Register()
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	c.move(51 * time.Minute)
	f.NextGrant(pushtest.FCMFault{Status: 503})
	for range 3 {
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
			t.Errorf("%+v", o)
		}
		settled(s)
	}
	if n := f.Grants(); n != 1 {
		t.Errorf("%d grants", n)
	}
	c.move(2 * time.Second)
	s.Send(t.Context(), target(token), silent())
	settled(s)
	if n := f.Grants(); n != 2 {
		t.Errorf("%d grants after the pause", n)
	}
}

func TestRevokedAccessIsReplacedAtOnce(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	for range 2 {
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
			t.Errorf("%+v", o)
		}
		f.Revoke()
	}
	if len(f.Deliveries()) != 2 || f.Grants() != 2 {
		t.Errorf("%d deliveries, %d grants", len(f.Deliveries()), f.Grants())
	}
}

func TestAccessThatIsRefusedTwiceIsTheAppsFault(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	f.Next(pushtest.FCMFault{Code: "UNAUTHENTICATED"}, pushtest.FCMFault{Code: "UNAUTHENTICATED"})
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.BadApp || o.Reason != "UNAUTHENTICATED ACCESS_TOKEN_EXPIRED" || o.Status != 401 {
		t.Errorf("%+v", o)
	}
	if f.Requests() != 2 || f.Grants() != 2 {
		t.Errorf("%d requests, %d grants", f.Requests(), f.Grants())
	}
}

func TestEveryRefusedGrantHasItsEnd(t *testing.T) {
	f, s := service(t, func(c *Config) { c.Timeout = 2 * time.Second })
	c := withClock(s)
	token := f.Register()
	for _, row := range []struct {
		name   string
		fault  pushtest.FCMFault
		want   push.Result
		reason string
	}{
		{"the key is gone", pushtest.FCMFault{Code: "invalid_grant"}, push.BadApp, "oauth: invalid_grant"},
		{"the client is gone", pushtest.FCMFault{Code: "invalid_client"}, push.BadApp, "oauth: invalid_client"},
		{"not allowed", pushtest.FCMFault{Code: "unauthorized_client"}, push.BadApp, "oauth: unauthorized_client"},
		{"the scope", pushtest.FCMFault{Code: "invalid_scope"}, push.BadApp, "oauth: invalid_scope"},
		{"a word of tomorrow", pushtest.FCMFault{Code: "confidential"}, push.Retry, "oauth: HTTP 400"},
		{"a proxy's 403", pushtest.FCMFault{Status: 403, Body: "<html>"}, push.Retry, "oauth: HTTP 403"},
		{"too many", pushtest.FCMFault{Status: 429, Body: `{"error":"invalid_grant"}`}, push.Retry, "oauth: HTTP 429"},
		{"500", pushtest.FCMFault{Status: 500, Body: `{"error":"internal_failure"}`}, push.Retry, "oauth: HTTP 500"},
		{"garbage", pushtest.FCMFault{Status: 200, Body: "confidential"}, push.Retry, "oauth: HTTP 200"},
		{"nothing", pushtest.FCMFault{Status: 200, Body: "{}"}, push.Retry, "oauth: HTTP 200"},
		{"a token that no header can carry", pushtest.FCMFault{Status: 200, Body: `{"access_token":"a\r\nb","expires_in":3600}`}, push.Retry, "oauth: HTTP 200"},
		{"a token of another kind", pushtest.FCMFault{Status: 200, Body: `{"access_token":"a","token_type":"mac","expires_in":3600}`}, push.Retry, "oauth: HTTP 200"},
		{"reset", pushtest.FCMFault{Reset: true}, push.Retry, "oauth: connection lost"},
		{"too slow", pushtest.FCMFault{Delay: time.Minute}, push.Retry, "oauth: timeout"},
	} {
		s.apps["mail"].access.drop(s.apps["mail"].access.token)
		c.move(2 * maxPause)
		f.NextGrant(row.fault)
		o := s.Send(t.Context(), target(token), silent())
		if o.Result != row.want || o.Reason != row.reason || o.After != firstPause || o.Wide != (row.want == push.Retry) {
			t.Errorf("%s: %+v", row.name, o)
		}
		settled(s)
		o = s.Send(t.Context(), target(token), silent())
		if o.Result != row.want || o.After < firstPause/2 {
			t.Errorf("%s: while it is not asked again: %+v", row.name, o)
		}
		c.move(2 * maxPause)
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
			t.Errorf("%s: afterwards: %+v", row.name, o)
		}
	}
}

func TestAFailingGrantIsAskedForLessAndLess(t *testing.T) {
	f, s := service(t)
	c := withClock(s)
	token := f.Register()
	f.Disable()
	pauses := []time.Duration{}
	for range 9 {
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.BadApp {
			t.Fatalf("%+v", o)
		}
		o := s.Send(t.Context(), target(token), silent())
		pauses = append(pauses, o.After.Round(time.Second))
		c.move(o.After)
	}
	if pauses[0] != time.Second || pauses[1] != 2*time.Second || pauses[8] != maxPause {
		t.Errorf("pauses: %v", pauses)
	}
}

func TestAShortLivedGrantIsUsed(t *testing.T) {
	f, s := service(t)
	f.GrantFor(20 * time.Second)
	token := f.Register()
	for range 3 {
		if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
			t.Errorf("%+v", o)
		}
	}
	if n := f.Grants(); n != 1 {
		t.Errorf("%d grants", n)
	}
}

func TestARefusedAccountIsNamedWithoutItsKey(t *testing.T) {
	f, s := service(t)
	f.Disable()
	token := f.Register()
	o := s.Send(t.Context(), target(token), silent())
	if o.Result != push.BadApp || o.Reason != "oauth: invalid_grant" {
		t.Errorf("%+v", o)
	}
	for _, secret := range secrets(f, token) {
		if strings.Contains(o.Reason, secret) {
			t.Errorf("%q has a secret in it", o.Reason)
		}
	}
}
