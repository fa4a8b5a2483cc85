package class

import (
	"slices"
	"strings"

	"martlet/mail/vcard"
)

// assignPhones puts telephone numbers by what they say of themselves. Those that
// have no place then, a second mobile phone or one that says nothing, take the
// first that is free: a number under another word is better than none.
func (c *contactCard) assignPhones() {
	c.byPreference(c.phones)
	var placed [16]bool
	done := func(n int) *bool {
		if n < len(placed) {
			return &placed[n]
		}
		return new(bool)
	}
	for n, i := range c.phones {
		for _, s := range ownSlots(&c.card.Properties[i], c.label(i)) {
			if c.at[s] == nowhere {
				c.at[s], *done(n) = i, true
				break
			}
		}
	}
	for n, i := range c.phones {
		if n >= len(placed) {
			return
		}
		if placed[n] {
			continue
		}
		for _, s := range freeSlots(&c.card.Properties[i]) {
			if c.at[s] == nowhere {
				c.at[s] = i
				break
			}
		}
	}
}

// ownSlots are the slots that a number's types and its label ask for.
func ownSlots(p *vcard.Property, label string) []slot {
	fax := p.HasType("fax") || strings.HasSuffix(label, "fax")
	home := p.HasType("home") || strings.HasPrefix(label, "home")
	work := p.HasType("work") || strings.HasPrefix(label, "work")
	switch {
	case fax && home && !work:
		return phoneChains[chainHomeFax]
	case fax:
		return phoneChains[chainWorkFax]
	case p.HasType("pager") || label == "pager":
		return phoneChains[chainPager]
	case p.HasType("x-evolution-assistant") || p.HasType("assistant") || strings.HasPrefix(label, "assistant"):
		return phoneChains[chainAssistant]
	case p.HasType("x-evolution-company") || p.HasType("company") || p.HasType("main") || label == "main" || strings.HasPrefix(label, "company"):
		return phoneChains[chainCompany]
	case p.HasType("x-evolution-radio") || p.HasType("radio") || label == "radio":
		return phoneChains[chainRadio]
	case p.HasType("car") || label == "car":
		return phoneChains[chainCar]
	case p.HasType("cell") || p.HasType("iphone") || p.HasType("mobile") || label == "mobile" || label == "iphone":
		return phoneChains[chainMobile]
	case work:
		return phoneChains[chainWork]
	case home:
		return phoneChains[chainHome]
	}
	return nil
}

// freeSlots are the slots that a number may take whose own are full.
func freeSlots(p *vcard.Property) []slot {
	switch {
	case p.HasType("fax"):
		return phoneChains[chainAnyFax]
	case p.HasType("pager"):
		return nil
	case p.HasType("work"):
		return phoneChains[chainWork]
	case p.HasType("home"):
		return phoneChains[chainHome]
	}
	return phoneChains[chainAny]
}

// The chains of slots that numbers are put into.
const (
	chainMobile = iota
	chainHome
	chainWork
	chainHomeFax
	chainWorkFax
	chainAnyFax
	chainPager
	chainCar
	chainRadio
	chainAssistant
	chainCompany
	chainAny
)

var phoneChains = [...][]slot{
	chainMobile:    {slotMobile},
	chainHome:      {slotHome, slotHome2},
	chainWork:      {slotWork, slotWork2},
	chainHomeFax:   {slotHomeFax},
	chainWorkFax:   {slotWorkFax},
	chainAnyFax:    {slotWorkFax, slotHomeFax},
	chainPager:     {slotPager},
	chainCar:       {slotCar},
	chainRadio:     {slotRadio},
	chainAssistant: {slotAssistantPhone},
	chainCompany:   {slotCompanyPhone},
	chainAny:       {slotMobile, slotHome, slotWork, slotHome2, slotWork2},
}

// phoneTypes are the types of a number that is new in a slot: those of RFC 2426
// 3.3.1, and Evolution's where it has none.
func phoneTypes(s slot) []string {
	switch s {
	case slotMobile:
		return []string{"CELL"}
	case slotHome, slotHome2:
		return []string{"HOME", "VOICE"}
	case slotWork, slotWork2:
		return []string{"WORK", "VOICE"}
	case slotHomeFax:
		return []string{"HOME", "FAX"}
	case slotWorkFax:
		return []string{"WORK", "FAX"}
	case slotPager:
		return []string{"PAGER"}
	case slotCar:
		return []string{"CAR"}
	case slotRadio:
		return []string{"X-EVOLUTION-RADIO"}
	case slotAssistantPhone:
		return []string{"X-EVOLUTION-ASSISTANT"}
	case slotCompanyPhone:
		return []string{"X-EVOLUTION-COMPANY"}
	}
	return nil
}

// phoneText is the number that a property holds: since 4.0 it may be a URI (RFC
// 3966).
func phoneText(p *vcard.Property) string {
	text := strings.TrimSpace(p.Text())
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		return text[4:]
	}
	return text
}

// setPhone writes a number in the form that the property has.
func setPhone(p *vcard.Property, text string) {
	if slices.ContainsFunc(p.Param("VALUE"), func(v string) bool { return strings.EqualFold(v, "uri") }) {
		if isTelephone(text) {
			p.Value = "tel:" + text
			return
		}
		p.SetParam("VALUE")
	}
	p.Value = vcard.TextProperty("TEL", text).Value
}

// isTelephone tells whether a number can stand in a tel URI as it is.
func isTelephone(s string) bool {
	return s != "" && strings.Trim(s, "+0123456789-.()") == ""
}
