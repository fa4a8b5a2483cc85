package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"martlet/push"
	"martlet/push/pushtest"
)

func testKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func must(t *testing.T, p *provider) []string {
	t.Helper()
	h, err := p.authorization()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTokenIsKeptFor50MinutesAndThenRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(testKey(t, elliptic.P256()), "KEY1234567", "TEAM123456", slog.New(slog.DiscardHandler))
		first := must(t, p)
		time.Sleep(50*time.Minute - time.Second)
		if must(t, p)[0] != first[0] {
			t.Error("renewed before its time")
		}
		time.Sleep(time.Second)
		second := must(t, p)
		if second[0] == first[0] {
			t.Error("not renewed after 50 minutes")
		}
		time.Sleep(24 * time.Hour) // nobody sent anything
		if must(t, p)[0] == second[0] {
			t.Error("an expired token was used")
		}
	})
}

func TestExpiredTokenIsRenewedAtOnceByTheFirstWhoHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(testKey(t, elliptic.P256()), "KEY1234567", "TEAM123456", slog.New(slog.DiscardHandler))
		old := must(t, p)
		time.Sleep(5 * time.Minute)
		if after := p.refused(old); after != 15*time.Minute {
			t.Errorf("a token of 5 minutes: wait %v, want 15 minutes", after)
		}
		if must(t, p)[0] != old[0] {
			t.Error("a young token was renewed: Apple would call it one too many")
		}
		time.Sleep(20 * time.Minute)
		if after := p.refused(old); after != atOnce {
			t.Errorf("a token of 25 minutes: wait %v, want none", after)
		}
		fresh := must(t, p)
		if fresh[0] == old[0] {
			t.Error("not renewed")
		}
		// The others of the same burst hear of it too, and must not renew again.
		for range 10 {
			if after := p.refused(old); after != atOnce {
				t.Errorf("wait %v, want none", after)
			}
		}
		if must(t, p)[0] != fresh[0] {
			t.Error("renewed once for each who heard")
		}
	})
}

func TestTokenIsMadeOnceForABurst(t *testing.T) {
	p := newProvider(testKey(t, elliptic.P256()), "KEY1234567", "TEAM123456", slog.New(slog.DiscardHandler))
	got := make([]string, 50)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			if h, err := p.authorization(); err == nil {
				got[i] = h[0]
			}
		})
	}
	wg.Wait()
	for _, h := range got {
		if h == "" || h != got[0] {
			t.Fatalf("tokens differ, or there is none: %q", h)
		}
	}
}

// A machine whose clock is set back must not go on using a token that Apple
// takes for one of the future.
func TestTokenOfTheFutureIsMadeAnew(t *testing.T) {
	p := newProvider(testKey(t, elliptic.P256()), "KEY1234567", "TEAM123456", slog.New(slog.DiscardHandler))
	old := must(t, p)
	p.made = p.made.Add(2 * time.Hour)
	if must(t, p)[0] == old[0] {
		t.Error("not renewed")
	}
	p.made = p.made.Add(30 * time.Hour)
	if w := p.untilNext(); w > tokenPause {
		t.Errorf("wait %v", w)
	}
}

func TestTokenThatCannotBeSignedIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(testKey(t, elliptic.P256()), "KEY1234567", "TEAM123456", slog.New(slog.DiscardHandler))
		good := must(t, p)
		p.key.AuthKey = testKey(t, elliptic.P384()) // ES256 cannot be signed with it
		time.Sleep(55 * time.Minute)
		if h := must(t, p); h[0] != good[0] {
			t.Error("a token that Apple still takes was not used")
		}
		time.Sleep(10 * time.Minute)
		if h, err := p.authorization(); err == nil {
			t.Errorf("no error, but %d headers", len(h))
		}
	})
}

// live is a sender with a service.
func live(t *testing.T) (*pushtest.APNs, *Sender, push.Target) {
	t.Helper()
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	key, err := service.NewKey("TEAM123456", "com.example.mail")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{
		Apps: []App{{Name: "mail", Topic: "com.example.mail", Key: key.P8, KeyID: key.KeyID, TeamID: key.TeamID}},
		Host: service.HostURL(), Roots: service.Roots(), Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); service.Close() })
	return service, s, push.Target{Kind: push.APNs, App: "mail", Token: service.Install("com.example.mail")}
}

// backdate gives a provider a token of the past, which it takes for one of the
// age given.
func backdate(t *testing.T, p *provider, issued time.Time, age time.Duration) {
	t.Helper()
	claims := jwt.MapClaims{"iss": p.key.TeamID, "iat": issued.Unix()}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = p.key.KeyID
	signed, err := token.SignedString(p.key.AuthKey)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.header, p.made = []string{"bearer " + signed}, wall().Add(-age)
}

// An hour by the service's clock, which refuses tokens that are older, and new
// ones that follow too soon.
func TestServiceTakesTheTokensOfAnHour(t *testing.T) {
	service, s, target := live(t)
	p := s.apps["mail"].token
	send := func(what string) {
		t.Helper()
		if o := s.Send(t.Context(), target, &push.Notification{Mode: push.Silent}); o.Result != push.Accepted {
			t.Errorf("%s: %+v", what, o)
		}
	}
	service.Advance(-65 * time.Minute)
	backdate(t, p, time.Now().Add(-65*time.Minute), 0)
	send("a new token")
	service.Advance(49 * time.Minute)
	p.made = p.made.Add(-49 * time.Minute)
	send("the same after 49 minutes")
	service.Advance(16 * time.Minute)
	p.made = p.made.Add(-16 * time.Minute)
	send("the next one after 65")
	if n := service.Requests(); n != 3 {
		t.Errorf("%d requests for 3 notifications", n)
	}
}

func TestExpiredProviderTokenIsFollowedByATokenThatIsTaken(t *testing.T) {
	service, s, target := live(t)
	backdate(t, s.apps["mail"].token, time.Now().Add(-61*time.Minute), 30*time.Minute)
	send := func() push.Outcome { return s.Send(t.Context(), target, &push.Notification{Mode: push.Silent}) }
	if o := send(); o.Result != push.Retry || o.Reason != "ExpiredProviderToken" || o.After > time.Second || o.Wide {
		t.Errorf("outcome %+v, want another attempt at once", o)
	}
	if o := send(); o.Result != push.Accepted {
		t.Errorf("the next attempt: %+v", o)
	}
	if n := service.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestNothingIsSentWithoutATokenThatCouldBeSigned(t *testing.T) {
	service, s, target := live(t)
	s.apps["mail"].token.key.AuthKey = testKey(t, elliptic.P384())
	if o := s.Send(t.Context(), target, &push.Notification{Mode: push.Silent}); o.Result != push.BadApp {
		t.Errorf("outcome %+v, want bad_app", o)
	}
	if n := service.Requests(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
