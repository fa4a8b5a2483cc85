package apns

import (
	"strings"
	"unicode/utf8"

	"martlet/push"
)

// maxEscape is how many bytes one byte of text can become: \u0000.
const maxEscape = 6

// escaped is how many bytes a character takes in a JSON string. apns2 passes
// payloads through encoding/json, which writes <, >, & and the two line ends of
// JavaScript as \uXXXX if we do not: they are written so here, where they count.
func escaped(r rune, size int) int {
	switch {
	case r == utf8.RuneError && size <= 1:
		return len("\ufffd")
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t':
		return 2
	case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
		return maxEscape
	}
	return size
}

// textLen is what a text takes in a JSON string: never less than its bytes.
func textLen(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if plain(s[i]) {
			n++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += escaped(r, size)
		i += size
	}
	return n
}

// plain tells of a byte whether it is a character that nothing is done to.
func plain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// appendText writes a text as the inside of a JSON string. What is not UTF-8
// becomes the replacement character.
func appendText(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && plain(s[i]) {
			i++
		}
		if dst = append(dst, s[start:i]...); i == len(s) {
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch n := escaped(r, size); {
		case r == utf8.RuneError && size <= 1:
			dst = append(dst, "\ufffd"...)
		case n == 2 && size == 1:
			dst = append(dst, '\\')
			switch r {
			case '\n':
				r = 'n'
			case '\r':
				r = 'r'
			case '\t':
				r = 't'
			}
			dst = append(dst, byte(r))
		case n == maxEscape:
			dst = append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

// fit cuts a text so that it takes at most room bytes in a JSON string.
func fit(s string, room int) string {
	if len(s) <= room && textLen(s) <= room {
		return s
	}
	const ellipsis = len("…")
	// What is far beyond the cut does not matter; the next characters do.
	end := min(len(s), max(room, 0)+2*utf8.UTFMax)
	for back := 0; back < utf8.UTFMax && end < len(s) && !utf8.RuneStart(s[end]); back++ {
		end--
	}
	s = strings.ToValidUTF8(s[:end], "\ufffd")
	n, taken := 0, 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if taken += escaped(r, size); taken > room-ellipsis {
			break
		}
		n += size
	}
	return push.Cut(s, n+ellipsis)
}

// validToken: hexadecimal bytes. Apple asks not to assume a length; this one is
// for the size of a request.
func validToken(s string) bool {
	const maxToken = 400
	if s == "" || len(s)%2 != 0 || len(s) > maxToken {
		return false
	}
	return onlyHex(s)
}

func onlyHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// validUUID: "32 lowercase hexadecimal digits, displayed in five groups
// separated by hyphens in the form 8-4-4-4-12".
func validUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		onlyHex(s[:8]) && onlyHex(s[9:13]) && onlyHex(s[14:18]) && onlyHex(s[19:23]) && onlyHex(s[24:])
}
