package sieve

import (
	"slices"
	"strings"
)

// signature is what a command or a test may be given (RFC 5228 2.6).
type signature struct {
	tags     map[string]tag
	matching bool // a comparator and a match type (2.7)
	parts    bool // a part of an address (2.7.4)
	slots    []slot
	// optional says that the first slot may be left out, lastOptional that the last
	// may.
	optional, lastOptional bool
	tests                  arity
	block                  bool
}

// tag is a tagged argument: what follows it, and the extension it needs.
type tag struct {
	value kind // tokenEnd: nothing follows
	list  bool // the value may be several strings
	needs string
}

// slot is a positional argument.
type slot struct {
	kind kind
	list bool
	name string
}

type arity uint8

const (
	noTests arity = iota
	oneTest
	someTests
)

// arguments are those of a node, sorted by what they are for.
type arguments struct {
	c     *compiler
	n     *node
	tags  map[string]*argument // with their values; of a tag without one, the tag
	slots []*argument          // nil for one that was left out
	match matcher
	part  addressPart
}

// arguments checks a node against a signature.
func (c *compiler) arguments(n *node, sig *signature) (*arguments, error) {
	a := &arguments{c: c, n: n, tags: map[string]*argument{}}
	rest, err := a.takeTags(sig)
	if err != nil {
		return nil, err
	}
	slots := sig.slots
	if sig.optional && len(rest) == len(slots)-1 {
		a.slots = append(a.slots, nil)
		slots = slots[1:]
	}
	for i, s := range slots {
		if i >= len(rest) {
			if sig.lastOptional && i == len(slots)-1 {
				break
			}
			return nil, n.at.errorf("%s needs %s", n.name, s.describe())
		}
		got := rest[i]
		if got.kind != s.kind || got.list && !s.list {
			return nil, got.at.errorf("%s needs %s here, not %s", n.name, s.describe(), got.describe())
		}
		a.slots = append(a.slots, got)
	}
	if len(rest) > len(slots) {
		return nil, rest[len(slots)].at.errorf("%s takes no further argument: %s is too much", n.name, rest[len(slots)].describe())
	}
	if err := a.finishMatch(sig); err != nil {
		return nil, err
	}
	return a, a.checkShape(sig)
}

func (s *slot) describe() string {
	article := "a "
	if strings.IndexByte("aeiou", s.name[0]) >= 0 {
		article = "an "
	}
	if s.kind == tokenNumber {
		return article + s.name + ", a number"
	}
	if s.list {
		return article + s.name + ", one string or a list of them"
	}
	return article + s.name + ", a string"
}

// checkShape looks at tests and blocks.
func (a *arguments) checkShape(sig *signature) error {
	n := a.n
	switch {
	case sig.block && !n.has.block:
		return n.at.errorf("%s needs a block in braces", n.name)
	case !sig.block && n.has.block:
		return n.at.errorf("%s takes no block in braces", n.name)
	case sig.tests == noTests && len(n.tests) > 0:
		return n.tests[0].at.errorf("%s takes no test, and %s stands behind it: a semicolon may be missing", n.name, n.tests[0].name)
	case sig.tests == oneTest && (len(n.tests) != 1 || n.has.list):
		return n.at.errorf("%s needs one test; join several with anyof or allof", n.name)
	case sig.tests == someTests && !n.has.list:
		return n.at.errorf("%s needs tests in parentheses", n.name)
	}
	return nil
}

// takeTags reads tags with their values and returns the other arguments. Tags
// come before those (RFC 5228 2.6.2).
func (a *arguments) takeTags(sig *signature) (rest []*argument, err error) {
	all := a.n.args
	for i := 0; i < len(all); i++ {
		got := &all[i]
		if got.kind != tokenTag {
			rest = append(rest, got)
			continue
		}
		if len(rest) > 0 {
			return nil, got.at.errorf(":%s stands behind arguments without a tag, where it means nothing", got.tag)
		}
		var value *argument
		if i+1 < len(all) {
			value = &all[i+1]
		}
		used, err := a.takeTag(sig, got, value)
		if err != nil {
			return nil, err
		}
		if used {
			i++
		}
	}
	return rest, nil
}

// takeTag reads one tag and tells whether it has used the value behind it.
func (a *arguments) takeTag(sig *signature, got, value *argument) (used bool, err error) {
	if sig.parts {
		if ok, err := a.takePart(got); ok || err != nil {
			return false, err
		}
	}
	if sig.matching {
		if ok, used, err := a.takeMatch(got, value); ok || err != nil {
			return used, err
		}
	}
	t, ok := sig.tags[got.tag]
	if !ok {
		return false, got.at.errorf("%s knows no :%s", a.n.name, got.tag)
	}
	if err := a.c.need(t.needs, ":"+got.tag, got.at); err != nil {
		return false, err
	}
	if a.tags[got.tag] != nil {
		return false, got.at.errorf(":%s stands twice", got.tag)
	}
	if t.value == tokenEnd {
		a.tags[got.tag] = got
		return false, nil
	}
	if err := a.valueOf(got, value, t.value, t.list); err != nil {
		return false, err
	}
	a.tags[got.tag] = value
	return true, nil
}

// valueOf checks what follows a tag.
func (a *arguments) valueOf(got, value *argument, want kind, list bool) error {
	if value == nil || value.kind != want || value.list && !list {
		what := "a string"
		if want == tokenNumber {
			what = "a number"
		}
		return got.at.errorf(":%s needs %s behind it", got.tag, what)
	}
	return nil
}

// has tells whether a tag was given.
func (a *arguments) has(tag string) bool { return a.tags[tag] != nil }

// only refuses tags that exclude each other and returns the one that is there.
func (a *arguments) only(tags ...string) (string, error) {
	found := ""
	for _, t := range tags {
		if !a.has(t) {
			continue
		}
		if found != "" {
			return "", a.n.at.errorf("%s takes :%s or :%s, not both", a.n.name, found, t)
		}
		found = t
	}
	return found, nil
}

// number is the value of a tag, or other.
func (a *arguments) number(tag string, other uint64) uint64 {
	if v := a.tags[tag]; v != nil {
		return v.number
	}
	return other
}

// tagText is the text of a tag; ok is false when it was not given.
func (a *arguments) tagText(tag string) (t text, ok bool, err error) {
	v := a.tags[tag]
	if v == nil {
		return t, false, nil
	}
	t, err = a.c.text(v.strings[0])
	return t, true, err
}

// tagTexts are the texts of a tag.
func (a *arguments) tagTexts(tag string) ([]text, error) {
	if v := a.tags[tag]; v != nil {
		return a.c.texts(v.strings)
	}
	return nil, nil
}

// text is the text in a slot.
func (a *arguments) text(i int) (text, error) { return a.c.text(a.slots[i].strings[0]) }

// texts are the texts in a slot; nil for one that was left out.
func (a *arguments) texts(i int) ([]text, error) {
	if a.slots[i] == nil {
		return nil, nil
	}
	return a.c.texts(a.slots[i].strings)
}

// fieldNames are names of header fields.
func (a *arguments) fieldNames(i int) ([]text, error) {
	all, err := a.texts(i)
	for j, t := range all {
		if err == nil && t.pieces == nil && !isFieldName(t.constant) {
			return nil, a.slots[i].strings[j].at.errorf("%q is not the name of a header field", t.constant)
		}
	}
	return all, err
}

func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' })
}

// takePart reads a part of an address (RFC 5228 2.7.4, RFC 5233).
func (a *arguments) takePart(got *argument) (bool, error) {
	i := slices.Index([]string{"all", "localpart", "domain", "user", "detail"}, got.tag)
	if i < 0 {
		return false, nil
	}
	if a.has("part") {
		return false, got.at.errorf("one part of the address only can be compared")
	}
	a.tags["part"] = got
	a.part = addressPart(i)
	if a.part >= partUser {
		return true, a.c.need("subaddress", ":"+got.tag, got.at)
	}
	return true, nil
}

// takeMatch reads a match type or a comparator (RFC 5228 2.7.1 and 2.7.3, RFC
// 5231).
func (a *arguments) takeMatch(got, value *argument) (ok, used bool, err error) {
	if got.tag == "comparator" {
		if a.has("comparator") {
			return true, false, got.at.errorf(":comparator stands twice")
		}
		if err := a.valueOf(got, value, tokenString, false); err != nil {
			return true, false, err
		}
		a.tags["comparator"] = value
		a.match.comparator, err = a.c.comparator(value.strings[0])
		return true, true, err
	}
	i := slices.Index([]string{"is", "contains", "matches", "regex", "count", "value"}, got.tag)
	if i < 0 {
		return false, false, nil
	}
	if a.has("match") {
		return true, false, got.at.errorf("one match type only can be used")
	}
	a.tags["match"] = got
	a.match.how = matchType(i)
	switch a.match.how {
	case matchRegex:
		return true, false, a.c.need("regex", ":regex", got.at)
	case matchCount, matchValue:
		if err := a.c.need("relational", ":"+got.tag, got.at); err != nil {
			return true, false, err
		}
		if err := a.valueOf(got, value, tokenString, false); err != nil {
			return true, false, err
		}
		a.match.relation = strings.ToLower(value.strings[0].text)
		if !slices.Contains([]string{"gt", "ge", "lt", "le", "eq", "ne"}, a.match.relation) {
			return true, false, value.at.errorf("%q is none of gt, ge, lt, le, eq, ne", value.strings[0].text)
		}
		return true, true, nil
	}
	return true, false, nil
}

// finishMatch refuses what cannot be compared.
func (a *arguments) finishMatch(sig *signature) error {
	if !sig.matching {
		return nil
	}
	a.match.captures = a.c.enabled["variables"]
	how := a.match.how
	if a.match.comparator == asciiNumeric && (how == matchContains || how == matchMatches || how == matchRegex) {
		return a.n.at.errorf("i;ascii-numeric compares numbers, and cannot be used with :%s", a.tags["match"].tag)
	}
	return nil
}
