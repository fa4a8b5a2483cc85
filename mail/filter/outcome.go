package filter

import (
	"net/netip"
	"time"

	"martlet/mail"
)

// Outcome is what DMARC made of a message, for a report to the domain in From (RFC
// 7489 7.2).
type Outcome struct {
	Time        time.Time
	Source      netip.Addr
	Disposition string // none, quarantine or reject
	Override    string // why that is not what the domain asks for (RFC 7489 appendix C, PolicyOverrideType); empty: it is
	From        string // domain in From
	Envelope    string // domain of MAIL FROM; empty for reports
	Policy      PolicyPublished
	AlignedDKIM bool
	AlignedSPF  bool
	DKIM        []SignatureResult
	SPF         SPFResult
}

// PolicyPublished is the record of a domain.
type PolicyPublished struct {
	Domain       string
	Policy       string // p
	Below        string // sp; empty: as p
	StrictDKIM   bool
	StrictSPF    bool
	Percent      int
	Destinations []string // rua, as they are written there; none: it wants no reports
}

// SignatureResult is one of a message's signatures.
type SignatureResult struct{ Domain, Selector, Result string }

// SPFResult is what SPF said.
type SPFResult struct {
	Domain, Result string
	Helo           bool // it is about HELO
}

// tell reports what DMARC made of a message.
func (f *Filter) tell(c *mail.Client, env *mail.Envelope, found *findings) {
	d := &found.dmarc
	if f.observe == nil || d.record == nil || d.result == tempError {
		return
	}
	r := d.record
	o := Outcome{
		Time: time.Now(), Source: c.Addr.Unmap().WithZone(""), Disposition: d.disposition, Override: d.override, From: d.domain, Envelope: domainOf(env.From),
		Policy:      PolicyPublished{r.domain, r.policy, r.below, r.strictDKIM, r.strictSPF, r.percent, r.reports},
		AlignedDKIM: d.dkim, AlignedSPF: d.spf, SPF: SPFResult{found.spf.domain, found.spf.result, found.spf.helo},
	}
	for _, s := range found.signatures {
		if s.Domain != "" {
			o.DKIM = append(o.DKIM, SignatureResult{s.Domain, s.Selector, s.Result})
		}
	}
	f.observe(o)
}

// Organisation is the domain that somebody registered, above which are registries
// (RFC 7489 3.2).
func Organisation(domain string) string { return organisation(asciiDomain(domain)) }
