package message

import (
	"strings"
	"unicode/utf8"
)

// HTMLToText renders HTML as plain text with lines ended by CRLF: paragraphs,
// lists, quotes and tables keep their lines, a link's address follows its text
// in angle brackets. It takes time linear in len(html), whatever the markup.
func HTMLToText(html string) string {
	return renderHTML(html, htmlText{links: true})
}

// HTMLToBareText is HTMLToText without addresses of links and without images,
// for lists and previews. It stops once it has max bytes, if max is positive.
func HTMLToBareText(html string, max int) string {
	return renderHTML(html, htmlText{max: max})
}

func renderHTML(html string, h htmlText) string {
	h.in = html
	n := len(html) / 2
	if h.max > 0 {
		n = min(n, h.max+64)
	}
	h.out = make([]byte, 0, n)
	h.run()
	return string(h.out)
}

// htmlText is one rendering. Scans for a delimiter that failed once are not
// made again: that keeps hostile markup linear.
type htmlText struct {
	in    string
	out   []byte
	max   int
	links bool

	breaks  int  // line ends owed before the next text
	space   bool // a blank is owed before the next text
	pre     int  // open <pre>
	quote   int  // open <blockquote>
	lists   []int
	marker  string // of the list item whose text is still to come
	href    string // of the open link
	linkAt  int    // where its text began
	noQuote [2]bool
	noEnd   map[string]bool // elements whose end tag does not come any more
}

func (h *htmlText) run() {
	s := h.in
	for i := 0; i < len(s); {
		if h.max > 0 && len(h.out) >= h.max {
			return
		}
		lt := strings.IndexByte(s[i:], '<')
		if lt < 0 {
			h.text(s[i:])
			break
		}
		if lt > 0 {
			h.text(s[i : i+lt])
			i += lt
		}
		next := h.tag(i)
		if next == i { // only a character
			h.text("<")
			next++
		}
		i = next
	}
	h.closeLink()
}

// tag reads the markup at i and returns where it ends, i if it is none.
func (h *htmlText) tag(i int) int {
	s := h.in
	if i+1 >= len(s) {
		return i
	}
	switch c := s[i+1]; {
	case c == '!':
		if strings.HasPrefix(s[i:], "<!--") {
			if end := h.until(i+4, "-->"); end > 0 {
				return end
			}
		}
		return h.tagEnd(i + 2)
	case c == '?':
		return h.tagEnd(i + 2)
	case c == '/' && i+2 < len(s) && isLetter(s[i+2]):
		end := h.tagEnd(i + 2)
		h.close(tagName(s[i+2 : end]))
		return end
	case isLetter(c):
		end := h.tagEnd(i + 1)
		name := tagName(s[i+1 : end])
		switch name {
		case "style", "script", "title", "template":
			if strings.HasSuffix(s[i:end], "/>") && name != "title" {
				return end
			}
			if close := h.endTag(end, name); close > 0 {
				return close
			}
			return end
		}
		h.open(name, s[i+1+len(name):end])
		return end
	}
	return i
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// until returns the place after the next delimiter from i on, or -1.
func (h *htmlText) until(i int, delimiter string) int {
	if h.noEnd[delimiter] {
		return -1
	}
	j := strings.Index(h.in[i:], delimiter)
	if j < 0 {
		h.never(delimiter)
		return -1
	}
	return i + j + len(delimiter)
}

func (h *htmlText) never(what string) {
	if h.noEnd == nil {
		h.noEnd = make(map[string]bool)
	}
	h.noEnd[what] = true
}

// endTag returns the place after the end tag of an element whose content is
// not shown, or -1.
func (h *htmlText) endTag(i int, name string) int {
	if h.noEnd[name] {
		return -1
	}
	for {
		j := strings.Index(h.in[i:], "</")
		if j < 0 {
			h.never(name)
			return -1
		}
		i += j + 2
		if len(h.in)-i >= len(name) && strings.EqualFold(h.in[i:i+len(name)], name) {
			return h.tagEnd(i)
		}
	}
}

// tagEnd returns the place after the tag's ">", which may stand in a quoted
// value too.
func (h *htmlText) tagEnd(i int) int {
	s := h.in
	for i < len(s) {
		switch c := s[i]; c {
		case '>':
			return i + 1
		case '"', '\'':
			kind := 0
			if c == '\'' {
				kind = 1
			}
			// Only after "=" does a quote open a value.
			if h.noQuote[kind] || !afterEquals(s, i) {
				i++
				continue
			}
			j := strings.IndexByte(s[i+1:], c)
			if j < 0 {
				h.noQuote[kind] = true
				i++
				continue
			}
			i += j + 2
		default:
			i++
		}
	}
	return len(s)
}

func afterEquals(s string, i int) bool {
	for j := i - 1; j >= 0 && j >= i-8; j-- {
		switch s[j] {
		case ' ', '\t', '\r', '\n':
		case '=':
			return true
		default:
			return false
		}
	}
	return false
}

// tagName returns a tag's name in lower case.
func tagName(s string) string {
	n := 0
	upper := false
	for n < len(s) && n < 16 && (isLetter(s[n]) || s[n] >= '0' && s[n] <= '9') {
		upper = upper || s[n] < 'a' && s[n] > '9'
		n++
	}
	if upper {
		return strings.ToLower(s[:n])
	}
	return s[:n]
}

// attribute returns a tag's attribute, its entities decoded.
func attribute(s, name string) string {
	for len(s) > 0 {
		s = strings.TrimLeft(s, " \t\r\n/>")
		i := strings.IndexAny(s, "= \t\r\n>")
		if i < 0 {
			return ""
		}
		key := s[:i]
		s = strings.TrimLeft(s[i:], " \t\r\n")
		if !strings.HasPrefix(s, "=") {
			continue
		}
		s = strings.TrimLeft(s[1:], " \t\r\n")
		var value string
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return ""
			}
			value, s = s[1:1+end], s[end+2:]
		} else {
			end := strings.IndexAny(s, " \t\r\n>")
			if end < 0 {
				end = len(s)
			}
			value, s = s[:end], s[end:]
		}
		if strings.EqualFold(key, name) {
			return unescapeEntities(value)
		}
	}
	return ""
}

func unescapeEntities(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '&' {
			r, n := entity(s[i:])
			b.WriteString(r)
			i += n
			continue
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}
