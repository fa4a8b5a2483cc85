package wbxml

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Dump writes the document b as XML, for logs and tests. Opaque data that are
// text are written as text, others in base64. Of a malformed document it writes
// what can be read and a comment that says what is wrong. The text shows what
// people wrote: it belongs in no log that is on by default.
func Dump(b []byte) string {
	d := dumper{reader: reader{b: b, lim: defaultLimits()}}
	d.out.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")
	if err := d.document(); err != nil {
		for i := len(d.open) - 1; i >= 0; i-- {
			d.out.WriteString("</" + d.open[i].Name() + ">")
		}
		d.out.WriteString("<!-- " + strings.ReplaceAll(err.Error(), "--", "- -") + " -->")
	}
	return d.out.String()
}

type dumper struct {
	reader
	out  strings.Builder
	open []Tag
	bare bool // the innermost element has no children so far
}

func (d *dumper) document() error {
	if err := d.header(); err != nil {
		return err
	}
	roots := 0
	for {
		ev, err := d.next()
		if err != nil {
			return err
		}
		switch ev {
		case evEOF:
			if roots == 0 {
				return d.fail(d.pos, "no element")
			}
			d.out.WriteByte('\n')
			return nil
		case evOpen, evEmpty:
			if len(d.open) == 0 {
				if roots++; roots > 1 {
					return d.fail(d.start, "bytes after the document")
				}
			}
			d.begin(ev)
		case evClose:
			d.end()
		case evText, evTextRef:
			d.text(d.reader.text)
		case evOpaque:
			if plain(d.reader.text) {
				d.text(d.reader.text)
			} else {
				d.out.WriteString(base64.StdEncoding.EncodeToString(d.reader.text))
			}
		}
	}
}

func (d *dumper) indent() {
	d.out.WriteByte('\n')
	for range d.open {
		d.out.WriteString("  ")
	}
}

func (d *dumper) begin(ev event) {
	if len(d.open) > 0 {
		d.indent()
	}
	d.out.WriteString("<" + d.tag.Name())
	if len(d.open) == 0 || d.open[len(d.open)-1].Page() != d.tag.Page() {
		d.out.WriteString(` xmlns="` + d.tag.Namespace() + `"`)
	}
	d.bare = ev == evOpen
	if ev == evEmpty {
		d.out.WriteString("/>")
		return
	}
	d.out.WriteString(">")
	d.open = append(d.open, d.tag)
}

func (d *dumper) end() {
	last := d.open[len(d.open)-1]
	d.open = d.open[:len(d.open)-1]
	if !d.bare {
		d.indent()
	}
	d.out.WriteString("</" + last.Name() + ">")
	d.bare = false
}

// text writes characters, without those that XML cannot carry.
func (d *dumper) text(b []byte) {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch {
		case r == '<':
			d.out.WriteString("&lt;")
		case r == '>':
			d.out.WriteString("&gt;")
		case r == '&':
			d.out.WriteString("&amp;")
		case r == '\r':
			d.out.WriteString("&#13;")
		case !xmlRune(r):
			d.out.WriteRune(utf8.RuneError)
		default:
			d.out.WriteRune(r)
		}
	}
}

// xmlRune tells whether XML can carry the character (XML 1.0, 2.2).
func xmlRune(r rune) bool {
	return r >= 0x20 && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}

func plain(b []byte) bool {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || !xmlRune(r) {
			return false
		}
		i += n
	}
	return true
}
