// Package sieve is the language in which people write what becomes of their
// mail (RFC 5228): it reads a script, checks it, and runs it over a message,
// which gives a list of actions. Others carry them out. Whatever the script and
// the message are, it ends after bounded work, never panics, and neither reads
// nor writes anything but what it is given.
package sieve

import (
	"errors"
	"fmt"
)

// Limits of a script. What goes beyond is an error with its place.
const (
	// MaxScript is the size of a script in bytes.
	MaxScript = 64 << 10
	// maxNesting is how deep blocks and tests stand in each other.
	maxNesting = 32
	// maxNodes is how many commands and tests a script has.
	maxNodes = 4000
	// maxList is how many strings a list has.
	maxList = 1000
)

// Limits of a run. What goes beyond fails it, and the message is kept.
const (
	// MaxRedirects is how many addresses a message is passed on to.
	MaxRedirects = 4
	// maxActions is how many actions there are of all kinds.
	maxActions = 32
	// maxWork bounds the work: a command or a test is one, as is looking at
	// workBytes of text.
	maxWork   = 200_000
	workBytes = 64
	// maxVariable is the size of a variable's value in bytes; what is longer is
	// cut (RFC 5229 3).
	maxVariable = 8 << 10
	// maxVariables is how many variables a run has.
	maxVariables = 128
	// maxText is the size of any other text that variables make.
	maxText = 64 << 10
	// maxCaptures is the highest number of a match variable (RFC 5229 3.2).
	maxCaptures = 32
	// maxBodyText is how much of a message's body is looked at.
	maxBodyText = 1 << 20
	// maxBodyParts is how many of its parts are.
	maxBodyParts = 100
	// maxFields is how many header fields are looked at.
	maxFields = 2000
	// maxFieldBytes is how much of one is.
	maxFieldBytes = 32 << 10
	// maxEdits is how many header fields a script adds or deletes.
	maxEdits = 100
	// maxIncludes is how many scripts a run includes, maxIncludeDepth how deep.
	maxIncludes     = 20
	maxIncludeDepth = 5
)

// Error is what is wrong with a script, and where.
type Error struct {
	Line, Column int // from 1; columns count characters
	Text         string
}

// Error says where first, as compilers do.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// ErrLimit is in the chain of errors of runs that would be too much work.
var ErrLimit = errors.New("sieve: too much work")

// position is a place in a script.
type position struct{ line, column int }

func (p position) errorf(format string, args ...any) *Error {
	return &Error{Line: p.line, Column: p.column, Text: fmt.Sprintf(format, args...)}
}

// Script is a script that is right. It is safe for concurrent use.
type Script struct {
	body     block
	requires []string
}

// Compile reads and checks a script. The error is an *Error.
func Compile(source string) (*Script, error) {
	nodes, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := &compiler{enabled: map[string]bool{}}
	body, err := c.script(nodes)
	if err != nil {
		return nil, err
	}
	return &Script{body: body, requires: c.required}, nil
}

// Requires are the extensions that the script asks for.
func (s *Script) Requires() []string { return s.requires }
