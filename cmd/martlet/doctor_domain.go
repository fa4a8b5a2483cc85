package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"martlet/mail/dns"
)

// maxDomainsLooked bounds how many domains are looked up.
const maxDomainsLooked = 20

// names looks at what phones and other servers find in the DNS.
func (d *doctor) names() {
	if d.c.Hostname == "" || d.c.Hostname == "localhost" {
		d.find("DNS", warning, "set hostname", "there is no hostname to look up")
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	a, err := d.dns.Addresses(ctx, d.c.Hostname)
	switch {
	case err == nil:
		d.hostAt = a.Records
		d.find("DNS", fine, "", "%s is %s", d.c.Hostname, addressText(a.Records))
	case errors.Is(err, dns.ErrNotFound):
		d.find("DNS", problem, "add an A or AAAA record", "%s has no address", d.c.Hostname)
	default:
		d.find("DNS", warning, "look at [dns] servers and /etc/resolv.conf", "names cannot be looked up here: %v", err)
		return
	}
	for i, domain := range d.domains {
		if i == maxDomainsLooked {
			d.find("DNS", warning, "", "%d further domains were not looked up", len(d.domains)-i)
			break
		}
		d.domain(domain)
	}
	if len(d.c.SMTP) > 0 {
		d.tlsa()
	}
}

func addressText(all []netip.Addr) string {
	var text []string
	for _, a := range all {
		text = append(text, a.String())
	}
	return strings.Join(text, ", ")
}

// signedName is of a domain that has been signed for many years.
const signedName = "ietf.org"

// resolver looks whether the name servers check DNSSEC. Only then is mail for others
// protected by DANE.
func (d *doctor) resolver() {
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	a, err := d.dns.MX(ctx, signedName)
	switch {
	case err != nil && !errors.Is(err, dns.ErrNotFound):
		d.find("resolver", problem, "look at [dns] servers and /etc/resolv.conf; without them no mail goes out, and none that comes can be judged", "the name servers do not answer: %v", err)
	case a.Authentic:
		d.find("resolver", fine, "", "the name servers check DNSSEC, so that DANE protects mail for others")
	default:
		d.find("resolver", warning, "run Unbound or another one that does on this machine, and name it in [dns] servers; trust_ad = true if one elsewhere is reached safely",
			"the name servers do not check DNSSEC, or are not to be believed: mail for others goes without DANE")
	}
}

// domain looks at all that is found of one of our domains.
func (d *doctor) domain(domain string) {
	ctx, cancel := context.WithTimeout(d.ctx, 4*lookTime)
	defer cancel()
	if len(d.c.SMTP) > 0 {
		d.mx(ctx, domain)
		d.sts(ctx, domain)
		d.tlsReports(ctx, domain)
	}
	d.spf(ctx, domain)
	d.dkim(ctx, domain)
	d.dmarc(ctx, domain)
	d.autodiscover(ctx, domain)
	d.services(ctx, domain)
}

// unknown tells of what could not be found out.
func (d *doctor) unknown(check, name string, err error) bool {
	if err == nil || errors.Is(err, dns.ErrNotFound) {
		return false
	}
	d.find(check, warning, "run it again later; the name servers of the domain may be down", "%s cannot be looked up: %v", name, err)
	return true
}

// leadsHere tells whether a host is this machine, by name or by address.
func (d *doctor) leadsHere(ctx context.Context, host string) bool {
	if strings.EqualFold(host, d.c.Hostname) {
		return true
	}
	a, err := d.dns.Addresses(ctx, host)
	return err == nil && slices.ContainsFunc(a.Records, func(x netip.Addr) bool {
		return slices.Contains(d.hostAt, x) || slices.Contains(d.ours, x)
	})
}

// mx looks whether mail for a domain comes here (RFC 5321 5.1).
func (d *doctor) mx(ctx context.Context, domain string) {
	add := fmt.Sprintf("%s. MX 10 %s.", domain, d.c.Hostname)
	a, err := d.dns.MX(ctx, domain)
	if d.unknown("MX", domain, err) {
		return
	}
	if err != nil {
		d.find("MX", warning, add, "no mail comes in for %s: it has no MX record", domain)
		return
	}
	var here, elsewhere []string
	first := false // one of ours is preferred
	for _, m := range a.Records {
		switch {
		case m.Host == "":
			d.find("MX", problem, add+", and take the record with the \".\" out", "%s tells others that it takes no mail at all", domain)
			return
		case d.leadsHere(ctx, m.Host):
			here = append(here, m.Host)
			first = first || m.Preference == a.Records[0].Preference
		default:
			elsewhere = append(elsewhere, m.Host)
		}
		if c, err := d.dns.CNAME(ctx, m.Host); err == nil {
			d.find("MX", problem, "name the host itself in the MX record", "%s, an MX of %s, is an alias of %s: some servers do not send there", m.Host, domain, c.Records[0])
		} else if _, err := d.dns.Addresses(ctx, m.Host); errors.Is(err, dns.ErrNotFound) {
			d.find("MX", problem, "give it an address, or take it out of the MX records", "%s, an MX of %s, has no address", m.Host, domain)
		}
	}
	switch {
	case len(here) == 0 && len(elsewhere) == 0:
		d.find("MX", problem, add, "the MX of %s is no host name", domain)
	case len(here) == 0:
		d.find("MX", warning, add+", unless they pass it on to this one", "mail for %s goes to others: %s", domain, strings.Join(elsewhere, ", "))
	case !first:
		d.find("MX", warning, "give this machine the lowest number, unless it is meant as the spare one", "mail for %s goes to %s first", domain, a.Records[0].Host)
	default:
		d.find("MX", fine, "", "mail for %s comes here, to %s", domain, strings.Join(here, ", "))
	}
}

// tagged gives the texts of a name that begin with a version, such as v=DMARC1.
func (d *doctor) tagged(ctx context.Context, check, name, version string) (all []string, ok bool) {
	a, err := d.dns.TXT(ctx, name)
	if d.unknown(check, name, err) {
		return nil, false
	}
	for _, t := range a.Records {
		if v, _, _ := strings.Cut(t, ";"); strings.EqualFold(strings.ReplaceAll(v, " ", ""), version) {
			all = append(all, t)
		}
	}
	return all, true
}

// tag is the value of a tag of a record such as "v=DMARC1; p=none".
func tag(record, name string) string {
	for part := range strings.SplitSeq(record, ";") {
		if k, v, ok := strings.Cut(part, "="); ok && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Join(strings.Fields(v), "")
		}
	}
	return ""
}

// dkim looks whether the DNS shows the keys that mail is signed with.
func (d *doctor) dkim(ctx context.Context, domain string) {
	for _, k := range d.keys {
		if k.Domain != domain || k.State != "used" {
			continue
		}
		a, err := d.dns.TXT(ctx, k.Name)
		if d.unknown("DKIM", k.Name, err) {
			continue
		}
		shown := slices.ContainsFunc(a.Records, func(t string) bool { return tag(t, "p") == tag(k.Record, "p") })
		switch {
		case !shown && len(a.Records) > 0:
			d.find("DKIM", problem, "put right what is there by: martlet dkim dns "+domain, "%s shows another key than the one that mail is signed with: others find the signatures wrong", k.Name)
		case !shown:
			d.find("DKIM", problem, "add it again: martlet dkim dns "+domain, "%s is no longer in the DNS: others cannot check our signatures", k.Name)
		case len(a.Records) > 1:
			d.find("DKIM", problem, "leave one record of this name", "%s has %d records: others may take the wrong one", k.Name, len(a.Records))
		default:
			d.find("DKIM", fine, "", "%s shows our key", k.Name)
		}
	}
}

// dmarc looks at what others are told to do with mail in the name of a domain
// (RFC 7489).
func (d *doctor) dmarc(ctx context.Context, domain string) {
	name := "_dmarc." + domain
	all, ok := d.tagged(ctx, "DMARC", name, "v=DMARC1")
	if !ok {
		return
	}
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); len(all) == 0 && err == nil && org != domain {
		name = "_dmarc." + org
		if all, ok = d.tagged(ctx, "DMARC", name, "v=DMARC1"); !ok {
			return
		}
	}
	switch {
	case len(all) == 0:
		d.find("DMARC", warning, "_dmarc."+domain+`. TXT "v=DMARC1; p=none; rua=mailto:postmaster@`+domain+`"`, "%s has no DMARC record: large providers refuse much of its mail", domain)
	case len(all) > 1:
		d.find("DMARC", problem, "leave one", "%s has %d DMARC records: none counts", name, len(all))
	case tag(all[0], "p") == "" && tag(all[0], "rua") == "":
		d.find("DMARC", problem, "add p=none, p=quarantine or p=reject", "%s says no policy", name)
	case tag(all[0], "rua") == "":
		d.find("DMARC", warning, "add rua=mailto:postmaster@"+domain, "%s names nobody to report to: what fails is seen by nobody", name)
	case tag(all[0], "p") == "" || strings.EqualFold(tag(all[0], "p"), "none"):
		d.find("DMARC", fine, "p=quarantine when the reports show nobody of yours failing: martlet reports dmarc", "%s asks for reports alone", name)
	default:
		d.find("DMARC", fine, "", "%s has others protect the domain: p=%s", name, tag(all[0], "p"))
	}
}

// tlsReports looks whether others report how TLS with us goes (RFC 8460).
func (d *doctor) tlsReports(ctx context.Context, domain string) {
	name := "_smtp._tls." + domain
	all, ok := d.tagged(ctx, "TLS-RPT", name, "v=TLSRPTv1")
	switch {
	case !ok:
	case len(all) == 0:
		d.find("TLS-RPT", warning, name+`. TXT "v=TLSRPTv1; rua=mailto:postmaster@`+domain+`"`, "nobody reports when TLS with us fails")
	case len(all) > 1 || tag(all[0], "rua") == "":
		d.find("TLS-RPT", problem, "martlet dns "+domain+" prints the right one", "the record of %s is wrong: none counts", name)
	default:
		d.find("TLS-RPT", fine, "", "others report how TLS with us goes, to %s", tag(all[0], "rua"))
	}
}

// services looks whether programs find their servers by themselves (RFC 6186, 6764,
// 8314).
func (d *doctor) services(ctx context.Context, domain string) {
	var missing, wrong []string
	looked := 0
	for _, s := range []struct {
		name string
		on   bool
	}{
		{"_imaps._tcp.", len(d.c.IMAPS) > 0}, {"_pop3s._tcp.", len(d.c.POP3S) > 0},
		{"_submissions._tcp.", len(d.c.Submissions) > 0}, {"_submission._tcp.", len(d.c.Submission) > 0 && len(d.c.Submissions) == 0},
		{"_sieve._tcp.", len(d.c.Sieve) > 0}, {"_caldavs._tcp.", len(d.c.HTTPS) > 0}, {"_carddavs._tcp.", len(d.c.HTTPS) > 0},
	} {
		if !s.on {
			continue
		}
		looked++
		name := s.name + domain
		a, err := d.dns.SRV(ctx, name)
		if d.unknown("SRV", name, err) {
			return
		}
		switch {
		case err != nil:
			missing = append(missing, strings.TrimSuffix(s.name, "."))
		case !slices.ContainsFunc(a.Records, func(r dns.SRV) bool { return d.leadsHere(ctx, r.Host) }):
			wrong = append(wrong, strings.TrimSuffix(s.name, "."))
		}
	}
	if looked == 0 {
		return
	}
	if len(wrong) > 0 {
		d.find("SRV", warning, "see martlet dns "+domain, "records of %s lead elsewhere: %s", domain, strings.Join(wrong, ", "))
	}
	if len(missing) > 0 {
		d.find("SRV", warning, "add them: martlet dns "+domain, "programs do not find these of %s by themselves: %s", domain, strings.Join(missing, ", "))
	}
	if len(wrong)+len(missing) == 0 {
		d.find("SRV", fine, "", "programs find the servers of %s by themselves", domain)
	}
}

func (d *doctor) autodiscover(ctx context.Context, domain string) {
	if len(d.c.HTTPS)+len(d.c.HTTP) == 0 {
		return
	}
	name := "autodiscover." + domain
	_, err := d.dns.Addresses(ctx, name)
	srv, srvErr := d.dns.SRV(ctx, "_autodiscover._tcp."+domain)
	switch {
	case err == nil && d.leadsHere(ctx, name):
		d.find("Autodiscover", fine, "", "%s is there", name)
	case err == nil:
		d.find("Autodiscover", warning, "let it lead here, unless a proxy in front is there", "%s leads elsewhere", name)
	case srvErr == nil && len(srv.Records) > 0:
		d.find("Autodiscover", fine, "", "_autodiscover._tcp.%s leads to %s", domain, srv.Records[0].Host)
	case d.unknown("Autodiscover", name, err):
	default:
		d.find("Autodiscover", warning, "add "+name+" CNAME "+d.c.Hostname+", and the name to the certificate", "phones with an address of %s do not find the server by themselves", domain)
	}
	auto := "autoconfig." + domain
	if _, err := d.dns.Addresses(ctx, auto); err == nil && !d.leadsHere(ctx, auto) {
		d.find("Autoconfig", warning, "let it lead here, unless a proxy in front is there", "%s leads elsewhere", auto)
	}
}

// tlsa looks whether what DANE promises is kept: who checks it does not send to a
// host that shows another certificate (RFC 7672).
func (d *doctor) tlsa() {
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	name := "_25._tcp." + d.c.Hostname
	a, err := d.dns.TLSA(ctx, name)
	if err != nil {
		d.unknown("TLSA", name, err)
		return // nothing is promised
	}
	if !a.Authentic {
		d.find("TLSA", warning, "sign the zone with DNSSEC, or take the records out", "%s has TLSA records that DNSSEC is not seen to prove: they help nobody", name)
	}
	switch {
	case len(d.mxChain) == 0:
		d.find("TLSA", warning, "run it again when the server runs", "what %s promises can be looked at when the server runs", name)
	case !slices.ContainsFunc(a.Records, func(t dns.TLSA) bool { return keeps(t, d.mxChain) }):
		d.find("TLSA", problem, "take the record out at once, then add that of martlet dns; the key must stay the same from then on", "%s names another key than the one shown: who checks it does not send here", name)
	default:
		d.find("TLSA", fine, "", "%s names the key that is shown", name)
	}
}

// keeps tells whether a chain is what a TLSA record promises (RFC 6698 2.1, RFC 7672
// 3.1).
func keeps(t dns.TLSA, chain []*x509.Certificate) bool {
	switch t.Usage {
	case 2:
	case 3:
		chain = chain[:1]
	default:
		return false
	}
	return slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
		data := c.Raw
		if t.Selector == 1 {
			data = c.RawSubjectPublicKeyInfo
		}
		switch t.MatchingType {
		case 1:
			sum := sha256.Sum256(data)
			data = sum[:]
		case 2:
			sum := sha512.Sum512(data)
			data = sum[:]
		}
		return t.Selector <= 1 && t.MatchingType <= 2 && bytes.Equal(data, t.Data)
	})
}
