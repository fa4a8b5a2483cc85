package rtf

// The tokens of a document.
type tokenKind uint8

const (
	tokenText  tokenKind = iota // bytes in the current code page
	tokenWord                   // \word, with or without a parameter
	tokenSign                   // \ and a sign
	tokenHex                    // \'hh
	tokenOpen                   // {
	tokenClose                  // }
)

type token struct {
	kind  tokenKind
	word  string
	param int
	has   bool // a parameter is given
	text  []byte
	c     byte // of tokenSign and tokenHex
}

// scanner splits a document into tokens.
type scanner struct {
	in []byte
	at int
}

// next returns the next token; false at the end.
func (s *scanner) next() (t token, ok bool) {
	for s.at < len(s.in) {
		c := s.in[s.at]
		switch c {
		case '{':
			s.at++
			return token{kind: tokenOpen}, true
		case '}':
			s.at++
			return token{kind: tokenClose}, true
		case '\\':
			return s.control(), true
		case '\r', '\n', 0:
			s.at++
			continue
		}
		from := s.at
		for s.at < len(s.in) {
			if c := s.in[s.at]; c == '{' || c == '}' || c == '\\' || c == '\r' || c == '\n' || c == 0 {
				break
			}
			s.at++
		}
		return token{kind: tokenText, text: s.in[from:s.at]}, true
	}
	return token{}, false
}

// control reads what begins with a backslash.
func (s *scanner) control() token {
	s.at++
	if s.at >= len(s.in) {
		return token{kind: tokenText}
	}
	c := s.in[s.at]
	if !isLetter(c) {
		s.at++
		if c != '\'' {
			return token{kind: tokenSign, c: c}
		}
		v := 0
		for n := 0; n < 2 && s.at < len(s.in) && hexDigit(s.in[s.at]) >= 0; n++ {
			v = v<<4 | hexDigit(s.in[s.at])
			s.at++
		}
		return token{kind: tokenHex, c: byte(v)}
	}
	from := s.at
	for s.at < len(s.in) && isLetter(s.in[s.at]) && s.at-from < maxWord {
		s.at++
	}
	t := token{kind: tokenWord, word: string(s.in[from:s.at])}
	negative := s.at < len(s.in) && s.in[s.at] == '-'
	if negative {
		s.at++
	}
	for n := 0; s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9'; n++ {
		if n < 9 {
			t.param = t.param*10 + int(s.in[s.at]-'0')
		}
		t.has = true
		s.at++
	}
	if negative {
		t.param = -t.param
	}
	if s.at < len(s.in) && s.in[s.at] == ' ' {
		s.at++
	}
	if t.word == "bin" && t.param > 0 { // raw bytes follow
		s.at = min(len(s.in), s.at+t.param)
	}
	return t
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
