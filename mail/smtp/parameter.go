package smtp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"martlet/mail"
)

// parameter is one KEY or KEY=VALUE behind a path (RFC 5321 4.1.2).
type parameter struct {
	key, value string // the key in upper case
	hasValue   bool
}

// parseParameters splits what follows a path. A parameter given twice is an
// error.
func parseParameters(s string) ([]parameter, error) {
	var list []parameter
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' }) {
		if len(list) == maxParameters {
			return nil, errSyntax
		}
		var p parameter
		p.key, p.value, p.hasValue = strings.Cut(word, "=")
		p.key = strings.ToUpper(p.key)
		if !validKey(p.key) || p.hasValue && !validValue(p.value) {
			return nil, errSyntax
		}
		for _, other := range list {
			if other.key == p.key {
				return nil, errSyntax
			}
		}
		list = append(list, p)
	}
	return list, nil
}

func validKey(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (s[i] != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '=' || c == 0x7f {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// parseNumber reads the decimal numbers of SIZE and BDAT.
func parseNumber(s string) (int64, bool) {
	if s == "" || len(s) > maxChunkDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}

// validXtext checks RFC 3461 4's xtext, in which "+" is followed by two upper
// case hexadecimal digits. We hand it on as it came.
func validXtext(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			continue
		}
		if i+2 >= len(s) || !isUpperHex(s[i+1]) || !isUpperHex(s[i+2]) {
			return false
		}
		i += 2
	}
	return true
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

// parseNotify reads NOTIFY= (RFC 3461 4.1).
func parseNotify(s string) (mail.Notify, bool) {
	var n mail.Notify
	for word := range strings.SplitSeq(strings.ToUpper(s), ",") {
		switch word {
		case "NEVER":
			n |= mail.NotifyNever
		case "SUCCESS":
			n |= mail.NotifySuccess
		case "FAILURE":
			n |= mail.NotifyFailure
		case "DELAY":
			n |= mail.NotifyDelay
		default:
			return 0, false
		}
	}
	return n, n&mail.NotifyNever == 0 || n == mail.NotifyNever
}

// validORcpt checks ORCPT=, "addr-type;xtext" (RFC 3461 4.2).
func validORcpt(s string) bool {
	kind, address, found := strings.Cut(s, ";")
	return found && len(s) <= maxORcpt && validKey(kind) && address != "" && validXtext(address)
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
