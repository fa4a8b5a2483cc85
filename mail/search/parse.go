package search

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What of a typed text is read. The rest is ignored.
const (
	maxQueryText  = 2048 // bytes
	maxQueryTerms = 16   // words, phrases and restrictions
	maxQueryDepth = 16   // of parentheses and negations
)

// Parse reads what a person typed, in a practical part of the keyword query
// language (MS-KQL) and of what Outlook's search box takes. It never fails:
// what is no operator is a word.
//
//	word             messages with a word that begins so; several words: with all
//	"some words"     these words one after another
//	a AND b, a OR b  in capitals; AND binds stronger and may be left out
//	NOT a, -a        without a
//	( … )            first
//	from:, to:, cc:, bcc:, recipients:, participants:, subject:, body:,
//	attachment:      words, a "phrase" or ( … ) in that field only
//	hasattachment:yes, has:attachment
//	received:, sent:, date:  a day, month or year (2026-11-23, 23.11.2026,
//	                 11/23/2026, 2026-11, 2026), today, yesterday, "this week",
//	                 "last month", …; with <, <=, >, >=, and from..to. What was
//	                 received counts, whichever of the words is used.
//	before:, after:  the same
//	importance:high, normal, low
//	is:read, unread, flagged, completed, answered, forwarded, draft
//	isread:, isflagged:, isdraft:  yes or no
//	category:, keyword:  a category
//	kind:email, sms
func Parse(text string) Query { return ParseAt(text, time.Now()) }

// ParseAt is Parse at a time, by whose zone days begin and end.
func ParseAt(text string, now time.Time) Query {
	if len(text) > maxQueryText {
		n := maxQueryText
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	p := parser{in: typed(text), now: now}
	var all And
	for {
		q := p.or(AnyField, 0)
		if q != nil {
			all = append(all, q)
		}
		if p.skip(); p.pos >= len(p.in) {
			break
		}
		p.pos++ // a ) that closes nothing
	}
	switch len(all) {
	case 0:
		if strings.TrimSpace(text) != "" {
			return Or{} // nothing in it can be found
		}
		return And{}
	case 1:
		return all[0]
	}
	return all
}

// typed gives the marks that keyboards put in for others their plain form.
func typed(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '“', '”', '„', '‟', '«', '»', '＂':
			return '"'
		case '：':
			return ':'
		case '（':
			return '('
		case '）':
			return ')'
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, text)
}

type parser struct {
	in    string
	pos   int
	terms int
	now   time.Time
}

func (p *parser) skip() {
	for p.pos < len(p.in) && p.in[p.pos] == ' ' {
		p.pos++
	}
}

// or reads up to a closing parenthesis or the end; nil means that there was
// nothing to look for.
func (p *parser) or(f Field, depth int) Query {
	var any Or
	for {
		if q := p.and(f, depth); q != nil {
			any = append(any, q)
		}
		if !p.operator("OR") {
			break
		}
	}
	switch len(any) {
	case 0:
		return nil
	case 1:
		return any[0]
	}
	return any
}

func (p *parser) and(f Field, depth int) Query {
	var all And
	for {
		p.skip()
		if p.pos >= len(p.in) || p.in[p.pos] == ')' || p.isOperator("OR") {
			break
		}
		if p.operator("AND") {
			continue
		}
		if q := p.term(f, depth); q != nil {
			all = append(all, q)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// isOperator tells whether an operator stands here, a word of its own.
func (p *parser) isOperator(name string) bool {
	rest := p.in[p.pos:]
	return strings.HasPrefix(rest, name) && (len(rest) == len(name) || rest[len(name)] == ' ' || rest[len(name)] == '(')
}

func (p *parser) operator(name string) bool {
	p.skip()
	if !p.isOperator(name) {
		return false
	}
	p.pos += len(name)
	return true
}

// term reads one thing to look for, nil if it says nothing.
func (p *parser) term(f Field, depth int) Query {
	deeper := depth < maxQueryDepth
	switch {
	case deeper && p.operator("NOT"):
		return p.negated(f, depth)
	case deeper && p.sign('-'):
		p.pos++
		return p.negated(f, depth)
	case p.sign('+'):
		p.pos++
	}
	switch p.in[p.pos] {
	case '(':
		p.pos++
		if !deeper {
			return nil
		}
		return p.group(f, depth)
	case '"':
		return p.count(p.phrase(f))
	}
	if name, value, ok := p.property(); ok {
		p.pos = value
		return p.restriction(name, depth)
	}
	return p.count(wordsIn(f, p.word()))
}

// sign tells whether a sign stands right before what it belongs to.
func (p *parser) sign(c byte) bool {
	return p.pos+1 < len(p.in) && p.in[p.pos] == c && p.in[p.pos+1] != ' ' && p.in[p.pos+1] != c
}

func (p *parser) negated(f Field, depth int) Query {
	if p.skip(); p.pos >= len(p.in) || p.in[p.pos] == ')' {
		return nil
	}
	if q := p.term(f, depth+1); q != nil {
		return Not{q}
	}
	return nil
}

// group reads what stands in parentheses; the first one is read already.
func (p *parser) group(f Field, depth int) Query {
	q := p.or(f, depth+1)
	if p.pos < len(p.in) {
		p.pos++ // )
	}
	return q
}

// count lets only so many terms through.
func (p *parser) count(q Query) Query {
	if q == nil {
		return nil
	}
	if p.terms++; p.terms > maxQueryTerms {
		return nil
	}
	return q
}

// phrase reads up to the closing quote. A * at its end makes a beginning of the
// last word.
func (p *parser) phrase(f Field) Query {
	text := p.quoted()
	plain := strings.TrimRight(text, "* ")
	if !hasWords(plain) {
		return nil
	}
	return Phrase{Fields: f, Text: plain, Prefix: strings.HasSuffix(text, "*")}
}

func (p *parser) quoted() string {
	text := p.in[p.pos+1:]
	if end := strings.IndexByte(text, '"'); end >= 0 {
		p.pos += end + 2
		return text[:end]
	}
	p.pos = len(p.in)
	return text
}

// word reads up to a blank or a parenthesis that closes.
func (p *parser) word() string {
	from := p.pos
	for p.pos < len(p.in) && p.in[p.pos] != ' ' && p.in[p.pos] != ')' {
		p.pos++
	}
	return p.in[from:p.pos]
}

// wordsIn looks for a word as it was typed, which may be several: "e-mail".
func wordsIn(f Field, text string) Query {
	if !hasWords(text) {
		return nil
	}
	return Words{Fields: f, Text: text, Prefix: true}
}

func hasWords(text string) bool {
	lex := newLexer(text)
	tok, ok := lex.next()
	for ok && len(tok.text) == 0 {
		tok, ok = lex.next()
	}
	return ok
}

// property reads a name and the place of its value: "from:", "received>=".
func (p *parser) property() (name string, value int, ok bool) {
	i := p.pos
	for i < len(p.in) && asciiFold(p.in[i]) != 0 {
		i++
	}
	if i == p.pos || i == len(p.in) {
		return "", 0, false
	}
	name = strings.ToLower(p.in[p.pos:i])
	switch p.in[i] {
	case ':':
		i++
	case '<', '>', '=':
		if !isDate(name) {
			return "", 0, false
		}
	default:
		return "", 0, false
	}
	if _, known := fieldNames(name); !known && !isRestriction(name) {
		return "", 0, false
	}
	// "from: ann" is meant like "from:ann"; "from:" alone is a word.
	value = i
	for value < len(p.in) && p.in[value] == ' ' {
		value++
	}
	if value >= len(p.in) || p.in[value] == ')' {
		return "", 0, false
	}
	return name, value, true
}
