package directory

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of an address in octets (RFC 5321 4.5.3.1).
const (
	maxLocal   = 64
	maxDomain  = 253
	maxAddress = 320
)

// address is a parsed address. Local is in lower case and NFC (RFC 6532 3.1),
// as it is shown; domain is in its ASCII form, lower case.
type address struct{ local, domain string }

func (a address) String() string { return a.local + "@" + a.domain }

// addressKey is the form under which an address is found: folded, so that two
// spellings which a person would call the same are the same.
type addressKey string

// domain is that of the address.
func (k addressKey) domain() string {
	return string(k[strings.LastIndexByte(string(k), '@')+1:])
}

func (a address) key() addressKey { return addressKey(foldLocal(a.local) + "@" + a.domain) }

// parseAddress reads what a client names: any local part that can be compared,
// quoted or not. It makes no promise that the address exists anywhere.
func parseAddress(s string) (address, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > maxAddress || !utf8.ValidString(s) {
		return address{}, fmt.Errorf("%w: %.80q", ErrBadAddress, s)
	}
	domain, err := parseDomain(s[at+1:])
	if err != nil {
		return address{}, err
	}
	local := unquote(s[:at])
	if local == "" || len(local) > maxLocal {
		return address{}, fmt.Errorf("%w: %.80q", ErrBadAddress, s)
	}
	return address{lowerLocal(local), domain}, nil
}

// newAddress reads an address that is about to become one of ours: only local
// parts that every sender can write without quotes (RFC 5321 Dot-string, RFC
// 6531 3.3).
func newAddress(s string) (address, error) {
	a, err := parseAddress(s)
	if err != nil {
		return a, err
	}
	for i, r := range a.local {
		dot := r == '.' && (i == 0 || i == len(a.local)-1 || a.local[i-1] == '.')
		if dot || !localRune(r) {
			return a, fmt.Errorf("%w: %q: the part before the @ may hold letters, digits, dots between them and !#$%%&'*+-/=?^_`{|}~", ErrBadAddress, s)
		}
	}
	return a, nil
}

func localRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != utf8.RuneError
}

// unquote undoes a quoted-string (RFC 5321 4.1.2).
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lowerLocal(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

func foldLocal(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// parseDomain brings a domain into its ASCII form in lower case (RFC 5891).
func parseDomain(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	d := s
	if !plainDomain(s) {
		var err error
		if d, err = idna.Lookup.ToASCII(s); err != nil {
			return "", fmt.Errorf("%w: %.80q is not a domain", ErrBadAddress, s)
		}
	}
	d = strings.ToLower(d)
	if !validDomain(d) {
		return "", fmt.Errorf("%w: %.80q is not a domain", ErrBadAddress, s)
	}
	return d, nil
}

// plainDomain tells that a domain has nothing for IDNA to do.
func plainDomain(s string) bool {
	if !isASCII(s) {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) >= 4 && strings.EqualFold(label[:4], "xn--") {
			return false
		}
	}
	return true
}

func validDomain(d string) bool {
	if d == "" || len(d) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}

// withoutTag cuts the part from the first + on (RFC 5233 calls it the detail).
func (a address) withoutTag() (address, bool) {
	i := strings.IndexByte(a.local, '+')
	if i < 1 {
		return a, false
	}
	return address{a.local[:i], a.domain}, true
}

// isRole tells the addresses that every domain must answer (RFC 5321 4.5.1,
// RFC 2142 4).
func isRole(local string) bool { return local == "postmaster" || local == "abuse" }

// DomainOf is the domain of an address in its ASCII form.
func DomainOf(addr string) (string, error) {
	a, err := newAddress(addr)
	return a.domain, err
}
