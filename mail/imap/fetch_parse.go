package imap

import (
	"math"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
)

// fetchArgs is what FETCH asks for (RFC 9051 6.4.5).
type fetchArgs struct {
	goimap.FetchOptions
	body     bool // BODY: the structure without its extensions
	emailID  bool // RFC 8474 5.1
	threadID bool // RFC 8474 5.2
	saveDate bool // RFC 8514 4.1
	preview  bool // RFC 8970 3.1
	sections []section
	vanished bool    // VANISHED: messages that are gone are named too
	partial  *window // PARTIAL: of those that are named, some
}

// section is one piece of a message that is asked for.
type section struct {
	goimap.FetchItemBodySection
	label  string // how the answer names it
	binary bool   // BINARY: decoded (RFC 9051 6.4.5.3)
	size   bool   // BINARY.SIZE
}

// parseFetch reads what FETCH asks for.
func parseFetch(p *parser) (a fetchArgs) {
	if p.peek() == '(' {
		p.list(false, func() { a.item(p) })
		return a
	}
	start := p.pos
	switch p.name() {
	case "ALL":
		a.Flags, a.InternalDate, a.RFC822Size, a.Envelope = true, true, true, true
	case "FAST":
		a.Flags, a.InternalDate, a.RFC822Size = true, true, true
	case "FULL":
		a.Flags, a.InternalDate, a.RFC822Size, a.Envelope, a.body = true, true, true, true, true
	default:
		if p.err == nil {
			p.pos = start
			a.item(p)
		}
	}
	return a
}

func (a *fetchArgs) item(p *parser) {
	if len(a.sections) >= maxItems {
		p.fail()
	}
	switch name := p.name(); name {
	case "ENVELOPE":
		a.Envelope = true
	case "FLAGS":
		a.Flags = true
	case "MODSEQ": // RFC 7162 3.1.4
		a.ModSeq = true
	case "INTERNALDATE":
		a.InternalDate = true
	case "UID":
		a.UID = true
	case "RFC822.SIZE":
		a.RFC822Size = true
	case "EMAILID":
		a.emailID = true
	case "THREADID":
		a.threadID = true
	case "SAVEDATE":
		a.saveDate = true
	case "PREVIEW":
		// All previews are made at delivery: LAZY has nothing to wait for. A list
		// of modifiers of FETCH may stand there too.
		a.preview = true
		if lazy := " (LAZY)"; len(p.b)-p.pos >= len(lazy) && strings.EqualFold(string(p.b[p.pos:p.pos+len(lazy)]), lazy) {
			p.pos += len(lazy)
		}
	case "BODYSTRUCTURE":
		a.BodyStructure = &goimap.FetchItemBodyStructure{Extended: true}
	case "RFC822": // RFC 3501 6.4.5
		a.sections = append(a.sections, section{label: name})
	case "RFC822.HEADER":
		a.sections = append(a.sections, section{label: name, FetchItemBodySection: goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, Peek: true}})
	case "RFC822.TEXT":
		a.sections = append(a.sections, section{label: name, FetchItemBodySection: goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierText}})
	case "BODY", "BODY.PEEK":
		if name == "BODY" && p.peek() != '[' {
			a.body = true
			return
		}
		a.sections = append(a.sections, p.section(name == "BODY.PEEK"))
	case "BINARY", "BINARY.PEEK", "BINARY.SIZE":
		a.sections = append(a.sections, p.binary(name))
	default:
		p.fail()
	}
}

// modifiers takes the modifiers of FETCH (RFC 7162 3.1.4.1 and 3.2.6, RFC 9394
// 3.3).
func (a *fetchArgs) modifiers(p *parser) {
	p.list(false, func() {
		switch name := p.name(); {
		case name == "CHANGEDSINCE" && a.ChangedSince == 0:
			p.sp()
			if a.ChangedSince = uint64(p.digits(maxModSeq)); a.ChangedSince == 0 {
				p.fail()
			}
			a.ModSeq = true
		case name == "VANISHED" && !a.vanished:
			a.vanished = true
		case name == "PARTIAL" && a.partial == nil:
			p.sp()
			w := p.window()
			a.partial = &w
		default:
			p.fail()
		}
	})
	if a.vanished && a.ChangedSince == 0 {
		p.fail()
	}
}

// maxModSeq is the largest ModSeq that a client may name.
const maxModSeq = math.MaxInt64 / 10

// marks tells whether fetching marks messages as seen.
func (a *fetchArgs) marks() bool {
	for _, x := range a.sections {
		if !x.Peek {
			return true
		}
	}
	return false
}

// opens tells whether messages have to be opened, and looksInside whether their
// index is needed.
func (a *fetchArgs) opens() bool { return len(a.sections) > 0 || a.BodyStructure != nil || a.body }

func (a *fetchArgs) looksInside() bool {
	if a.Envelope || a.BodyStructure != nil || a.body || a.preview {
		return true
	}
	for _, x := range a.sections {
		if x.Specifier != goimap.PartSpecifierNone || len(x.Part) > 0 {
			return true
		}
	}
	return false
}

// whole tells whether nothing of messages is asked for but all their bytes, once.
func (a *fetchArgs) whole() bool {
	if len(a.sections) != 1 || a.BodyStructure != nil || a.body {
		return false
	}
	x := &a.sections[0]
	return x.Specifier == goimap.PartSpecifierNone && len(x.Part) == 0 && x.Partial == nil && !x.binary
}

// maxPath is the longest path to a part.
const maxPath = 64

// part takes a section-part; it tells whether a text follows it.
func (p *parser) part(x *section) (text bool) {
	for isDigit(p.peek()) {
		n := p.digits(math.MaxInt32)
		if n == 0 || len(x.Part) >= maxPath {
			p.fail()
		}
		x.Part = append(x.Part, int(n))
		if !p.try('.') {
			return false
		}
		if !isDigit(p.peek()) {
			return true
		}
	}
	return p.peek() != ']'
}

// section takes a section with its partial (RFC 9051 6.4.5.1).
func (p *parser) section(peek bool) section {
	x := section{}
	x.Peek = peek
	p.expect('[')
	start := p.pos
	if p.part(&x) {
		switch name := p.name(); {
		case name == "HEADER":
			x.Specifier = goimap.PartSpecifierHeader
		case name == "TEXT":
			x.Specifier = goimap.PartSpecifierText
		case name == "MIME" && len(x.Part) > 0:
			x.Specifier = goimap.PartSpecifierMIME
		case name == "HEADER.FIELDS" || name == "HEADER.FIELDS.NOT":
			x.Specifier = goimap.PartSpecifierHeader
			p.sp()
			var fields []string
			p.list(false, func() { fields = append(fields, p.astring()) })
			if x.HeaderFields = fields; name == "HEADER.FIELDS.NOT" {
				x.HeaderFields, x.HeaderFieldsNot = nil, fields
			}
		default:
			p.fail()
		}
	}
	if p.err != nil {
		return x
	}
	x.label = "BODY[" + string(p.b[start:p.pos]) + "]"
	p.expect(']')
	p.partial(&x)
	return x
}

// binary takes the rest of BINARY, BINARY.PEEK or BINARY.SIZE.
func (p *parser) binary(name string) section {
	x := section{binary: true, size: name == "BINARY.SIZE"}
	x.Peek = name != "BINARY"
	p.expect('[')
	start := p.pos
	if p.part(&x) {
		p.fail()
	}
	if p.err != nil {
		return x
	}
	x.label = strings.TrimSuffix(name, ".PEEK") + "[" + string(p.b[start:p.pos]) + "]"
	p.expect(']')
	if !x.size {
		p.partial(&x)
	}
	return x
}

func (p *parser) partial(x *section) {
	if !p.try('<') {
		return
	}
	x.Partial = &goimap.SectionPartial{Offset: p.digits(math.MaxUint32)}
	p.expect('.')
	if x.Partial.Size = p.digits(math.MaxUint32); x.Partial.Size == 0 {
		p.fail()
	}
	p.expect('>')
	x.label += "<" + strconv.FormatInt(x.Partial.Offset, 10) + ">"
}
