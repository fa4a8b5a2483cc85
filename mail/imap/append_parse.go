package imap

import (
	"bytes"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
)

// description takes what APPEND says of a message before its data: flags and a
// time (RFC 9051 9, append-message).
func (p *parser) description() (flags []goimap.Flag, at time.Time) {
	if p.peek() == '(' {
		flags = p.flags()
		p.sp()
	}
	if p.peek() == '"' {
		at = p.dateTime()
		p.sp()
	}
	return flags, at
}

// announces tells whether all that is left announces a literal.
func (p *parser) announces() bool {
	if p.err != nil {
		return false
	}
	rest := p.b[p.pos:]
	if !bytes.HasSuffix(rest, []byte("\r\n")) {
		return false
	}
	_, at, ok := literalAt(rest[:len(rest)-2])
	return ok && (at == 0 || at == 1 && rest[0] == '~')
}

// word takes a word with the space and the bracket behind it, if it is there.
func (p *parser) word(w string) bool {
	w += " ("
	if p.err != nil || len(p.b)-p.pos < len(w) || !strings.EqualFold(string(p.b[p.pos:p.pos+len(w)]), w) {
		return false
	}
	p.pos += len(w)
	return true
}

// The words that stand before data which is more than one literal: UTF-8 in header
// fields (RFC 6855 4), and a message in pieces (RFC 4469).
const (
	wordUTF8     = "UTF8"
	wordCatenate = "CATENATE"
)

// atData tells whether the text ends with the announcement of bytes of a message.
func (p *parser) atData() bool {
	switch {
	case p.word(wordUTF8):
	case p.word(wordCatenate):
		for p.err == nil && !p.announces() {
			switch p.name() {
			case "TEXT":
				p.sp()
				return p.announces()
			case "URL":
				p.sp()
				p.astring()
				p.sp()
			default:
				p.fail()
			}
		}
		return false
	}
	return p.announces()
}

// endsInMessage tells whether the last literal that a command announces is of a
// message, and not kept with the command.
func endsInMessage(p *parser) bool {
	p.tag()
	p.sp()
	verb := strings.ToUpper(p.atom())
	if verb == "UID" {
		p.sp()
		if verb = strings.ToUpper(p.atom()); verb != "REPLACE" {
			return false
		}
	}
	p.sp()
	switch verb {
	case "APPEND":
	case "REPLACE":
		p.seqNumber()
		p.sp()
	default:
		return false
	}
	p.mailbox()
	p.sp()
	p.description()
	return p.err == nil && p.atData()
}
