package class

import (
	"slices"
	"strings"

	"martlet/mail/vcard"
)

// contactTexts reads the texts of a card's slots, and remembers the components
// that it took apart last.
type contactTexts struct {
	*contactCard
	last       slot
	components [][]string
}

// text is what an element shows; empty for nothing.
func (c *contactTexts) text(e *contactElement) string {
	i := c.at[e.slot]
	if i == nowhere {
		if e.slot == slotFileAs {
			return oneLine(c.card.FormattedName())
		}
		return ""
	}
	p := &c.card.Properties[i]
	if e.part != wholeValue {
		if c.components == nil || c.last != e.slot {
			c.last, c.components = e.slot, p.Components()
		}
		return partText(e, c.components)
	}
	switch s := e.slot; {
	case s >= slotEmail1 && s <= slotEmail3:
		return emailText(p)
	case s >= slotChat1 && s <= slotChat3:
		text, _ := chatText(p)
		return text
	case s >= slotMobile && s <= slotCompanyPhone:
		return phoneText(p)
	case p.Name == "NICKNAME":
		return strings.Join(p.List(), ", ")
	case p.Name == "X-ANDROID-CUSTOM":
		return p.Component(1)
	}
	return strings.TrimSpace(p.Text())
}

// partText is a component. Of an organization the units are one department; of
// an address what stands before the street is part of it.
func partText(e *contactElement, components [][]string) string {
	part := func(i int, between string) string {
		if i >= len(components) {
			return ""
		}
		return strings.TrimSpace(strings.Join(components[i], between))
	}
	switch {
	case e.slot == slotOrg && e.part > 0:
		return strings.Join(parts(len(components), 1, func(i int) string { return part(i, ", ") }), "; ")
	case e.part == partStreet && e.slot != slotName:
		return crlf(strings.Join(parts(3, 0, func(i int) string { return part(i, "\n") }), "\n"))
	}
	return part(e.part, " ")
}

// parts are the texts from first to before n that are not empty.
func parts(n, first int, text func(int) string) (out []string) {
	for i := first; i < n; i++ {
		if s := text(i); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func emailText(p *vcard.Property) string {
	text := strings.TrimSpace(p.Text())
	if len(text) > 7 && strings.EqualFold(text[:7], "mailto:") {
		return text[7:]
	}
	return text
}

// categories are those of the card, in their order, each once.
func (c *contactCard) categories() (all []string) {
	for i := range c.card.Properties {
		if p := &c.card.Properties[i]; p.Name == "CATEGORIES" {
			for _, name := range p.List() {
				if name = strings.TrimSpace(name); name != "" && !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
	}
	return all
}

// childNames are the contact's children.
func (c *contactCard) childNames() (all []string) {
	for _, i := range c.children {
		if name := relationText(&c.card.Properties[i]); name != "" {
			all = append(all, name)
		}
	}
	return all
}

func relationText(p *vcard.Property) string {
	if p.Name == "X-ANDROID-CUSTOM" {
		return strings.TrimSpace(p.Component(1))
	}
	return strings.TrimSpace(p.Text())
}

// note is what the card says besides: of several notes one text.
func (c *contactCard) note() objectText {
	var texts []string
	for _, i := range c.notes {
		if s := c.card.Properties[i].Text(); s != "" {
			texts = append(texts, s)
		}
	}
	return objectText{plain: strings.Join(texts, "\n\n")}
}
