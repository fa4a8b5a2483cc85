package message

import (
	"unicode/utf16"
	"unicode/utf8"
)

// appendUTF7 decodes UTF-7 (RFC 2152). Errors are left standing as they are.
func appendUTF7(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		c := b[i]
		if c != '+' {
			if c < utf8.RuneSelf {
				dst = append(dst, c)
			} else {
				dst = utf8.AppendRune(dst, utf8.RuneError)
			}
			i++
			continue
		}
		j := i + 1
		for j < len(b) && sixBits(b[j]) >= 0 {
			j++
		}
		switch {
		case j == i+1 && j < len(b) && b[j] == '-':
			dst = append(dst, '+')
			i = j + 1
			continue
		case j == i+1:
			dst = append(dst, '+')
		default:
			dst = appendShifted(dst, b[i+1:j])
		}
		if j < len(b) && b[j] == '-' && j > i+1 {
			j++
		}
		i = j
	}
	return dst
}

// appendShifted decodes base64 of UTF-16 without padding.
func appendShifted(dst, b []byte) []byte {
	var acc uint32
	var bits int
	high := rune(-1)
	for _, c := range b {
		acc = acc<<6 | uint32(sixBits(c))
		if bits += 6; bits < 16 {
			continue
		}
		bits -= 16
		r := rune(acc >> bits & 0xffff)
		acc &= 1<<bits - 1
		switch {
		case high >= 0:
			if pair := utf16.DecodeRune(high, r); pair != utf8.RuneError {
				dst = utf8.AppendRune(dst, pair)
				high = -1
				continue
			}
			dst = utf8.AppendRune(dst, utf8.RuneError)
			high = -1
			fallthrough
		default:
			if utf16.IsSurrogate(r) && r < 0xdc00 {
				high = r
				continue
			}
			dst = utf8.AppendRune(dst, r)
		}
	}
	if high >= 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

// sixBits is the value of a base64 digit, -1 for other bytes.
func sixBits(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
