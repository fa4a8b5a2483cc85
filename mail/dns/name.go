package dns

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// Limits of names in their written form (RFC 1035 2.3.4).
const (
	maxName  = 253 // without the last dot
	maxLabel = 63
)

// names turns what people write into what the DNS has. Underscores are allowed:
// they mark names that are no hosts (RFC 8552).
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// canonical is a name in lower case ASCII with the last dot. What cannot be a name
// does not exist: the error is ErrNotFound.
func canonical(name string) (string, error) {
	n := strings.TrimSuffix(name, ".")
	if !isASCII(n) {
		a, err := names.ToASCII(n)
		if err != nil {
			return "", fmt.Errorf("not a domain name: %w", ErrNotFound)
		}
		n = a
	}
	if !isName(n) {
		return "", fmt.Errorf("not a domain name: %w", ErrNotFound)
	}
	return strings.ToLower(n) + ".", nil
}

// isName takes every printable character but the backslash, by which the library
// would write others: macros of SPF make names that are no hosts.
func isName(n string) bool {
	if n == "" || len(n) > maxName {
		return false
	}
	for label := range strings.SplitSeq(n, ".") {
		if label == "" || len(label) > maxLabel {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c <= ' ' || c >= 0x7f || c == '\\' {
				return false
			}
		}
	}
	return true
}

// hostOf checks a name that came in an answer: letters, digits, hyphens and
// underscores. The root is the empty name.
func hostOf(fqdn string) (string, bool) {
	n := trimDot(fqdn)
	if n == "" {
		return "", fqdn == "."
	}
	if !isName(n) {
		return "", false
	}
	for i := range len(n) {
		c := n[i]
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "", false
		}
	}
	return strings.ToLower(n), true
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// joinTexts puts the strings of a TXT record together as they were sent: the
// library writes some bytes as \" and \000.
func joinTexts(texts []string) string {
	var b strings.Builder
	for _, s := range texts {
		for i := 0; i < len(s); i++ {
			if s[i] != '\\' || i+1 == len(s) {
				b.WriteByte(s[i])
				continue
			}
			if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
				b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
				i += 3
				continue
			}
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
