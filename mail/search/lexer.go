package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxTerm is the longest term in bytes. A longer word is cut, in a message and
// in a query alike.
const maxTerm = 48

// maxLocal and maxDomain bound how far around an @ an address is looked for
// (RFC 5321 4.5.3.1).
const (
	maxLocal  = 64
	maxDomain = 255
)

// token is one piece of a text. Its bytes are valid until the next call.
type token struct {
	text    []byte
	at, end int  // where it lies in the lexer's text
	ideo    bool // one character of a script that puts no blanks between words
	joined  bool // an ideo right behind the ideo before it
	address bool // a whole address; its words come as tokens of their own too
}

// lexer cuts a text into words, folded: case, width and the diacritics of
// alphabets make no difference. Where words are written without blanks each
// character is a token.
type lexer struct {
	text  string
	pos   int
	start int // of the word being read
	buf   []byte
	ideo  bool // the last token was one and nothing came between
}

func newLexer(text string) lexer { return lexer{text: normal(text)} }

// normal gives characters one spelling (NFKC): what is composed, wide or narrow.
func normal(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			if norm.NFKC.IsNormalString(text[i:]) {
				return text
			}
			return text[:i] + norm.NFKC.String(text[i:])
		}
	}
	return text
}

// next returns the next token, false at the end.
func (l *lexer) next() (token, bool) {
	l.buf = l.buf[:0]
	l.start = l.pos
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if c < utf8.RuneSelf {
			if f := asciiFold(c); f != 0 {
				l.buf = append(l.buf, f)
				l.pos++
				continue
			}
			if len(l.buf) > 0 {
				return l.word(), true
			}
			l.ideo = false
			l.pos++
			if c == '@' {
				if tok, ok := l.address(l.pos - 1); ok {
					return tok, true
				}
			}
			l.start = l.pos
			continue
		}
		r, n := utf8.DecodeRuneInString(l.text[l.pos:])
		switch {
		case spaceless(r):
			if len(l.buf) > 0 {
				return l.word(), true
			}
			tok := token{at: l.pos, end: l.pos + n, ideo: true, joined: l.ideo}
			l.buf = appendFoldedRune(l.buf, r)
			l.pos += n
			l.ideo = true
			tok.text = l.buf
			return tok, true
		case wordRune(r):
			l.buf = appendFoldedRune(l.buf, r)
		case ignorable(r):
		default:
			if len(l.buf) > 0 {
				return l.word(), true
			}
			l.ideo = false
			l.start = l.pos + n
		}
		l.pos += n
	}
	if len(l.buf) > 0 {
		return l.word(), true
	}
	return token{}, false
}

func (l *lexer) word() token {
	l.ideo = false
	return token{text: cut(l.buf), at: l.start, end: l.pos}
}

// cut cuts a term at a character.
func cut(b []byte) []byte {
	if len(b) <= maxTerm {
		return b
	}
	n := maxTerm
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// address looks for an address around an @.
func (l *lexer) address(at int) (token, bool) {
	from, to := at, at+1
	for from > 0 && at-from < maxLocal && addressByte(l.text[from-1]) {
		from--
	}
	for to < len(l.text) && to-at < maxDomain && addressByte(l.text[to]) {
		to++
	}
	for from < at && asciiFold(l.text[from]) == 0 {
		from++
	}
	for to > at+1 && asciiFold(l.text[to-1]) == 0 {
		to--
	}
	if from == at || to == at+1 {
		return token{}, false
	}
	l.buf = appendFolded(l.buf[:0], l.text[from:to])
	return token{text: cut(l.buf), at: from, end: to, address: true}, true
}

// addressByte tells whether a byte may be part of an address as people write
// them in a text. Letters beyond ASCII are none: where words have no blanks
// between them it could not be told where the address begins.
func addressByte(c byte) bool {
	return asciiFold(c) != 0 || strings.IndexByte(".-+=_%'", c) >= 0
}

// asciiFold returns the small letter or the digit, 0 for what is neither.
func asciiFold(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return 0
}

func wordRune(r rune) bool {
	return 'А' <= r && r <= 'я' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// ignorable tells of characters that are not seen and part no word: soft
// hyphens, joiners, marks of direction.
func ignorable(r rune) bool {
	switch {
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0xfeff, 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x2069:
		return true
	}
	return false
}

// spaceless tells of scripts whose words are written without blanks, or with
// blanks that do not part what one looks for: Chinese, Japanese, Korean, Thai,
// Lao, Khmer, Burmese.
func spaceless(r rune) bool {
	switch {
	case r < 0xe00:
		return false
	case r < 0xf00, 0x1000 <= r && r < 0x10a0, 0x1780 <= r && r < 0x1800, 0x3040 <= r && r < 0x3100:
		return wordRune(r)
	case 0x3005 <= r && r <= 0x3007, 0x3031 <= r && r <= 0x3035, 0x3100 <= r && r < 0x3130, 0x31a0 <= r && r < 0x31c0, 0x31f0 <= r && r < 0x3200:
		return true
	case 0x3400 <= r && r < 0x4dc0, 0x4e00 <= r && r < 0xa000, 0xac00 <= r && r < 0xd7a4, 0xf900 <= r && r < 0xfb00, 0x20000 <= r && r < 0x40000:
		return true
	}
	return false
}

func appendFolded(dst []byte, s string) []byte {
	for _, r := range s {
		dst = appendFoldedRune(dst, r)
	}
	return dst
}

// appendFoldedRune appends a character of a text in NFKC as it is compared.
func appendFoldedRune(dst []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(dst, byte(r))
	}
	switch {
	case 'а' <= r && r <= 'я': // most of what Cyrillic texts consist of
		return utf8.AppendRune(dst, r)
	case 'А' <= r && r <= 'Я':
		return utf8.AppendRune(dst, r+'а'-'А')
	case spaceless(r):
		return utf8.AppendRune(dst, r)
	}
	if diacritic(r) || ignorable(r) || r == 0x640 { // tatweel only widens
		return dst
	}
	if r == 'й' || r == 'Й' { // a letter, where ё is a way to write е
		return append(dst, "й"...)
	}
	var one [utf8.UTFMax]byte
	n := utf8.EncodeRune(one[:], r)
	if d := norm.NFKD.Properties(one[:n]).Decomposition(); d != nil {
		for len(d) > 0 {
			c, n := utf8.DecodeRune(d)
			if !diacritic(c) {
				dst = appendLower(dst, c)
			}
			d = d[n:]
		}
		return dst
	}
	return appendLower(dst, r)
}

// appendLower also writes out the letters that Unicode does not take apart.
func appendLower(dst []byte, r rune) []byte {
	r = unicode.ToLower(unicode.ToUpper(r)) // one sigma, one i
	switch r {
	case 'ß', 'ẞ':
		return append(dst, "ss"...)
	case 'æ':
		return append(dst, "ae"...)
	case 'œ':
		return append(dst, "oe"...)
	case 'ø':
		return append(dst, 'o')
	case 'đ', 'ð':
		return append(dst, 'd')
	case 'ħ':
		return append(dst, 'h')
	case 'ł':
		return append(dst, 'l')
	case 'þ':
		return append(dst, "th"...)
	case 'ı':
		return append(dst, 'i')
	}
	return utf8.AppendRune(dst, r)
}

// diacritic tells of the marks that alphabets can do without: accents, Hebrew
// points and Arabic vowels. In Indian scripts marks are vowels and stay.
func diacritic(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r < 0x370, 0x483 <= r && r <= 0x489, 0x591 <= r && r <= 0x5c7, 0x610 <= r && r <= 0x61a, 0x64b <= r && r <= 0x65f, r == 0x670, 0x6d6 <= r && r <= 0x6ed:
		return unicode.IsMark(r)
	case 0x1ab0 <= r && r < 0x1b00, 0x1dc0 <= r && r < 0x1e00, 0x20d0 <= r && r < 0x2100, 0xfe00 <= r && r < 0xfe10, 0xfe20 <= r && r < 0xfe30, 0xe0100 <= r && r < 0xe01f0:
		return true
	}
	return false
}
