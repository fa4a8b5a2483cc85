package sieve

import (
	"math"
	"strings"
	"unicode/utf8"
)

// kind is what a token is (RFC 5228 8.1).
type kind uint8

const (
	tokenEnd kind = iota
	tokenIdentifier
	tokenTag
	tokenNumber
	tokenString
	tokenPunctuation // text is one of ; , ( ) [ ] { }
)

// token is one word of a script.
type token struct {
	kind   kind
	text   string // of a string its value; of an identifier or a tag as it is written
	number uint64
	at     position
}

// describe names the token in errors.
func (t token) describe() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the script"
	case tokenTag:
		return ":" + t.text
	case tokenNumber:
		return "a number"
	case tokenString:
		return "a string"
	}
	return `"` + t.text + `"`
}

// lexer cuts a script into tokens.
type lexer struct {
	rest string
	at   position
}

// take moves on by n bytes.
func (l *lexer) take(n int) string {
	text := l.rest[:n]
	l.rest = l.rest[n:]
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n':
			l.at = position{l.at.line + 1, 1}
		case c&0xc0 != 0x80: // not the middle of a character
			l.at.column++
		}
	}
	return text
}

// blanks passes over white space and comments.
func (l *lexer) blanks() error {
	for l.rest != "" {
		switch {
		case strings.IndexByte(" \t\r\n", l.rest[0]) >= 0:
			l.take(1)
		case l.rest[0] == '#':
			l.line()
		case strings.HasPrefix(l.rest, "/*"):
			end := strings.Index(l.rest[2:], "*/")
			if end < 0 {
				return l.at.errorf("a comment that begins here has no end: */ is missing")
			}
			l.take(end + 4)
		default:
			return nil
		}
	}
	return nil
}

// line takes the rest of the line with its end.
func (l *lexer) line() string {
	if i := strings.IndexByte(l.rest, '\n'); i >= 0 {
		return l.take(i + 1)
	}
	return l.take(len(l.rest))
}

func (l *lexer) next() (token, error) {
	if err := l.blanks(); err != nil {
		return token{}, err
	}
	t := token{at: l.at}
	if l.rest == "" {
		return t, nil
	}
	switch c := l.rest[0]; {
	case strings.IndexByte(";,()[]{}", c) >= 0:
		t.kind, t.text = tokenPunctuation, l.take(1)
		return t, nil
	case c == '"':
		return l.quoted(t)
	case '0' <= c && c <= '9':
		return l.number(t)
	case c == ':':
		l.take(1)
		if t.text = l.identifier(); t.text == "" {
			return t, t.at.errorf("a tag has a name behind its colon")
		}
		t.kind = tokenTag
		return t, nil
	}
	if t.text = l.identifier(); t.text == "" {
		r, _ := utf8.DecodeRuneInString(l.rest)
		return t, t.at.errorf("%q means nothing here", r)
	}
	if strings.EqualFold(t.text, "text") && strings.HasPrefix(l.rest, ":") {
		l.take(1)
		return l.multiline(t)
	}
	t.kind = tokenIdentifier
	return t, nil
}

func (l *lexer) identifier() string {
	n := 0
	for n < len(l.rest) {
		c := l.rest[n]
		if c != '_' && !isLetter(c) && (n == 0 || !isDigit(c)) {
			break
		}
		n++
	}
	return l.take(n)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// number reads digits with what they are counted in.
func (l *lexer) number(t token) (token, error) {
	n := 0
	for n < len(l.rest) && isDigit(l.rest[n]) {
		d := uint64(l.rest[n] - '0')
		if t.number > (math.MaxInt64-d)/10 {
			return t, t.at.errorf("the number is too large")
		}
		t.number = t.number*10 + d
		n++
	}
	l.take(n)
	if unit := l.identifier(); unit != "" {
		shift := strings.Index("kmg", strings.ToLower(unit))
		if len(unit) != 1 || shift < 0 {
			return t, t.at.errorf("a number ends in K, M, G or nothing, not in %q", unit)
		}
		shift = (shift + 1) * 10
		if t.number > math.MaxInt64>>shift {
			return t, t.at.errorf("the number is too large")
		}
		t.number <<= shift
	}
	t.kind = tokenNumber
	return t, nil
}

// quoted reads "text", in which only \\ and \" are needed (RFC 5228 2.4.2).
func (l *lexer) quoted(t token) (token, error) {
	var b strings.Builder
	for i := 1; i < len(l.rest); i++ {
		switch c := l.rest[i]; c {
		case '"':
			l.take(i + 1)
			t.kind, t.text = tokenString, b.String()
			return t, nil
		case '\\':
			if i++; i < len(l.rest) {
				b.WriteByte(l.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return t, t.at.errorf("a string that begins here has no end: a quotation mark is missing")
}

// multiline reads what stands between "text:" and a line with a dot.
func (l *lexer) multiline(t token) (token, error) {
	for l.rest != "" && (l.rest[0] == ' ' || l.rest[0] == '\t') {
		l.take(1)
	}
	if first := l.line(); first != "" && first[0] != '#' && strings.Trim(first, "\r\n") != "" {
		return t, t.at.errorf("nothing but a comment stands behind text: on its line")
	}
	var b strings.Builder
	for l.rest != "" {
		line := l.line()
		if strings.TrimRight(line, "\r\n") == "." {
			t.kind, t.text = tokenString, b.String()
			return t, nil
		}
		if strings.HasPrefix(line, "..") {
			line = line[1:]
		}
		b.WriteString(line)
	}
	return t, t.at.errorf("a text that begins here has no end: a line with nothing but a dot is missing")
}
