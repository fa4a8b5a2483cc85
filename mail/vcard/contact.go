package vcard

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Name is the structured name (RFC 6350 6.2.2).
type Name struct {
	Family, Given, Additional, Prefix, Suffix string
}

// Name returns what N says. Of a list the names are joined by spaces.
func (c *Card) Name() Name {
	p := c.Get("N")
	if p == nil {
		return Name{}
	}
	return Name{p.Component(0), p.Component(1), p.Component(2), p.Component(3), p.Component(4)}
}

// SetName writes N.
func (c *Card) SetName(n Name) {
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	c.Set(StructuredProperty("N", one(n.Family), one(n.Given), one(n.Additional), one(n.Prefix), one(n.Suffix)))
}

// FormattedName is how the person is called: FN, or what N, ORG or the first
// address make of it.
func (c *Card) FormattedName() string {
	if s := strings.TrimSpace(c.Text("FN")); s != "" {
		return s
	}
	return c.ComposedName()
}

// ComposedName is what a person would be called of whom only N, ORG or an address
// were known.
func (c *Card) ComposedName() string {
	n := c.Name()
	var parts []string
	for _, s := range []string{n.Prefix, n.Given, n.Additional, n.Family, n.Suffix} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, " ")
	}
	if p := c.Get("ORG"); p != nil && p.Component(0) != "" {
		return p.Component(0)
	}
	if all := c.Emails(); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Emails returns the mail addresses, the preferred ones first (RFC 6350 5.3).
func (c *Card) Emails() []string {
	all := c.All("EMAIL")
	slices.SortStableFunc(all, func(a, b *Property) int { return cmp.Compare(a.Preference(), b.Preference()) })
	out := make([]string, 0, len(all))
	for _, p := range all {
		s := strings.TrimSpace(p.Text())
		if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
			s = s[7:]
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// NoPreference is the Preference of a property that says nothing.
const NoPreference = 101

// Preference is 1 for the most preferred (RFC 6350 5.3).
func (p *Property) Preference() int {
	for i := range p.Params {
		q := &p.Params[i]
		if q.Name != "PREF" || len(q.Values) == 0 {
			continue
		}
		if n, err := strconv.Atoi(q.Values[0]); err == nil && n >= 1 && n <= 100 {
			return n
		}
	}
	if p.HasType("pref") { // before 4.0
		return 1
	}
	return NoPreference
}

// Certificates returns the X.509 certificates in KEY as they stand there: DER,
// or what claims to be (RFC 6350 6.8.1).
func (c *Card) Certificates() [][]byte {
	var all [][]byte
	for _, p := range c.All("KEY") {
		data, kind, ok := p.Binary()
		if !ok || strings.Contains(kind, "pgp") {
			continue
		}
		all = append(all, data)
	}
	return all
}

// Photo returns the bytes of the first photo that the card holds itself.
func (c *Card) Photo() []byte {
	for _, p := range c.All("PHOTO") {
		if data, _, ok := p.Binary(); ok {
			return data
		}
	}
	return nil
}
