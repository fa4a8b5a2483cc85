package tlspolicy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail/dns/dnstest"
	"martlet/mail/relay"
	"martlet/store"
)

const stsZone = `
_mta-sts.example.org. 0 IN TXT "v=STSv1; id=1"
mta-sts.example.org. 0 IN A 192.0.2.80
_smtp._tls.example.org. 0 IN TXT "v=TLSRPTv1; rua=mailto:tls@example.org,https://reports.example.org/v1"
reports.example.org. 0 IN A 192.0.2.80
`

var (
	ours  = relay.Host{Name: "mx.example.org", Port: 25}
	alien = relay.Host{Name: "mx.evil.example", Port: 25}
)

// demands is what holds for the two hosts.
func (h *house) demands(t *testing.T) (allowsOurs, allowsAlien bool, kind string) {
	t.Helper()
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	with, err := p.TLS(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	if with.Required != (with.Kind != "") || with.Verified && with.Config == nil {
		t.Errorf("%+v", with)
	}
	return p.AllowsMX(ours), p.AllowsMX(alien), with.Kind
}

func (h *house) isEnforced(t *testing.T) bool {
	t.Helper()
	yes, no, kind := h.demands(t)
	if !yes || no == (kind == "sts") {
		t.Errorf("ours %v, alien %v, kind %q", yes, no, kind)
	}
	return kind == "sts"
}

func TestAPolicyIsFetchedOnceAndKept(t *testing.T) {
	h := newHouse(t, stsZone)
	if !h.isEnforced(t) {
		t.Fatal("the policy is not enforced")
	}
	h.restart()
	if !h.isEnforced(t) {
		t.Fatal("the policy is forgotten")
	}
	if got := h.web.requests(); !slices.Equal(got, []string{"GET https://mta-sts.example.org/.well-known/mta-sts.txt"}) {
		t.Errorf("asked for %v", got)
	}
}

func TestNobodyCanTakeAPolicyAwayByFailures(t *testing.T) {
	h := newHouse(t, stsZone)
	if !h.isEnforced(t) {
		t.Fatal("the policy is not enforced")
	}
	for _, f := range []dnstest.Fault{dnstest.NXDomain, dnstest.ServFail, dnstest.Empty, dnstest.Truncated} {
		h.dns.Fail(f, "_mta-sts.example.org")
		h.restart()
		if !h.isEnforced(t) {
			t.Errorf("fault %d of the DNS takes the policy away", f)
		}
	}
	h.dns.Fail(dnstest.None, "_mta-sts.example.org")
	for _, zone := range []string{strings.Replace(stsZone, "id=1", "id=", 1), stsZone + `_mta-sts.example.org. 0 IN TXT "v=STSv1; id=3"`} {
		h.dns.Replace(t, zone)
		h.restart()
		if !h.isEnforced(t) {
			t.Errorf("a bad record takes the policy away: %s", zone)
		}
	}
	h.dns.Replace(t, strings.Replace(stsZone, "id=1", "id=2", 1))
	for _, bad := range []struct {
		status     int
		kind, body string
	}{
		{404, "text/plain", policyText}, {301, "text/plain", policyText}, {500, "text/plain", ""}, {200, "text/html", policyText},
		{200, "text/plain", "rubbish"}, {200, "text/plain", policyText + strings.Repeat("x: y\n", maxPolicy)},
	} {
		h.web.serve(bad.status, bad.kind, bad.body)
		h.restart()
		if !h.isEnforced(t) {
			t.Errorf("%d %s takes the policy away", bad.status, bad.kind)
		}
	}
	// The domain itself can.
	h.web.serve(200, "text/plain", "version: STSv1\nmode: none\nmax_age: 86400\n")
	h.restart()
	if h.isEnforced(t) {
		t.Error("the domain cannot take back its policy")
	}
}

func TestWithoutAPolicyTLSIsTried(t *testing.T) {
	h := newHouse(t, stsZone)
	for name, spoil := range map[string]func(){
		"no web server":      func() { h.web.serve(404, "text/plain", "") },
		"a redirect":         func() { h.web.serve(302, "text/plain", policyText) },
		"a page":             func() { h.web.serve(200, "text/html", policyText) },
		"too long":           func() { h.web.serve(200, "text/plain", policyText+strings.Repeat("x: y\n", maxPolicy)) },
		"another record":     func() { h.dns.Replace(t, strings.Replace(stsZone, "v=STSv1", "v=STSv9", 1)) },
		"not on the network": func() { h.cfg.Private = false },
	} {
		h.web.serve(200, "text/plain", policyText)
		h.dns.Replace(t, stsZone)
		h.cfg.Private = true
		spoil()
		h.restart()
		if h.isEnforced(t) {
			t.Errorf("%s: a policy is enforced", name)
		}
	}
	if p, err := h.For(t.Context(), "[192.0.2.1]"); err != nil || !p.AllowsMX(alien) {
		t.Errorf("an address: %v", err)
	}
}

func TestAWebServerOfAnotherNameGivesNoPolicy(t *testing.T) {
	h := newHouse(t, strings.ReplaceAll(stsZone, "example.org", "example.net"))
	p, err := h.For(t.Context(), "example.net")
	if err != nil || !p.AllowsMX(alien) {
		t.Errorf("the policy is taken: %v", err)
	}
	if got := p.(*policy).problem; got != "sts-webpki-invalid" {
		t.Errorf("the problem is %q", got)
	}
	if got := h.web.requests(); len(got) != 0 {
		t.Errorf("asked for %v", got)
	}
}

func TestAServerWithoutPolicyIsLeftInPeace(t *testing.T) {
	h := newHouse(t, stsZone)
	h.web.serve(404, "text/plain", "")
	for range 3 {
		if h.isEnforced(t) {
			t.Error("a policy is enforced")
		}
	}
	if got := h.web.requests(); len(got) != 1 {
		t.Errorf("asked for %v", got)
	}
}

func TestATestedPolicyForbidsNothing(t *testing.T) {
	h := newHouse(t, stsZone)
	h.web.serve(200, "text/plain", strings.Replace(policyText, "enforce", "testing", 1))
	if yes, alien, kind := h.demands(t); !yes || !alien || kind != "" {
		t.Errorf("ours %v, alien %v, kind %q", yes, alien, kind)
	}
}

func TestAPolicyIsRenewedInGoodTimeAndExpires(t *testing.T) {
	h := newHouse(t, stsZone)
	if !h.isEnforced(t) {
		t.Fatal("the policy is not enforced")
	}
	age := func(fetched, expires time.Duration) {
		t.Helper()
		err := h.cfg.Store.Update(t.Context(), func(tx *store.Tx) error {
			k, err := h.sts.Get(tx, "example.org")
			if err != nil {
				return err
			}
			k.Fetched, k.Expires = time.Now().Add(fetched), time.Now().Add(expires)
			return h.sts.Set(tx, "example.org", k)
		})
		if err != nil {
			t.Fatal(err)
		}
		h.web.requests()
	}
	age(-25*time.Hour, time.Hour)
	if !h.isEnforced(t) {
		t.Error("an old policy is not enforced")
	}
	h.fetches.Wait()
	if got := h.web.requests(); len(got) != 1 {
		t.Errorf("asked for %v", got)
	}
	age(-time.Hour, -time.Second)
	h.web.serve(404, "text/plain", "")
	if h.isEnforced(t) {
		t.Error("an expired policy is enforced")
	}
	if err := h.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := h.cfg.Store.View(t.Context(), func(tx *store.Tx) error {
		has, err := h.sts.Has(tx, "example.org")
		if has {
			t.Error("an expired policy is kept")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
