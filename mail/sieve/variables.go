package sieve

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// set is set (RFC 5229 4).
func set(a *arguments) (statement, error) {
	l := a.slots[0].strings[0]
	name, global := strings.ToLower(l.text), false
	if rest, ok := strings.CutPrefix(name, "global."); ok && a.c.enabled["include"] {
		name, global = rest, true
	}
	if !isIdentifier(name) {
		return nil, l.at.errorf("%q is not the name of a variable that can be set", l.text)
	}
	value, err := a.text(1)
	if err != nil {
		return nil, err
	}
	var modifiers []func(string) string
	// Those of one line exclude each other; the lines are in the order in which
	// they work.
	for _, exclusive := range [][]string{{"lower", "upper"}, {"lowerfirst", "upperfirst"}, {"quotewildcard", "quoteregex"}, {"encodeurl"}, {"length"}} {
		which, err := a.only(exclusive...)
		if err != nil {
			return nil, err
		}
		if which != "" {
			modifiers = append(modifiers, modifier(which))
		}
	}
	return func(m *machine) error {
		v, err := m.text(&value)
		if err != nil {
			return err
		}
		for _, modify := range modifiers {
			v = modify(v)
		}
		if err := m.look(len(v) * (1 + len(modifiers))); err != nil {
			return err
		}
		return m.set(name, v, global)
	}, nil
}

// modifier changes the value of a variable (RFC 5229 4.1).
func modifier(name string) func(string) string {
	switch name {
	case "lower":
		return strings.ToLower
	case "upper":
		return strings.ToUpper
	case "lowerfirst":
		return func(s string) string { return first(s, unicode.ToLower) }
	case "upperfirst":
		return func(s string) string { return first(s, unicode.ToUpper) }
	case "quotewildcard":
		return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace
	case "quoteregex":
		return regexp.QuoteMeta
	case "encodeurl":
		return encodeURL
	}
	return func(s string) string { return strconv.Itoa(utf8.RuneCountInString(s)) }
}

func first(s string, change func(rune) rune) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return s
	}
	return string(change(r)) + s[n:]
}

// encodeURL makes text fit for a URI (RFC 5435 6).
func encodeURL(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isLetter(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// global is global (RFC 6609 3.4.1): variables that scripts share.
func global(a *arguments) (statement, error) {
	var names []string
	for _, l := range a.slots[0].strings {
		if !isIdentifier(l.text) {
			return nil, l.at.errorf("%q is not the name of a variable", l.text)
		}
		names = append(names, strings.ToLower(l.text))
	}
	if !a.c.enabled["variables"] {
		return nil, a.n.at.errorf("global needs: require \"variables\"")
	}
	return func(m *machine) error {
		for _, name := range names {
			if v, ok := m.vars[name]; ok && v != globalMark {
				return fmt.Errorf("the variable %q is used already and cannot become a global one", name)
			}
			if len(m.vars)+len(m.globals) >= maxVariables {
				return fmt.Errorf("%w: more than %d variables", ErrLimit, maxVariables)
			}
			m.vars[name] = globalMark
		}
		return nil
	}, nil
}

// raise is error (RFC 5463 5).
func raise(a *arguments) (statement, error) {
	reason, err := a.text(0)
	if err != nil {
		return nil, err
	}
	return func(m *machine) error {
		s, err := m.text(&reason)
		if err != nil {
			return err
		}
		return fmt.Errorf("the script says: %s", s)
	}, nil
}

// include is include (RFC 6609 3.2). The script runs with variables of its own.
func include(a *arguments) (statement, error) {
	where, err := a.only("personal", "global")
	if err != nil {
		return nil, err
	}
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	if name.pieces != nil {
		return nil, a.slots[0].at.errorf("the name of a script that is included has no variables in it")
	}
	once, optional := a.has("once"), a.has("optional")
	return func(m *machine) error {
		id := where + "/" + name.constant
		if once && m.included[id] {
			return nil
		}
		if m.includes++; m.includes > maxIncludes || m.depth >= maxIncludeDepth {
			return fmt.Errorf("%w: too many scripts include each other", ErrLimit)
		}
		var s *Script
		if m.s.Include != nil {
			if s, err = m.s.Include(name.constant, where == "global"); err != nil {
				return fmt.Errorf("the script %q that is included: %w", name.constant, err)
			}
		}
		switch {
		case s == nil && optional:
			return nil
		case s == nil:
			return fmt.Errorf("there is no script %q to include", name.constant)
		}
		m.included[id] = true
		vars, captures := m.vars, m.captures
		m.vars, m.captures = map[string]string{}, nil
		m.depth++
		err := m.block(s.body)
		m.depth--
		m.vars, m.captures = vars, captures
		switch {
		case err == errReturn:
			return nil
		case err != nil && err != errStop:
			return fmt.Errorf("in the script %q: %w", name.constant, err)
		}
		return err
	}, nil
}
