package sieve

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of flags.
const (
	maxFlags = 50
	maxFlag  = 100 // bytes
)

// changeFlags is setflag, addflag and removeflag (RFC 5232 3).
func changeFlags(change func(old, given []string) []string) func(*arguments) (statement, error) {
	return func(a *arguments) (statement, error) {
		name, err := a.flagVariable()
		if err != nil {
			return nil, err
		}
		given, err := a.texts(1)
		if err != nil {
			return nil, err
		}
		return func(m *machine) error {
			list, err := m.texts(given)
			if err != nil {
				return err
			}
			old := m.flags
			if name != "" {
				old = splitFlags([]string{m.value(name)})
			}
			all := change(old, splitFlags(list))
			if len(all) > maxFlags {
				return fmt.Errorf("%w: more than %d flags", ErrLimit, maxFlags)
			}
			if err := m.spend(len(all)); err != nil {
				return err
			}
			if name != "" {
				return m.set(name, strings.Join(all, " "), false)
			}
			m.flags = all
			return nil
		}, nil
	}
}

// flagVariable is the variable in the first slot; empty: the internal one.
func (a *arguments) flagVariable() (string, error) {
	if a.slots[0] == nil {
		return "", nil
	}
	l := a.slots[0].strings[0]
	if err := a.c.need("variables", "the name of a variable", l.at); err != nil {
		return "", err
	}
	if !isIdentifier(l.text) {
		return "", l.at.errorf("%q is not the name of a variable", l.text)
	}
	return strings.ToLower(l.text), nil
}

// splitFlags cuts strings at blanks, without what can be no flag and what stands
// twice (RFC 5232 2).
func splitFlags(list []string) []string {
	var all []string
	for _, s := range list {
		for _, f := range strings.Fields(s) {
			if isFlag(f) && len(all) <= maxFlags {
				all = addFlags(all, []string{f})
			}
		}
	}
	return all
}

// isFlag tells whether s is a flag or a keyword of IMAP (RFC 9051 9) that a script
// may set.
func isFlag(s string) bool {
	word, system := strings.CutPrefix(s, `\`)
	if word == "" || len(s) > maxFlag || strings.ContainsFunc(word, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`(){%*"\]`, r)
	}) {
		return false
	}
	if !system {
		return true
	}
	return slices.Contains([]string{"seen", "answered", "flagged", "deleted", "draft"}, strings.ToLower(word))
}

func hasFlag(all []string, flag string) bool {
	return slices.ContainsFunc(all, func(f string) bool { return strings.EqualFold(f, flag) })
}

func setFlags(_, given []string) []string { return given }

func addFlags(old, given []string) []string {
	all := slices.Clone(old)
	for _, f := range given {
		if !hasFlag(all, f) {
			all = append(all, f)
		}
	}
	return all
}

func removeFlags(old, given []string) []string {
	return slices.DeleteFunc(slices.Clone(old), func(f string) bool { return hasFlag(given, f) })
}

// flagsOf are the flags of an action: those of its tag, else the internal ones.
func (m *machine) flagsOf(tagged []text, given bool) ([]string, error) {
	if !given {
		return m.flags, nil
	}
	list, err := m.texts(tagged)
	return splitFlags(list), err
}

// hasFlagTest is hasflag (RFC 5232 4).
func hasFlagTest(a *arguments) (test, error) {
	var names []string
	if a.slots[0] != nil {
		for _, l := range a.slots[0].strings {
			if err := a.c.need("variables", "the name of a variable", l.at); err != nil {
				return nil, err
			}
			names = append(names, strings.ToLower(l.text))
		}
	}
	keys, err := a.keys(1)
	if err != nil {
		return nil, err
	}
	match, given := a.match, a.slots[0] != nil
	return func(m *machine) (bool, error) {
		values := m.flags
		if given {
			values = nil
			for _, name := range names {
				values = append(values, splitFlags([]string{m.value(name)})...)
			}
		}
		if match.how != matchIs {
			return m.any(&match, values, keys)
		}
		for i := range keys { // each may be several flags
			s, err := m.text(&keys[i].text)
			if err != nil {
				return false, err
			}
			var each []key
			for _, f := range strings.Fields(s) {
				each = append(each, key{text: text{constant: f}})
			}
			if yes, err := m.any(&match, values, each); yes || err != nil {
				return yes, err
			}
		}
		return false, nil
	}, nil
}
