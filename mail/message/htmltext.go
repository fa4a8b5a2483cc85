package message

import (
	"strconv"
	"strings"
)

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
