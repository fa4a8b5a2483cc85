package tlspolicy

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of MTA-STS (RFC 8461).
const (
	// maxPolicy is how much of a policy is read, in bytes (3.3).
	maxPolicy = 64 << 10
	// maxPatterns of a policy are kept; one with more is no policy.
	maxPatterns = 256
	// maxAge is the longest life of a policy in seconds (3.2).
	maxAge = 31557600
)

var (
	errRecord = errors.New("not a record of MTA-STS")
	errPolicy = errors.New("not a policy of MTA-STS")
)

// Mode is what a domain wants done with hosts that do not fit its policy (RFC 8461
// 5).
type Mode string

// The modes.
const (
	ModeEnforce Mode = "enforce"
	ModeTesting Mode = "testing"
	ModeNone    Mode = "none"
)

// STS is a policy of MTA-STS (RFC 8461 3.2).
type STS struct {
	Mode     Mode
	MaxAge   time.Duration
	Patterns []string // of mail hosts, in lower case: a name, or "*." and a name
}

// recordID reads the id from the texts at _mta-sts. Unless exactly one of them is a
// record of MTA-STS there is no policy (RFC 8461 3.1).
func recordID(texts []string) (string, error) {
	record := ""
	for _, t := range texts {
		version, _, _ := strings.Cut(t, ";")
		if strings.TrimRight(version, " \t") != "v=STSv1" || !strings.Contains(t, ";") {
			continue
		}
		if record != "" {
			return "", errRecord
		}
		record = t
	}
	if record == "" {
		return "", errRecord
	}
	_, rest, _ := strings.Cut(record, ";")
	id := ""
	fields := strings.Split(rest, ";")
	for i, f := range fields {
		f = strings.Trim(f, " \t")
		if f == "" && i == len(fields)-1 && i > 0 {
			break // a delimiter may end the record
		}
		name, value, ok := strings.Cut(f, "=")
		switch {
		case !ok || !isFieldName(name) || !isRecordValue(value):
			return "", errRecord
		case name == "id" && id == "":
			if id = value; !isID(id) {
				return "", errRecord
			}
		}
	}
	if id == "" {
		return "", errRecord
	}
	return id, nil
}

// isID takes 1*32 letters and digits.
func isID(s string) bool {
	return s != "" && len(s) <= 32 && strings.IndexFunc(s, func(c rune) bool { return !isAlphanumeric(c) }) < 0
}

// isFieldName takes the names of extensions, which id is one of by form.
func isFieldName(s string) bool {
	if s == "" || len(s) > 32 || !isAlphanumeric(rune(s[0])) {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool { return !isAlphanumeric(c) && c != '_' && c != '-' && c != '.' }) < 0
}

func isRecordValue(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ';' || c == '=' }) < 0
}

func isAlphanumeric(c rune) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// ParseSTS reads a policy (RFC 8461 3.2). Lines end with LF or CRLF; of what is
// there twice the first counts; what is not known is passed over.
func ParseSTS(text string) (STS, error) {
	var p STS
	if len(text) > maxPolicy || !utf8.ValidString(text) {
		return p, errPolicy
	}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), " \t")
		if line == "" && seen["version"] {
			continue // stray lines at the end are everywhere
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimLeft(value, " \t")
		if !ok || !isFieldName(name) || !isPolicyValue(value) {
			return p, errPolicy
		}
		if seen[name] && name != "mx" {
			continue
		}
		if len(seen) == 0 && name != "version" {
			return p, errPolicy
		}
		if len(seen) < maxPatterns {
			seen[name] = true
		}
		if !p.set(name, value) {
			return p, errPolicy
		}
	}
	if !seen["version"] || !seen["mode"] || !seen["max_age"] || len(p.Patterns) == 0 && p.Mode != ModeNone {
		return p, errPolicy
	}
	return p, nil
}

func (p *STS) set(name, value string) bool {
	switch name {
	case "version":
		return value == "STSv1"
	case "mode":
		p.Mode = Mode(value)
		return p.Mode == ModeEnforce || p.Mode == ModeTesting || p.Mode == ModeNone
	case "max_age":
		n := int64(0)
		for _, c := range value {
			if c < '0' || c > '9' || len(value) > 10 {
				return false
			}
			n = n*10 + int64(c-'0')
		}
		p.MaxAge = time.Duration(min(n, maxAge)) * time.Second
	case "mx":
		value = strings.ToLower(value)
		p.Patterns = append(p.Patterns, value)
		return len(p.Patterns) <= maxPatterns && isHost(strings.TrimPrefix(value, "*."))
	}
	return true
}

// isPolicyValue takes what can be seen, and blanks within.
func isPolicyValue(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) < 0
}

// isHost takes domain names in ASCII (RFC 5321 4.1.2).
func isHost(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if !isAlphanumeric(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

// Matches tells whether a host is one of the policy's. A wildcard stands for
// exactly one label (RFC 8461 4.1).
func (p *STS) Matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	first, parent, _ := strings.Cut(host, ".")
	return first != "" && slices.ContainsFunc(p.Patterns, func(pattern string) bool {
		suffix, wild := strings.CutPrefix(pattern, "*.")
		return wild && suffix == parent || pattern == host
	})
}

// String is the policy as it is served.
func (p *STS) String() string {
	var b strings.Builder
	b.WriteString("version: STSv1\r\nmode: " + string(p.Mode) + "\r\n")
	for _, m := range p.Patterns {
		b.WriteString("mx: " + m + "\r\n")
	}
	b.WriteString("max_age: " + seconds(p.MaxAge) + "\r\n")
	return b.String()
}
