package search

import (
	"strings"

	"martlet/mail"
)

// node is a part of a query, ready to be asked.
type node interface {
	// bounds returns the messages that may match, nil for all, and those that
	// do, nil for none; by what the index says alone.
	bounds() (may, sure *Set)
	match(*Candidate) (Answer, error)
	// cost orders nodes by what it takes to ask them.
	cost() int
}

// The costs: of a look into the index, at the message's place, at its item, and
// into its text.
const (
	costIndex = iota
	costPlace
	costItem
	costText
)

// constant is Yes or No, and only at the root of a plan.
type constant Answer

func (k constant) bounds() (may, sure *Set) {
	if Answer(k) == Yes {
		return nil, nil
	}
	return &Set{}, nil
}
func (k constant) match(*Candidate) (Answer, error) { return Answer(k), nil }
func (constant) cost() int                          { return costIndex }

// junction is an And (decides No) or an Or (decides Yes).
type junction struct {
	decides Answer
	list    []node
}

func (j *junction) bounds() (may, sure *Set) {
	for i, n := range j.list {
		m, s := n.bounds()
		if j.decides == No {
			may = meet(may, m)
			if i == 0 {
				sure = s
			} else if sure != nil {
				if s == nil {
					sure = nil
				} else {
					sure = meet(sure, s)
				}
			}
			continue
		}
		sure = unite(sure, s)
		if i == 0 {
			may = m
		} else if may != nil {
			if m == nil {
				may = nil
			} else {
				may = unite(may, m)
			}
		}
	}
	return may, sure
}

// meet and unite return what is in both sets or in one of them, nil being no
// set at all.
func meet(a, b *Set) *Set {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	c := a.clone()
	c.and(b)
	return c
}

func unite(a, b *Set) *Set {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	c := a.clone()
	c.or(b)
	return c
}

func (j *junction) match(c *Candidate) (Answer, error) {
	all := Yes - j.decides
	for _, n := range j.list {
		a, err := n.match(c)
		if err != nil || a == j.decides {
			return a, err
		}
		if a == Unknown {
			all = Unknown
		}
	}
	return all, nil
}

func (j *junction) cost() int {
	most := 0
	for _, n := range j.list {
		most = max(most, n.cost())
	}
	return most
}

type not struct{ node }

func (n *not) bounds() (may, sure *Set) {
	m, s := n.node.bounds()
	if s != nil {
		may = s.complement()
	}
	if m != nil {
		sure = m.complement()
	}
	return may, sure
}

func (n *not) match(c *Candidate) (Answer, error) {
	a, err := n.node.match(c)
	return Yes - a, err
}

// termsNode matches what has all terms.
type termsNode struct{ list []*Lookup }

func (n *termsNode) bounds() (may, sure *Set) {
	for _, l := range n.list {
		may = meet(may, l.Found)
	}
	return may, may
}

func (n *termsNode) match(c *Candidate) (Answer, error) {
	for _, l := range n.list {
		if !l.Found.Has(c.Doc) {
			return No, nil
		}
	}
	return Yes, nil
}

func (*termsNode) cost() int { return costIndex }

// phraseNode matches what has all terms, and the words one after another.
type phraseNode struct {
	terms  termsNode
	fields Field
	words  []string
	prefix bool // of the last word
}

func (n *phraseNode) bounds() (may, sure *Set) {
	may, _ = n.terms.bounds()
	return may, nil
}

func (n *phraseNode) match(c *Candidate) (Answer, error) {
	if a, err := n.terms.match(c); a == No || err != nil {
		return a, err
	}
	if c.Open == nil {
		return Unknown, nil
	}
	ix, src, err := c.Open()
	if err != nil {
		return No, err
	}
	found := No
	err = texts(ix, src, n.fields, func(_ Field, text string) bool {
		if n.in(text) {
			found = Yes
		}
		return found == No
	})
	return found, err
}

func (*phraseNode) cost() int { return costText }

// in tells whether the phrase is in a text. A bit for each word says whether
// the text so far ends with the phrase up to that word.
func (n *phraseNode) in(text string) bool {
	var ends uint64
	lex := newLexer(text)
	last := len(n.words) - 1
	for tok, ok := lex.next(); ok; tok, ok = lex.next() {
		if tok.address || len(tok.text) == 0 {
			continue
		}
		var is uint64
		for i, w := range n.words {
			if string(tok.text) == w || i == last && n.prefix && strings.HasPrefix(string(tok.text), w) {
				is |= 1 << i
			}
		}
		if ends = (ends<<1 | 1) & is; ends>>last&1 != 0 {
			return true
		}
	}
	return false
}

// threadNode matches what is in a conversation.
type threadNode struct{ lookup *ThreadLookup }

func (n *threadNode) bounds() (may, sure *Set) { return n.lookup.Found, n.lookup.Found }

func (n *threadNode) match(c *Candidate) (Answer, error) {
	return answer(n.lookup.Found.Has(c.Doc)), nil
}

func (*threadNode) cost() int { return costIndex }

// placeNode is what is known of a message without its item.
type placeNode struct{ is func(*Candidate) bool }

func (*placeNode) bounds() (may, sure *Set)             { return nil, nil }
func (*placeNode) cost() int                            { return costPlace }
func (n *placeNode) match(c *Candidate) (Answer, error) { return answer(n.is(c)), nil }

// itemNode is what only the item tells.
type itemNode func(*mail.Item) bool

func (itemNode) bounds() (may, sure *Set) { return nil, nil }
func (itemNode) cost() int                { return costItem }

func (n itemNode) match(c *Candidate) (Answer, error) {
	it, err := c.Item()
	if err != nil {
		return No, err
	}
	return answer(n(it)), nil
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}
