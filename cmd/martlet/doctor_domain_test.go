package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"martlet/gateway/admin"
	"martlet/mail/dns"
	"martlet/mail/dns/dnstest"
	"martlet/mail/filter"
)

// asking is a doctor of a server whose DNS is a zone.
func asking(t *testing.T, zone string) *doctor {
	t.Helper()
	c := Config{Hostname: "mail.example.org", SMTP: []string{":25"}, HTTPS: []string{":443"}, IMAPS: []string{":993"}, Submissions: []string{":465"}}
	c.STS.Mode = "testing"
	c.STS.MaxAge = defaultSTSAge
	d := &doctor{ctx: t.Context(), c: c, dns: dnstest.Serve(t, zone), domains: []string{"example.org"}}
	d.ours = []netip.Addr{netip.MustParseAddr("203.0.113.25")}
	d.keys = []admin.SigningKey{{Domain: "example.org", State: "used", Name: "k1._domainkey.example.org", Record: "v=DKIM1; k=rsa; p=QUJD"}}
	return d
}

const rightZone = `
mail.example.org. 60 IN A 203.0.113.25
25.113.0.203.in-addr.arpa. 60 IN PTR mail.example.org.
example.org. 60 IN MX 10 mail.example.org.
example.org. 60 IN TXT "v=spf1 mx -all"
k1._domainkey.example.org. 60 IN TXT "v=DKIM1; k=rsa; " "p=QU JD"
_dmarc.example.org. 60 IN TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"
_smtp._tls.example.org. 60 IN TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org"
autodiscover.example.org. 60 IN CNAME mail.example.org.
_imaps._tcp.example.org. 60 IN SRV 0 1 993 mail.example.org.
_submissions._tcp.example.org. 60 IN SRV 0 1 465 mail.example.org.
_caldavs._tcp.example.org. 60 IN SRV 0 1 443 mail.example.org.
_carddavs._tcp.example.org. 60 IN SRV 0 1 443 mail.example.org.
`

// Each case takes one line of a right zone out and puts another one in.
func TestTheDoctorLooksAtTheDNSOfADomain(t *testing.T) {
	for name, c := range map[string]struct {
		out, in      string
		check, level string
		within       string
	}{
		"right MX":            {"", "", "MX", fine, "comes here"},
		"right SPF":           {"", "", "SPF", fine, "lets 203.0.113.25 send"},
		"right DKIM":          {"", "", "DKIM", fine, "shows our key"},
		"right DMARC":         {"", "", "DMARC", fine, "p=reject"},
		"right TLSRPT":        {"", "", "TLS-RPT", fine, "postmaster"},
		"right SRV":           {"", "", "SRV", fine, "by themselves"},
		"right autodiscover":  {"", "", "Autodiscover", fine, "is there"},
		"right reverse":       {"", "", "reverse DNS", fine, "leads back"},
		"no MX":               {"example.org. 60 IN MX", "", "MX", warning, "no mail comes in"},
		"MX elsewhere":        {"example.org. 60 IN MX", "example.org. 60 IN MX 10 mx.example.net.\nmx.example.net. 60 IN A 198.51.100.1", "MX", warning, "goes to others: mx.example.net"},
		"MX by another name":  {"example.org. 60 IN MX", "example.org. 60 IN MX 10 in.example.org.\nin.example.org. 60 IN A 203.0.113.25", "MX", fine, "comes here, to in.example.org"},
		"MX second":           {"", "example.org. 60 IN MX 5 mx.example.net.\nmx.example.net. 60 IN A 198.51.100.1", "MX", warning, "goes to mx.example.net first"},
		"MX is an alias":      {"example.org. 60 IN MX", "example.org. 60 IN MX 10 in.example.org.\nin.example.org. 60 IN CNAME mail.example.org.", "MX", problem + " " + fine, "is an alias of mail.example.org"},
		"MX without address":  {"", "example.org. 60 IN MX 20 gone.example.org.", "MX", problem + " " + fine, "has no address"},
		"null MX":             {"example.org. 60 IN MX", "example.org. 60 IN MX 0 .", "MX", problem, "takes no mail at all"},
		"no SPF":              {"example.org. 60 IN TXT", "", "SPF", warning, "has no SPF record"},
		"SPF without us":      {"example.org. 60 IN TXT", `example.org. 60 IN TXT "v=spf1 ip4:198.51.100.1 -all"`, "SPF", problem, "does not let 203.0.113.25"},
		"two SPF":             {"", `example.org. 60 IN TXT "v=spf1 a -all"`, "SPF", problem, "2 SPF records"},
		"wrong SPF":           {"example.org. 60 IN TXT", `example.org. 60 IN TXT "v=spf1 ip4:nothing -all"`, "SPF", problem, "is wrong"},
		"no key":              {"k1._domainkey", "", "DKIM", problem, "no longer in the DNS"},
		"another key":         {"k1._domainkey", `k1._domainkey.example.org. 60 IN TXT "v=DKIM1; k=rsa; p=QUJE"`, "DKIM", problem, "another key"},
		"two keys":            {"", `k1._domainkey.example.org. 60 IN TXT "v=DKIM1; k=rsa; p=QUJE"`, "DKIM", problem, "2 records"},
		"no DMARC":            {"_dmarc", "", "DMARC", warning, "has no DMARC record"},
		"DMARC for reports":   {"_dmarc", `_dmarc.example.org. 60 IN TXT "v=DMARC1; p=none; rua=mailto:a@example.org"`, "DMARC", fine, "reports alone"},
		"DMARC to nobody":     {"_dmarc", `_dmarc.example.org. 60 IN TXT "v=DMARC1; p=none"`, "DMARC", warning, "nobody to report to"},
		"two DMARC":           {"", `_dmarc.example.org. 60 IN TXT "v=DMARC1; p=none"`, "DMARC", problem, "none counts"},
		"no TLSRPT":           {"_smtp._tls", "", "TLS-RPT", warning, "nobody reports"},
		"TLSRPT to nobody":    {"_smtp._tls", `_smtp._tls.example.org. 60 IN TXT "v=TLSRPTv1;"`, "TLS-RPT", problem, "is wrong"},
		"no SRV":              {"_imaps", "", "SRV", warning, "_imaps._tcp"},
		"SRV elsewhere":       {"_caldavs", "_caldavs._tcp.example.org. 60 IN SRV 0 1 443 www.example.net.", "SRV", warning, "lead elsewhere: _caldavs._tcp"},
		"no autodiscover":     {"autodiscover", "", "Autodiscover", warning, "do not find the server"},
		"autodiscover by SRV": {"autodiscover", "_autodiscover._tcp.example.org. 60 IN SRV 0 0 443 mail.example.org.", "Autodiscover", fine, "leads to mail.example.org"},
		"no MTA-STS":          {"", "", "MTA-STS", warning, "does not say that example.org has a policy"},
		"old MTA-STS":         {"", `_mta-sts.example.org. 60 IN TXT "v=STSv1; id=1"`, "MTA-STS", warning + " " + problem, "others keep the policy"},
		"no name":             {"25.113", "", "reverse DNS", problem, "has no name"},
		"a name that lies":    {"25.113", "25.113.0.203.in-addr.arpa. 60 IN PTR bank.example.net.", "reverse DNS", problem, "does not lead back"},
		"another name":        {"25.113", "25.113.0.203.in-addr.arpa. 60 IN PTR host.example.net.\nhost.example.net. 60 IN A 203.0.113.25", "reverse DNS", warning, "not the name in our greeting"},
	} {
		t.Run(name, func(t *testing.T) {
			var zone []string
			for line := range strings.Lines(rightZone) {
				if c.out == "" || !strings.HasPrefix(line, c.out) {
					zone = append(zone, line)
				}
			}
			d := asking(t, strings.Join(zone, "")+c.in+"\n")
			d.names()
			d.reverse()
			if levels, texts := found(d.findings, c.check); levels != c.level || !strings.Contains(texts, c.within) {
				t.Errorf("%s: %s", levels, texts)
			}
		})
	}
}

func TestTheDoctorTellsWhatTheDNSDoesNotTell(t *testing.T) {
	s := dnstest.Start(t, rightZone)
	s.Fail(dnstest.ServFail, "_dmarc.example.org")
	d := asking(t, rightZone)
	d.dns = dns.New(s.Config())
	d.names()
	if levels, texts := found(d.findings, "DMARC"); levels != warning || !strings.Contains(texts, "cannot be looked up") {
		t.Errorf("%s: %s", levels, texts)
	}
	if levels, _ := found(d.findings, "MX"); levels != fine {
		t.Error("one failure hides the others")
	}
}

func TestTheDoctorKnowsResolversThatCheckDNSSEC(t *testing.T) {
	for want, set := range map[string]func(*dnstest.Server){
		warning: func(*dnstest.Server) {},
		fine:    func(s *dnstest.Server) { s.Authentic() },
		problem: func(s *dnstest.Server) { s.Fail(dnstest.ServFail, signedName) },
	} {
		s := dnstest.Start(t, signedName+". 60 IN MX 0 mail."+signedName+".\n")
		set(s)
		d := asking(t, rightZone)
		d.dns = dns.New(s.Config())
		d.resolver()
		if levels, texts := found(d.findings, "resolver"); levels != want {
			t.Errorf("%s, want %s: %s", levels, want, texts)
		}
	}
}

// A promise of DANE that is not kept keeps mail away.
func TestTheDoctorComparesTLSAWithWhatIsShown(t *testing.T) {
	now := time.Now()
	shown := (&authority{t: t}).issue("mail.example.org", false, now.Add(-time.Hour), now.Add(time.Hour)).cert
	sum := sha256.Sum256(shown.RawSubjectPublicKeyInfo)
	for record, want := range map[string]string{
		"3 1 1 " + hex.EncodeToString(sum[:]):                        warning + " " + fine, // not proved by DNSSEC here
		"3 1 1 " + strings.Repeat("00", 32):                          warning + " " + problem,
		"3 1 0 " + hex.EncodeToString(shown.RawSubjectPublicKeyInfo): warning + " " + fine,
		"3 0 1 " + hex.EncodeToString(sum[:]):                        warning + " " + problem,
		"1 1 1 " + hex.EncodeToString(sum[:]):                        warning + " " + problem, // of no use to mail
		"2 1 1 " + hex.EncodeToString(sum[:]):                        warning + " " + fine,
	} {
		d := asking(t, rightZone+"_25._tcp.mail.example.org. 60 IN TLSA "+record+"\n")
		d.mxChain = []*x509.Certificate{shown}
		d.tlsa()
		if levels, texts := found(d.findings, "TLSA"); levels != want {
			t.Errorf("%s: %s, want %s: %s", record, levels, want, texts)
		}
	}
}

func TestTheDoctorAsksBlocklists(t *testing.T) {
	d := asking(t, `
2.0.0.127.zen.spamhaus.org. 60 IN A 127.0.0.2
25.113.0.203.zen.spamhaus.org. 60 IN A 127.0.0.3
2.0.0.127.bl.spamcop.net. 60 IN A 127.0.0.2
2.0.0.127.psbl.surriel.com. 60 IN A 127.255.255.254
25.113.0.203.psbl.surriel.com. 60 IN A 127.255.255.254
2.0.0.127.own.example.com. 60 IN A 127.0.0.2
25.113.0.203.own.example.com. 60 IN A 127.0.1.9
`)
	p := filter.DefaultPolicy()
	p.Lists = []filter.List{{Zone: "own.example.com", Weight: 1, Codes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/24")}}, {Zone: "names.example.com", Domains: true}}
	d.c.Filter.Policy = &p
	d.blocklists()
	levels, texts := found(d.findings, "blocklists")
	if levels != "problem ok warning ok" || !strings.Contains(texts, "203.0.113.25 is on zen.spamhaus.org (127.0.0.3)") || !strings.Contains(texts, "psbl.surriel.com does not answer here") {
		t.Errorf("%s: %s", levels, texts)
	}
	if got := dnsblName(netip.MustParseAddr("2001:db8::1"), "l.example"); got != "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.l.example" {
		t.Error(got)
	}
}
