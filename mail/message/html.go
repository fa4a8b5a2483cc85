package message

import (
	"strconv"
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

// open begins an element.
func (h *htmlText) open(name, attributes string) {
	switch name {
	case "br":
		h.breaks++
		h.space = false
	case "p", "h1", "h2", "h3", "h4", "h5", "h6":
		h.block(2)
	case "div", "tr", "section", "article", "header", "footer", "address", "dt", "dd", "center", "fieldset", "form", "table", "body":
		h.block(1)
	case "td", "th":
		h.space = h.space || h.breaks == 0 && len(h.out) > 0
	case "ul", "ol":
		h.block(1)
		if len(h.lists) < maxHTMLNesting {
			n := -1
			if name == "ol" {
				n = 0
			}
			h.lists = append(h.lists, n)
		}
	case "li":
		h.block(1)
		h.marker = h.listMarker()
	case "blockquote":
		h.block(2)
		h.quote++
	case "pre":
		h.block(2)
		h.pre++
	case "hr":
		h.block(1)
		if h.links {
			h.text("----------")
			h.block(1)
		}
	case "img":
		if h.links {
			if alt := strings.TrimSpace(attribute(attributes, "alt")); alt != "" {
				h.text("[" + clip(alt, maxName) + "]")
			}
		}
	case "a":
		h.closeLink()
		if h.links {
			h.href, h.linkAt = attribute(attributes, "href"), len(h.out)
		}
	}
}

// close ends an element.
func (h *htmlText) close(name string) {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6":
		h.block(2)
	case "div", "tr", "section", "article", "header", "footer", "address", "dt", "dd", "center", "fieldset", "form", "table", "li":
		h.block(1)
	case "ul", "ol":
		h.block(1)
		if len(h.lists) > 0 {
			h.lists = h.lists[:len(h.lists)-1]
		}
		if len(h.lists) == 0 {
			h.block(2)
		}
	case "blockquote":
		h.block(2)
		h.quote = max(0, h.quote-1)
	case "pre":
		h.block(2)
		h.pre = max(0, h.pre-1)
	case "a":
		h.closeLink()
	}
}

// block owes at least n line ends, one fewer at the very beginning of a line.
func (h *htmlText) block(n int) {
	h.space = false
	if len(h.out) > 0 {
		h.breaks = max(h.breaks, n)
	}
}

func (h *htmlText) listMarker() string {
	if len(h.lists) == 0 {
		return "- "
	}
	indent := strings.Repeat("  ", min(len(h.lists)-1, 8))
	last := &h.lists[len(h.lists)-1]
	if *last < 0 {
		return indent + "- "
	}
	*last++
	return indent + strconv.Itoa(*last) + ". "
}

// closeLink writes a link's address after its text, unless the text says it.
func (h *htmlText) closeLink() {
	href := h.href
	h.href = ""
	if href == "" || h.linkAt >= len(h.out) {
		return
	}
	address := strings.TrimPrefix(href, "mailto:")
	text := strings.TrimSpace(string(h.out[h.linkAt:]))
	switch {
	case strings.Contains(text, address), strings.Contains(text, strings.TrimSuffix(withoutScheme(address), "/")):
	case strings.HasPrefix(href, "http://"), strings.HasPrefix(href, "https://"), strings.HasPrefix(href, "mailto:"), strings.HasPrefix(href, "tel:"):
		if len(address) <= maxHref {
			h.text(" <")
			h.write(address)
			h.write(">")
		}
	}
}

// maxHref is the longest address of a link that is worth showing.
const maxHref = 2048

func withoutScheme(s string) string {
	_, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	return rest
}

// text adds text: blanks collapsed, entities decoded.
func (h *htmlText) text(s string) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '&':
			r, n := entity(s[i:])
			h.entityText(r)
			i += n
		case h.pre > 0 && c == '\n':
			h.breaks++
			i++
		case c == '\r', c == '\n', c == '\t' && h.pre == 0, c == ' ' && h.pre == 0, c == '\f', c == '\v', c == 0:
			h.space = h.space || h.breaks == 0
			i++
		case c == ' ' || c == '\t':
			h.write(s[i : i+1])
			i++
		default:
			j := i + 1
			for j < len(s) && s[j] > ' ' && s[j] != '&' {
				j++
			}
			h.word(s[i:j])
			i = j
		}
	}
}

// entityText adds a decoded character reference, which may stand for a blank.
func (h *htmlText) entityText(r string) {
	switch r {
	case "\u00a0":
		if !h.space && h.breaks == 0 && h.marker == "" {
			h.write(" ")
		}
	case " ", "\t", "\n", "\r":
		h.space = h.space || h.breaks == 0
	default:
		h.word(r)
	}
}

// word adds text without blanks, and without characters that are not seen.
func (h *htmlText) word(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] == 0xc2 || s[i] == 0xe2 || s[i] == 0xef || s[i] == 0xcd || s[i] < ' ' || s[i] == 0x7f {
			s = strings.Map(visible, s)
			break
		}
	}
	if s != "" {
		h.write(s)
	}
}

// visible drops characters of no width and makes plain blanks of odd ones.
func visible(r rune) rune {
	switch r {
	case '\u200b', '\ufeff', '\u00ad', '\u034f', '\u2060', '\u2028', '\u2029':
		return -1
	case '\u00a0', '\u2007', '\u202f', '\u2002', '\u2003', '\u2009':
		return ' '
	}
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// maxQuote is how deep quotes are shown.
const maxQuote = 5

// write adds text as it is, after the line ends and blanks that are owed.
func (h *htmlText) write(s string) {
	if h.breaks > 0 || len(h.out) == 0 {
		if len(h.out) > 0 {
			for len(h.out) > 0 && h.out[len(h.out)-1] == ' ' {
				h.out = h.out[:len(h.out)-1]
			}
			prefix := strings.Repeat("> ", min(h.quote, maxQuote))
			for range min(h.breaks, 3) {
				h.out = append(h.out, '\r', '\n')
			}
			h.out = append(h.out, prefix...)
		} else if h.quote > 0 {
			h.out = append(h.out, strings.Repeat("> ", min(h.quote, maxQuote))...)
		}
		h.breaks, h.space = 0, false
	}
	if h.marker != "" {
		h.out = append(h.out, h.marker...)
		h.marker, h.space = "", false
	}
	if h.space {
		if n := len(h.out); h.out[n-1] != ' ' && h.out[n-1] != '\n' {
			h.out = append(h.out, ' ')
		}
		h.space = false
	}
	h.out = append(h.out, s...)
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
