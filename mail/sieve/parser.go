package sieve

import (
	"strings"
	"unicode/utf8"
)

// node is a command or a test as it is written (RFC 5228 8.2).
type node struct {
	name  string // in lower case
	at    position
	args  []argument
	tests []*node
	block []*node
	has   struct{ list, block bool } // whether tests stand in brackets, and whether there is a block
}

// argument is one argument of a node: a tag, a number, or strings.
type argument struct {
	kind    kind // tokenTag, tokenNumber, tokenString
	tag     string
	number  uint64
	strings []literal
	list    bool // in brackets
	at      position
}

// literal is a string of a script.
type literal struct {
	text string
	at   position
}

// describe names the argument in errors.
func (a *argument) describe() string {
	switch {
	case a.kind == tokenTag:
		return ":" + a.tag
	case a.kind == tokenNumber:
		return "a number"
	case a.list:
		return "a list of strings"
	}
	return "a string"
}

type parser struct {
	lexer lexer
	token token // the one to look at
	nodes int
}

// parse reads the grammar and knows no command.
func parse(source string) ([]*node, error) {
	start := position{1, 1}
	if len(source) > MaxScript {
		return nil, start.errorf("the script has %d bytes, of at most %d", len(source), MaxScript)
	}
	if i := strings.IndexByte(source, 0); i >= 0 || !utf8.ValidString(source) {
		return nil, start.errorf("the script is not text in UTF-8")
	}
	p := &parser{lexer: lexer{rest: strings.TrimPrefix(source, "\ufeff"), at: start}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	nodes, err := p.commands(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.token.at.errorf("%s stands where a command should", p.token.describe())
	}
	return nodes, nil
}

func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

func (p *parser) at(punctuation string) bool {
	return p.token.kind == tokenPunctuation && p.token.text == punctuation
}

// expect passes over what must come.
func (p *parser) expect(punctuation, where string) error {
	if !p.at(punctuation) {
		return p.token.at.errorf("%q is missing %s, before %s", punctuation, where, p.token.describe())
	}
	return p.advance()
}

// commands reads until something comes that begins no command.
func (p *parser) commands(depth int) (all []*node, err error) {
	for p.token.kind == tokenIdentifier {
		n, err := p.node(depth, "command")
		if err != nil {
			return nil, err
		}
		if p.at("{") {
			n.has.block = true
			if err := p.advance(); err != nil {
				return nil, err
			}
			if n.block, err = p.commands(depth + 1); err != nil {
				return nil, err
			}
			err = p.expect("}", "at the end of the block of "+n.name)
		} else {
			err = p.expect(";", "behind "+n.name)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// node reads a name with its arguments and tests.
func (p *parser) node(depth int, what string) (*node, error) {
	if p.token.kind != tokenIdentifier {
		return nil, p.token.at.errorf("%s stands where a %s should", p.token.describe(), what)
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, p.token.at.errorf("the script has more than %d commands and tests", maxNodes)
	}
	if depth > maxNesting {
		return nil, p.token.at.errorf("the script is nested deeper than %d", maxNesting)
	}
	n := &node{name: strings.ToLower(p.token.text), at: p.token.at}
	if err := p.advance(); err != nil {
		return nil, err
	}
	for {
		a, ok, err := p.argument()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		n.args = append(n.args, a)
		if len(n.args) > maxList {
			return nil, n.at.errorf("%s has too many arguments", n.name)
		}
	}
	return n, p.tests(n, depth)
}

// argument reads one, if there is one.
func (p *parser) argument() (a argument, ok bool, err error) {
	a = argument{kind: p.token.kind, at: p.token.at}
	switch {
	case p.token.kind == tokenTag:
		a.tag = strings.ToLower(p.token.text)
	case p.token.kind == tokenNumber:
		a.number = p.token.number
	case p.token.kind == tokenString:
		a.strings = []literal{{p.token.text, p.token.at}}
	case p.at("["):
		a.kind, a.list = tokenString, true
		a.strings, err = p.list()
		return a, true, err
	default:
		return a, false, nil
	}
	return a, true, p.advance()
}

// list reads strings between brackets.
func (p *parser) list() (all []literal, err error) {
	open := p.token.at
	if err := p.advance(); err != nil {
		return nil, err
	}
	for {
		if p.token.kind != tokenString {
			return nil, p.token.at.errorf("%s stands in a list, where only strings do", p.token.describe())
		}
		all = append(all, literal{p.token.text, p.token.at})
		if len(all) > maxList {
			return nil, open.errorf("a list has more than %d strings", maxList)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.at(",") {
			return all, p.expect("]", "at the end of a list")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// tests reads the test of a node, or several in brackets.
func (p *parser) tests(n *node, depth int) error {
	if p.token.kind == tokenIdentifier {
		t, err := p.node(depth+1, "test")
		n.tests = []*node{t}
		return err
	}
	if !p.at("(") {
		return nil
	}
	n.has.list = true
	for {
		if err := p.advance(); err != nil {
			return err
		}
		t, err := p.node(depth+1, "test")
		if err != nil {
			return err
		}
		n.tests = append(n.tests, t)
		if !p.at(",") {
			return p.expect(")", "at the end of the tests of "+n.name)
		}
	}
}
