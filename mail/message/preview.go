package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// preview makes the first words of the body that people want to see in a list.
func (ix *Index) preview(raw Bytes) string {
	for _, b := range ix.Body() {
		text := ""
		if b.Plain >= 0 {
			text, _, _, _ = ix.ReadText(b.Plain, raw, 16<<10)
			text = Preview(text)
		}
		if text == "" && b.HTML >= 0 {
			html, _, _, _ := ix.ReadText(b.HTML, raw, maxPreviewRead)
			text = Preview(HTMLToBareText(html, 4096))
		}
		if text != "" {
			return text
		}
	}
	return ""
}

// Preview returns the first 256 characters of a plain text that say something:
// blanks collapsed; no addresses of links, image markers, quoted lines or
// rules. Where nothing else is left, those lines are taken after all.
func Preview(text string) string {
	if s := snippet(text, true); s != "" {
		return s
	}
	return snippet(text, false)
}

func snippet(text string, strict bool) string {
	var b strings.Builder
	count := 0
	for len(text) > 0 && count < maxPreview {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		if strict {
			if strings.HasPrefix(line, ">") {
				continue
			}
			if count > 0 && isQuoteIntro(line) {
				break
			}
		}
		for len(line) > 0 && count < maxPreview {
			line = strings.TrimLeftFunc(line, isBlank)
			if line == "" {
				break
			}
			if strict {
				if n := junkLength(line); n > 0 {
					line = line[n:]
					continue
				}
			}
			n := strings.IndexFunc(line, isBlank)
			if n < 0 {
				n = len(line)
			}
			if strict {
				if i := strings.IndexAny(line[1:n], "<["); i >= 0 && junkLength(line[i+1:]) > 0 {
					n = i + 1
				}
			}
			word := line[:n]
			line = line[n:]
			if count > 0 {
				b.WriteByte(' ')
				count++
			}
			count += appendRunes(&b, word, maxPreview-count)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// appendRunes writes at most n characters of s.
func appendRunes(b *strings.Builder, s string, n int) int {
	written := 0
	for i, r := range s {
		if written >= n {
			break
		}
		if r == utf8.RuneError || unicode.IsControl(r) || visible(r) < 0 {
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[i : i+size])
		written++
	}
	return written
}

// isBlank knows blanks and the characters that stand for none.
func isBlank(r rune) bool {
	return r == ' ' || r == '\t' || r == '\r' || r == '\u200b' || r == '\u200c' || r == '\u034f' || r == '\ufeff' || r > 127 && unicode.IsSpace(r)
}

// junkLength measures what stands at the start of s and is not worth showing:
// an address, an image marker in brackets, or a rule.
func junkLength(s string) int {
	if s == "" {
		return 0
	}
	switch c := s[0]; c {
	case '<', '[', '(':
		closing := byte('>')
		switch c {
		case '[':
			closing = ']'
		case '(':
			closing = ')'
		}
		inner := s[1:]
		if !isLink(inner) && !(c == '[' && isImageMarker(inner)) {
			return 0
		}
		if end := strings.IndexByte(inner[:min(len(inner), maxHref)], closing); end >= 0 {
			return end + 2
		}
		return len(s)
	case 'h', 'H', 'w', 'W':
		if !isLink(s) {
			return 0
		}
		if n := strings.IndexAny(s, " \t\r\n>)]"); n > 0 {
			return n
		}
		return len(s)
	case '-', '_', '=', '*', '#', '~', '+':
		n := 1
		for n < len(s) && s[n] == c {
			n++
		}
		if n >= 4 {
			return n
		}
	}
	return 0
}

func isLink(s string) bool {
	for _, p := range [...]string{"http://", "https://", "mailto:", "www.", "cid:", "tel:"} {
		if len(s) > len(p) && strings.EqualFold(s[:len(p)], p) {
			return true
		}
	}
	return false
}

func isImageMarker(s string) bool {
	for _, p := range [...]string{"image", "cid:", "inline image", "logo", "img"} {
		if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			return true
		}
	}
	return false
}

// isQuoteIntro knows the line above a quoted message.
func isQuoteIntro(line string) bool {
	return strings.HasPrefix(line, "-----") && strings.HasSuffix(line, "-----") && len(line) > 12 ||
		strings.HasPrefix(line, "On ") && strings.HasSuffix(line, " wrote:") ||
		strings.HasPrefix(line, "Am ") && strings.HasSuffix(line, ":") && strings.Contains(line, " schrieb ") ||
		strings.HasPrefix(line, "Le ") && strings.HasSuffix(line, "crit :")
}

// StripLinks drops addresses of links and image markers that stand in brackets
// from a plain text; lines stay as they are otherwise.
func StripLinks(text string) string {
	var b strings.Builder
	kept := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != '<' && c != '[' && c != '(' {
			continue
		}
		rest := text[i:min(len(text), i+maxHref)]
		if eol := strings.IndexAny(rest, "\r\n"); eol >= 0 {
			rest = rest[:eol]
		}
		n := junkLength(rest)
		if n == 0 || rest[n-1] != '>' && rest[n-1] != ']' && rest[n-1] != ')' {
			continue
		}
		b.WriteString(strings.TrimRight(text[kept:i], " "))
		i += n - 1
		kept = i + 1
	}
	if kept == 0 {
		return text
	}
	b.WriteString(text[kept:])
	return b.String()
}
