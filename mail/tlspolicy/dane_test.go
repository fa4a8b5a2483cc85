package tlspolicy

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"martlet/mail/dns"
	"martlet/mail/dns/dnstest"
	"martlet/mail/relay"
)

// record names a certificate.
func record(usage, selector, match uint8, c *x509.Certificate) dns.TLSA {
	data := c.Raw
	if selector == selectKey {
		data = c.RawSubjectPublicKeyInfo
	}
	switch match {
	case matchSHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case matchSHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return dns.TLSA{Usage: usage, Selector: selector, MatchingType: match, Data: data}
}

// chainOf parses what a server shows.
func chainOf(t *testing.T, c tls.Certificate) (chain []*x509.Certificate) {
	t.Helper()
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

func TestChainsAreVerifiedByTheirRecords(t *testing.T) {
	root := newAuthority(t, nil)
	middle := newAuthority(t, root)
	other := newAuthority(t, nil)
	host := middle.leaf(t, "mx.example.org")
	host.Certificate = append(host.Certificate, root.cert.Raw)
	chain := chainOf(t, host)
	leaf := chain[0]
	expired := chainOf(t, middle.sign(t, &x509.Certificate{DNSNames: []string{"mx.example.org"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}))
	misnamed := chainOf(t, middle.leaf(t, "mx.example.net"))
	forged := append(chainOf(t, other.leaf(t, "mx.example.org")), middle.cert, root.cert)
	short := chain[:1]

	for _, c := range []struct {
		name    string
		chain   []*x509.Certificate
		records []dns.TLSA
		ok      bool
	}{
		{"EE, key, SHA-256", chain, []dns.TLSA{record(3, 1, 1, leaf)}, true},
		{"EE, key, SHA-512", chain, []dns.TLSA{record(3, 1, 2, leaf)}, true},
		{"EE, key, whole", chain, []dns.TLSA{record(3, 1, 0, leaf)}, true},
		{"EE, certificate, SHA-256", chain, []dns.TLSA{record(3, 0, 1, leaf)}, true},
		{"EE, certificate, whole", chain, []dns.TLSA{record(3, 0, 0, leaf)}, true},
		{"EE needs no chain", short, []dns.TLSA{record(3, 1, 1, leaf)}, true},
		{"EE does not look at the time", expired, []dns.TLSA{record(3, 1, 1, expired[0])}, true},
		{"EE does not look at the name", misnamed, []dns.TLSA{record(3, 1, 1, misnamed[0])}, true},
		{"EE of another", chain, []dns.TLSA{record(3, 1, 1, expired[0])}, false},
		{"EE of one above", chain, []dns.TLSA{record(3, 1, 1, middle.cert)}, false},
		{"the second of two", chain, []dns.TLSA{record(3, 1, 1, expired[0]), record(3, 1, 1, leaf)}, true},
		{"TA, certificate", chain, []dns.TLSA{record(2, 0, 1, root.cert)}, true},
		{"TA, key", chain, []dns.TLSA{record(2, 1, 1, root.cert)}, true},
		{"TA in the middle", chain, []dns.TLSA{record(2, 1, 2, middle.cert)}, true},
		{"TA that is not shown", chain[:2], []dns.TLSA{record(2, 0, 1, root.cert)}, false},
		{"TA that is not shown, whole", chain[:2], []dns.TLSA{record(2, 0, 0, root.cert)}, true},
		{"TA that is not shown, its whole key", chain[:2], []dns.TLSA{record(2, 1, 0, root.cert)}, true},
		{"TA right above, its whole key", short, []dns.TLSA{record(2, 1, 0, middle.cert)}, true},
		{"TA of others, its whole key", chain, []dns.TLSA{record(2, 1, 0, other.cert)}, false},
		{"TA of others, whole", chain, []dns.TLSA{record(2, 0, 0, other.cert)}, false},
		{"TA that signed nothing of it", forged, []dns.TLSA{record(2, 0, 1, root.cert)}, false},
		{"TA does not name the host's own", chain, []dns.TLSA{record(2, 0, 1, leaf)}, false},
		{"TA looks at the time", append(expired, root.cert), []dns.TLSA{record(2, 0, 1, root.cert)}, false},
		{"TA looks at the name", append(misnamed, root.cert), []dns.TLSA{record(2, 0, 1, root.cert)}, false},
		{"nothing is shown", nil, []dns.TLSA{record(3, 1, 1, leaf)}, false},
	} {
		d := &danePolicy{base: "mx.example.org", names: []string{"mx.example.org"}, all: c.records, records: usable(c.records)}
		if !d.usable() {
			t.Errorf("%s: not usable", c.name)
		}
		if err := d.verify(c.chain); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	domain := &danePolicy{names: []string{"other.example", "mx.example.net"}, records: []dns.TLSA{record(2, 0, 1, root.cert)}}
	if err := domain.verify(append(misnamed, root.cert)); err != nil {
		t.Errorf("any of the names will do: %v", err)
	}
}

func TestRecordsThatCannotBeUsedAreLeftOut(t *testing.T) {
	ca := newAuthority(t, nil)
	leaf := chainOf(t, ca.leaf(t, "mx.example.org"))[0]
	good := record(3, 1, 1, leaf)
	for name, r := range map[string]dns.TLSA{
		"PKIX-TA":      record(0, 1, 1, leaf),
		"PKIX-EE":      record(1, 1, 1, leaf),
		"private":      record(255, 1, 1, leaf),
		"selector":     {Usage: 3, Selector: 2, MatchingType: 1, Data: good.Data},
		"matching":     {Usage: 3, Selector: 1, MatchingType: 3, Data: good.Data},
		"cut":          {Usage: 3, Selector: 1, MatchingType: 1, Data: good.Data[:31]},
		"empty":        {Usage: 3, Selector: 1, MatchingType: 1},
		"no key":       {Usage: 3, Selector: 1, MatchingType: 0, Data: []byte("x")},
		"no cert":      {Usage: 2, Selector: 0, MatchingType: 0, Data: []byte("x")},
		"512 too long": {Usage: 3, Selector: 1, MatchingType: 2, Data: make([]byte, 65)},
	} {
		if list := usable([]dns.TLSA{r}); len(list) != 0 {
			t.Errorf("%s is used", name)
		}
		if list := usable([]dns.TLSA{r, good}); len(list) != 1 {
			t.Errorf("%s: %d are used", name, len(list))
		}
	}
	// A weak digest is not looked at where there is a strong one (RFC 7671 9).
	weak, strong, whole := record(3, 1, 1, leaf), record(3, 1, 2, ca.cert), record(3, 1, 0, ca.cert)
	if list := usable([]dns.TLSA{weak, strong, whole}); len(list) != 2 || slices.ContainsFunc(list, func(r dns.TLSA) bool { return r.MatchingType == matchSHA256 }) {
		t.Errorf("%v", list)
	}
	if list := usable([]dns.TLSA{weak, record(3, 0, 2, leaf)}); len(list) != 2 {
		t.Errorf("kinds apart: %v", list)
	}
}

const daneZone = `
mx.example.org.            0 IN A 192.0.2.25
_25._tcp.mx.example.org.   0 IN TLSA 3 1 1 %[1]s
alias.example.org.         0 IN CNAME mx.example.org.
_25._tcp.alias.example.org. 0 IN TLSA 3 1 1 %[1]s
away.example.org.          0 IN CNAME mx.example.net.
mx.example.net.            0 IN A 192.0.2.26
_25._tcp.away.example.org. 0 IN TLSA 2 1 1 %[1]s
plain.example.org.         0 IN A 192.0.2.27
odd.example.org.           0 IN A 192.0.2.28
_25._tcp.odd.example.org.  0 IN TLSA 1 1 1 %[1]s
`

const someDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestWhatTheDNSProvesDecides(t *testing.T) {
	kinds := func(zone string, prepare func(s *dnstest.Server), host relay.Host) (string, string, error) {
		h := newHouse(t, zone)
		h.dns.Authentic()
		if prepare != nil {
			prepare(h.dns)
		}
		p, err := h.For(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		with, err := p.TLS(t.Context(), host)
		if with.Config != nil {
			return with.Kind, with.Config.ServerName, err
		}
		if with.Required {
			return "any " + with.Kind, "", err
		}
		return with.Kind, "", err
	}
	at := func(name string) relay.Host { return relay.Host{Name: name, Port: 25, Authentic: true} }
	fail := func(f dnstest.Fault, names ...string) func(*dnstest.Server) {
		return func(s *dnstest.Server) { s.Fail(f, names...) }
	}
	insecure := func(names ...string) func(*dnstest.Server) {
		return func(s *dnstest.Server) { s.Insecure(names...) }
	}
	for _, c := range []struct {
		name    string
		host    relay.Host
		prepare func(*dnstest.Server)
		kind    string
		server  string
		fails   bool
	}{
		{"proved all along", at("mx.example.org"), nil, "dane", "mx.example.org", false},
		{"another port", relay.Host{Name: "mx.example.org", Port: 2525, Authentic: true}, nil, "", "", false},
		{"MX not proved", relay.Host{Name: "mx.example.org", Port: 25}, nil, "", "", false},
		{"address not proved", at("mx.example.org"), insecure("mx.example.org"), "", "", false},
		{"records not proved", at("mx.example.org"), insecure("_25._tcp.mx.example.org"), "", "", false},
		{"no records", at("plain.example.org"), nil, "", "", false},
		{"records that nobody can use", at("odd.example.org"), nil, "any dane", "", false},
		{"an alias, proved", at("alias.example.org"), nil, "dane", "mx.example.org", false},
		{"an alias, its end without records", at("alias.example.org"), fail(dnstest.NXDomain, "_25._tcp.mx.example.org"), "dane", "alias.example.org", false},
		{"an alias into the unproved", at("away.example.org"), insecure("mx.example.net"), "dane", "away.example.org", false},
		{"an alias that is not proved", at("away.example.org"), insecure("mx.example.net", "away.example.org"), "", "", false},
		{"the records cannot be had", at("mx.example.org"), fail(dnstest.ServFail, "_25._tcp.mx.example.org"), "", "", true},
		{"the records are forged", at("mx.example.org"), fail(dnstest.OtherQuestion, "_25._tcp.mx.example.org"), "", "", true},
		{"the address cannot be had", at("mx.example.org"), fail(dnstest.ServFail, "mx.example.org"), "", "", true},
		{"the alias cannot be had", at("away.example.org"), func(s *dnstest.Server) {
			s.Insecure("mx.example.net")
			s.Fail(dnstest.ServFail, "CNAME away.example.org")
		}, "", "", true},
		{"an address literal", relay.Host{Name: "[192.0.2.1]", Port: 25, Authentic: true}, nil, "", "", false},
	} {
		kind, server, err := kinds(fmt.Sprintf(daneZone, someDigest), c.prepare, c.host)
		if kind != c.kind || server != c.server || (err != nil) != c.fails || err != nil && !errors.Is(err, dns.ErrTemporary) {
			t.Errorf("%s: %q, %q, %v", c.name, kind, server, err)
		}
	}
}

func TestDANEIsNotOverruledByMTASTS(t *testing.T) {
	h := newHouse(t, stsZone+fmt.Sprintf(daneZone, someDigest))
	h.dns.Authentic()
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	host := relay.Host{Name: "mx.example.org", Port: 25, Authentic: true}
	with, err := p.TLS(t.Context(), host)
	if err != nil || with.Kind != "dane" {
		t.Fatalf("%+v, %v", with, err)
	}
	chain := chainOf(t, h.ca.leaf(t, "mx.example.org"))
	if err := with.Config.VerifyConnection(tls.ConnectionState{PeerCertificates: chain}); !errors.Is(err, ErrDANE) {
		t.Errorf("a certificate of a public authority is taken: %v", err)
	}
	if p.AllowsMX(relay.Host{Name: "plain.example.org", Port: 25, Authentic: true}) {
		t.Error("a host that MTA-STS does not name is allowed")
	}
	// Records that nobody can use leave MTA-STS in force.
	h.dns.Replace(t, stsZone+"mx.example.org. 0 IN A 192.0.2.25\n_25._tcp.mx.example.org. 0 IN TLSA 1 1 1 "+someDigest+"\n")
	if with, err := p.TLS(t.Context(), host); err != nil || with.Kind != "sts" || !with.Verified {
		t.Errorf("%+v, %v", with, err)
	}
}
