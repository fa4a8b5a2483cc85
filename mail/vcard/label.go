package vcard

import (
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
			if n, err := strconv.Atoi(n); err == nil && n < maxProperties*2 {
				taken = max(taken, n)
			}
		}
	}
	return "item" + strconv.Itoa(taken+1)
}

// RemoveAt takes away the property at an index and, where it was the last of its
// group but for what describes it (a label, an address's country), those too.
func (c *Card) RemoveAt(i int) {
	group := c.Properties[i].Group
	c.Properties = append(c.Properties[:i], c.Properties[i+1:]...)
	if group == "" {
		return
	}
	for j := range c.Properties {
		if strings.EqualFold(c.Properties[j].Group, group) && !describes(c.Properties[j].Name) {
			return
		}
	}
	kept := c.Properties[:0]
	for _, p := range c.Properties {
		if !strings.EqualFold(p.Group, group) {
			kept = append(kept, p)
		}
	}
	c.Properties = kept
}

func describes(name string) bool { return name == "X-ABLABEL" || name == "X-ABADR" }
