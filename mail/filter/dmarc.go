package filter

import (
	"bytes"
	"context"
	"errors"
	"net"
	netmail "net/mail"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// verdict is what DMARC says of a message (RFC 7489).
type verdict struct {
	result string
	domain string // of From
	policy string // what its owner asks for: none, quarantine, reject
}

// record is the policy of a domain (RFC 7489 6.3).
type record struct {
	policy     string
	strictDKIM bool
	strictSPF  bool
}

// dmarc tells whether SPF or DKIM speak for the domain in From.
func (f *Filter) dmarc(ctx context.Context, header []byte, whole bool, s sender, signatures []signature) verdict {
	v := verdict{result: permError}
	if !whole {
		return v
	}
	if v.domain = fromDomain(header); v.domain == "" {
		return v
	}
	r, err := f.policy(ctx, v.domain)
	switch {
	case err != nil:
		v.result = tempError
		return v
	case r == nil:
		v.result = none
		return v
	}
	v.policy, v.result = r.policy, fail
	for _, one := range signatures {
		switch {
		case !aligned(one.domain, v.domain, r.strictDKIM):
		case one.result == pass:
			v.result = pass
			return v
		case one.result == tempError:
			v.result = tempError
		}
	}
	if aligned(s.domain, v.domain, r.strictSPF) {
		switch s.result {
		case pass:
			v.result = pass
		case tempError:
			v.result = tempError
		}
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

// policy finds the record of a domain, or that of the organisation it belongs to;
// nil if there is none (RFC 7489 6.6.3).
func (f *Filter) policy(ctx context.Context, domain string) (*record, error) {
	for _, name := range slices.Compact([]string{domain, organisation(domain)}) {
		texts, err := f.resolver.LookupTXT(ctx, "_dmarc."+name)
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		var found []*record
		for _, text := range texts {
			if r := readRecord(text, name != domain); r != nil {
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

// isNotFound tells whether the DNS says that there is nothing, and not that it
// cannot say.
func isNotFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// readRecord reads a record; nil for what is none. What it has besides, and what
// is wrong with that, does not matter.
func readRecord(text string, subdomain bool) *record {
	r := &record{}
	below := ""
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
			below = readPolicy(value)
		case "adkim":
			r.strictDKIM = strings.EqualFold(value, "s")
		case "aspf":
			r.strictSPF = strings.EqualFold(value, "s")
		}
	}
	if subdomain && below != "" {
		r.policy = below
	}
	if r.policy == "" { // taken for one that only wants to be told
		r.policy = none
	}
	return r
}

func readPolicy(s string) string {
	switch s = strings.ToLower(s); s {
	case none, "quarantine", "reject":
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

// report writes what was found (RFC 8601 2.7). Nothing in it is the sender's but
// domains, and those are made of letters, digits, points and lines.
func report(s sender, signatures []signature, d verdict) string {
	var b strings.Builder
	b.WriteString("spf=" + s.result)
	if s.domain != "" {
		property := " smtp.mailfrom="
		if s.helo {
			property = " smtp.helo="
		}
		b.WriteString(property + s.domain)
	}
	if len(signatures) == 0 {
		b.WriteString("; dkim=none")
	}
	for _, one := range signatures {
		b.WriteString("; dkim=" + one.result)
		if one.domain != "" {
			b.WriteString(" header.d=" + one.domain)
		}
	}
	b.WriteString("; dmarc=" + d.result)
	if d.policy != "" {
		b.WriteString(" (p=" + d.policy + ")")
	}
	if d.domain != "" {
		b.WriteString(" header.from=" + d.domain)
	}
	return b.String()
}
