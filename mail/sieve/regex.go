package sieve

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Limits of a regular expression. It is matched in time linear in its size and
// the text's.
const (
	maxPattern     = 1 << 10 // bytes
	maxPatternSize = 1 << 10 // instructions of its program
	maxPatterns    = 20      // made anew in a run, where variables stand in them
)

// pattern is a regular expression (draft-murchison-sieve-regex), in the syntax
// of RE2: it knows no back references, and what POSIX calls extended is as there.
type pattern struct {
	re   *regexp.Regexp
	size int
}

func newPattern(s string, c comparator) (*pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("the regular expression has %d bytes, of at most %d", len(s), maxPattern)
	}
	flags := syntax.Perl | syntax.DotNL
	if c != octet {
		flags |= syntax.FoldCase
	}
	parsed, err := syntax.Parse(s, flags)
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", plainSyntax(err))
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", err)
	}
	if len(prog.Inst) > maxPatternSize {
		return nil, fmt.Errorf("the regular expression is too large: repeat less")
	}
	// The tree written out again carries its flags.
	re, err := regexp.Compile(parsed.String())
	if err != nil {
		return nil, fmt.Errorf("the regular expression is wrong: %w", plainSyntax(err))
	}
	return &pattern{re, len(prog.Inst)}, nil
}

// plainSyntax is an error of regexp without its prefix.
func plainSyntax(err error) error {
	if e, ok := err.(*syntax.Error); ok {
		return fmt.Errorf("%s: %q", e.Code, e.Expr)
	}
	return err
}

// pattern makes one in which variables stand.
func (m *machine) pattern(s string, c comparator) (*pattern, error) {
	if m.patterns++; m.patterns > maxPatterns {
		return nil, fmt.Errorf("%w: more than %d regular expressions with variables in them", ErrLimit, maxPatterns)
	}
	if err := m.spend(len(s)); err != nil {
		return nil, err
	}
	return newPattern(s, c)
}

// regex runs :regex.
func (m *machine) regex(mt *matcher, value string, p *pattern) (bool, error) {
	if err := m.look(len(value) * (4 + p.size/4)); err != nil {
		return false, err
	}
	if !mt.captures {
		return p.re.MatchString(value), nil
	}
	found := p.re.FindStringSubmatch(value)
	if found != nil {
		m.captures = found[:min(len(found), maxCaptures+1)]
	}
	return found != nil, nil
}
