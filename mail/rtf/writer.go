package rtf

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The headers of what is written. \uc1: one character stands in for a \u.
const (
	textHeader = `{\rtf1\ansi\ansicpg1252\fromtext \deff0{\fonttbl{\f0\fmodern Courier New;}}` + "\r\n" + `\uc1\pard\plain\deftab360 \f0\fs20 `
	htmlHeader = `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fmodern Courier New;}}` + "\r\n" + `\uc1\pard\plain\deftab360 \f0\fs24 ` + "\r\n" + `{\*\htmltag64}`
)

// FromText writes a plain text as a document that holds it (MS-OXRTFEX 2.2.4).
func FromText(text string) []byte {
	out := make([]byte, 0, len(text)+len(text)/8+len(textHeader)+8)
	out = append(out, textHeader...)
	out = appendText(out, text, `\par`+"\r\n")
	return append(out, "}\r\n"...)
}

// FromHTML writes an HTML text as a document that holds it, so that readers of
// MS-OXRTFEX get it back and others see its text.
func FromHTML(text string) []byte {
	w := htmlWriter{in: text, out: make([]byte, 0, len(text)*2+len(htmlHeader)+8)}
	w.out = append(w.out, htmlHeader...)
	w.run()
	return append(w.out, "}\r\n"...)
}

// htmlWriter wraps the markup of an HTML text.
type htmlWriter struct {
	in     string
	out    []byte
	hidden string // the element whose content is not shown
	pre    int
	noEnd  bool // no comment ends any more
}

func (w *htmlWriter) run() {
	for at := 0; at < len(w.in); {
		lt := strings.IndexByte(w.in[at:], '<')
		if lt < 0 {
			w.text(w.in[at:])
			return
		}
		if lt > 0 {
			w.text(w.in[at : at+lt])
			at += lt
		}
		end := w.markup(at)
		if end == at {
			w.text("<")
			at++
			continue
		}
		w.tag(w.in[at:end])
		at = end
	}
}

// markup returns the end of the markup at i, i if it is none.
func (w *htmlWriter) markup(i int) int {
	rest := w.in[i:]
	if strings.HasPrefix(rest, "<!--") && !w.noEnd {
		if end := strings.Index(rest, "-->"); end >= 0 {
			return i + end + 3
		}
		w.noEnd = true
	}
	if len(rest) < 2 || !isLetter(rest[1]) && rest[1] != '/' && rest[1] != '!' && rest[1] != '?' {
		return i
	}
	var quote byte
	for j := 1; j < len(rest); j++ {
		switch c := rest[j]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && rest[j-1] == '=':
			quote = c
		case c == '>':
			return i + j + 1
		}
	}
	return len(w.in)
}

// tag writes one tag as it is, and what it looks like to others.
func (w *htmlWriter) tag(tag string) {
	w.group(tag)
	name := tag[1:]
	closing := strings.HasPrefix(name, "/")
	name = strings.ToLower(strings.TrimPrefix(name, "/"))
	if i := strings.IndexFunc(name, func(r rune) bool { return r != ':' && (r > 127 || !isLetter(byte(r)) && (r < '0' || r > '9')) }); i >= 0 {
		name = name[:i]
	}
	switch name {
	case "style", "script", "title", "head":
		switch {
		case !closing && w.hidden == "":
			w.hidden = name
		case closing && w.hidden == name:
			w.hidden = ""
		}
	case "br", "tr", "hr":
		w.looks(`\line`, !closing)
	case "p", "div", "li", "h1", "h2", "h3", "h4", "blockquote":
		w.looks(`\par`, closing)
	case "pre":
		w.pre = max(0, w.pre+1)
		if closing {
			w.pre = max(0, w.pre-2)
		}
	case "td", "th":
		w.looks(`\tab`, closing)
	case "b", "strong":
		w.looks(onOff(`\b`, closing), true)
	case "i", "em":
		w.looks(onOff(`\i`, closing), true)
	case "u":
		w.looks(onOff(`\ul`, closing), true)
	}
}

func onOff(word string, off bool) string {
	if off {
		return word + "0"
	}
	return word
}

// looks writes what readers of the HTML leave out.
func (w *htmlWriter) looks(word string, on bool) {
	if on && w.hidden == "" {
		w.out = append(w.out, `\htmlrtf`...)
		w.out = append(w.out, word...)
		w.out = append(w.out, `\htmlrtf0 `...)
	}
}

// group writes HTML that is no text of the document.
func (w *htmlWriter) group(s string) {
	w.out = append(w.out, `{\*\htmltag64 `...)
	w.out = appendText(w.out, s, `\par `)
	w.out = append(w.out, '}')
}

// text writes text: lines ends and character references as markup, since they
// have no equal in RTF.
func (w *htmlWriter) text(s string) {
	if w.hidden != "" {
		w.group(s)
		return
	}
	for len(s) > 0 {
		i := strings.IndexAny(s, "&\r\n<")
		if i < 0 {
			i = len(s)
		}
		w.out = appendText(w.out, s[:i], "")
		if s = s[i:]; s == "" {
			return
		}
		n := 1
		switch s[0] {
		case '\r', '\n':
			for n < len(s) && (s[n] == '\r' || s[n] == '\n') {
				n++
			}
			w.group(s[:n])
			if w.pre > 0 {
				w.looks(`\line`, true)
			} else {
				w.looks(` `, true)
			}
		case '&':
			if j := strings.IndexAny(s[1:], "; &<\r\n"); j > 0 && j < 40 && s[1+j] == ';' {
				n = j + 2
			}
			fallthrough
		default:
			w.group(s[:n])
			w.out = append(w.out, `\htmlrtf `...)
			w.out = appendText(w.out, html.UnescapeString(s[:n]), "")
			w.out = append(w.out, `\htmlrtf0 `...)
		}
		s = s[n:]
	}
}

// appendText writes text; line is what a line end becomes.
func appendText(out []byte, s, line string) []byte {
	for i, r := range s {
		switch {
		case r == '\\' || r == '{' || r == '}':
			out = append(out, '\\', byte(r))
		case r == '\t':
			out = append(out, `\tab `...)
		case r == '\n':
			out = append(out, line...)
		case r == '\r':
			if i+1 >= len(s) || s[i+1] != '\n' {
				out = append(out, line...)
			}
		case r == '\u00a0':
			out = append(out, `\~`...)
		case r < ' ' || r == 0x7f:
		case r < 0x80:
			out = append(out, byte(r))
		case r > 0xa0 && r <= 0xff: // as windows-1252 has it
			out = append(out, '\\', '\'', hexDigits[r>>4], hexDigits[r&15])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendUnit(appendUnit(out, high), low)
		default:
			out = appendUnit(out, r)
		}
	}
	return out
}

// appendUnit writes one UTF-16 unit, as a signed number.
func appendUnit(out []byte, r rune) []byte {
	out = append(out, `\u`...)
	out = strconv.AppendInt(out, int64(int16(r)), 10)
	return append(out, `\'3f`...) // a question mark; some readers take a bare one's whole word
}

const hexDigits = "0123456789abcdef"
