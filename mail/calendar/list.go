package calendar

import "strings"

// Texts are the texts of all properties of a name, each a list (RFC 5545 3.1.1),
// in their order: the categories.
func (c *Component) Texts(name string) (all []string) {
	for p := range c.All(name) {
		for _, s := range splitList(p.Value, maxList) {
			if s = strings.TrimSpace(UnescapeText(s)); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// SetTexts writes a list of texts in the place of all properties of a name; none
// takes them away.
func (c *Component) SetTexts(name string, texts ...string) {
	parts := make([]string, len(texts))
	for i, s := range texts {
		parts[i] = EscapeText(s)
	}
	c.SetValue(name, strings.Join(parts, ","))
}
