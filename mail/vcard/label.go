package vcard

import (
	"slices"
	"strconv"
	"strings"
)

// Label is what Apple's address book calls a property: the X-ABLABEL of its
// group, in lower case, and without the brackets in which the words stand that
// Apple translates.
func (c *Card) Label(p *Property) string {
	if p.Group == "" {
		return ""
	}
	for i := range c.Properties {
		q := &c.Properties[i]
		if q.Name == "X-ABLABEL" && strings.EqualFold(q.Group, p.Group) {
			return labelText(q.Text())
		}
	}
	return ""
}

func labelText(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if inner, ok := strings.CutPrefix(s, "_$!<"); ok {
		s = strings.TrimSuffix(inner, ">!$_")
	}
	return s
}

// AddLabelled adds a property under a label of Apple's own words, such as
// "Spouse", and returns where it stands.
func (c *Card) AddLabelled(p Property, label string) int {
	p.Group = c.freeGroup()
	c.Add(p)
	at := len(c.Properties) - 1
	q := Property{Group: p.Group, Name: "X-ABLABEL", Value: "_$!<" + escape(label) + ">!$_"}
	c.Add(q)
	return at
}

// freeGroup is a group that no property is in.
func (c *Card) freeGroup() string {
	taken := 0
	for i := range c.Properties {
		if n, ok := strings.CutPrefix(strings.ToLower(c.Properties[i].Group), "item"); ok {
			if n, err := strconv.Atoi(n); err == nil && n < MaxProperties*2 {
				taken = max(taken, n)
			}
		}
	}
	return "item" + strconv.Itoa(taken+1)
}

// Sweep takes away the properties without a name, and what only described them:
// the labels, and the countries of addresses, of groups in which nothing else is
// left.
func (c *Card) Sweep() {
	gone := map[string]bool{}
	for i := range c.Properties {
		if p := &c.Properties[i]; p.Name == "" && p.Group != "" {
			gone[strings.ToLower(p.Group)] = true
		}
	}
	if len(gone) > 0 {
		for i := range c.Properties {
			if p := &c.Properties[i]; p.Name != "" && !describes(p.Name) {
				delete(gone, strings.ToLower(p.Group))
			}
		}
	}
	c.Properties = slices.DeleteFunc(c.Properties, func(p Property) bool {
		return p.Name == "" || describes(p.Name) && gone[strings.ToLower(p.Group)]
	})
}

func describes(name string) bool { return name == "X-ABLABEL" || name == "X-ABADR" }
