package search

import (
	"bytes"
	"errors"
	"io"

	"martlet/mail"
	"martlet/mail/message"
)

// ErrTooComplex means that a query has more words or operators than are looked
// up for one search.
var ErrTooComplex = errors.New("search: the query is too complex")

// What one query may have.
const (
	maxLookups = maxQueryTerms * maxPerText
	maxPerText = 16 // words of one Words or Phrase; further ones are not looked up
	maxNodes   = 1024
	maxDepth   = 64
)

// Lookup is a term to be looked up in the index.
type Lookup struct {
	Term   []byte
	Prefix bool // terms that begin with Term too
	Fields Field
	Found  *Set // the messages that have it
}

// Matches tells whether a term of the index is meant.
func (l *Lookup) Matches(term []byte, fields Field) bool {
	return fields&l.Fields != 0 && bytes.HasPrefix(term, l.Term) && (l.Prefix || len(term) == len(l.Term))
}

// Plan is a query made ready for one search in one mailbox: look everything up
// that it asks for, ask for Candidates, and Match those that are not sure.
type Plan struct {
	Lookups []*Lookup
	Threads []*ThreadLookup
	root    node
}

// ThreadLookup is a conversation to be looked up.
type ThreadLookup struct {
	Thread mail.ThreadID
	Found  *Set // its messages
}

// Answer is what is known about a message that may match.
type Answer uint8

// The answers.
const (
	No      Answer = iota
	Unknown        // its text has to be read
	Yes
)

// Candidate is a message that may match. Item and Open are asked only for what
// the query needs.
type Candidate struct {
	Doc      Doc
	Folder   mail.FolderID
	Received int64 // milliseconds since 1970
	Class    mail.Class
	Flags    mail.Flags
	FollowUp mail.FollowUpStatus
	Item     func() (*mail.Item, error)
	// Open gives the message for its text to be read; nil: it must not be read
	// now, and what depends on it is Unknown.
	Open func() (*message.Index, io.ReaderAt, error)
}

// Compile makes a plan for messages from first to last.
func Compile(q Query, first, last Doc) (*Plan, error) {
	c := compiler{plan: &Plan{}, first: first, last: last}
	root, err := c.compile(q, 0)
	if err != nil {
		return nil, err
	}
	c.plan.root = root
	return c.plan, nil
}

// AddTerms notes the terms of one message.
func (p *Plan) AddTerms(doc Doc, terms Terms) {
	if len(p.Lookups) == 0 {
		return
	}
	for term, fields := range terms.All() {
		for _, l := range p.Lookups {
			if l.Matches(term, fields) {
				l.Found.Add(doc)
			}
		}
	}
}

// Candidates returns the messages that may match and those among them that do
// match, whatever else there is to know of them. nil stands for all messages in
// the first set, and for none in the second.
func (p *Plan) Candidates() (may, sure *Set) { return p.root.bounds() }

// Nothing tells whether no message can match.
func (p *Plan) Nothing() bool { return p.root == constant(No) }

// Match tells whether a candidate matches.
func (p *Plan) Match(c *Candidate) (Answer, error) { return p.root.match(c) }
