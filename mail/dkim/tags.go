package dkim

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// tags reads a list of name=value; it is false for what is none, and for a name
// that stands twice (RFC 6376 3.2).
func tags(s string) (map[string]string, bool) {
	out := map[string]string{}
	parts := strings.Split(s, ";")
	for i, part := range parts {
		part = strings.Trim(part, whiteSpace)
		if part == "" {
			if i == len(parts)-1 {
				break
			}
			return nil, false
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.Trim(name, whiteSpace)
		if !ok || !isTagName(name) || len(out) == maxTags {
			return nil, false
		}
		if _, twice := out[name]; twice {
			return nil, false
		}
		out[name] = strings.Trim(value, whiteSpace)
	}
	return out, true
}

const whiteSpace = " \t\r\n"

func isTagName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z') && (i == 0 || !(c >= '0' && c <= '9') && c != '_') {
			return false
		}
	}
	return s != ""
}

// withoutSpace drops white space, which may stand within base64.
func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(whiteSpace, r) {
			return -1
		}
		return r
	}, s)
}

func decode(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(withoutSpace(s))
	return b, err == nil && len(b) > 0
}

// isName tells whether something can be a domain or a selector in the DNS.
func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !(c|0x20 >= 'a' && c|0x20 <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// signed is a signature as it is written: of DKIM, of a message within ARC, or a
// seal.
type signed struct {
	algorithm        string
	domain, selector string
	identity         string // i= of DKIM
	instance         int    // i= of ARC
	fields           []string
	bodyHash, value  []byte
	relaxedHeader    bool
	relaxedBody      bool
	partial          bool // l=
	validity         string
	made, expires    time.Time // zero: not said
}

// kind is which of the three signatures something is.
type kind uint8

const (
	dkimSignature kind = iota
	arcMessage
	arcSeal
)

// read reads a signature. It is false for what cannot be one.
func read(value string, k kind) (s signed, ok bool) {
	t, ok := tags(value)
	if !ok {
		return s, false
	}
	s.algorithm = strings.ToLower(t["a"])
	s.domain, s.selector = strings.ToLower(t["d"]), strings.ToLower(t["s"])
	if !isName(s.domain) || !isName(s.selector) || s.algorithm == "" {
		return s, false
	}
	if s.value, ok = decode(t["b"]); !ok {
		return s, false
	}
	if s.made, ok = stamp(t, "t"); !ok {
		return s, false
	}
	if k == dkimSignature {
		if t["v"] != "1" {
			return s, false
		}
		s.identity = t["i"]
	} else if s.instance, ok = instance(t["i"]); !ok {
		return s, false
	}
	if k == arcSeal {
		_, bad := t["h"] // RFC 8617 4.1.3
		s.validity = strings.ToLower(t["cv"])
		return s, !bad
	}
	return s, s.message(t)
}

// message reads what a signature of a message has and a seal has not.
func (s *signed) message(t map[string]string) (ok bool) {
	if s.bodyHash, ok = decode(t["bh"]); !ok {
		return false
	}
	header, body, _ := strings.Cut(strings.ToLower(t["c"]), "/")
	if s.relaxedHeader, ok = isRelaxed(header); !ok {
		return false
	}
	if s.relaxedBody, ok = isRelaxed(body); !ok {
		return false
	}
	if s.expires, ok = stamp(t, "x"); !ok {
		return false
	}
	_, s.partial = t["l"]
	if q, has := t["q"]; has && !strings.Contains(strings.ToLower(q), "dns/txt") {
		return false
	}
	for name := range strings.SplitSeq(t["h"], ":") {
		name = strings.ToLower(strings.Trim(name, whiteSpace))
		if name == "" || len(s.fields) == maxSigned {
			return false
		}
		s.fields = append(s.fields, name)
	}
	return true
}

// isRelaxed reads a form; one that is not said is simple (RFC 6376 3.5). It is false
// for one that nobody knows.
func isRelaxed(form string) (relaxed, ok bool) {
	return form == "relaxed", form == "relaxed" || form == "simple" || form == ""
}

// stamp reads a time in seconds since 1970.
func stamp(t map[string]string, name string) (time.Time, bool) {
	v, has := t[name]
	if !has {
		return time.Time{}, true
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

func instance(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxSets
}
