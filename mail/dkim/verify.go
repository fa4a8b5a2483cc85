package dkim

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// The names of the fields.
const (
	dkimField    = "dkim-signature"
	messageField = "arc-message-signature"
	sealField    = "arc-seal"
	resultsField = "arc-authentication-results"
)

// Verify looks at the signatures of a message, the topmost first, but no more than
// max of them. The questions to the DNS go out side by side.
func Verify(ctx context.Context, raw []byte, lookup Lookup, limit int) []Signature {
	m, ok := open(raw)
	var found []field
	for _, f := range m.fields {
		if f.name == dkimField && len(found) < limit {
			found = append(found, f)
		}
	}
	out := make([]Signature, len(found))
	var all sync.WaitGroup
	for i, f := range found {
		s, readable := read(f.value(), dkimSignature)
		out[i] = s.outcome()
		switch {
		case !readable || !ok:
			out[i].Result = Neutral
			continue
		case !slices.Contains(s.fields, "from") || !s.ownIdentity(): // RFC 6376 6.1.1
			out[i].Result = PermError
			continue
		}
		all.Go(func() { out[i].Result = m.verify(ctx, lookup, f, &s) })
	}
	all.Wait()
	return out
}

// outcome names a signature.
func (s *signed) outcome() Signature {
	o := Signature{Domain: s.domain, Selector: s.selector, Algorithm: s.algorithm, Start: start(s.value)}
	if !isName(o.Domain) {
		o.Domain = ""
	}
	if !isName(o.Selector) {
		o.Selector = ""
	}
	if o.Algorithm != RSA && o.Algorithm != Ed25519 && o.Algorithm != "rsa-sha1" {
		o.Algorithm = ""
	}
	return o
}

// ownIdentity tells whether i= is of the domain or of one below.
func (s *signed) ownIdentity() bool {
	if s.identity == "" {
		return true
	}
	domain := strings.ToLower(s.identity[strings.LastIndexByte(s.identity, '@')+1:])
	return strings.Contains(s.identity, "@") && (domain == s.domain || strings.HasSuffix(domain, "."+s.domain))
}

// opened is a message whose signatures are checked.
type opened struct {
	fields []field

	mu     sync.Mutex // guards bodies
	bodies bodies
}

func open(raw []byte) (*opened, bool) {
	fields, body, ok := split(raw)
	return &opened{fields: fields, bodies: bodies{body: body}}, ok
}

func (m *opened) bodyHash(relaxed bool) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bodies.hash(relaxed)
}

// verify checks a signature of a message.
func (m *opened) verify(ctx context.Context, lookup Lookup, f field, s *signed) string {
	if s.algorithm != RSA && s.algorithm != Ed25519 { // rsa-sha1 must fail (RFC 8301 3.1)
		return PermError
	}
	key, err := find(ctx, lookup, s.selector, s.domain, s.algorithm)
	switch {
	case errors.Is(err, errDown):
		return TempError
	case err != nil:
		return PermError
	case key.strict && s.identity != "" && !strings.EqualFold(s.identity[strings.LastIndexByte(s.identity, '@')+1:], s.domain):
		return PermError
	case !s.expires.IsZero() && (!s.expires.After(s.made) || time.Now().After(s.expires)): // RFC 6376 3.5
		return Fail
	case subtle.ConstantTimeCompare(m.bodyHash(s.relaxedBody), s.bodyHash) != 1 && !s.partial:
		return Fail
	case !key.check(m.input(s.fields, f, s.relaxedHeader), s.value):
		return Fail
	case s.partial: // anything could stand behind it, a meeting for one
		return Policy
	}
	return Pass
}

// input is what a signature is made of: the named fields, each from the bottom up,
// and the signature itself without its value (RFC 6376 3.7).
func (m *opened) input(names []string, own field, relaxed bool) []byte {
	form := simpleField
	if relaxed {
		form = relaxedField
	}
	var out []byte
	next := map[string]int{}
	for _, name := range names {
		from, has := next[name]
		if !has {
			from = len(m.fields)
		}
		for from--; from >= 0 && m.fields[from].name != name; from-- {
		}
		next[name] = max(from, 0)
		if from < 0 {
			continue
		}
		out = form(out, m.fields[from].raw, true)
	}
	return form(out, withoutValue(own.raw), false)
}

// withoutValue is a signature's field with an empty b=. The rest stays as it is.
func withoutValue(raw []byte) []byte {
	at := bytes.IndexByte(raw, ':') + 1
	for at < len(raw) {
		end := bytes.IndexByte(raw[at:], ';')
		if end < 0 {
			end = len(raw)
		} else {
			end += at
		}
		name, _, ok := bytes.Cut(raw[at:end], []byte("="))
		if ok && string(bytes.Trim(name, whiteSpace)) == "b" {
			out := append(slices.Clone(raw[:at+len(name)]), '=')
			if end == len(raw) { // what ends the field is not the value's
				return append(out, "\r\n"...)
			}
			return append(out, raw[end:]...)
		}
		at = end + 1
	}
	return raw
}
