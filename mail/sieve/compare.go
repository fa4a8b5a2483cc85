package sieve

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// comparator says what is equal (RFC 4790).
type comparator uint8

const (
	asciiCasemap comparator = iota // the default (RFC 5228 2.7.3)
	octet
	asciiNumeric
	unicodeCasemap // RFC 5051
)

// comparator finds one by its name. Only those of the base language need no
// require (RFC 5228 2.7.3).
func (c *compiler) comparator(l literal) (comparator, error) {
	switch l.text {
	case "i;octet":
		return octet, nil
	case "i;ascii-casemap":
		return asciiCasemap, nil
	case "i;ascii-numeric":
		return asciiNumeric, c.need("comparator-i;ascii-numeric", "the comparator", l.at)
	case "i;unicode-casemap":
		return unicodeCasemap, c.need("comparator-i;unicode-casemap", "the comparator", l.at)
	}
	return 0, l.at.errorf("there is no comparator %q", l.text)
}

// fold makes equal what the comparator takes for equal. A number becomes its
// digits.
func (c comparator) fold(s string) string {
	switch c {
	case asciiCasemap:
		return lowerASCII(s)
	case unicodeCasemap:
		if isASCII(s) {
			return lowerASCII(s)
		}
		return norm.NFKD.String(strings.Map(foldRune, s))
	case asciiNumeric:
		end := 0
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if end == 0 {
			return "" // beyond all numbers (RFC 4790 9.1.1)
		}
		if digits := strings.TrimLeft(s[:end], "0"); digits != "" {
			return digits
		}
		return "0"
	}
	return s
}

// foldRune gives all cases of a letter one: title case first, so that those that
// RFC 5051 2 takes for equal are so, then lower, as ASCII is folded.
func foldRune(r rune) rune { return unicode.ToLower(unicode.ToTitle(r)) }

func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// compare orders two values that are folded.
func (c comparator) compare(a, b string) int {
	if c != asciiNumeric {
		return strings.Compare(a, b)
	}
	switch {
	case a == "" || b == "":
		return cmp.Compare(len(b), len(a)) * min(1, len(a)+len(b)) // the one that is no number is greater
	case len(a) != len(b):
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}

// relate tells whether the order of two values is what is asked for (RFC 5231 4).
func relate(relation string, order int) bool {
	switch relation {
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	case "eq":
		return order == 0
	}
	return order != 0
}
