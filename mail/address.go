package mail

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Limits of RFC 5321 4.5.3.1.
const (
	maxLocalPart = 64
	maxDomain    = 255
	maxAddress   = maxLocalPart + len("@") + maxDomain
)

// ParseAddress checks a mailbox (RFC 5321 4.1.2, RFC 6531 3.3), without
// brackets, and returns it with the local part quoted only where it has to be.
// UTF-8 is allowed; see IsASCII. The error is ErrBadAddress.
func ParseAddress(s string) (string, error) {
	if len(s) > maxAddress || !utf8.ValidString(s) {
		return "", ErrBadAddress
	}
	local, domain, err := cutLocalPart(s)
	if err != nil {
		return "", err
	}
	if len(local) > maxLocalPart || !validDomain(domain) {
		return "", ErrBadAddress
	}
	return quoteLocalPart(local) + "@" + domain, nil
}

// cutLocalPart returns the local part without its quotes, and the domain.
func cutLocalPart(s string) (local, domain string, err error) {
	if !strings.HasPrefix(s, `"`) {
		local, domain, found := strings.Cut(s, "@")
		if !found || !isDotString(local) {
			return "", "", ErrBadAddress
		}
		return local, domain, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			rest, found := strings.CutPrefix(s[i+1:], "@")
			if !found {
				return "", "", ErrBadAddress
			}
			return b.String(), rest, nil
		case c == '\\':
			if i++; i == len(s) {
				return "", "", ErrBadAddress
			}
			c = s[i]
		}
		if c < ' ' || c == 0x7f {
			return "", "", ErrBadAddress
		}
		b.WriteByte(c)
	}
	return "", "", ErrBadAddress
}

// isDotString takes dots anywhere: some providers gave such addresses to
// millions (RFC 5321 would have them quoted).
func isDotString(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func quoteLocalPart(local string) string {
	if isDotString(local) {
		return local
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(local) {
		if c := local[i]; c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(local[i])
	}
	b.WriteByte('"')
	return b.String()
}

// validDomain takes host names, with UTF-8 and underscores, and address
// literals (RFC 5321 4.1.3).
func validDomain(d string) bool {
	if d == "" || len(d) > maxDomain {
		return false
	}
	if d[0] == '[' {
		return validLiteral(d)
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 && IsASCII(label) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if c < 0x80 && c != '-' && c != '_' && !isAlphanumeric(c) {
				return false
			}
		}
	}
	return true
}

func validLiteral(d string) bool {
	inner, closed := strings.CutSuffix(d[1:], "]")
	if !closed {
		return false
	}
	if v6, ok := strings.CutPrefix(inner, "IPv6:"); ok {
		a, err := netip.ParseAddr(v6)
		return err == nil && a.Is6() && a.Zone() == ""
	}
	a, err := netip.ParseAddr(inner)
	return err == nil && a.Is4()
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// IsASCII tells whether s can be sent without SMTPUTF8 (RFC 6531 3.1).
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
