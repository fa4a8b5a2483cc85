package sieve

import (
	"strconv"
	"strings"
)

// matchType is how values are compared (RFC 5228 2.7.1, RFC 5231, regex).
type matchType uint8

const (
	matchIs matchType = iota
	matchContains
	matchMatches
	matchRegex
	matchCount
	matchValue
)

// matcher is a match type with its comparator.
type matcher struct {
	how        matchType
	relation   string // of count and value
	comparator comparator
	captures   bool // what wildcards stand for is noted
}

// key is what values are compared with, in each form that is needed.
type key struct {
	text    text
	pattern *pattern // of regex, if the text is constant
}

// keys makes the keys of a test ready.
func (a *arguments) keys(i int) (all []key, err error) {
	texts, err := a.texts(i)
	if err != nil {
		return nil, err
	}
	for j, t := range texts {
		k := key{text: t}
		if a.match.how == matchRegex && t.pieces == nil {
			if k.pattern, err = newPattern(t.constant, a.match.comparator); err != nil {
				return nil, a.slots[i].strings[j].at.errorf("%s", err)
			}
		}
		all = append(all, k)
	}
	return all, nil
}

// any tells whether one of the values matches one of the keys.
func (m *machine) any(mt *matcher, values []string, keys []key) (bool, error) {
	if mt.how == matchCount {
		values = []string{strconv.Itoa(len(values))}
	}
	folded := make([]string, len(values))
	for i, v := range values {
		if err := m.look(len(v)); err != nil {
			return false, err
		}
		folded[i] = mt.comparator.fold(v)
	}
	for i := range keys {
		text, err := m.text(&keys[i].text)
		if err != nil {
			return false, err
		}
		pattern := keys[i].pattern
		if mt.how == matchRegex && pattern == nil {
			if pattern, err = m.pattern(text, mt.comparator); err != nil {
				return false, err
			}
		}
		fold := mt.comparator.fold(text)
		for j, v := range values {
			yes, err := m.one(mt, v, folded[j], text, fold, pattern)
			if yes || err != nil {
				return yes, err
			}
		}
	}
	return false, nil
}

// one compares a value with a key; both come as they are and folded.
func (m *machine) one(mt *matcher, value, folded, text, fold string, p *pattern) (bool, error) {
	if err := m.look(len(value) + len(text)); err != nil {
		return false, err
	}
	switch mt.how {
	case matchIs:
		return folded == fold, nil
	case matchContains:
		return strings.Contains(folded, fold), nil
	case matchMatches:
		return m.wildcards(mt, value, text)
	case matchRegex:
		return m.regex(mt, value, p)
	}
	return relate(mt.relation, mt.comparator.compare(folded, fold)), nil
}

// glob is a pattern of :matches, cut at its asterisks. Between them stand
// characters to be equal, and questionmarks for any one.
type glob [][]globRune

type globRune struct {
	char string // folded
	any  bool
}

// newGlob reads a pattern (RFC 5228 2.7.1): a backslash takes the meaning from
// what follows it.
func newGlob(pattern string, c comparator) glob {
	g := glob{nil}
	for i := 0; i < len(pattern); {
		one := c.character(pattern[i:])
		i += len(one)
		last := len(g) - 1
		switch {
		case one == "*":
			g = append(g, nil)
			continue
		case one == "?":
			g[last] = append(g[last], globRune{any: true})
			continue
		case one == `\` && i < len(pattern):
			one = c.character(pattern[i:])
			i += len(one)
		}
		g[last] = append(g[last], globRune{char: c.fold(one)})
	}
	return g
}

// character is the first of a text: an octet or a character, as the comparator
// sees it.
func (c comparator) character(s string) string {
	if c == octet || s[0] < 0x80 {
		return s[:1]
	}
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// wildcards runs :matches. Each asterisk stands for as little as it can, the
// first one first (RFC 5229 3.2), so the text between two is searched once from
// where the one before ended: the time is linear in each part.
func (m *machine) wildcards(mt *matcher, value, pattern string) (bool, error) {
	g := newGlob(pattern, mt.comparator)
	var chars, folded []string
	for rest := value; rest != ""; {
		one := mt.comparator.character(rest)
		chars, folded = append(chars, one), append(folded, mt.comparator.fold(one))
		rest = rest[len(one):]
	}
	w := globWalk{m: m, chars: chars, folded: folded}
	yes, err := w.run(g)
	if yes && mt.captures {
		m.captures = append([]string{value}, w.captures[:min(len(w.captures), maxCaptures)]...)
	}
	return yes, err
}

// globWalk is a glob on its way through a value.
type globWalk struct {
	m             *machine
	chars, folded []string
	captures      []string
}

func (w *globWalk) run(g glob) (bool, error) {
	if len(g) == 1 {
		if len(g[0]) != len(w.chars) {
			return false, nil
		}
		yes, err := w.fits(g[0], 0)
		w.note(g[0], 0)
		return yes, err
	}
	at := 0
	for i, part := range g {
		first, last := i == 0, i == len(g)-1
		start := at
		switch {
		case len(w.chars)-at < len(part):
			return false, nil
		case last:
			start = len(w.chars) - len(part)
		}
		yes, err := w.fits(part, start)
		for !yes && err == nil && !first && !last && start+len(part) < len(w.chars) {
			start++
			yes, err = w.fits(part, start)
		}
		if !yes || err != nil {
			return false, err
		}
		if !first {
			w.captures = append(w.captures, strings.Join(w.chars[at:start], ""))
		}
		w.note(part, start)
		at = start + len(part)
	}
	return true, nil
}

// fits tells whether a part stands at a place.
func (w *globWalk) fits(part []globRune, at int) (bool, error) {
	for i, r := range part {
		if !r.any && r.char != w.folded[at+i] {
			return false, w.m.look(8 * (i + 1))
		}
	}
	return true, w.m.look(8 * len(part))
}

// note keeps what questionmarks stand for.
func (w *globWalk) note(part []globRune, at int) {
	for i, r := range part {
		if r.any && len(w.captures) < maxCaptures {
			w.captures = append(w.captures, w.chars[at+i])
		}
	}
}
