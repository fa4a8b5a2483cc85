package message

import (
	"html"
	"strings"
)

// maxEntity is the longest character reference: the longest of HTML's names
// has 31 letters.
const maxEntity = 40

// entity decodes the character reference at the start of s, "&" itself if it
// is none, and returns how long it is.
func entity(s string) (text string, n int) {
	j := 1
	for j < len(s) && j < maxEntity && (isLetter(s[j]) || s[j] >= '0' && s[j] <= '9' || s[j] == '#' && j == 1) {
		j++
	}
	if j == 1 {
		return "&", 1
	}
	if j < len(s) && s[j] == ';' {
		j++
	}
	ref := s[:j]
	switch ref {
	case "&nbsp;":
		return "\u00a0", j
	case "&amp;":
		return "&", j
	case "&lt;":
		return "<", j
	case "&gt;":
		return ">", j
	case "&quot;":
		return `"`, j
	}
	out := html.UnescapeString(ref)
	if out == ref || strings.HasPrefix(out, "&") && len(out) > 1 {
		return "&", 1
	}
	return out, j
}

// TextToHTML wraps plain text as an HTML document: lines end in <br>, runs of
// blanks are kept, web addresses become links.
func TextToHTML(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16 + len(htmlHead) + len(htmlTail))
	b.WriteString(htmlHead)
	atStart, blank := true, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\r':
			continue
		case '\n':
			b.WriteString("<br>\r\n")
			atStart, blank = true, false
			continue
		case '\t':
			b.WriteString("&nbsp;&nbsp; ")
			blank = true
			continue
		case ' ':
			if atStart || blank {
				b.WriteString("&nbsp;")
			} else {
				b.WriteByte(' ')
			}
			blank = !blank && !atStart
			continue
		case 'h':
			if n := urlLength(text[i:]); n > 0 && (i == 0 || !isLetter(text[i-1])) {
				u := html.EscapeString(text[i : i+n])
				b.WriteString(`<a href="` + u + `">` + u + `</a>`)
				i += n - 1
			} else {
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
		atStart, blank = false, false
	}
	b.WriteString(htmlTail)
	return b.String()
}

const (
	htmlHead = "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>\r\n"
	htmlTail = "\r\n</body></html>\r\n"
)

// urlLength measures the web address at the start of s, without the
// punctuation that ends a sentence.
func urlLength(s string) int {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return 0
	}
	n := strings.IndexAny(s, " \t\r\n<>\"'`{}|\\^")
	if n < 0 {
		n = len(s)
	}
	n = len(strings.TrimRight(s[:min(n, maxHref)], ".,;:!?)]"))
	if n <= len("https://") {
		return 0
	}
	return n
}
