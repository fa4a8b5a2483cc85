package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"martlet/directory"
)

// authority is an issuer on loopback.
type authority struct {
	*httptest.Server
	t       *testing.T
	key     *ecdsa.PrivateKey
	fetches atomic.Int32 // of its keys
	asked   atomic.Int32 // about opaque tokens
	down    atomic.Bool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	mux := http.NewServeMux()
	give := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if a.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		give(w, map[string]any{
			"issuer": a.URL, "authorization_endpoint": a.URL + "/authorize", "token_endpoint": a.URL + "/token", "jwks_uri": a.URL + "/keys",
			"introspection_endpoint": a.URL + "/introspect", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		a.fetches.Add(1)
		give(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/introspect", func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		id, secret, _ := r.BasicAuth()
		if id != "martlet" || secret != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer := a.claims(nil)
		answer["active"] = r.FormValue("token") == "opaque"
		give(w, answer)
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) claims(edit func(map[string]any)) map[string]any {
	c := map[string]any{
		"iss": a.URL, "aud": []string{"other", "martlet"}, "email": "ada@example.org", "name": "Ada", "scope": "mail openid",
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	if edit != nil {
		edit(c)
	}
	return c
}

func (a *authority) token(key *ecdsa.PrivateKey, id string, edit func(map[string]any)) string {
	a.t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		a.t.Fatal(err)
	}
	b, err := json.Marshal(a.claims(edit))
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := s.Sign(b)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

func (a *authority) reader(edit func(*Issuer)) *Reader {
	a.t.Helper()
	i := Issuer{URL: a.URL, ClientID: "martlet", ClientSecret: "secret", Scopes: []string{"mail"}}
	if edit != nil {
		edit(&i)
	}
	r, err := New([]Issuer{i}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

func TestATokenNamesItsOwner(t *testing.T) {
	a := newAuthority(t)
	r := a.reader(func(i *Issuer) { i.Create = true })
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for name, c := range map[string]struct {
		token string
		in    bool
	}{
		"good":                   {a.token(a.key, "one", nil), true},
		"one audience":           {a.token(a.key, "one", set("aud", "martlet")), true},
		"a clock that is behind": {a.token(a.key, "one", set("exp", ago(30*time.Second))), true},
		"ended":                  {a.token(a.key, "one", set("exp", ago(2*time.Minute))), false},
		"without an end":         {a.token(a.key, "one", func(c map[string]any) { delete(c, "exp") }), false},
		"not yet":                {a.token(a.key, "one", set("nbf", ago(-10*time.Minute))), false},
		"another audience":       {a.token(a.key, "one", set("aud", "other")), false},
		"a scope too few":        {a.token(a.key, "one", set("scope", "openid")), false},
		"scopes in a list":       {a.token(a.key, "one", func(c map[string]any) { delete(c, "scope"); c["scp"] = []string{"mail"} }), true},
		"not verified":           {a.token(a.key, "one", set("email_verified", false)), false},
		"nobody":                 {a.token(a.key, "one", func(c map[string]any) { delete(c, "email") }), false},
		"another's key":          {a.token(stranger, "one", nil), false},
		"another issuer":         {a.token(a.key, "one", set("iss", "https://elsewhere.example")), false},
		"no token":               {"a.b.c", false},
		"nothing":                {"", false},
		"opaque":                 {"opaque", false},
		"very long":              {strings.Repeat("x", maxToken+1), false},
	} {
		who, err := r.Read(t.Context(), c.token)
		if c.in && (err != nil || who.Login != "ada@example.org" || who.Name != "Ada" || !who.Create) || !c.in && !errors.Is(err, directory.ErrBadCredentials) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	for range 5 {
		if _, err := r.Read(t.Context(), a.token(stranger, "unknown", nil)); !errors.Is(err, directory.ErrBadCredentials) {
			t.Error(err)
		}
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("strangers have the keys fetched %d times", n)
	}
}

func TestAnOpaqueTokenIsShownToItsIssuerOnce(t *testing.T) {
	a := newAuthority(t)
	r := a.reader(func(i *Issuer) { i.Introspect = true })
	for range 3 {
		if who, err := r.Read(t.Context(), "opaque"); err != nil || who.Login != "ada@example.org" || who.Create {
			t.Errorf("%+v, %v", who, err)
		}
	}
	if n := a.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if _, err := r.Read(t.Context(), "unknown"); !errors.Is(err, directory.ErrBadCredentials) {
		t.Error(err)
	}
	wrong := a.reader(func(i *Issuer) { i.Introspect, i.ClientSecret = true, "other" })
	if _, err := wrong.Read(t.Context(), "opaque"); err == nil || errors.Is(err, directory.ErrBadCredentials) {
		t.Errorf("an issuer that does not answer says nothing of the token: %v", err)
	}
}

func TestAnIssuerThatIsDownIsNoWrongPassword(t *testing.T) {
	a := newAuthority(t)
	a.down.Store(true)
	r := a.reader(nil)
	if _, err := r.Read(t.Context(), a.token(a.key, "one", nil)); err == nil || errors.Is(err, directory.ErrBadCredentials) {
		t.Error(err)
	}
	if got := r.Challenge(); got != "" {
		t.Error(got)
	}
}

func TestAPhoneIsToldWhereToGetAToken(t *testing.T) {
	a := newAuthority(t)
	want := `Bearer client_id="martlet", trusted_issuers="` + a.URL + `", authorization_uri="` + a.URL + `/authorize"`
	if got := a.reader(nil).Challenge(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := a.reader(func(i *Issuer) { i.Authorize = "https://x.example/\"a\r\n" }).Challenge(); !strings.HasSuffix(got, `authorization_uri="https://x.example/a"`) {
		t.Error(got)
	}
}

func TestIssuersThatCannotBe(t *testing.T) {
	for _, i := range []Issuer{{URL: "x", ClientID: "a"}, {URL: "https://x.example"}, {URL: "ftp://x.example", ClientID: "a"}} {
		if _, err := New([]Issuer{i}, nil); err == nil {
			t.Errorf("%+v", i)
		}
	}
}
