package class

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// contactEdit is a card while a client's elements are written into it. A property
// that is taken away loses its name, so that the others stay where they are.
type contactEdit struct {
	contactTexts
	now, want [len(contactElements)]string
	wantAt    [slotCount]int // the property that is to fill each slot
	changed   bool
}

// editContact makes the card of a contact of what a client writes. An element
// that is left out is taken away (MS-ASCMD_R879) but for Body and Picture (R878)
// and those that the client does not manage (R5911).
func editContact(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) {
	var d eas.Contact
	if err := wbxml.UnmarshalRaw(data, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	takeContactMark(&d, o)
	if len(d.Children) > maxEntries || len(d.Categories) > maxEntries {
		return nil, ErrBadValue
	}
	card := newCard()
	if old != nil {
		var err error
		if card, err = vcard.Parse(old); err != nil {
			return nil, err
		}
	}
	e := &contactEdit{contactTexts: contactTexts{contactCard: takeApart(card)}}
	e.wantAt = e.at
	ghosted := ghosts(o.Supported)
	e.readTexts(&d, ghosted)
	called := card.ComposedName()
	e.editPersons()
	e.editAddresses()
	e.editEmails()
	e.editChats()
	e.editPhones()
	e.editSingles()
	e.editDays(&d, ghosted)
	e.editChildren(d.Children, ghosted)
	e.editCategories(d.Categories, ghosted)
	if err := e.editPicture(d.Picture, o); err != nil {
		return nil, err
	}
	if err := e.editNote(&d); err != nil {
		return nil, err
	}
	e.editNames(called)
	if !e.changed && old != nil {
		return old, nil
	}
	e.settle()
	card.Sweep()
	if len(card.Properties) >= vcard.MaxProperties {
		return nil, ErrBadValue
	}
	if !o.Now.IsZero() {
		card.Set(vcard.Property{Name: "REV", Value: o.Now.UTC().Format("20060102T150405Z")})
	}
	return card.Bytes(), nil
}

// newCard is the beginning of a card, of the version that every CardDAV client
// reads (RFC 6352 3) and with what each must have (RFC 2426 3.1.1, 3.1.2).
func newCard() *vcard.Card {
	return &vcard.Card{Version: vcard.Version30, Properties: []vcard.Property{{Name: "FN"}, {Name: "N", Value: ";;;;"}}}
}

// ghosts returns what tells of an element whether the client leaves it to the
// server: one that it did not name when it named some, or none (MS-ASCMD
// 2.2.3.179).
func ghosts(supported []wbxml.Tag) func(tag string) bool {
	if supported == nil {
		return func(string) bool { return false }
	}
	named := make(map[string]bool, len(supported))
	for _, tag := range supported {
		named[tag.String()] = true
	}
	return func(tag string) bool { return !named[tag] }
}

// readTexts finds what the texts are and what they are to be.
func (e *contactEdit) readTexts(d *eas.Contact, ghosted func(string) bool) {
	for i := range contactElements {
		el := &contactElements[i]
		e.now[i] = e.text(el)
		switch sent := *el.field(d); {
		case sent == nil && ghosted(el.tag):
			e.want[i] = e.now[i]
		case sent != nil:
			e.want[i] = wantedText(el, *sent)
			if sameText(e.want[i], e.now[i]) {
				e.want[i] = e.now[i]
			}
		}
	}
}

// wantedText is a text as it is kept. Of an address with a name only the address
// is (MS-ASDTYPE 2.7.3).
func wantedText(el *contactElement, s string) string {
	s = strings.TrimSpace(newlines(s))
	if el.slot >= slotEmail1 && el.slot <= slotEmail3 {
		if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") && strings.Contains(s[open:], "@") {
			return strings.TrimSpace(s[open+1 : len(s)-1])
		}
	}
	return s
}

// elementOf is the element that shows a part of a slot.
func elementOf(s slot, part int) int {
	for i := range contactElements {
		if contactElements[i].slot == s && contactElements[i].part == part {
			return i
		}
	}
	return -1
}

// texts are what a slot shows and is to show, of those with one element.
func (e *contactEdit) texts(s slot) (now, want string) {
	i := elementOf(s, wholeValue)
	return e.now[i], e.want[i]
}

func (e *contactEdit) property(i int) *vcard.Property { return &e.card.Properties[i] }

// remove takes a property away.
func (e *contactEdit) remove(i int) {
	e.property(i).Name, e.changed = "", true
	for s := range e.wantAt {
		if e.wantAt[s] == i {
			e.wantAt[s] = nowhere
		}
	}
}

// add gives a slot a property.
func (e *contactEdit) add(s slot, p vcard.Property) {
	e.card.Add(p)
	e.wantAt[s], e.changed = len(e.card.Properties)-1, true
}

func (e *contactEdit) addLabelled(s slot, p vcard.Property, label string) {
	e.wantAt[s], e.changed = e.card.AddLabelled(p, label), true
}

// editPersons writes the parts of the name and of the organization.
func (e *contactEdit) editPersons() {
	for _, s := range [...]slot{slotName, slotOrg} {
		components, empty, changed := e.components(s, e.at[s])
		if !changed {
			continue
		}
		name := "N"
		if s == slotOrg {
			name = "ORG"
		}
		switch i := e.at[s]; {
		case i == nowhere && !empty:
			e.add(s, vcard.StructuredProperty(name, components...))
		case i != nowhere && empty && s == slotOrg:
			e.remove(i)
		case i != nowhere:
			p := e.property(i)
			p.Value, e.changed = vcard.StructuredProperty(name, components...).Value, true
			p.SetParam("SORT-AS")
		}
	}
}

// components are those that a slot is to have, and whether they are all empty,
// and others than now.
func (e *contactEdit) components(s slot, at int) (components [][]string, empty, changed bool) {
	if at != nowhere {
		components = e.property(at).Components()
	}
	empty = true
	for i := range contactElements {
		el := &contactElements[i]
		if el.slot != s {
			continue
		}
		empty = empty && e.want[i] == ""
		for len(components) <= el.part {
			components = append(components, nil)
		}
		if e.want[i] == e.now[i] {
			continue
		}
		changed = true
		components[el.part] = nil
		if e.want[i] != "" {
			components[el.part] = []string{e.want[i]}
		}
		switch {
		case s == slotOrg && el.part == 1: // it stood for all of the units
			components = components[:2]
		case s != slotName && s != slotOrg && el.part == partStreet: // and for what stands before it
			components[0], components[1] = nil, nil
			components = components[:min(len(components), 7)]
		}
	}
	for s == slotName && len(components) < 5 {
		components = append(components, nil)
	}
	for s >= slotHomeAddress && s <= slotOtherAddress && len(components) < 7 {
		components = append(components, nil)
	}
	return components, empty, changed
}

// addressType is the type of an address that is new in a slot.
func addressType(s slot) string {
	switch s {
	case slotHomeAddress:
		return "HOME"
	case slotWorkAddress:
		return "WORK"
	}
	return ""
}

func (e *contactEdit) editAddresses() {
	for s := slotHomeAddress; s <= slotOtherAddress; s++ {
		components, empty, changed := e.components(s, e.at[s])
		switch i := e.at[s]; {
		case !changed:
		case i != nowhere && empty:
			e.removeLabel(e.property(i))
			e.remove(i)
		case i != nowhere:
			p := e.property(i)
			e.removeLabel(p)
			p.Value, e.changed = vcard.StructuredProperty("ADR", components...).Value, true
			p.SetParam("LABEL")
			p.SetParam("GEO")
		default:
			p := vcard.StructuredProperty("ADR", components...)
			if t := addressType(s); t != "" {
				p.SetParam("TYPE", t)
			}
			e.add(s, p)
		}
	}
}

// removeLabel takes away the address as it would stand on an envelope, which
// says the old one (RFC 2426 3.2.2).
func (e *contactEdit) removeLabel(adr *vcard.Property) {
	for i := range e.card.Properties {
		p := e.property(i)
		if p.Name == "LABEL" && p.HasType("home") == adr.HasType("home") && p.HasType("work") == adr.HasType("work") {
			e.remove(i)
		}
	}
}

// editDays writes birthday and anniversary. A day that was sent with another
// time is the same day.
func (e *contactEdit) editDays(d *eas.Contact, ghosted func(string) bool) {
	for i, sent := range [...]*time.Time{d.Birthday, d.Anniversary} {
		s := slotBirthday + slot(i)
		if sent == nil && ghosted("Contacts:"+markOf(s)) {
			continue
		}
		now, has := e.day(s)
		if sent == nil || sent.IsZero() {
			if has {
				e.removeTwins(s, e.at[s])
				e.remove(e.at[s])
			}
			continue
		}
		if day := contactDay(*sent); !has || day != now {
			e.setDay(s, day)
		}
	}
}

func (e *contactEdit) setDay(s slot, day vcard.Date) {
	e.changed = true
	i := e.at[s]
	if i == nowhere && s == slotBirthday {
		// There is one birthday: what cannot be read is no other one.
		i = slices.IndexFunc(e.card.Properties, func(p vcard.Property) bool { return p.Name == "BDAY" })
	}
	p := vcard.Property{Name: "BDAY"}
	if i >= 0 {
		p = *e.property(i)
		e.removeTwins(s, i)
	}
	if p.Name == "X-ANDROID-CUSTOM" {
		text := vcard.Property{}
		text.SetDate(day, vcard.Version30)
		setAndroid(&p, text.Value)
	} else {
		p.SetDate(day, e.card.Version)
	}
	switch {
	case i >= 0:
		*e.property(i), e.wantAt[s] = p, i
	case s == slotAnniversary && e.card.Version == vcard.Version40:
		p.Name = "ANNIVERSARY"
		e.add(s, p)
	case s == slotAnniversary:
		p.Name = "X-ABDATE"
		e.addLabelled(s, p, "Anniversary")
	default:
		e.add(s, p)
	}
}

// setAndroid writes the value of one of Android's own properties.
func setAndroid(p *vcard.Property, text string) {
	components := p.Components()
	components[1] = []string{text}
	p.Value = vcard.StructuredProperty(p.Name, components...).Value
}
