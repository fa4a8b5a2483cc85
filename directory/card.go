package directory

import (
	"bytes"
	"encoding/base64"
	"strings"

	"martlet/mail/vcard"
)

// Card is the entry as a vCard, of version 3.0, which every client reads (RFC
// 6352 6.2.1.1). Its UID is the entry's ID. The photo is the entry's, or nil.
func (e *Entry) Card(photo []byte) *vcard.Card {
	c := &vcard.Card{Version: vcard.Version30}
	c.Add(vcard.TextProperty("UID", "martlet-"+e.ID()))
	c.Add(vcard.TextProperty("FN", e.Name()))
	a := &e.Account
	given, family := a.GivenName, a.Surname
	if given == "" && family == "" {
		given, family = splitName(e)
	}
	c.SetName(vcard.Name{Given: given, Family: family})
	e.kindOf(c)
	typed := func(name, value string, types ...string) {
		if value != "" {
			p := vcard.TextProperty(name, value)
			p.SetParam("TYPE", types...)
			c.Add(p)
		}
	}
	typed("EMAIL", e.Address(), "INTERNET", "WORK", "PREF")
	for _, s := range a.Aliases {
		typed("EMAIL", s, "INTERNET", "WORK")
	}
	typed("TEL", a.Phone, "VOICE", "WORK")
	typed("TEL", a.Mobile, "CELL")
	typed("TEL", a.HomePhone, "VOICE", "HOME")
	if a.Company != "" || a.Department != "" {
		c.Add(vcard.StructuredProperty("ORG", list(a.Company), list(a.Department)))
	}
	typed("TITLE", a.Title)
	typed("NICKNAME", a.Alias)
	if a.Office != "" { // of ADR the part that says where in a house (RFC 2426 3.2.1)
		p := vcard.StructuredProperty("ADR", nil, list(a.Office), nil, nil, nil, nil, nil)
		p.SetParam("TYPE", "WORK")
		c.Add(p)
	}
	if len(photo) > 0 {
		c.Add(photoProperty(photo))
	}
	return c
}

// kindOf says what is no person. vCard 3.0 has no KIND: Apple's name for it is
// the one that clients know.
func (e *Entry) kindOf(c *vcard.Card) {
	switch {
	case e.Group != nil:
		c.Add(vcard.TextProperty("X-ADDRESSBOOKSERVER-KIND", "group"))
	case e.Account.IsResource():
		kind := "location"
		if e.Account.Kind == KindEquipment {
			kind = "device"
		}
		c.Add(vcard.TextProperty("X-ADDRESSBOOKSERVER-KIND", kind))
	}
}

// splitName takes a person's name apart, which clients that sort by surname
// need; what is no person has one name.
func splitName(e *Entry) (given, family string) {
	name := e.Name()
	if i := strings.LastIndexByte(name, ' '); i > 0 && e.Group == nil && !e.Account.IsResource() {
		return name[:i], name[i+1:]
	}
	return "", name
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// photoProperty is a photo as vCard 3.0 has it (RFC 2426 3.1.4).
func photoProperty(photo []byte) vcard.Property {
	kind := "JPEG"
	if bytes.HasPrefix(photo, []byte("\x89PNG")) {
		kind = "PNG"
	}
	p := vcard.Property{Name: "PHOTO", Value: base64.StdEncoding.EncodeToString(photo)}
	p.SetParam("ENCODING", "b")
	p.SetParam("TYPE", kind)
	return p
}
