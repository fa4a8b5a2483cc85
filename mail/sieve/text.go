package sieve

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text is a string of a script, with the variables in it.
type text struct {
	constant string
	pieces   []piece // nil: constant is all
}

// piece is a constant, a variable or a part of the last match.
type piece struct {
	constant string
	variable string
	global   bool // of RFC 6609
	capture  int  // if variable is empty and number is set
	number   bool
}

// text makes a string ready: what it encodes is decoded (RFC 5228 2.4.2.4), and
// variables in it are found (RFC 5229 3).
func (c *compiler) text(l literal) (t text, err error) {
	s := l.text
	if c.enabled["encoded-character"] {
		if s, err = decodeCharacters(s, l.at); err != nil {
			return t, err
		}
	}
	t.constant = s
	if !c.enabled["variables"] || !strings.Contains(s, "${") {
		return t, nil
	}
	return c.variables(s, l.at)
}

func (c *compiler) texts(all []literal) ([]text, error) {
	out := make([]text, len(all))
	for i, l := range all {
		var err error
		if out[i], err = c.text(l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// variables cuts a string at the variables in it. What only looks like one stays
// as it is.
func (c *compiler) variables(s string, at position) (t text, err error) {
	rest, plain := s, ""
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			break
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			break
		}
		p, ok, err := c.variable(rest[i+2:i+end], at)
		if err != nil {
			return t, err
		}
		if !ok {
			plain += rest[:i+2]
			rest = rest[i+2:]
			continue
		}
		if plain += rest[:i]; plain != "" {
			t.pieces = append(t.pieces, piece{constant: plain})
		}
		plain, rest = "", rest[i+end+1:]
		t.pieces = append(t.pieces, p)
	}
	if plain += rest; t.pieces == nil {
		t.constant = plain
	} else if plain != "" {
		t.pieces = append(t.pieces, piece{constant: plain})
	}
	return t, nil
}

// variable reads what stands within ${ and }.
func (c *compiler) variable(s string, at position) (p piece, ok bool, err error) {
	if s != "" && isDigit(s[0]) {
		n, err := strconv.Atoi(s)
		if strings.Trim(s, "0123456789") != "" {
			return p, false, nil
		}
		if err != nil || n > maxCaptures {
			return p, false, at.errorf("${%s}: match variables go up to ${%d}", s, maxCaptures)
		}
		return piece{capture: n, number: true}, true, nil
	}
	space, name, dotted := strings.Cut(strings.ToLower(s), ".")
	if !dotted {
		return piece{variable: space}, isIdentifier(space), nil
	}
	for part := range strings.SplitSeq(name, ".") {
		if !isIdentifier(part) && strings.Trim(part, "0123456789") != "" || part == "" {
			return p, false, nil
		}
	}
	switch {
	case !isIdentifier(space):
		return p, false, nil
	case space == "global" && c.enabled["include"] && isIdentifier(name):
		return piece{variable: name, global: true}, true, nil
	}
	return p, false, at.errorf("${%s}: there are no variables in a namespace %q", s, space)
}

// isIdentifier tells whether s can name something (RFC 5228 8.1).
func isIdentifier(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && !isLetter(c) && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

// decodeCharacters undoes ${hex: 40} and ${unicode: 20AC}. What is not written
// quite so stays as it is.
func decodeCharacters(s string, at position) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			break
		}
		kind, digits, found := strings.Cut(s[i+2:i+end], ":")
		decoded, ok := "", false
		if found {
			var err error
			if decoded, ok, err = decodeDigits(strings.ToLower(kind), digits, at); err != nil {
				return "", err
			}
		}
		if !ok { // another may begin within it
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i] + decoded)
		s = s[i+end+1:]
	}
	return b.String() + s, nil
}

func decodeDigits(kind, digits string, at position) (decoded string, ok bool, err error) {
	words := strings.Fields(digits)
	if len(words) == 0 || kind != "hex" && kind != "unicode" {
		return "", false, nil
	}
	var b []byte
	for _, w := range words {
		if kind == "hex" {
			one, err := hex.DecodeString(w)
			if err != nil || len(one) != 1 {
				return "", false, nil
			}
			b = append(b, one...)
			continue
		}
		if strings.Trim(strings.ToLower(w), "0123456789abcdef") != "" {
			return "", false, nil
		}
		n, err := strconv.ParseUint(w, 16, 32)
		if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return "", false, at.errorf("${unicode: %s}: there is no such character", w)
		}
		b = utf8.AppendRune(b, rune(n))
	}
	return string(b), true, nil
}
