package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// base64UTF7 is the alphabet of modified UTF-7 (RFC 3501 5.1.3).
func base64UTF7() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
}

// EncodeUTF7 writes the name of a mailbox in modified UTF-7 (RFC 3501 5.1.3).
func EncodeUTF7(s string) string {
	if isPrintable(s) && strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
		if n < 0 {
			n = len(s)
		}
		b.WriteString(strings.ReplaceAll(s[:n], "&", "&-"))
		if s = s[n:]; s == "" {
			break
		}
		if n = strings.IndexFunc(s, func(r rune) bool { return r >= ' ' && r <= '~' }); n < 0 {
			n = len(s)
		}
		var units []byte
		for _, u := range utf16.Encode([]rune(s[:n])) {
			units = append(units, byte(u>>8), byte(u))
		}
		b.WriteString("&" + base64UTF7().EncodeToString(units) + "-")
		s = s[n:]
	}
	return b.String()
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// DecodeUTF7 reads the name of a mailbox in modified UTF-7. Every name has one form
// only: others are refused (RFC 3501 5.1.3). UTF-8 as it is, which
// clients send to whoever offers IMAP4rev2, is taken.
func DecodeUTF7(s string) (string, bool) {
	ascii := isPrintable(s)
	if !ascii && (!utf8.ValidString(s) || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0) {
		return "", false
	}
	var b strings.Builder
	for rest := s; ; {
		text, after, shifted := strings.Cut(rest, "&")
		b.WriteString(text)
		if !shifted {
			break
		}
		code, next, ended := strings.Cut(after, "-")
		if !ended {
			return "", false
		}
		rest = next
		if code == "" {
			b.WriteByte('&')
			continue
		}
		units, err := base64UTF7().DecodeString(code)
		if err != nil || len(units)%2 != 0 {
			return "", false
		}
		u := make([]uint16, len(units)/2)
		for i := range u {
			u[i] = uint16(units[2*i])<<8 | uint16(units[2*i+1])
		}
		b.WriteString(string(utf16.Decode(u)))
	}
	return b.String(), !ascii || EncodeUTF7(b.String()) == s
}
