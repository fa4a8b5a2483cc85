package dav

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// prefixes are what the namespaces are written with; each document declares
// them at its root.
var prefixes = [...][2]string{
	{nsDAV, "D"}, {nsCal, "C"}, {nsCard, "A"}, {nsServer, "S"}, {nsApple, "I"},
}

func prefixOf(space string) string {
	for i := range prefixes {
		if prefixes[i][0] == space {
			return prefixes[i][1]
		}
	}
	return ""
}

// document is an XML document that is being written. It only grows, and what was
// written since a mark can be taken back.
type document struct{ b []byte }

// root begins the document.
func (d *document) root(n name) {
	d.b = append(d.b, `<?xml version="1.0" encoding="utf-8"?>`+"\n<"...)
	d.b = append(append(append(d.b, prefixOf(n.space)...), ':'), n.local...)
	for i := range prefixes {
		d.b = append(append(append(append(append(d.b, " xmlns:"...), prefixes[i][1]...), `="`...), prefixes[i][0]...), '"')
	}
	d.b = append(d.b, '>')
}

func (d *document) tag(before string, n name) {
	d.b = append(d.b, before...)
	if p := prefixOf(n.space); p != "" {
		d.b = append(append(d.b, p...), ':')
	}
	d.b = append(d.b, n.local...)
}

// declare is for names whose namespace has no prefix.
func (d *document) declare(n name) {
	if prefixOf(n.space) == "" {
		d.attr("xmlns", n.space)
	}
}

func (d *document) attr(local, value string) {
	d.b = append(append(append(d.b, ' '), local...), `="`...)
	d.escape(value, true)
	d.b = append(d.b, '"')
}

// open begins an element; attrs are pairs of a name and a value.
func (d *document) open(n name, attrs ...string) {
	d.tag("<", n)
	d.declare(n)
	for i := 0; i+1 < len(attrs); i += 2 {
		d.attr(attrs[i], attrs[i+1])
	}
	d.b = append(d.b, '>')
}

func (d *document) close(n name) {
	d.tag("</", n)
	d.b = append(d.b, '>')
}

// empty writes an element with nothing in it.
func (d *document) empty(n name, attrs ...string) {
	d.tag("<", n)
	d.declare(n)
	for i := 0; i+1 < len(attrs); i += 2 {
		d.attr(attrs[i], attrs[i+1])
	}
	d.b = append(d.b, "/>"...)
}

// text writes an element with a text.
func (d *document) text(n name, text string) {
	d.open(n)
	d.escape(text, false)
	d.close(n)
}

// href writes a DAV:href.
func (d *document) href(path string) { d.text(dav("href"), path) }

// escape writes characters as XML may hold them. A carriage return that stood
// there as it is would be read as a line feed (XML 1.0 2.11).
func (d *document) escape(s string, quoted bool) {
	last := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		var esc string
		switch {
		case r == '&':
			esc = "&amp;"
		case r == '<':
			esc = "&lt;"
		case r == '>':
			esc = "&gt;"
		case r == '\r':
			esc = "&#13;"
		case quoted && r == '"':
			esc = "&quot;"
		case quoted && r == '\n':
			esc = "&#10;"
		case quoted && r == '\t':
			esc = "&#9;"
		case r < ' ' && r != '\n' && r != '\t', r == utf8.RuneError && n == 1, r == 0xfffe, r == 0xffff:
			esc = "\ufffd"
		default:
			i += n
			continue
		}
		d.b = append(append(d.b, s[last:i]...), esc...)
		i += n
		last = i
	}
	d.b = append(d.b, s[last:]...)
}

// element writes an element as it was read, apart from the prefixes.
func (d *document) element(e *element) { d.nested(e, "") }

func (d *document) nested(e *element, lang string) {
	d.tag("<", e.name)
	d.declare(e.name)
	if e.lang != lang {
		d.attr("xml:lang", e.lang)
	}
	for i, a := range e.attrs {
		d.qualified(i, a)
	}
	if len(e.nodes) == 0 {
		d.b = append(d.b, "/>"...)
		return
	}
	d.b = append(d.b, '>')
	for _, k := range e.nodes {
		if k.element != nil {
			d.nested(k.element, e.lang)
		} else {
			d.escape(k.text, false)
		}
	}
	d.close(e.name)
}

// qualified writes an attribute, and declares its namespace if it has one.
func (d *document) qualified(i int, a attr) {
	switch p := prefixOf(a.space); {
	case a.space == "":
		d.attr(a.local, a.value)
	case a.space == nsXML:
		d.attr("xml:"+a.local, a.value)
	case p != "":
		d.attr(p+":"+a.local, a.value)
	default:
		p = "a" + strconv.Itoa(i)
		d.attr("xmlns:"+p, a.space)
		d.attr(p+":"+a.local, a.value)
	}
}

// pathEscape writes one segment of a path (RFC 3986 3.3).
func pathEscape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	plain := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$'()*+,;=:@", c) >= 0
	}
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}
