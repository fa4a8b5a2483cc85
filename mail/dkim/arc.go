package dkim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Chain is what the sets of ARC fields in a message prove (RFC 8617 5.2).
type Chain struct {
	Result  string // None, Pass, Fail or TempError
	Sets    int
	Sealers []string // the domains that sealed, the first first; only of Pass
	Results []string // what each has found out, behind its name; only of Pass
	ended   bool     // somebody has said already that it fails
}

// set is what one host has added.
type set struct {
	results, message, seal field
	signature              signed
	sealed                 signed
}

// VerifyChain looks at the sets of ARC fields in a message.
func VerifyChain(ctx context.Context, raw []byte, lookup Lookup) Chain {
	m, ok := open(raw)
	if !slices.ContainsFunc(m.fields, isARC) {
		return Chain{Result: None}
	}
	sets, whole := m.sets()
	c := Chain{Result: Fail, Sets: len(sets)}
	if !ok || !whole {
		c.ended = m.ended()
		return c
	}
	newest := &sets[len(sets)-1]
	if c.ended = newest.sealed.validity == Fail; c.ended {
		return c
	}
	for i := range sets {
		want := Pass
		if i == 0 {
			want = None
		}
		if sets[i].sealed.validity != want {
			return c
		}
	}
	if slices.Contains(newest.signature.fields, sealField) { // RFC 8617 4.1.2
		return c
	}
	if r := m.verify(ctx, lookup, newest.message, &newest.signature); r != Pass {
		c.Result = chainResult(r)
		return c
	}
	for i := len(sets); i > 0; i-- {
		if r := verifySeal(ctx, lookup, sets[:i]); r != Pass {
			c.Result = chainResult(r)
			return c
		}
	}
	c.Result = Pass
	for _, s := range sets {
		c.Sealers = append(c.Sealers, s.sealed.domain)
		_, results, _ := strings.Cut(s.results.value(), ";") // behind i=
		_, results, _ = strings.Cut(results, ";")            // behind who says it
		c.Results = append(c.Results, strings.TrimSpace(results))
	}
	return c
}

func isARC(f field) bool {
	return f.name == sealField || f.name == messageField || f.name == resultsField
}

// chainResult is what one bad signature makes of the chain: a DNS that is down is
// nobody's fault.
func chainResult(r string) string {
	if r == TempError {
		return TempError
	}
	return Fail
}

// ended tells whether the last seal of a chain that cannot be read says that it
// fails.
func (m *opened) ended() bool {
	last, failed := 0, false
	for _, f := range m.fields {
		if f.name != sealField {
			continue
		}
		if s, ok := read(f.value(), arcSeal); ok && s.instance > last {
			last, failed = s.instance, s.validity == Fail
		}
	}
	return failed
}

// sets gathers the sets in their order. It is false if one is not whole, is there
// twice or is missing (RFC 8617 5.2, step 3).
func (m *opened) sets() ([]set, bool) {
	all := map[int]*set{}
	ok := true
	for _, f := range m.fields {
		if !isARC(f) {
			continue
		}
		n, fine := f.instance()
		if !fine {
			ok = false
			continue
		}
		s := all[n]
		if s == nil {
			s = &set{}
			all[n] = s
		}
		ok = s.add(f) && ok
	}
	out := make([]set, 0, len(all))
	for n := range len(all) {
		s := all[n+1]
		if s == nil || s.results.raw == nil || s.message.raw == nil || s.seal.raw == nil {
			return out, false
		}
		out = append(out, *s)
	}
	return out, ok && len(out) > 0
}

// add puts a field into its place. It is false for one too many and for one that
// cannot be read.
func (s *set) add(f field) (ok bool) {
	place := &s.results
	ok = true
	switch f.name {
	case messageField:
		place = &s.message
		s.signature, ok = read(f.value(), arcMessage)
	case sealField:
		place = &s.seal
		s.sealed, ok = read(f.value(), arcSeal)
	}
	ok = ok && place.raw == nil
	*place = f
	return ok
}

// instance is the number of the set that a field is of. In
// ARC-Authentication-Results it is the first thing (RFC 8617 4.1.1).
func (f field) instance() (int, bool) {
	if f.name != resultsField {
		k := arcMessage
		if f.name == sealField {
			k = arcSeal
		}
		s, ok := read(f.value(), k)
		return s.instance, ok
	}
	first, _, ok := strings.Cut(f.value(), ";")
	name, value, is := strings.Cut(first, "=")
	if !ok || !is || !strings.EqualFold(strings.Trim(name, whiteSpace), "i") {
		return 0, false
	}
	return instance(strings.Trim(value, whiteSpace))
}

// verifySeal checks the seal of the last set, which is over all sets.
func verifySeal(ctx context.Context, lookup Lookup, sets []set) string {
	last := &sets[len(sets)-1]
	s := &last.sealed
	if s.algorithm != RSA && s.algorithm != Ed25519 {
		return PermError
	}
	key, err := find(ctx, lookup, s.selector, s.domain, s.algorithm)
	switch {
	case errors.Is(err, errDown):
		return TempError
	case err != nil:
		return PermError
	case !key.check(sealInput(sets), s.value):
		return Fail
	}
	return Pass
}

// sealInput is what a seal is made of (RFC 8617 5.1.1): all sets in their order,
// relaxed, the last seal without its value.
func sealInput(sets []set) []byte {
	var out []byte
	for i, s := range sets {
		out = relaxedField(out, s.results.raw, true)
		out = relaxedField(out, s.message.raw, true)
		if i < len(sets)-1 {
			out = relaxedField(out, s.seal.raw, true)
		} else {
			out = relaxedField(out, withoutValue(s.seal.raw), false)
		}
	}
	return out
}

// Seal returns a set of ARC fields to put on top of a message that is sent on, with
// what the server id has found out about it, results as in Authentication-Results.
// chain is what VerifyChain says of the message. It returns nothing when the chain
// has ended already or is as long as it may be.
func Seal(raw []byte, chain Chain, id, results string, now time.Time, k Key) ([]byte, error) {
	m, ok := open(raw)
	if !ok {
		return nil, fmt.Errorf("dkim: the header cannot be read")
	}
	sets, whole := m.sets()
	n, validity := len(sets)+1, chain.Result
	switch {
	case chain.ended || n > maxSets || validity == TempError:
		return nil, nil
	case validity == Pass && whole, validity == None && len(sets) == 0:
	default: // nothing of a chain that fails is sealed but our own set (RFC 8617 5.1.2)
		validity = Fail
		n = m.highest() + 1
		sets = nil
		if n > maxSets {
			return nil, nil
		}
	}
	top := set{results: field{resultsField, []byte(fmt.Sprintf("ARC-Authentication-Results: i=%d; %s;\r\n\t%s\r\n", n, id, foldResults(results)))}}
	head := fmt.Sprintf("ARC-Message-Signature: i=%d; a=%s; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%d;", n, k.Algorithm(), k.Domain, k.Selector, now.Unix())
	message, err := m.sign(head, m.toSeal(), k)
	if err != nil {
		return nil, err
	}
	top.message = field{messageField, message}
	text := fmt.Sprintf("ARC-Seal: i=%d; a=%s; cv=%s;\r\n\td=%s; s=%s; t=%d;\r\n\tb=", n, k.Algorithm(), validity, k.Domain, k.Selector, now.Unix())
	top.seal = field{sealField, []byte(text)}
	seal, err := finish(text, k, sealInput(append(sets, top)))
	if err != nil {
		return nil, err
	}
	return slices.Concat(seal, message, top.results.raw), nil
}

// highest is the highest number of a set that anything claims to be of.
func (m *opened) highest() (n int) {
	for _, f := range m.fields {
		if i, ok := f.instance(); isARC(f) && ok {
			n = max(n, i)
		}
	}
	return n
}

// toSeal are the names of the fields that a sealed message is signed with. Its own
// signatures are among them (RFC 8617 4.1.2).
func (m *opened) toSeal() []string {
	names := m.toSign()
	for _, f := range m.fields {
		if f.name == dkimField && len(names) < maxSigned {
			names = append(names, dkimField)
		}
	}
	return names
}

// foldResults breaks results into lines.
func foldResults(s string) string {
	if s == "" {
		return None
	}
	return strings.ReplaceAll(s, "; ", ";\r\n\t")
}

// Stated is a chain of which somebody has said already what it proves, before the
// message was changed: Pass, Fail or None.
func Stated(raw []byte, result string) Chain {
	m, _ := open(raw)
	sets, _ := m.sets()
	return Chain{Result: result, Sets: len(sets), ended: m.ended()}
}
