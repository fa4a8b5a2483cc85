package calendar

import (
	"slices"
	"strconv"
	"strings"
)

// Prop returns the first property of a name, or nil.
func (c *Component) Prop(name string) *Property {
	for i := range c.Props {
		if c.Props[i].Name == name {
			return &c.Props[i]
		}
	}
	return nil
}

// All ranges over all properties of a name.
func (c *Component) All(name string) func(yield func(*Property) bool) {
	return func(yield func(*Property) bool) {
		for i := range c.Props {
			if c.Props[i].Name == name && !yield(&c.Props[i]) {
				return
			}
		}
	}
}

// Text returns the text of the first property of a name, its escapes undone.
func (c *Component) Text(name string) string {
	if p := c.Prop(name); p != nil {
		return p.Text()
	}
	return ""
}

// Value returns the first property of a name as it stands there, in upper case:
// what is one of a few words.
func (c *Component) Value(name string) string {
	if p := c.Prop(name); p != nil {
		return strings.ToUpper(strings.TrimSpace(p.Value))
	}
	return ""
}

// Number returns the first property of a name as a number; 0 if it is none, or
// less.
func (c *Component) Number(name string) int {
	n, err := strconv.Atoi(c.Value(name))
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n
}

// Zones lists the zones that the component's properties name, and those of the
// components within it, each once.
func (c *Component) Zones() (ids []string) {
	for i := range c.Props {
		if id := c.Props[i].Param("TZID"); id != "" && !slices.Contains(ids, id) && len(ids) < maxZones {
			ids = append(ids, id)
		}
	}
	for _, k := range c.Children {
		for _, id := range k.Zones() {
			if !slices.Contains(ids, id) && len(ids) < maxZones {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Set puts a property in the place of all of its name.
func (c *Component) Set(p Property) {
	at := slices.IndexFunc(c.Props, func(q Property) bool { return q.Name == p.Name })
	if at < 0 {
		c.Props = append(c.Props, p)
		return
	}
	c.Props[at] = p
	rest := c.Props[at+1:]
	rest = slices.DeleteFunc(rest, func(q Property) bool { return q.Name == p.Name })
	c.Props = c.Props[:at+1+len(rest)]
}

// SetText sets a property to a text; an empty one removes it.
func (c *Component) SetText(name, value string) {
	if value == "" {
		c.Remove(name)
		return
	}
	c.Set(Property{Name: name, Value: EscapeText(value)})
}

// SetValue sets a property to what needs no escapes; an empty one removes it.
func (c *Component) SetValue(name, value string) {
	if value == "" {
		c.Remove(name)
		return
	}
	c.Set(Property{Name: name, Value: value})
}

// Add appends a property.
func (c *Component) Add(p Property) { c.Props = append(c.Props, p) }

// Remove removes all properties of a name.
func (c *Component) Remove(name string) {
	c.Props = slices.DeleteFunc(c.Props, func(p Property) bool { return p.Name == name })
}

// Clone copies the component and all within it.
func (c *Component) Clone() *Component {
	n := &Component{Name: c.Name, Props: make([]Property, len(c.Props))}
	for i, p := range c.Props {
		p.Params = slices.Clone(p.Params)
		for k := range p.Params {
			p.Params[k].Values = slices.Clone(p.Params[k].Values)
		}
		n.Props[i] = p
	}
	for _, k := range c.Children {
		n.Children = append(n.Children, k.Clone())
	}
	return n
}

// Param returns the first value of a parameter.
func (p *Property) Param(name string) string {
	for _, q := range p.Params {
		if q.Name == name && len(q.Values) > 0 {
			return q.Values[0]
		}
	}
	return ""
}

// SetParam sets a parameter; an empty value removes it.
func (p *Property) SetParam(name, value string) {
	p.Params = slices.DeleteFunc(p.Params, func(q Param) bool { return q.Name == name })
	if value != "" {
		p.Params = append(p.Params, Param{Name: name, Values: []string{value}})
	}
}

// Text undoes the escapes of a text (RFC 5545 3.3.11) and cuts it at maxText
// characters.
func (p *Property) Text() string {
	s := UnescapeText(p.Value)
	if len(s) > maxText {
		n := 0
		for i := range s {
			if n++; n > maxText {
				return s[:i]
			}
		}
	}
	return s
}

// UnescapeText undoes the escapes of a text (RFC 5545 3.3.11).
func UnescapeText(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			switch s[i] {
			case 'n', 'N':
				c = '\n'
			case '\\', ';', ',', ':', '"':
				c = s[i]
			default:
				b.WriteByte('\\')
				c = s[i]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// EscapeText writes a text as a value.
func EscapeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
}

// splitList cuts a value at commas that are not escaped.
func splitList(s string, max int) (out []string) {
	for len(s) > 0 && len(out) < max {
		i := 0
		for i < len(s) && s[i] != ',' {
			if s[i] == '\\' {
				i++
			}
			i++
		}
		i = min(i, len(s))
		out = append(out, s[:i])
		s = s[min(i+1, len(s)):]
	}
	return out
}
