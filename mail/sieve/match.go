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
		return m.wildcards(mt, value, folded, text)
	case matchRegex:
		return m.regex(mt, value, p)
	}
	return relate(mt.relation, mt.comparator.compare(folded, fold)), nil
}

// glob is a pattern of :matches, cut at its asterisks. Between them stand
// characters to be equal, and questionmarks for any one.
type glob []globPart

type globPart struct {
	runes []globRune
	plain string // all of them, if none is any
	bytes int    // how many there are; any counts as one
	any   bool   // one is
}

type globRune struct {
	char string // folded
	any  bool
}

// newGlob reads a pattern (RFC 5228 2.7.1): a backslash takes the meaning from
// what follows it.
func newGlob(pattern string, c comparator) glob {
	g := glob{{}}
	for i := 0; i < len(pattern); {
		one := c.character(pattern[i:])
		i += len(one)
		last := &g[len(g)-1]
		switch {
		case one == "*":
			g = append(g, globPart{})
			continue
		case one == "?":
			last.runes = append(last.runes, globRune{any: true})
			last.any = true
			last.bytes++
			continue
		case one == `\` && i < len(pattern):
			one = c.character(pattern[i:])
			i += len(one)
		}
		r := globRune{char: c.fold(one)}
		last.runes = append(last.runes, r)
		last.plain += r.char
		last.bytes += len(r.char)
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
// where the one before ended.
func (m *machine) wildcards(mt *matcher, value, folded, pattern string) (bool, error) {
	g := newGlob(pattern, mt.comparator)
	w := globWalk{m: m, value: value, folded: folded}
	// Where bytes are compared as well as characters, that is much quicker.
	if mt.comparator != octet && !isASCII(value) && (mt.comparator == unicodeCasemap || g.hasAny()) {
		if err := m.look(16 * len(value)); err != nil {
			return false, err
		}
		w.split(mt.comparator)
	}
	yes, err := w.run(g)
	if yes && mt.captures {
		m.captures = append([]string{value}, w.captures[:min(len(w.captures), maxCaptures)]...)
	}
	return yes, err
}

// hasAny tells whether a questionmark is in it.
func (g glob) hasAny() bool {
	for _, part := range g {
		if part.any {
			return true
		}
	}
	return false
}

// globWalk is a glob on its way through a value: byte by byte, or character by
// character once it is split.
type globWalk struct {
	m             *machine
	value, folded string
	chars, folds  []string
	captures      []string
}

// split cuts the value into characters.
func (w *globWalk) split(c comparator) {
	for rest := w.value; rest != ""; {
		one := c.character(rest)
		w.chars, w.folds = append(w.chars, one), append(w.folds, c.fold(one))
		rest = rest[len(one):]
	}
}

// len is that of the value in what is compared.
func (w *globWalk) len() int {
	if w.chars != nil {
		return len(w.chars)
	}
	return len(w.value)
}

// text is a piece of the value.
func (w *globWalk) text(from, to int) string {
	if w.chars != nil {
		return strings.Join(w.chars[from:to], "")
	}
	return w.value[from:to]
}

// size is how long a part is in what is compared.
func (w *globWalk) size(part *globPart) int {
	if w.chars != nil {
		return len(part.runes)
	}
	return part.bytes
}

func (w *globWalk) run(g glob) (bool, error) {
	if len(g) == 1 {
		if w.size(&g[0]) != w.len() {
			return false, nil
		}
		yes, err := w.fits(&g[0], 0)
		if yes {
			w.note(&g[0], 0)
		}
		return yes, err
	}
	at := 0
	for i := range g {
		part, first, last := &g[i], i == 0, i == len(g)-1
		start, size := at, w.size(part)
		if w.len()-at < size {
			return false, nil
		}
		yes, err := true, error(nil)
		switch {
		case first:
			yes, err = w.fits(part, at)
		case last:
			start = w.len() - size
			yes, err = w.fits(part, start)
		default:
			start, yes, err = w.search(part, at)
		}
		if !yes || err != nil {
			return false, err
		}
		if !first {
			w.captures = append(w.captures, w.text(at, start))
		}
		w.note(part, start)
		at = start + size
	}
	return true, nil
}

// search finds the first place of a part.
func (w *globWalk) search(part *globPart, at int) (int, bool, error) {
	if w.chars == nil && !part.any {
		i := strings.Index(w.folded[at:], part.plain)
		return at + max(i, 0), i >= 0, w.m.look(len(w.folded) - at)
	}
	for size := w.size(part); at+size <= w.len(); at++ {
		if yes, err := w.fits(part, at); yes || err != nil {
			return at, yes, err
		}
	}
	return 0, false, nil
}

// fits tells whether a part stands at a place.
func (w *globWalk) fits(part *globPart, at int) (bool, error) {
	if w.chars == nil && !part.any {
		return w.folded[at:at+part.bytes] == part.plain, w.m.look(part.bytes)
	}
	for i, r := range part.runes {
		if r.any {
			at += 1
			continue
		}
		n := 1
		if w.chars == nil {
			n = len(r.char)
		}
		if w.chars == nil && w.folded[at:at+n] != r.char || w.chars != nil && w.folds[at] != r.char {
			return false, w.m.look(16 * (i + 1))
		}
		at += n
	}
	return true, w.m.look(16 * len(part.runes))
}

// note keeps what questionmarks stand for.
func (w *globWalk) note(part *globPart, at int) {
	if !part.any {
		return
	}
	for _, r := range part.runes {
		n := 1
		if w.chars == nil && !r.any {
			n = len(r.char)
		}
		if r.any && len(w.captures) < maxCaptures {
			w.captures = append(w.captures, w.text(at, at+1))
		}
		at += n
	}
}
