package smtp

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Errors of paths and parameters.
var (
	errSyntax    = errors.New("smtp: bad syntax")
	errNeedsUTF8 = errors.New("smtp: not ASCII, and SMTPUTF8 was not asked for")
)

// cutPath splits "<path> parameters", or a path without brackets, which some
// clients send (RFC 5321 4.1.2). A source route is dropped (RFC 5321 F.2).
func cutPath(s string) (path, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || len(s) > maxCommandLine {
		return "", "", errSyntax
	}
	if s[0] != '<' {
		path, rest, _ = strings.Cut(s, " ")
		if strings.ContainsAny(path, "<>\"") {
			return "", "", errSyntax
		}
		return path, rest, nil
	}
	end := closingBracket(s)
	if end < 0 {
		return "", "", errSyntax
	}
	path, rest = s[1:end], s[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", "", errSyntax
	}
	if strings.HasPrefix(path, "@") {
		_, after, found := strings.Cut(path, ":")
		if !found {
			return "", "", errSyntax
		}
		path = after
	}
	return path, strings.TrimLeft(rest, " "), nil
}

// closingBracket finds the ">" that is not within a quoted local part.
func closingBracket(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		}
	}
	return -1
}

// parseMailbox checks a mailbox (RFC 5321 4.1.2, RFC 6531 3.3) and returns it
// with the local part quoted only where it has to be.
func parseMailbox(s string, utf8Allowed bool) (string, error) {
	if len(s) > maxPath || !utf8.ValidString(s) {
		return "", errSyntax
	}
	local, domain, err := cutLocalPart(s)
	if err != nil {
		return "", err
	}
	if len(local) > maxLocalPart || !validDomain(domain) {
		return "", errSyntax
	}
	if !utf8Allowed && !isASCII(s) {
		return "", errNeedsUTF8
	}
	return quoteLocalPart(local) + "@" + domain, nil
}

// cutLocalPart returns the local part without its quotes, and the domain.
func cutLocalPart(s string) (local, domain string, err error) {
	if !strings.HasPrefix(s, `"`) {
		local, domain, found := strings.Cut(s, "@")
		if !found || !isDotString(local) {
			return "", "", errSyntax
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
				return "", "", errSyntax
			}
			return b.String(), rest, nil
		case c == '\\':
			if i++; i == len(s) {
				return "", "", errSyntax
			}
			c = s[i]
		}
		if c < ' ' || c == 0x7f {
			return "", "", errSyntax
		}
		b.WriteByte(c)
	}
	return "", "", errSyntax
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
		if label == "" || len(label) > 63 && isASCII(label) || label[0] == '-' || label[len(label)-1] == '-' {
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

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
