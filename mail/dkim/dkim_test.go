package dkim

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"
)

// texts is a DNS. A name with the one text "down" does not answer.
type texts map[string]string

func (t texts) lookup(_ context.Context, name string) ([]string, error) {
	switch v, ok := t[name]; {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case v == "down":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	default:
		return []string{v}, nil
	}
}

func (t texts) publish(tb testing.TB, keys ...Key) {
	tb.Helper()
	for _, k := range keys {
		r, err := k.Record()
		if err != nil {
			tb.Fatal(err)
		}
		t[k.Name()] = r
	}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func testKeys(t testing.TB, domain string) (Key, Key) {
	t.Helper()
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{domain, "r", rsaKey()}, Key{domain, "e", e}
}

const letter = "From: Anna <anna@example.com>\r\nTo: robin@example.org\r\nSubject:  Planning \t the\r\n  week\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nTomorrow  at nine. \r\n\r\n\ttab\r\n\r\n\r\n"

func results(sigs []Signature) string {
	var out []string
	for _, s := range sigs {
		out = append(out, s.Result)
	}
	return strings.Join(out, " ")
}

func TestWhatIsSignedIsGood(t *testing.T) {
	r, e := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r, e)
	for name, raw := range map[string]string{
		"a letter":          letter,
		"nothing but From":  "From: a@example.com\r\n\r\n",
		"a header alone":    "From: a@example.com\r\nX: y\r\n",
		"no end":            "From: a@example.com\r\n\r\nno line end",
		"empty lines alone": "From: a@example.com\r\n\r\n\r\n\r\n\r\n",
		"spaces at the end": "From: a@example.com\r\n\r\na \t b  \r\n \r\n\t\r\n",
		"long lines":        "From: a@example.com\r\n\r\n" + strings.Repeat("word  ", 2000) + strings.Repeat("x", 9000) + "\r\n" + strings.Repeat("\r\n", 5000) + "end",
		"fields twice":      "From: a@example.com\r\nReceived: x\r\nReceived: y\r\nTo: b@example.org\r\nTo: c@example.org\r\n\r\nx\r\n",
	} {
		head, err := Sign([]byte(raw), time.Now(), r, e)
		if err != nil {
			t.Fatal(err)
		}
		signed := append(head, raw...)
		if got := results(Verify(t.Context(), signed, dns.lookup, 5)); got != "pass pass" {
			t.Errorf("%s: %s", name, got)
		}
		theirs, err := msgauth.VerifyWithOptions(bytes.NewReader(signed), &msgauth.VerifyOptions{LookupTXT: func(n string) ([]string, error) { return dns.lookup(t.Context(), n) }})
		if name == "a header alone" {
			continue // that library wants a body
		}
		if err != nil || len(theirs) != 2 || theirs[0].Err != nil || theirs[1].Err != nil {
			t.Errorf("%s: another library: %v %+v", name, err, theirs)
		}
		for line := range strings.SplitSeq(string(head), "\r\n") {
			if len(line) > 120 {
				t.Errorf("%s: a line of %d", name, len(line))
			}
		}
	}
}

// Every form that others sign with.
func TestOtherProgramsSignaturesAreGood(t *testing.T) {
	r, e := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r, e)
	for _, k := range []Key{r, e} {
		for _, header := range []msgauth.Canonicalization{msgauth.CanonicalizationSimple, msgauth.CanonicalizationRelaxed} {
			for _, body := range []msgauth.Canonicalization{msgauth.CanonicalizationSimple, msgauth.CanonicalizationRelaxed} {
				var b bytes.Buffer
				err := msgauth.Sign(&b, strings.NewReader(letter), &msgauth.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.Private,
					HeaderCanonicalization: header, BodyCanonicalization: body, Identifier: "anna@sub.example.com", HeaderKeys: []string{"From", "From", "Subject", "X-None"}})
				if err != nil {
					t.Fatal(err)
				}
				got := Verify(t.Context(), b.Bytes(), dns.lookup, 5)
				if results(got) != Pass || got[0].Domain != "example.com" || got[0].Selector != k.Selector || got[0].Algorithm != k.Algorithm() || len(got[0].Start) != 8 {
					t.Errorf("%s %s/%s: %+v", k.Selector, header, body, got)
				}
			}
		}
	}
}

func TestWhatIsNotAsItWasSignedFails(t *testing.T) {
	r, e := testKeys(t, "example.com")
	weak := weakKey(t)
	dns := texts{}
	dns.publish(t, r, e)
	dns["weak._domainkey.example.com"], _ = weak.Record()
	dns["gone._domainkey.example.com"] = "v=DKIM1; p="
	dns["odd._domainkey.example.com"] = "v=DKIM1; k=rsa; p=AAAA"
	dns["down._domainkey.example.com"] = "down"
	dns["sha1._domainkey.example.com"] = strings.Replace(dns[r.Name()], "k=rsa", "k=rsa; h=sha1", 1)
	dns["other._domainkey.example.com"] = strings.Replace(dns[r.Name()], "k=rsa", "k=rsa; s=calendar", 1)
	dns["strict._domainkey.example.com"] = strings.Replace(dns[r.Name()], "k=rsa", "k=rsa; t=y:s", 1)
	sign := func(k Key, change ...string) string {
		head, err := Sign([]byte(letter), time.Now(), k)
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer(change...).Replace(string(head) + letter)
	}
	as := func(selector string) Key { return Key{"example.com", selector, r.Private} }
	for name, tc := range map[string]struct{ raw, want string }{
		"the body":                 {sign(r, "nine", "ten"), Fail},
		"a field":                  {sign(r, "Planning", "Drinking"), Fail},
		"another From":             {sign(r, "To: robin", "From: eve@example.net\r\nTo: robin"), Fail},
		"a subject more":           {strings.Replace(sign(r), "Subject:", "Subject: first\r\nSubject:", 1), Fail},
		"a field that nobody had":  {strings.Replace(sign(r), "To: robin", "Reply-To: eve@example.net\r\nTo: robin", 1), Fail},
		"a field that is not said": {sign(r, "To: robin", "X-Mark: 1\r\nTo: robin"), Pass},
		"white space":              {sign(r, "Tomorrow  at", "Tomorrow \t at", "Subject:  Pl", "subject : Pl"), Pass},
		"ed25519, the body":        {sign(e, "nine", "ten"), Fail},
		"no such key":              {sign(as("nowhere")), PermError},
		"withdrawn":                {sign(as("gone")), PermError},
		"no key at all":            {sign(as("odd")), PermError},
		"the DNS is down":          {sign(as("down")), TempError},
		"for sha1 only":            {sign(as("sha1")), PermError},
		"for something else":       {sign(as("other")), PermError},
		"strict, no identity":      {sign(as("strict")), Pass},
		"strict, one below":        {sign(as("strict"), " t=", " i=@mail.example.com; t="), PermError},
		"an identity of another":   {sign(r, " t=", " i=@example.net; t="), PermError},
		"512 bits":                 {sign(weak), PermError},
		"SHA-1":                    {sign(r, "rsa-sha256", "rsa-sha1"), PermError},
		"of another kind":          {sign(r, "rsa-sha256", "ed25519-sha256"), PermError},
		"From is not signed":       {sign(r, "h=from:from:", "h="), PermError},
		"another version":          {sign(r, "v=1", "v=2"), Neutral},
		"a tag twice":              {sign(r, "d=example.com;", "d=example.com; d=example.net;"), Neutral},
		"a domain that is none":    {sign(r, "d=example.com", "d=exa mple.com"), Neutral},
		"a form that nobody knows": {sign(r, "relaxed/relaxed", "relaxed/loose"), Neutral},
		"a value that is none":     {sign(r, "b=", "b=!"), Neutral},
	} {
		if got := results(Verify(t.Context(), []byte(tc.raw), dns.lookup, 5)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func weakKey(t *testing.T) Key {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	k, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	return Key{"example.com", "weak", k}
}

// A signature for the beginning of a body says nothing about what stands behind.
func TestASignatureForAPartIsNotEnough(t *testing.T) {
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	m, _ := open([]byte(letter))
	head, err := m.sign("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; l=10; d=example.com; s=r;", []string{"from"}, r)
	if err != nil {
		t.Fatal(err)
	}
	if got := results(Verify(t.Context(), append(head, letter+"more\r\n"...), dns.lookup, 5)); got != Policy {
		t.Error(got)
	}
}

func TestASignatureHasItsTime(t *testing.T) {
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	m, _ := open([]byte(letter))
	for times, want := range map[string]string{
		"t=1000; x=99999999999":        Pass,
		"x=99999999999":                Pass,
		"t=1000; x=2000":               Fail, // over
		"x=2000":                       Fail,
		"t=99999999999; x=99999999998": Fail, // over before it begins
		"t=99999999999; x=99999999999": Fail,
		"t=x":                          Neutral,
		"x=-1":                         Neutral,
	} {
		head, err := m.sign("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=r; "+times+";", []string{"from"}, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := results(Verify(t.Context(), append(head, letter...), dns.lookup, 5)); got != want {
			t.Errorf("%s: %s, want %s", times, got, want)
		}
	}
}

// What takes long to check is not checked.
func TestKeysAndHeadersAreBounded(t *testing.T) {
	huge := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), maxRSABits), big.NewInt(1)), E: 65537}
	if _, err := readRSA(x509.MarshalPKCS1PublicKey(huge)); !errors.Is(err, errLong) {
		t.Error(err)
	}
	r, _ := testKeys(t, "example.com")
	dns := texts{}
	dns.publish(t, r)
	head, _ := Sign([]byte(letter), time.Now(), r)
	for name, more := range map[string]string{"many fields": strings.Repeat("X: y\r\n", maxFields), "a long header": "X: " + strings.Repeat("y", maxHeader) + "\r\n"} {
		if got := results(Verify(t.Context(), []byte(string(head)+more+letter), dns.lookup, 5)); got != Neutral {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestNoMoreSignaturesAreLookedAtThanAllowed(t *testing.T) {
	r, _ := testKeys(t, "example.com")
	asked := 0
	dns := func(context.Context, string) ([]string, error) { asked++; return nil, errors.New("down") }
	raw := []byte(letter)
	for range 10 {
		head, _ := Sign([]byte(letter), time.Now(), r)
		raw = append(head, raw...)
	}
	if got := Verify(t.Context(), raw, func(ctx context.Context, n string) ([]string, error) { return texts{}.lookup(ctx, n) }, 3); len(got) != 3 {
		t.Error(got)
	}
	if Verify(t.Context(), raw, dns, 1); asked != 1 {
		t.Error(asked)
	}
}

func TestAKeyIsPublishedWhenTheDNSHasIt(t *testing.T) {
	r, e := testKeys(t, "example.com")
	dns := texts{}
	if ok, err := r.Published(t.Context(), dns.lookup); ok || err != nil {
		t.Error(ok, err)
	}
	dns[r.Name()] = "down"
	if ok, err := r.Published(t.Context(), dns.lookup); ok || err == nil {
		t.Error(ok, err)
	}
	dns.publish(t, r, e)
	for _, k := range []Key{r, e} {
		if ok, err := k.Published(t.Context(), dns.lookup); !ok || err != nil {
			t.Error(ok, err)
		}
	}
	_, other := testKeys(t, "example.com")
	if ok, err := other.Published(t.Context(), dns.lookup); ok || err != nil {
		t.Error("another key was taken for ours", err)
	}
}

// RFC 8463 A: the keys and the message of the specification.
func TestTheExampleOfRFC8463(t *testing.T) {
	dns := texts{
		"brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		"test._domainkey.football.example.com":     "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
	}
	raw := strings.ReplaceAll(`DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`, "\n", "\r\n")
	if got := results(Verify(t.Context(), []byte(raw), dns.lookup, 5)); got != "pass pass" {
		t.Error(got)
	}
}

func FuzzVerify(f *testing.F) {
	r, e := testKeys(f, "example.com")
	dns := texts{}
	dns.publish(f, r, e)
	head, _ := Sign([]byte(letter), time.Now(), r, e)
	f.Add(append(head, letter...))
	f.Add([]byte("DKIM-Signature: v=1;;b=\r\n =;\r\nFrom: x\r\n\r\n"))
	f.Add([]byte("ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.com; s=r; b=AAAA\r\n\r\n"))
	sealed, _ := Seal([]byte(letter), Chain{Result: None}, "mx.example.com", "spf=pass", time.Now(), r)
	f.Add(append(sealed, letter...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range Verify(t.Context(), raw, dns.lookup, 5) {
			if s.Domain != "" && !isName(s.Domain) || s.Selector != "" && !isName(s.Selector) || s.Result == "" {
				t.Errorf("%+v", s)
			}
		}
		c := VerifyChain(t.Context(), raw, dns.lookup)
		if c.Result == "" || c.Result == Pass && len(c.Sealers) != c.Sets {
			t.Errorf("%+v", c)
		}
		if c.Result != Pass {
			return
		}
		more, err := Seal(raw, c, "mx.example.com", "spf=none", time.Now(), e)
		if err != nil || more == nil {
			return
		}
		if again := VerifyChain(t.Context(), append(more, raw...), dns.lookup); again.Result != Pass {
			t.Errorf("what was sealed is %+v", again)
		}
	})
}
