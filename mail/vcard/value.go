package vcard

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// TextProperty is a property with a text (RFC 6350 4.1).
func TextProperty(name, text string) Property {
	return Property{Name: name, Value: escape(text)}
}

// ListProperty is a property with a list of texts, as CATEGORIES.
func ListProperty(name string, texts ...string) Property {
	return Property{Name: name, Value: joinList(texts)}
}

// StructuredProperty is a property with components, each a list, as N and ADR.
func StructuredProperty(name string, components ...[]string) Property {
	parts := make([]string, len(components))
	for i, c := range components {
		parts[i] = joinList(c)
	}
	return Property{Name: name, Value: strings.Join(parts, ";")}
}

func joinList(texts []string) string {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = escape(t)
	}
	return strings.Join(parts, ",")
}

// Text is the value as one text.
func (p *Property) Text() string { return unescape(p.Value) }

// List is the value as a list of texts.
func (p *Property) List() []string {
	parts := split(p.Value, ',')
	for i := range parts {
		parts[i] = unescape(parts[i])
	}
	return parts
}

// Components are the value as components, each a list of texts. A component
// that is empty is an empty list.
func (p *Property) Components() [][]string {
	parts := split(p.Value, ';')
	out := make([][]string, len(parts))
	for i, part := range parts {
		if part == "" {
			continue
		}
		out[i] = split(part, ',')
		for j := range out[i] {
			out[i][j] = unescape(out[i][j])
		}
	}
	return out
}

// Component is one component as a text, its list joined by spaces; one that is
// not there is "".
func (p *Property) Component(i int) string {
	if c := p.Components(); i < len(c) {
		return strings.Join(c[i], " ")
	}
	return ""
}

// split cuts at a separator that is not escaped; the pieces keep their escapes.
// What is beyond the limit stays in the last one.
func split(s string, sep byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s) && len(parts) < maxParts; i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

var escaper = strings.NewReplacer(`\`, `\\`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`, ",", `\,`, ";", `\;`)

func escape(s string) string {
	if !strings.ContainsAny(s, "\\\r\n,;") {
		return s
	}
	return escaper.Replace(s)
}

// unescape is lenient: a backslash before anything else stands for what follows
// it, as writers of 3.0 escape colons too.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'n' || s[i] == 'N' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// Binary returns the bytes that the property holds, and their media type or
// TYPE in lower case. It is false for one that only points to them.
func (p *Property) Binary() (data []byte, kind string, ok bool) {
	kind = strings.ToLower(strings.Join(append(p.Param("MEDIATYPE"), p.Param("TYPE")...), " "))
	if len(p.Value) > 5 && strings.EqualFold(p.Value[:5], "data:") {
		head, body, found := strings.Cut(p.Value[5:], ",")
		if !found {
			// Some writers escape the comma as in a text.
			if head, body, found = strings.Cut(p.Value[5:], `\,`); !found {
				return nil, "", false
			}
		}
		media, parameters, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(head, `\`, "")), ";")
		if !strings.Contains(parameters, "base64") {
			text, err := url.PathUnescape(body)
			return []byte(text), media, err == nil
		}
		data, ok = fromBase64(body)
		return data, media, ok
	}
	if _, binary := p.encoding(); binary {
		data, ok = fromBase64(p.Value)
		return data, kind, ok
	}
	return nil, "", false
}

// encoding returns how the value is encoded, in the writer's own spelling, and
// whether that means base64.
func (p *Property) encoding() (form string, binary bool) {
	for i := range p.Params {
		if q := &p.Params[i]; q.Name == "ENCODING" && len(q.Values) > 0 {
			form = q.Values[0]
			return form, strings.EqualFold(form, "b") || strings.EqualFold(form, "base64")
		}
	}
	return "", false
}

// fromBase64 reads base64 as people write it: with or without padding, with
// spaces where a line was folded.
func fromBase64(s string) ([]byte, bool) {
	s = strings.TrimRight(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '\\':
			return -1
		}
		return r
	}, s), "=")
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil && len(b) > 0
}
