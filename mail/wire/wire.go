// Package wire is what every message is written with: lines that end in CRLF,
// text that fits into a header field, content in base64 (RFC 5322, RFC 2045,
// RFC 2047). It must never read a message, nor decide what one says.
package wire

import (
	"encoding/base64"
	"slices"
	"strings"
)

// DateFormat is that of a Date field (RFC 5322 3.3).
const DateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// CRLF makes every CR and LF that stands alone a CRLF. Text that comes by other
// ways than SMTP may have either, and none of them may reach another server
// (RFC 5321 2.3.8). Text that has none is returned as it is, not copied.
func CRLF(text []byte) []byte {
	alone := 0
	for i := range text {
		if isAlone(text, i) {
			alone++
		}
	}
	if alone == 0 {
		return text
	}
	out := make([]byte, 0, len(text)+alone)
	for i, c := range text {
		if isAlone(text, i) {
			out = append(out, '\r', '\n')
		} else {
			out = append(out, c)
		}
	}
	return out
}

// isAlone tells whether a CR or LF is not half of a CRLF.
func isAlone(text []byte, i int) bool {
	switch text[i] {
	case '\n':
		return i == 0 || text[i-1] != '\r'
	case '\r':
		return i+1 == len(text) || text[i+1] != '\n'
	}
	return false
}

// OneLine makes text fit for a header field: what others wrote must not end the
// line that it stands in. A control character becomes a blank, and what is
// blank around it goes with it, so that a folded text is unfolded (RFC 5322
// 2.2.3).
func OneLine(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, isControl)
		if n < 0 {
			out.WriteString(s)
			break
		}
		out.WriteString(strings.TrimRight(s[:n], " "))
		if s = strings.TrimLeftFunc(s[n:], isBlank); s != "" && out.Len() > 0 {
			out.WriteByte(' ')
		}
	}
	return out.String()
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func isBlank(r rune) bool { return r <= ' ' || r == 0x7f }

// FoldWords puts each encoded word (RFC 2047) on a line of its own.
func FoldWords(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }

// AppendBase64 appends content in lines of 76 digits, each with its CRLF (RFC
// 2045 6.8).
func AppendBase64(dst, content []byte) []byte {
	const line = 57 // bytes in 76 digits
	n := len(content)
	dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(n)+(n+line-1)/line*len("\r\n"))
	for len(content) > 0 {
		n := min(line, len(content))
		dst = base64.StdEncoding.AppendEncode(dst, content[:n])
		dst = append(dst, '\r', '\n')
		content = content[n:]
	}
	return dst
}

// IsASCII tells whether text needs no encoding for its characters' sake.
func IsASCII[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
