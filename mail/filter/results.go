package filter

import (
	"net/netip"
	"strings"

	"martlet/mail/dkim"
)

// results writes what was found (RFC 8601 2.2 and 2.7). Nothing in it is the
// sender's but domains and selectors, which are made of letters, digits, points and
// lines, and the beginning of a signature, which is base64.
func (found *findings) results(client netip.Addr) string {
	var b strings.Builder
	if h := found.host; h != nil && h.result != "" {
		b.WriteString("iprev=" + h.result)
		if h.name != "" {
			b.WriteString(" (" + h.name + ")")
		}
		b.WriteString(" policy.iprev=" + word(client))
		b.WriteString("; ")
	}
	s := &found.spf
	b.WriteString("spf=" + s.result)
	if s.domain != "" {
		property := " smtp.mailfrom="
		if s.helo {
			property = " smtp.helo="
		}
		b.WriteString(property + s.domain)
	}
	if len(found.signatures) == 0 {
		b.WriteString("; dkim=none")
	}
	for _, one := range found.signatures {
		b.WriteString("; dkim=" + one.Result)
		for _, p := range [][2]string{{"d", one.Domain}, {"s", one.Selector}, {"a", one.Algorithm}, {"b", one.Start}} {
			switch {
			case p[1] == "":
			case p[0] == "b": // base64 has characters that end a word
				b.WriteString(` header.b="` + p[1] + `"`)
			default:
				b.WriteString(" header." + p[0] + "=" + p[1])
			}
		}
	}
	if found.chain.Result != dkim.None {
		b.WriteString("; arc=" + found.chain.Result) // RFC 8617 10.1
		b.WriteString(" smtp.remote-ip=" + word(client))
	}
	found.dmarc.write(&b)
	return b.String()
}

func (d *verdict) write(b *strings.Builder) {
	b.WriteString("; dmarc=" + d.result)
	if d.policy != "" {
		b.WriteString(" (p=" + d.policy)
		if d.result == fail {
			b.WriteString(" dis=" + d.disposition)
		}
		b.WriteByte(')')
	}
	if d.domain != "" {
		b.WriteString(" header.from=" + d.domain)
	}
}

// word is an address as a value: a colon has to stand in quotes (RFC 2045 5.1).
func word(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return `"` + a.String() + `"`
	}
	return a.String()
}

// auth is the same for programs.
func (found *findings) auth() Auth {
	d := &found.dmarc
	a := Auth{
		SPF: found.spf.result, SPFDomain: found.spf.domain, DMARC: d.result, From: d.domain, ARC: found.chain.Result,
		Authentic: d.result == pass || d.result == none && (d.spf || d.dkim),
	}
	if found.host != nil {
		a.Reverse = found.host.name
	}
	for _, s := range found.signatures {
		if s.Result == pass {
			a.DKIM = append(a.DKIM, s.Domain)
		}
	}
	return a
}

// saysPass tells whether results of another server have DMARC's pass for a domain.
// What stands in comments or in quotes is no result.
func saysPass(results, domain string) bool {
	for result := range strings.SplitSeq(withoutComments(results), ";") {
		passed, forDomain := false, false
		for i, w := range strings.Fields(result) {
			name, value, _ := strings.Cut(w, "=")
			switch {
			case i == 0:
				passed = strings.EqualFold(name, "dmarc") && strings.EqualFold(value, pass)
			case strings.EqualFold(name, "header.from"):
				forDomain = asciiDomain(value) == domain
			}
		}
		if passed && forDomain {
			return true
		}
	}
	return false
}

// withoutComments drops comments and what is quoted.
func withoutComments(s string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
