package push

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cut shortens a text to at most n bytes and marks that with an ellipsis. It
// cuts between characters as a reader sees them: not inside of UTF-8, nor
// between a letter and its accents, nor within an emoji of several parts. What
// is not UTF-8 is replaced.
func Cut(s string, n int) string {
	const ellipsis = "…"
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= n {
		return s
	}
	end := n - len(ellipsis)
	if end <= 0 {
		return ""
	}
	for end > 0 && !boundary(s, end) {
		end--
	}
	if end == 0 {
		return ""
	}
	return strings.TrimRightFunc(s[:end], unicode.IsSpace) + ellipsis
}

// Fit cuts texts, the first of them first, until the size of what they are part
// of is within a limit. size is asked after each change. It returns whether it
// fits: it may not, even without the texts.
func Fit(limit int, size func() int, texts ...*string) bool {
	for _, t := range texts {
		if size() <= limit {
			return true
		}
		whole := *t
		n := sort.Search(len(whole), func(n int) bool {
			*t = Cut(whole, n)
			return size() > limit
		})
		*t = Cut(whole, n-1)
	}
	return size() <= limit
}

// boundary tells whether a character begins at i.
func boundary(s string, i int) bool {
	if !utf8.RuneStart(s[i]) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(s[i:])
	last, _ := utf8.DecodeLastRuneInString(s[:i])
	const joiner = '\u200d'
	switch {
	case unicode.In(next, unicode.M, unicode.Variation_Selector), next == joiner, last == joiner:
		return false
	case next == '\u200c' || next >= 0xe0020 && next <= 0xe007f: // parts of a ligature, and of the flag of a region
		return false
	case next >= 0x1f3fb && next <= 0x1f3ff: // the colours of skin
		return false
	case flag(next) && flag(last): // a flag is two letters
		n := 0
		for head := s[:i]; len(head) > 0; n++ {
			r, size := utf8.DecodeLastRuneInString(head)
			if !flag(r) {
				break
			}
			head = head[:len(head)-size]
		}
		return n%2 == 0
	}
	return true
}

func flag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
