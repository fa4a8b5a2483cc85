// Package vcard reads and writes vCards (RFC 6350, RFC 2426, and as far as
// phones still send it vCard 2.1). A card is a list of properties in their
// order; what this package does not know is kept as it was, so that a card that
// is read and written says the same. It is text in and text out: it must never
// fetch what a property points to, and never decide which property a client is
// shown.
package vcard

import (
	"errors"
	"slices"
	"strings"
)

// Limits of what is read.
const (
	MaxBytes      = 25 << 20 // of one card: photos are in it
	MaxProperties = 2000
	maxParams     = 64     // of one property
	maxValues     = 200    // of one parameter
	maxParts      = 1000   // components, or values in a list
	maxParamTexts = 50_000 // values of parameters of one card: each takes many times its length
)

// ErrMalformed means that the text is not a vCard, or beyond the limits.
var ErrMalformed = errors.New("vcard: not a vCard")

// The versions.
const (
	Version21 = "2.1"
	Version30 = "3.0"
	Version40 = "4.0"
)

// Card is a vCard: its properties in order, without BEGIN, VERSION and END.
type Card struct {
	Version    string
	Properties []Property
}

// Property is one line of a card. Value is as it stands there, unfolded and
// with its escapes: Text, List and Components read it.
type Property struct {
	Group  string // in front of the name, as in item1.EMAIL
	Name   string // in upper case
	Params []Param
	Value  string
}

// Param is a parameter of a property. Its name is in upper case; its values are
// without quotes.
type Param struct {
	Name   string
	Values []string
}

// New returns an empty card of version 4.0.
func New() *Card { return &Card{Version: Version40} }

// Get returns the first property of a name, or nil.
func (c *Card) Get(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// All returns the properties of a name in their order.
func (c *Card) All(name string) []*Property {
	var all []*Property
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			all = append(all, &c.Properties[i])
		}
	}
	return all
}

// Text returns the text of the first property of a name, or "".
func (c *Card) Text(name string) string {
	if p := c.Get(name); p != nil {
		return p.Text()
	}
	return ""
}

// Set puts p in the place of the first property of its name, or at the end, and
// takes away others of that name.
func (c *Card) Set(p Property) {
	if first := c.Get(p.Name); first != nil {
		*first = p
		seen := false
		c.Properties = slices.DeleteFunc(c.Properties, func(q Property) bool {
			again := q.Name == p.Name && seen
			seen = seen || q.Name == p.Name
			return again
		})
		return
	}
	c.Add(p)
}

// Add puts p at the end.
func (c *Card) Add(p Property) { c.Properties = append(c.Properties, p) }

// Remove takes away all properties of a name.
func (c *Card) Remove(name string) {
	c.Properties = slices.DeleteFunc(c.Properties, func(p Property) bool { return p.Name == name })
}

// Param returns the values of a parameter, those of repeated ones together.
func (p *Property) Param(name string) []string {
	var all []string
	for _, q := range p.Params {
		if q.Name == name {
			all = append(all, q.Values...)
		}
	}
	return all
}

// Types returns the TYPE values in lower case. RFC 6350 writes several into one
// pair of quotes too.
func (p *Property) Types() []string {
	var types []string
	for _, v := range p.Param("TYPE") {
		types = append(types, strings.Split(strings.ToLower(v), ",")...)
	}
	return types
}

// HasType tells whether one of the TYPE values is t, in lower case.
func (p *Property) HasType(t string) bool {
	for i := range p.Params {
		if p.Params[i].Name != "TYPE" {
			continue
		}
		for _, v := range p.Params[i].Values {
			for v != "" {
				var one string
				one, v, _ = strings.Cut(v, ",")
				if strings.EqualFold(one, t) {
					return true
				}
			}
		}
	}
	return false
}

// SetParam gives a parameter its values; none take it away.
func (p *Property) SetParam(name string, values ...string) {
	p.Params = slices.DeleteFunc(slices.Clone(p.Params), func(q Param) bool { return q.Name == name })
	if len(values) > 0 {
		p.Params = append(p.Params, Param{name, values})
	}
	if len(p.Params) == 0 {
		p.Params = nil
	}
}
