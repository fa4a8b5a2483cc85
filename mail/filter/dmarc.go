package filter

import (
	"bytes"
	"context"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"martlet/mail/dkim"
)

// What a domain asks for besides none (RFC 7489 6.3).
const (
	quarantine = "quarantine"
	reject     = "reject"
)

// verdict is what DMARC says of a message (RFC 7489).
type verdict struct {
	result string
	domain string // of From
	policy string // what its owner asks for: none, quarantine, reject
	record *record
	spf    bool // it speaks for From
	dkim   bool

	disposition string // what is done with the message
	override    string // why that is not what is asked for: see Outcome
}

// record is the policy of a domain (RFC 7489 6.3).
type record struct {
	domain     string // which has published it
	policy     string // for domain itself
	below      string // for those below it; empty: the same
	strictDKIM bool
	strictSPF  bool
	percent    int
	reports    []string // where reports go (rua), as they are written there
}

// asks is what the record wants for a domain.
func (r *record) asks(domain string) string {
	if domain != r.domain && r.below != "" {
		return r.below
	}
	return r.policy
}

// dmarc tells whether SPF or DKIM speak for the domain in From.
func (f *Filter) dmarc(ctx context.Context, header []byte, whole bool, s sender, signatures []dkim.Signature) verdict {
	v := verdict{result: permError}
	if !whole {
		return v
	}
	if v.domain = fromDomain(header); v.domain == "" {
		return v
	}
	r, err := f.record(ctx, v.domain)
	switch {
	case err != nil:
		v.result = tempError
		return v
	case r == nil:
		v.result = none
		r = &record{} // to tell what speaks for it all the same
	default:
		v.record, v.policy, v.result = r, r.asks(v.domain), fail
	}
	unsure := false
	for _, one := range signatures {
		if aligned(one.Domain, v.domain, r.strictDKIM) {
			v.dkim = v.dkim || one.Result == pass
			unsure = unsure || one.Result == tempError
		}
	}
	if aligned(s.domain, v.domain, r.strictSPF) {
		v.spf = s.result == pass
		unsure = unsure || s.result == tempError
	}
	switch {
	case v.record == nil:
	case v.dkim || v.spf:
		v.result = pass
	case unsure:
		v.result = tempError
	}
	return v
}

// fromDomain is the domain of the one address in From; empty if there is not one
// exactly, or if two programs might read another (RFC 7489 6.6.1).
func fromDomain(header []byte) string {
	m, err := netmail.ReadMessage(bytes.NewReader(header))
	if err != nil || len(m.Header["From"]) != 1 {
		return ""
	}
	list, err := netmail.ParseAddressList(m.Header["From"][0])
	if err != nil || len(list) != 1 {
		return ""
	}
	return domainOf(list[0].Address)
}

// record finds the record of a domain, or that of the organisation it belongs to;
// nil if there is none (RFC 7489 6.6.3).
func (f *Filter) record(ctx context.Context, domain string) (*record, error) {
	for _, name := range slices.Compact([]string{domain, organisation(domain)}) {
		texts, err := f.resolver.LookupTXT(ctx, "_dmarc."+name)
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		var found []*record
		for _, text := range texts {
			if r := readRecord(text); r != nil {
				r.domain = name
				found = append(found, r)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 { // nobody knows which
			return nil, nil
		}
	}
	return nil, nil
}

// maxReports is how many addresses for reports are read.
const maxReports = 8

// readRecord reads a record; nil for what is none. What it has besides, and what
// is wrong with that, does not matter.
func readRecord(text string) *record {
	r := &record{percent: 100}
	for i, tag := range strings.Split(text, ";") {
		name, value, ok := strings.Cut(tag, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if i == 0 && (!ok || name != "v" || value != "DMARC1") {
			return nil
		}
		switch name {
		case "p":
			r.policy = readPolicy(value)
		case "sp":
			r.below = readPolicy(value)
		case "adkim":
			r.strictDKIM = strings.EqualFold(value, "s")
		case "aspf":
			r.strictSPF = strings.EqualFold(value, "s")
		case "pct":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= 100 {
				r.percent = n
			}
		case "rua":
			for uri := range strings.SplitSeq(value, ",") {
				if uri = strings.TrimSpace(uri); uri != "" && len(uri) <= 320 && len(r.reports) < maxReports {
					r.reports = append(r.reports, uri)
				}
			}
		}
	}
	if r.policy == "" { // taken for one that only wants to be told
		r.policy = none
	}
	return r
}

func readPolicy(s string) string {
	switch s = strings.ToLower(s); s {
	case none, quarantine, reject:
		return s
	}
	return ""
}

// aligned tells whether a domain that was proven is that in From, or, unless it
// has to be, one of the same organisation (RFC 7489 3.1).
func aligned(proven, from string, strict bool) bool {
	if proven == "" || strict {
		return proven != "" && proven == from
	}
	return proven == from || organisation(proven) == organisation(from)
}

// organisation is the domain that somebody registered, above which are registries
// (RFC 7489 3.2).
func organisation(domain string) string {
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return registered
	}
	return domain
}

// asciiDomain is a domain as the DNS has it; empty if it is none.
func asciiDomain(s string) string {
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	a, err := idna.Lookup.ToASCII(s)
	if err != nil || a == "" || len(a) > 253 || strings.ContainsFunc(a, notOfADomain) {
		return ""
	}
	return a
}

func notOfADomain(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
}
