package vcard

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decodeText undoes what is done to a whole file: a byte order mark, and UTF-16,
// in which address books of the nineties were exported.
func decodeText(text []byte) []byte {
	if t, ok := bytes.CutPrefix(text, []byte("\xef\xbb\xbf")); ok {
		return t
	}
	little := bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("B\x00E\x00"))
	big := bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.HasPrefix(text, []byte("\x00B\x00E"))
	if !little && !big {
		return text
	}
	order := unicode.LittleEndian
	if big {
		order = unicode.BigEndian
	}
	out, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(text)
	if err != nil {
		// Without a mark the order is that of the first letters.
		if out, err = unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder().Bytes(text); err != nil {
			return text
		}
	}
	return out
}

// decodeCharset decodes what a property says of itself.
func decodeCharset(s, name string) string {
	enc, _ := charset.Lookup(name)
	if enc == nil {
		return s
	}
	out, err := enc.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

// decodeUnnamed decodes bytes that are no UTF-8 and say nothing of themselves:
// those of Western Windows, unless there is UTF-8 among them too.
func decodeUnnamed(s string) string {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if n > 1 && r != utf8.RuneError {
			return s
		}
		i += n
	}
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

// clean makes a value one line of valid UTF-8.
func clean(s string) string {
	ascii := true
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c >= 0x7f {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
