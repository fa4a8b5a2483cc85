package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAKeyIsReadAsEverybodyWritesIt(t *testing.T) {
	// as_private and as_public of RFC 8291 A: a pair of the same form.
	const private, public = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
	v, err := ParseVAPID(private)
	if err != nil || v.Public() != public {
		t.Fatalf("%v, %v", v, err)
	}
	again, err := v.Private()
	if err != nil || again != private {
		t.Fatalf("%q, %v", again, err)
	}
	ec, err := x509.MarshalECPrivateKey(v.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(v.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(private)
	if err != nil {
		t.Fatal(err)
	}
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for name, text := range map[string]string{
		"padded":          private + "=",
		"standard":        base64.StdEncoding.EncodeToString(raw),
		"blanks around":   "\n " + private + "\r\n",
		"SEC 1":           string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec})),
		"PKCS 8":          string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		"openssl ecparam": parameters + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec})),
	} {
		if v, err := ParseVAPID(text); err != nil || v.Public() != public {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

func TestWhatIsNoKeyIsRefusedAndNotRepeated(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N.Bytes()
	for name, text := range map[string]string{
		"nothing":        "",
		"no base64":      "?",
		"a short key":    base64.RawURLEncoding.EncodeToString(make([]byte, 31)),
		"a long key":     base64.RawURLEncoding.EncodeToString(make([]byte, 33)),
		"zero":           base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
		"the order":      base64.RawURLEncoding.EncodeToString(n),
		"a public key":   "BHo-JIY76o86oMsdGYCMbcsGYJWbbp_59XpfwpcGOVlkWUV3Odwp7mpXdYg4a-Ehg0sutM9zLCHIoxR67vnZkAg",
		"another curve":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"half a PEM":     "-----BEGIN PRIVATE KEY-----\nMIG",
		"PEM of nothing": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
	} {
		if v, err := ParseVAPID(text); !errors.Is(err, ErrVAPID) || v != nil || err.Error() != ErrVAPID.Error() {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

func TestAKeyDoesNotPrintItself(t *testing.T) {
	v, err := GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	private, err := v.Private()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", v, "app", App{Name: "a", Key: v})
	fmt.Fprintf(&log, "%v %+v %#v %s", v, v, v, v)
	fmt.Fprintf(&log, "%v %+v", App{Key: v}, &App{Key: v})
	secret, err := base64.RawURLEncoding.DecodeString(private)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{private, hex.EncodeToString(secret), new(big.Int).SetBytes(secret).String(), fmt.Sprint(secret)} {
		if strings.Contains(log.String(), form) {
			t.Error(log.String())
		}
	}
}

func TestSubjects(t *testing.T) {
	for subject, want := range map[string]struct{ valid, reachable bool }{
		"mailto:postmaster@example.org":    {true, true},
		"https://example.org/contact":      {true, true},
		"mailto:root@localhost":            {true, false},
		"mailto:relay@push.local":          {true, false},
		"mailto:a@push.invalid":            {true, false},
		"mailto:a@host":                    {true, false},
		"https://localhost/":               {true, false},
		"https://mail.lan:8443/":           {true, false},
		"":                                 {false, false},
		"mailto:":                          {false, false},
		"mailto: a@example.org":            {false, false},
		"mailto:<a@example.org>":           {false, false},
		"mailto:A <a@example.org>":         {false, false},
		"mailto:mailto:a@example.org":      {false, false},
		"mailto:a@example.org,b@c.example": {false, false},
		"a@example.org":                    {false, false},
		"http://example.org":               {false, false},
		"https:":                           {false, false},
		"https://user:pw@example.org/":     {false, false},
	} {
		if err := CheckSubject(subject); (err == nil) != want.valid {
			t.Errorf("%q: %v", subject, err)
		}
		if got := ReachableSubject(subject); got != want.reachable {
			t.Errorf("%q is reachable: %v", subject, got)
		}
	}
}

func TestTheAudienceIsAnOrigin(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://push.example/a/b?c":  "https://push.example",
		"https://Push.EXAMPLE:443/a":  "https://push.example",
		"https://push.example:8443/a": "https://push.example:8443",
		"https://[2606::1]:443/a":     "https://[2606::1]",
		"https://push.example:4433/":  "https://push.example:4433",
	} {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(u); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}

func TestTheTokensKeptAreBounded(t *testing.T) {
	key, err := GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{App: App{Key: key, Subject: "https://example.org"}, tokens: map[string]token{}}
	for i := range maxTokens + 10 {
		if _, err := a.authorize(fmt.Sprintf("https://%d.example", i), time.Now()); err != nil {
			t.Fatal(err)
		}
		if len(a.tokens) > maxTokens {
			t.Fatalf("%d tokens", len(a.tokens))
		}
	}
}

func FuzzVAPID(f *testing.F) {
	f.Add("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
	f.Add("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVAPID(text)
		if err != nil {
			return
		}
		private, err := v.Private()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseVAPID(private); err != nil || again.Public() != v.Public() {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

func BenchmarkAuthorize(b *testing.B) {
	key, err := GenerateVAPID()
	if err != nil {
		b.Fatal(err)
	}
	a := &app{App: App{Key: key, Subject: "https://example.org"}, tokens: map[string]token{}}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.authorize("https://push.example", now); err != nil {
			b.Fatal(err)
		}
	}
}
