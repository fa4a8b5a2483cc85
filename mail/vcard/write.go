package vcard

import (
	"strings"
	"unicode/utf8"
)

// maxLine is how many octets a line has before it is folded (RFC 6350 3.2).
const maxLine = 75

// Bytes is the card as text.
func (c *Card) Bytes() []byte { return c.Append(nil) }

// Append appends the card as text.
func (c *Card) Append(dst []byte) []byte {
	version := c.Version
	if version == "" {
		version = Version40
	}
	dst = append(dst, "BEGIN:VCARD\r\nVERSION:"...)
	dst = append(dst, clean(version)...)
	dst = append(dst, "\r\n"...)
	var line []byte
	for i := range c.Properties {
		if !isName(c.Properties[i].Name) {
			continue // nothing that could be a line of its own
		}
		line = c.Properties[i].append(line[:0])
		dst = fold(dst, line)
	}
	return append(dst, "END:VCARD\r\n"...)
}

func (p *Property) append(dst []byte) []byte {
	if p.Group != "" && isName(strings.ReplaceAll(p.Group, ".", "-")) {
		dst = append(append(dst, p.Group...), '.')
	}
	dst = append(dst, p.Name...)
	for _, q := range p.Params {
		if !isName(q.Name) {
			continue
		}
		dst = append(append(append(dst, ';'), q.Name...), '=')
		for i, v := range q.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendParamValue(dst, v)
		}
	}
	return append(append(dst, ':'), clean(p.Value)...)
}

func appendParamValue(dst []byte, v string) []byte {
	if strings.ContainsAny(v, "\r\n\"^") {
		v = paramEscaper.Replace(v)
	}
	v = clean(v)
	if strings.ContainsAny(v, ",;:") || strings.TrimSpace(v) != v {
		return append(append(append(dst, '"'), v...), '"')
	}
	return append(dst, v...)
}

// fold writes a line in pieces that end where a character does.
func fold(dst, line []byte) []byte {
	room := maxLine
	for len(line) > room {
		n := room
		for n > room-utf8.UTFMax && !utf8.RuneStart(line[n]) {
			n--
		}
		dst = append(append(dst, line[:n]...), "\r\n "...)
		line, room = line[n:], maxLine-1
	}
	return append(append(dst, line...), "\r\n"...)
}
