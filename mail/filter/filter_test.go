package filter

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"martlet/mail"
)

// zone answers for the DNS: texts by name, and addresses of hosts.
type zone struct {
	texts map[string][]string
	down  string // names that end so cannot be asked for
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if z.down != "" && strings.HasSuffix(name, z.down) {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if t, ok := z.texts[name]; ok {
		return t, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupAddr(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// house is a DNS in which some domains sign and name their hosts.
type house struct {
	t   testing.TB
	dns *zone
	key ed25519.PrivateKey
	old *rsa.PrivateKey
}

func newHouse(t testing.TB) *house {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&old.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}
	return &house{t: t, key: private, old: old, dns: &zone{texts: map[string][]string{
		"example.com":                        {"v=spf1 ip4:192.0.2.0/24 -all"},
		"bounces.example.com":                {"v=spf1 ip4:192.0.2.0/24 -all"},
		"example.net":                        {"v=spf1 ip4:192.0.2.0/24 -all"},
		"mx.example.com":                     {"v=spf1 ip4:192.0.2.1 -all"},
		"_dmarc.example.com":                 {"v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@example.com"},
		"_dmarc.strict.example":              {"unrelated", "v=DMARC1;p=quarantine;adkim=s;aspf=s"},
		"_dmarc.loose.example":               {"v=DMARC1; p=whatever; pct=nonsense"},
		"_dmarc.two.example":                 {"v=DMARC1; p=reject", "v=DMARC1; p=none"},
		"k._domainkey.example.com":           keys,
		"k._domainkey.mail.example.com":      keys,
		"k._domainkey.example.net":           keys,
		"k._domainkey.sub.strict.example":    keys,
		"k._domainkey.strict.example":        keys,
		"k._domainkey.loose.example":         keys,
		"k._domainkey.example.co.uk":         keys,
		"_dmarc.other.co.uk":                 {"v=DMARC1; p=reject"},
		"k._domainkey.xn--mller-kva.example": keys,
		"_dmarc.xn--mller-kva.example":       {"v=DMARC1; p=reject"},
		"rsa._domainkey.example.com":         {"v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)},
	}}}
}

// from is a message from somebody, signed by domains.
func (h *house) from(from string, domains ...string) []byte {
	raw := "From: " + from + "\r\nTo: robin@example.org\r\nSubject: Planning\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nTomorrow at nine.\r\n"
	for _, d := range domains {
		raw = string(h.sign(raw, d, "k"))
	}
	return []byte(raw)
}

func (h *house) sign(raw, domain, selector string) []byte {
	h.t.Helper()
	o := &dkim.SignOptions{Domain: domain, Selector: selector, Signer: h.key, HeaderKeys: []string{"From", "To", "Subject", "Date"}}
	if selector == "rsa" {
		o.Signer = h.old
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(raw), o); err != nil {
		h.t.Fatal(err)
	}
	return b.Bytes()
}

func (h *house) results(remote, helo, from string, raw []byte) string {
	env := &mail.Envelope{From: from, Trace: mail.Trace{Helo: helo}}
	if remote != "" {
		env.Trace.Remote = netip.MustParseAddr(remote)
	}
	got := New(Config{Resolver: h.dns, Policy: DefaultPolicy()}).Results(context.Background(), env, raw)
	for _, more := range []string{`^iprev=permerror policy.iprev=[0-9.]+; `, ` header\.[sab]=[^ ;]*`, ` dis=\w+`} { // other tests look at them
		got = regexp.MustCompile(more).ReplaceAllString(got, "")
	}
	return got
}

const theirs, others = "192.0.2.1", "198.51.100.1"

func TestWhoSendsIsWhatSPFAndDKIMSayOfFrom(t *testing.T) {
	h := newHouse(t)
	for name, tc := range map[string]struct {
		remote, from string
		raw          []byte
		want         string
	}{
		"a host of the domain": {theirs, "anna@example.com", h.from("anna@example.com"),
			"spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=pass (p=reject) header.from=example.com"},
		"a host of a domain below": {theirs, "b-1@bounces.example.com", h.from("Anna <anna@example.com>"),
			"spf=pass smtp.mailfrom=bounces.example.com; dkim=none; dmarc=pass (p=reject) header.from=example.com"},
		"another host": {others, "anna@example.com", h.from("anna@example.com"),
			"spf=fail smtp.mailfrom=example.com; dkim=none; dmarc=fail (p=reject) header.from=example.com"},
		"a host of another domain": {theirs, "x@example.net", h.from("anna@example.com"),
			"spf=pass smtp.mailfrom=example.net; dkim=none; dmarc=fail (p=reject) header.from=example.com"},
		"sent on, signed": {others, "list@example.net", h.from("anna@example.com", "example.com"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=example.com; dmarc=pass (p=reject) header.from=example.com"},
		"signed with RSA": {others, "list@example.net", h.sign(string(h.from("anna@example.com")), "example.com", "rsa"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=example.com; dmarc=pass (p=reject) header.from=example.com"},
		"signed by a domain below": {others, "list@example.net", h.from("anna@example.com", "mail.example.com"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=mail.example.com; dmarc=pass (p=reject) header.from=example.com"},
		"signed by two": {others, "list@example.net", h.from("anna@example.com", "example.com", "example.net"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=example.net; dkim=pass header.d=example.com; dmarc=pass (p=reject) header.from=example.com"},
		"signed by a stranger": {theirs, "x@example.net", h.from("anna@example.com", "example.net"),
			"spf=pass smtp.mailfrom=example.net; dkim=pass header.d=example.net; dmarc=fail (p=reject) header.from=example.com"},
		"changed on the way": {others, "list@example.net", bytes.Replace(h.from("anna@example.com", "example.com"), []byte("nine"), []byte("ten"), 1),
			"spf=fail smtp.mailfrom=example.net; dkim=fail header.d=example.com; dmarc=fail (p=reject) header.from=example.com"},
		"a subject changed": {others, "list@example.net", bytes.Replace(h.from("anna@example.com", "example.com"), []byte("Planning"), []byte("Drinking"), 1),
			"spf=fail smtp.mailfrom=example.net; dkim=fail header.d=example.com; dmarc=fail (p=reject) header.from=example.com"},
		"the part of a body is signed": {others, "list@example.net", bytes.Replace(h.from("anna@example.com", "example.com"), []byte(" a=ed25519"), []byte(" l=2; a=ed25519"), 1),
			"spf=fail smtp.mailfrom=example.net; dkim=fail header.d=example.com; dmarc=fail (p=reject) header.from=example.com"},
		"a domain below, its policy": {others, "x@example.net", h.from("anna@news.example.com"),
			"spf=fail smtp.mailfrom=example.net; dkim=none; dmarc=fail (p=quarantine) header.from=news.example.com"},
		"strict, by a domain below": {others, "x@example.net", h.from("anna@strict.example", "sub.strict.example"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=sub.strict.example; dmarc=fail (p=quarantine) header.from=strict.example"},
		"strict, by itself": {others, "x@example.net", h.from("anna@strict.example", "strict.example"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=strict.example; dmarc=pass (p=quarantine) header.from=strict.example"},
		"a policy that nobody knows": {others, "x@example.net", h.from("anna@loose.example", "loose.example"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=loose.example; dmarc=pass (p=none) header.from=loose.example"},
		"two policies": {others, "x@example.net", h.from("anna@two.example"),
			"spf=fail smtp.mailfrom=example.net; dkim=none; dmarc=none header.from=two.example"},
		"no policy": {theirs, "x@example.net", h.from("x@example.net", "example.net"),
			"spf=pass smtp.mailfrom=example.net; dkim=pass header.d=example.net; dmarc=none header.from=example.net"},
		"two who share a registry": {others, "x@example.net", h.from("anna@other.co.uk", "example.co.uk"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=example.co.uk; dmarc=fail (p=reject) header.from=other.co.uk"},
		"a name with an umlaut": {others, "x@example.net", h.from("anna@müller.example", "xn--mller-kva.example"),
			"spf=fail smtp.mailfrom=example.net; dkim=pass header.d=xn--mller-kva.example; dmarc=pass (p=reject) header.from=xn--mller-kva.example"},
		"two in From": {theirs, "anna@example.com", h.from("anna@example.com, bert@example.com"),
			"spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=permerror"},
		"From twice": {theirs, "anna@example.com", append([]byte("From: bert@example.org\r\n"), h.from("anna@example.com", "example.com")...),
			"spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com; dmarc=permerror"},
		"no From": {theirs, "anna@example.com", []byte("Subject: x\r\n\r\nx\r\n"),
			"spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=permerror"},
		"no header": {theirs, "anna@example.com", []byte("x"),
			"spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=permerror"},
		"a report, from the host": {theirs, "", h.from("mailer-daemon@mx.example.com"),
			"spf=pass smtp.helo=mx.example.com; dkim=none; dmarc=pass (p=quarantine) header.from=mx.example.com"},
		"a domain that is none": {theirs, "anna@[192.0.2.1]", h.from("anna@example.com"),
			"spf=none; dkim=none; dmarc=fail (p=reject) header.from=example.com"},
		"inside":  {"10.1.2.3", "anna@example.com", h.from("anna@example.com"), ""},
		"here":    {"::1", "anna@example.com", h.from("anna@example.com"), ""},
		"nowhere": {"", "anna@example.com", h.from("anna@example.com"), ""},
	} {
		if got := h.results(tc.remote, "mx.example.com", tc.from, tc.raw); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

// What the DNS cannot say is not held against anybody, and proves nothing.
func TestADNSThatIsDownProvesNothing(t *testing.T) {
	h := newHouse(t)
	for down, want := range map[string]string{
		"_dmarc.example.com":       "spf=pass smtp.mailfrom=example.net; dkim=pass header.d=example.com; dmarc=temperror header.from=example.com",
		"k._domainkey.example.com": "spf=pass smtp.mailfrom=example.net; dkim=temperror header.d=example.com; dmarc=temperror (p=reject) header.from=example.com",
		"example.net":              "spf=temperror smtp.mailfrom=example.net; dkim=pass header.d=example.com; dmarc=pass (p=reject) header.from=example.com",
	} {
		h.dns.down = down
		if got := h.results(theirs, "mx.example.com", "list@example.net", h.from("anna@example.com", "example.com")); got != want {
			t.Errorf("%s is down:\n got %s\nwant %s", down, got, want)
		}
	}
}

func TestManySignaturesCostNoMoreThanFew(t *testing.T) {
	h := newHouse(t)
	raw := h.from("anna@example.com", "example.com")
	for range 20 {
		raw = append([]byte("DKIM-Signature: v=1; a=ed25519-sha256; d=example.net; s=k; h=from; bh=AAAA; b=AAAA\r\n"), raw...)
	}
	got := h.results(others, "mx.example.com", "x@example.net", raw)
	if n := strings.Count(got, "dkim="); n != maxSignatures || !strings.HasSuffix(got, "dmarc=fail (p=reject) header.from=example.com") {
		t.Errorf("%d signatures: %s", n, got)
	}
}

// Whatever comes, what is told of it stays one line of results.
func FuzzResults(f *testing.F) {
	h := newHouse(f)
	f.Add("mx.example.com", "anna@example.com", h.from("anna@example.com", "example.com"))
	f.Add("[192.0.2.1]", "", []byte("From: <anna@example.com>; dmarc=pass\r\n\r\n"))
	f.Add("a b;c", "x@example.com; dmarc=pass header.from=example.org", []byte("DKIM-Signature: v=1; d=x; dmarc=pass\r\nFrom: a@b\r\n\r\n"))
	f.Add("x", "x@y", []byte("DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; bh=; b=\r\nDKIM-Signature: \r\n\r\n"))
	dns := New(Config{Resolver: h.dns, Policy: DefaultPolicy()})
	f.Fuzz(func(t *testing.T, helo, from string, raw []byte) {
		env := &mail.Envelope{From: from, Trace: mail.Trace{Helo: helo, Remote: netip.MustParseAddr(others)}}
		got := dns.Results(t.Context(), env, raw)
		if strings.ContainsAny(got, "\r\n\x00") || strings.Count(got, "dmarc=") != 1 || strings.Count(got, "spf=") != 1 || strings.Count(got, "(")+strings.Count(got, ")") > 4 {
			t.Errorf("%q", got)
		}
	})
}

func BenchmarkResults(b *testing.B) {
	h := newHouse(b)
	f, env := New(Config{Resolver: h.dns, Policy: DefaultPolicy()}), &mail.Envelope{From: "anna@example.com", Trace: mail.Trace{Helo: "mx.example.com", Remote: netip.MustParseAddr(theirs)}}
	raw := h.sign(string(h.from("anna@example.com"))+strings.Repeat("0123456789abcdef\r\n", 600), "example.com", "rsa")
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if f.Results(b.Context(), env, raw) == "" {
			b.Fatal("nothing")
		}
	}
}
