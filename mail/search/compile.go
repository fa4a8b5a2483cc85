package search

import (
	"math"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/mail/message"
)

type compiler struct {
	plan        *Plan
	first, last Doc
	nodes       int
}

func (c *compiler) compile(q Query, depth int) (node, error) {
	if c.nodes++; c.nodes > maxNodes || depth > maxDepth {
		return nil, ErrTooComplex
	}
	switch q := q.(type) {
	case nil:
		return constant(Yes), nil
	case And:
		return c.join(q, depth, constant(No))
	case Or:
		return c.join(q, depth, constant(Yes))
	case Not:
		n, err := c.compile(q.Query, depth+1)
		if err != nil {
			return nil, err
		}
		if k, ok := n.(constant); ok {
			return constant(Yes) - k, nil
		}
		return &not{n}, nil
	case Words:
		return c.words(q.Fields, q.Text, q.Prefix)
	case Phrase:
		return c.phrase(q)
	case HasAttachment:
		return c.terms(c.lookup([]byte(termAttachment), false, allFields))
	case Importance:
		return c.importance(q)
	case Meeting:
		return c.terms(c.lookup(q.term(), false, allFields))
	case Received:
		return receivedNode(q), nil
	case Folders:
		list := slices.Sorted(slices.Values(q))
		return &placeNode{func(c *Candidate) bool {
			_, ok := slices.BinarySearch(list, c.Folder)
			return ok
		}}, nil
	case Class:
		return &placeNode{func(c *Candidate) bool { return c.Class == mail.Class(q) }}, nil
	case Thread:
		l := &ThreadLookup{mail.ThreadID(q), NewSet(c.first, c.last)}
		c.plan.Threads = append(c.plan.Threads, l)
		return &threadNode{l}, c.bounded()
	case Flags:
		return &placeNode{func(c *Candidate) bool { return c.Flags&q.Set == q.Set && c.Flags&q.Clear == 0 }}, nil
	case FollowUp:
		return &placeNode{func(c *Candidate) bool { return c.FollowUp == mail.FollowUpStatus(q) }}, nil
	case Category:
		return itemNode(func(it *mail.Item) bool {
			return slices.ContainsFunc(it.Keywords, func(k string) bool { return strings.EqualFold(k, string(q)) })
		}), nil
	}
	return nil, ErrTooComplex
}

// join compiles an And, whose result one No decides, or an Or, which one Yes
// does.
func (c *compiler) join(list []Query, depth int, decides constant) (node, error) {
	j := &junction{decides: Answer(decides)}
	for _, q := range list {
		n, err := c.compile(q, depth+1)
		if err != nil {
			return nil, err
		}
		if k, ok := n.(constant); ok {
			if k == decides {
				return decides, nil
			}
			continue
		}
		j.list = append(j.list, n)
	}
	switch len(j.list) {
	case 0:
		return constant(Yes) - decides, nil
	case 1:
		return j.list[0], nil
	}
	// What is cheap to know is asked first.
	slices.SortStableFunc(j.list, func(a, b node) int { return a.cost() - b.cost() })
	return j, nil
}

func receivedNode(q Received) node {
	since, before := int64(0), int64(math.MaxInt64)
	if !q.Since.IsZero() {
		since = q.Since.UnixMilli()
	}
	if !q.Before.IsZero() {
		before = q.Before.UnixMilli()
	}
	return &placeNode{func(c *Candidate) bool { return c.Received >= since && c.Received < before }}
}

func (c *compiler) importance(q Importance) (node, error) {
	high := c.lookup([]byte(termHigh), false, allFields)
	low := c.lookup([]byte(termLow), false, allFields)
	switch int8(q) {
	case message.ImportanceHigh:
		return c.terms(high)
	case message.ImportanceLow:
		return c.terms(low)
	}
	return &junction{decides: No, list: []node{&not{&termsNode{[]*Lookup{high}}}, &not{&termsNode{[]*Lookup{low}}}}}, nil
}

// lookup returns the lookup of a term, which may be there already.
func (c *compiler) lookup(term []byte, prefix bool, fields Field) *Lookup {
	if fields == AnyField {
		fields = allFields
	}
	for _, l := range c.plan.Lookups {
		if string(l.Term) == string(term) && l.Prefix == prefix && l.Fields == fields {
			return l
		}
	}
	l := &Lookup{Term: slices.Clone(term), Prefix: prefix, Fields: fields, Found: NewSet(c.first, c.last)}
	c.plan.Lookups = append(c.plan.Lookups, l)
	return l
}

func (c *compiler) terms(list ...*Lookup) (node, error) {
	return &termsNode{list}, c.bounded()
}

func (c *compiler) bounded() error {
	if len(c.plan.Lookups)+len(c.plan.Threads) > maxLookups {
		return ErrTooComplex
	}
	return nil
}

// words looks up every word of a text.
func (c *compiler) words(f Field, text string, prefix bool) (node, error) {
	list, _ := c.lookups(f, text, prefix)
	if len(list) == 0 {
		return constant(Yes), nil
	}
	return c.terms(list...)
}

// phrase looks up every word and, if that is not enough to know, compares the
// texts of what has them all.
func (c *compiler) phrase(q Phrase) (node, error) {
	list, exact := c.lookups(q.Fields, q.Text, q.Prefix)
	if len(list) == 0 {
		return constant(Yes), nil
	}
	n, err := c.terms(list...)
	if exact || err != nil {
		return n, err
	}
	p := &phraseNode{terms: termsNode{list}, fields: q.Fields, prefix: q.Prefix}
	if p.fields == AnyField {
		p.fields = allFields
	}
	tokens, _ := tokensOf(q.Text)
	for _, tok := range tokens {
		if !tok.address && len(p.words) < maxPhrase {
			p.words = append(p.words, string(tok.text))
		}
	}
	return p, nil
}

const (
	// maxPhrase is how many words of a phrase are compared: a bit for each.
	maxPhrase = 64
	// maxTokens bounds how much of a query's text is taken apart.
	maxTokens = 128
)

// lookups returns the lookups of a text's words. exact tells whether a message
// that has them all has the words one after another too.
func (c *compiler) lookups(f Field, text string, prefix bool) (list []*Lookup, exact bool) {
	tokens, addresses := tokensOf(text)
	units := 0
	for i := 0; i < len(tokens) && len(list) < maxPerText; i++ {
		tok := &tokens[i]
		if !tok.address && slices.ContainsFunc(addresses, func(a token) bool { return a.at <= tok.at && tok.end <= a.end }) {
			continue // the address says more
		}
		units++
		if !tok.ideo {
			// Of an address some words come after it.
			last := !slices.ContainsFunc(tokens[i+1:], func(t token) bool { return t.at >= tok.end })
			list = append(list, c.lookup(tok.text, prefix && last, f))
			continue
		}
		run := i + 1
		for run < len(tokens) && tokens[run].joined {
			run++
		}
		switch n := run - i; {
		case n == 1:
			list = append(list, c.lookup(tok.text, true, f)) // with whatever successor
		case n > 2:
			units++ // pairs may stand apart
		}
		for ; i+1 < run && len(list) < maxPerText; i++ {
			list = append(list, c.lookup(slices.Concat(tokens[i].text, tokens[i+1].text), false, f))
		}
	}
	return list, units == 1
}

// tokensOf returns the tokens of a query's text, as many as may be looked up,
// and those among them that are addresses.
func tokensOf(text string) (tokens, addresses []token) {
	lex := newLexer(text)
	for tok, ok := lex.next(); ok && len(tokens) < maxTokens; tok, ok = lex.next() {
		if len(tok.text) == 0 {
			continue
		}
		tok.text = slices.Clone(tok.text)
		tokens = append(tokens, tok)
		if tok.address {
			addresses = append(addresses, tok)
		}
	}
	return tokens, addresses
}
