package vcard

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// As30 is the card as one of version 3.0 (RFC 2426), for programs that know no
// other: the same properties, written as they were before 4.0. What 3.0 had no
// word for goes under the names that address books agreed on.
func (c *Card) As30() *Card {
	out := &Card{Version: Version30, Properties: make([]Property, 0, len(c.Properties)+2)}
	hasName := false
	for _, p := range c.Properties {
		p.Params = slices.Clone(p.Params)
		hasName = hasName || p.Name == "N"
		if q, ok := p.as30(); ok {
			out.Properties = append(out.Properties, q)
		}
	}
	if !hasName { // which 3.0 asks for (RFC 2426 3.1.2)
		out.Add(Property{Name: "N", Value: escape(c.FormattedName()) + ";;;;"})
	}
	if out.Get("FN") == nil {
		out.Add(TextProperty("FN", c.FormattedName()))
	}
	return out
}

// renamed are properties of 4.0 under the names that programs of 3.0 use.
var renamed = map[string]string{
	"KIND": "X-ADDRESSBOOKSERVER-KIND", "MEMBER": "X-ADDRESSBOOKSERVER-MEMBER", "ANNIVERSARY": "X-ANNIVERSARY", "GENDER": "X-GENDER",
}

// as30 is a property of 4.0 as 3.0 has it.
func (p Property) as30() (Property, bool) {
	if n := renamed[p.Name]; n != "" {
		p.Name = n
	}
	types := p.Types() // several may stand in one pair of quotes
	if slices.Contains(p.Param("PREF"), "1") && !slices.Contains(types, "pref") {
		types = append(types, "pref")
	}
	p.SetParam("TYPE", types...)
	p.SetParam("PREF")
	p.SetParam("ALTID")
	p.SetParam("PID")
	switch p.Name {
	case "PHOTO", "LOGO", "SOUND", "KEY":
		p.binary30()
	case "TEL", "X-ADDRESSBOOKSERVER-MEMBER":
		p.plain30("tel:")
	case "UID":
		p.SetParam("VALUE")
	case "BDAY", "X-ANNIVERSARY":
		if d, ok := p.Date(); ok && d.IsDay() && !strings.ContainsAny(p.Value, "Tt") {
			p.SetDate(d, Version30)
		}
	case "CLIENTPIDMAP":
		return p, false // of use with PID only
	}
	return p, true
}

// plain30 is a text where 4.0 has a URI of a scheme.
func (p *Property) plain30(scheme string) {
	if v := p.Param("VALUE"); len(v) > 0 && strings.EqualFold(v[0], "uri") {
		p.SetParam("VALUE")
	}
	if len(p.Value) > len(scheme) && strings.EqualFold(p.Value[:len(scheme)], scheme) {
		p.Value = p.Value[len(scheme):]
		if i := strings.IndexByte(p.Value, ';'); i >= 0 { // RFC 3966: parameters
			p.Value = p.Value[:i]
		}
		if s, err := url.PathUnescape(p.Value); err == nil {
			p.Value = escape(clean(s))
		}
	}
}

// binary30 is base64 where 4.0 has a data: URI.
func (p *Property) binary30() {
	if len(p.Value) <= 5 || !strings.EqualFold(p.Value[:5], "data:") {
		return
	}
	data, media, ok := p.Binary()
	if !ok {
		return
	}
	media, _, _ = strings.Cut(media, " ")
	if p.Name == "KEY" && strings.Contains(media, "pgp") {
		p.SetParam("ENCODING", "b")
		p.SetParam("TYPE", "PGP")
		p.Value = base64.StdEncoding.EncodeToString(data)
		return
	}
	p.SetBinary(data, media, Version30)
}
