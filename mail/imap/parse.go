package imap

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail/wire"
)

// parser reads one command (RFC 9051 9). After the first mistake all its
// methods return nothing, and err says so; loops must look at it.
type parser struct {
	b    []byte
	pos  int
	err  error
	utf8 bool // mailbox names are UTF-8, not modified UTF-7
}

func (p *parser) fail() {
	if p.err == nil {
		p.err = errSyntax
	}
}

// peek returns the next byte, zero at the end.
func (p *parser) peek() byte {
	if p.err != nil || p.pos >= len(p.b) {
		return 0
	}
	return p.b[p.pos]
}

// try takes a byte if it is the next one.
func (p *parser) try(c byte) bool {
	if p.err != nil || p.pos >= len(p.b) || p.b[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

// expect takes a byte that must be there.
func (p *parser) expect(c byte) {
	if !p.try(c) {
		p.fail()
	}
}

func (p *parser) sp() { p.expect(' ') }

// end is the end of the command: whatever is wrong, or left over, is an error.
func (p *parser) end() error {
	if p.err == nil && p.pos != len(p.b) {
		p.fail()
	}
	return p.err
}

// run takes the bytes that are of a kind, at least one.
func (p *parser) run(is func(byte) bool) string {
	if p.err != nil {
		return ""
	}
	start := p.pos
	for p.pos < len(p.b) && is(p.b[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		p.fail()
	}
	return string(p.b[start:p.pos])
}

// isAtom is ATOM-CHAR.
func isAtom(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(c))
}

// isAstring is ASTRING-CHAR.
func isAstring(c byte) bool { return isAtom(c) || c == ']' }

// isList is list-char.
func isList(c byte) bool { return isAstring(c) || c == '%' || c == '*' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }

// isName is what names of search keys and of what is fetched are made of.
func isName(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' || c == '-' }

// tag takes the command's tag.
func (p *parser) tag() string {
	t := p.run(func(c byte) bool { return isAstring(c) && c != '+' })
	if len(t) > maxTag {
		p.fail()
	}
	return t
}

func (p *parser) atom() string { return p.run(isAtom) }

// name takes a name, in upper case.
func (p *parser) name() string { return strings.ToUpper(p.run(isName)) }

// string takes a quoted string or a literal.
func (p *parser) string() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	p.fail()
	return ""
}

func (p *parser) quoted() string {
	p.expect('"')
	var out []byte
	for p.pos < len(p.b) {
		c := p.b[p.pos]
		p.pos++
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				p.fail()
				return ""
			}
			return string(out)
		case c == '\\':
			if p.pos >= len(p.b) || p.b[p.pos] != '"' && p.b[p.pos] != '\\' {
				p.fail()
				return ""
			}
			out = append(out, p.b[p.pos])
			p.pos++
		case c == 0 || c == '\r' || c == '\n':
			p.fail()
			return ""
		default:
			out = append(out, c)
		}
	}
	p.fail()
	return ""
}

// literal takes a literal that stands behind its announcement.
func (p *parser) literal() string {
	p.expect('{')
	n := p.digits(math.MaxInt32)
	p.try('+')
	p.expect('}')
	p.expect('\r')
	p.expect('\n')
	if p.err != nil || n > int64(len(p.b)-p.pos) {
		p.fail()
		return ""
	}
	s := string(p.b[p.pos : p.pos+int(n)])
	p.pos += int(n)
	if strings.IndexByte(s, 0) >= 0 {
		p.fail()
	}
	return s
}

// astring takes an atom or a string.
func (p *parser) astring() string {
	if c := p.peek(); c == '"' || c == '{' {
		return p.string()
	}
	return p.run(isAstring)
}

// nstring takes a string or NIL.
func (p *parser) nstring() (s string, isNil bool) {
	if c := p.peek(); c == '"' || c == '{' {
		return p.string(), false
	}
	if !strings.EqualFold(p.atom(), "NIL") {
		p.fail()
	}
	return "", true
}

// mailbox takes the name of a mailbox, as it is shown: in UTF-8.
func (p *parser) mailbox() string { return p.mailboxOf(p.astring()) }

func (p *parser) mailboxOf(s string) string {
	if p.err != nil {
		return ""
	}
	if len(s) > maxName {
		p.fail()
		return ""
	}
	if !p.utf8 {
		decoded, ok := wire.DecodeUTF7(s)
		if !ok {
			p.fail()
		}
		return decoded
	}
	if !utf8.ValidString(s) {
		p.fail()
	}
	return s
}

// digits takes a number up to a limit.
func (p *parser) digits(limit int64) int64 {
	s := p.run(isDigit)
	n := int64(0)
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
		if n > limit {
			p.fail()
			return 0
		}
	}
	return n
}

// list takes items in parentheses, at least one unless empty is allowed.
func (p *parser) list(empty bool, item func()) {
	p.expect('(')
	if empty && p.try(')') {
		return
	}
	for p.err == nil {
		item()
		if p.try(')') {
			return
		}
		p.sp()
	}
}

// seqSet takes a sequence-set; "*" is zero.
func (p *parser) seqSet() numbers {
	if p.try('$') { // RFC 5182
		return numbers{saved: true}
	}
	var set numbers
	for p.err == nil {
		r := goimap.SeqRange{Start: p.seqNumber()}
		r.Stop = r.Start
		if p.try(':') {
			r.Stop = p.seqNumber()
		}
		if len(set.ranges) >= maxRanges {
			p.fail()
		}
		set.ranges = append(set.ranges, r)
		if !p.try(',') {
			break
		}
	}
	return set
}

func (p *parser) seqNumber() uint32 {
	if p.try('*') {
		return 0
	}
	n := p.digits(math.MaxUint32)
	if n == 0 {
		p.fail()
	}
	return uint32(n)
}

// flags takes a list of flags in parentheses.
func (p *parser) flags() []goimap.Flag {
	var all []goimap.Flag
	p.list(true, func() { all = append(all, p.flag()) })
	if len(all) > maxKeywords {
		p.fail()
	}
	return all
}

func (p *parser) flag() goimap.Flag {
	f := ""
	if p.try('\\') {
		f = `\`
	}
	f += p.atom()
	if len(f) > maxKeyword {
		p.fail()
	}
	return goimap.Flag(f)
}

// date takes a date, quoted or not: 1-Feb-1994.
func (p *parser) date() time.Time {
	quoted := p.try('"')
	s := p.run(func(c byte) bool { return isDigit(c) || isLetter(c) || c == '-' })
	if quoted {
		p.expect('"')
	}
	t, err := time.Parse("2-Jan-2006", s)
	if err != nil {
		p.fail()
	}
	return t
}

// dateTime takes a date-time: " 1-Feb-1994 21:52:25 -0800".
func (p *parser) dateTime() time.Time {
	p.expect('"')
	s := p.run(func(c byte) bool { return c != '"' && c >= ' ' })
	p.expect('"')
	if p.err != nil || len(s) != len(dateTimeLayout) {
		p.fail()
		return time.Time{}
	}
	t, err := time.Parse(dateTimeLayout, s)
	if err != nil {
		p.fail()
	}
	return t
}

// dateTimeLayout is date-time without its quotes.
const dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

// numbers is a sequence-set: ranges in which zero is "*", or the result that
// SEARCH has kept.
type numbers struct {
	ranges []goimap.SeqRange
	saved  bool
}
