package sieve

import (
	"errors"
	"slices"
	"strings"
)

// statement is a command that is ready to run.
type statement func(*machine) error

// test is a test that is ready to run.
type test func(*machine) (bool, error)

// block is a sequence of commands.
type block []statement

// command is what is known of a command: the extension it needs and how it is
// made ready.
type command struct {
	needs   string
	sig     signature
	compile func(*arguments) (statement, error)
}

// testing is what is known of a test.
type testing struct {
	needs   string
	sig     signature
	compile func(*arguments) (test, error)
}

// compiler checks what was parsed and makes it ready.
type compiler struct {
	enabled  map[string]bool
	required []string
	lenient  bool // "ihave" is required: what is not known fails when it is reached (RFC 5463 4)
	begun    bool // something else than require was seen
	commands map[string]command
	tests    map[string]testing
}

// Errors by which a run ends.
var (
	errStop   = errors.New("sieve: stop")
	errReturn = errors.New("sieve: return")
)

func (c *compiler) script(nodes []*node) (block, error) {
	c.commands, c.tests = commands(), tests()
	return c.block(nodes, true)
}

// need refuses what an extension brings that was not asked for.
func (c *compiler) need(extension, what string, at position) error {
	for e := range strings.SplitSeq(extension, "|") {
		if e == "" || c.enabled[e] {
			return nil
		}
	}
	first, _, _ := strings.Cut(extension, "|")
	return at.errorf("%s needs: require %q", what, first)
}

// block makes commands ready.
func (c *compiler) block(nodes []*node, top bool) (block, error) {
	var all block
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if n.name == "require" {
			if err := c.require(n, top); err != nil {
				return nil, err
			}
			continue
		}
		c.begun = true
		var s statement
		var err error
		if n.name == "if" {
			end := i + 1
			for end < len(nodes) && (nodes[end].name == "elsif" || nodes[end].name == "else") {
				end++
			}
			s, err = c.conditional(nodes[i:end])
			i = end - 1
		} else {
			s, err = c.statement(n)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// require takes the extensions that a script asks for (RFC 5228 3.2).
func (c *compiler) require(n *node, top bool) error {
	if !top || c.begun {
		return n.at.errorf("require stands at the beginning of a script, before all other commands")
	}
	a, err := c.arguments(n, &signature{slots: []slot{{tokenString, true, "name of an extension"}}})
	if err != nil {
		return err
	}
	for _, l := range a.slots[0].strings {
		if !Knows(l.text) {
			return l.at.errorf("there is no extension %q here", l.text)
		}
		c.enable(l.text)
	}
	return nil
}

func (c *compiler) enable(extension string) {
	if !c.enabled[extension] {
		c.enabled[extension] = true
		c.required = append(c.required, extension)
	}
	c.lenient = c.lenient || extension == "ihave"
}

// statement makes a command ready.
func (c *compiler) statement(n *node) (statement, error) {
	s, err := c.known(n)
	if err != nil && c.lenient {
		return func(*machine) error { return err }, nil
	}
	return s, err
}

func (c *compiler) known(n *node) (statement, error) {
	k, ok := c.commands[n.name]
	switch _, isTest := c.tests[n.name]; {
	case n.name == "elsif" || n.name == "else":
		return nil, n.at.errorf("%s stands without an if before it", n.name)
	case !ok && isTest:
		return nil, n.at.errorf("%s is a test; it stands behind if", n.name)
	case !ok:
		return nil, n.at.errorf("there is no command %q", n.name)
	}
	if err := c.need(k.needs, n.name, n.at); err != nil {
		return nil, err
	}
	a, err := c.arguments(n, &k.sig)
	if err != nil {
		return nil, err
	}
	run, err := k.compile(a)
	if err != nil {
		return nil, err
	}
	return func(m *machine) error {
		if err := m.spend(1); err != nil {
			return n.at.wrap(err)
		}
		return n.at.wrap(run(m))
	}, nil
}

// wrap gives an error of a run its place in the script.
func (p position) wrap(err error) error {
	var known *Error
	if err == nil || err == errStop || err == errReturn || errors.As(err, &known) {
		return err
	}
	return &runError{place: p.errorf("%s", strings.TrimPrefix(err.Error(), "sieve: ")), cause: err}
}

// runError is an error of a run with its cause.
type runError struct {
	place *Error
	cause error
}

func (e *runError) Error() string   { return e.place.Error() }
func (e *runError) Unwrap() []error { return []error{e.place, e.cause} }

// branch is one arm of an if; a nil test is else.
type branch struct {
	test test
	body block
}

// conditional makes if with its elsif and else ready (RFC 5228 3.1).
func (c *compiler) conditional(nodes []*node) (statement, error) {
	var all []branch
	for i, n := range nodes {
		sig := signature{tests: oneTest, block: true}
		if n.name == "else" {
			sig.tests = noTests
			if i != len(nodes)-1 {
				return nil, nodes[i+1].at.errorf("%s stands behind else, which is the last", nodes[i+1].name)
			}
		}
		if _, err := c.arguments(n, &sig); err != nil {
			return nil, err
		}
		var b branch
		var err error
		if n.name != "else" {
			if b.test, err = c.test(n.tests[0]); err != nil {
				return nil, err
			}
		}
		if b.body, err = c.block(n.block, false); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return func(m *machine) error {
		for _, b := range all {
			yes := true
			if b.test != nil {
				var err error
				if yes, err = b.test(m); err != nil {
					return err
				}
			}
			if yes {
				return m.block(b.body)
			}
		}
		return nil
	}, nil
}

// test makes a test ready.
func (c *compiler) test(n *node) (test, error) {
	t, err := c.knownTest(n)
	if err != nil && c.lenient {
		return func(*machine) (bool, error) { return false, err }, nil
	}
	return t, err
}

func (c *compiler) knownTest(n *node) (test, error) {
	k, ok := c.tests[n.name]
	if !ok {
		if _, is := c.commands[n.name]; is {
			return nil, n.at.errorf("%s is a command, not a test", n.name)
		}
		return nil, n.at.errorf("there is no test %q", n.name)
	}
	if err := c.need(k.needs, n.name, n.at); err != nil {
		return nil, err
	}
	a, err := c.arguments(n, &k.sig)
	if err != nil {
		return nil, err
	}
	run, err := k.compile(a)
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		if err := m.spend(1); err != nil {
			return false, n.at.wrap(err)
		}
		yes, err := run(m)
		return yes, n.at.wrap(err)
	}, nil
}

// testsOf makes the tests within a test ready.
func (a *arguments) testsOf() (all []test, err error) {
	for _, n := range a.n.tests {
		t, err := a.c.test(n)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// Extensions are the names that a script may require, in order. Comparators are
// among them.
func Extensions() []string {
	return []string{
		"body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet", "comparator-i;unicode-casemap",
		"copy", "date", "duplicate", "editheader", "encoded-character", "enotify", "envelope", "environment", "ereject", "fileinto",
		"ihave", "imap4flags", "include", "index", "mailbox", "regex", "reject", "relational", "spamtest", "spamtestplus",
		"special-use", "subaddress", "vacation", "vacation-seconds", "variables", "virustest",
	}
}

// Knows tells whether there is an extension.
func Knows(extension string) bool { return slices.Contains(Extensions(), extension) }
