package wbxml

import (
	"bytes"
	"unicode/utf8"
)

// Global tokens (WAP-192-WBXML 7.1). MS-ASWBXML 2.1.2 uses the first four,
// string table references and opaque data.
const (
	tokSwitchPage = 0x00
	tokEnd        = 0x01
	tokEntity     = 0x02
	tokStrI       = 0x03
	tokLiteral    = 0x04
	tokStrT       = 0x83
	tokOpaque     = 0xC3

	bitContent   = 0x40
	bitAttribute = 0x80
	maskToken    = 0x3F
)

// The limits of a document, unless a Decoder sets others. The deepest document
// that a client has reason to send is 12 levels deep.
const (
	maxDepth    = 64
	maxElements = 1 << 17
	maxString   = 64 << 20
	maxBytes    = 64 << 20
)

// maxNumberBytes bounds a multi-byte integer of 32 bits.
const maxNumberBytes = 5

type event uint8

const (
	evEOF     event = iota // the document is at its end
	evOpen                 // an element with content; its end follows
	evEmpty                // an element without content
	evClose                // the end of the innermost element
	evText                 // text, UTF-8
	evOpaque               // opaque data
	evTextRef              // text that stands in the string table or an entity
)

// reader takes a document apart token by token, within the limits.
type reader struct {
	b        []byte
	pos      int
	page     byte
	depth    int
	elements int
	content  bool // b is the content of one element: its end is that element's
	table    []byte
	lim      limits

	// What the last event found.
	tag   Tag
	text  []byte
	start int // of the event's token, after page switches
}

type limits struct{ depth, elements, text, bytes int }

func defaultLimits() limits { return limits{maxDepth, maxElements, maxString, maxBytes} }

func (r *reader) fail(at int, reason string) error { return &SyntaxError{at, reason} }

// header reads version, public identifier, charset and string table
// (WAP-192-WBXML 5.4 to 5.7).
func (r *reader) header() error {
	if len(r.b) > r.lim.bytes {
		return ErrTooLarge
	}
	if len(r.b) == 0 {
		return r.fail(0, "empty")
	}
	if v := r.b[0]; v < 0x01 || v > 0x03 {
		return r.fail(0, "not WBXML 1.1 to 1.3")
	}
	r.pos = 1
	public, err := r.number()
	if err != nil {
		return err
	}
	if public == 0 { // the identifier stands in the string table
		if _, err := r.number(); err != nil {
			return err
		}
	}
	charset, err := r.number()
	if err != nil {
		return err
	}
	if charset != 106 && charset != 3 && charset != 0 { // UTF-8, US-ASCII, unknown
		return r.fail(r.pos, "the charset is not UTF-8")
	}
	n, err := r.number()
	if err != nil {
		return err
	}
	if uint64(n) > uint64(len(r.b)-r.pos) {
		return r.fail(r.pos, "the string table is cut off")
	}
	r.table = r.b[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return nil
}

// number reads an mb_u_int32 (WAP-192-WBXML 5.1).
func (r *reader) number() (uint32, error) {
	var n uint64
	for i := 0; i < maxNumberBytes && r.pos < len(r.b); i++ {
		c := r.b[r.pos]
		r.pos++
		n = n<<7 | uint64(c&0x7F)
		if n > 1<<32-1 {
			return 0, r.fail(r.pos, "a number is too large")
		}
		if c&0x80 == 0 {
			return uint32(n), nil
		}
	}
	return 0, r.fail(r.pos, "a number is cut off or too long")
}

// next reads up to and including the next event.
func (r *reader) next() (event, error) {
	for {
		if r.pos >= len(r.b) {
			if r.content && r.depth == 1 {
				r.start, r.depth = r.pos, 0
				return evClose, nil
			}
			if r.depth > 0 {
				return evEOF, r.fail(r.pos, "the document is cut off")
			}
			return evEOF, nil
		}
		r.start = r.pos
		c := r.b[r.pos]
		r.pos++
		switch c {
		case tokSwitchPage:
			if r.pos >= len(r.b) {
				return 0, r.fail(r.pos, "a page switch is cut off")
			}
			r.page = r.b[r.pos]
			r.pos++
			continue
		case tokEnd:
			if r.depth == 0 {
				return 0, r.fail(r.start, "an end without a beginning")
			}
			r.depth--
			return evClose, nil
		case tokStrI:
			n := bytes.IndexByte(r.b[r.pos:], 0)
			if n < 0 {
				return 0, r.fail(r.start, "a string is cut off")
			}
			r.text = r.b[r.pos : r.pos+n]
			r.pos += n + 1
			return r.textEvent(evText)
		case tokOpaque:
			n, err := r.number()
			if err != nil {
				return 0, err
			}
			if uint64(n) > uint64(len(r.b)-r.pos) {
				return 0, r.fail(r.start, "opaque data are cut off")
			}
			r.text = r.b[r.pos : r.pos+int(n)]
			r.pos += int(n)
			return r.textEvent(evOpaque)
		case tokEntity:
			return r.entity()
		case tokStrT:
			return r.tableString()
		}
		return r.element(c)
	}
}

func (r *reader) textEvent(ev event) (event, error) {
	if r.depth == 0 {
		return 0, r.fail(r.start, "text outside of an element")
	}
	if len(r.text) > r.lim.text {
		return 0, ErrTooLarge
	}
	return ev, nil
}

func (r *reader) element(c byte) (event, error) {
	if c&bitAttribute != 0 {
		return 0, r.fail(r.start, "attributes and extensions are not part of ActiveSync")
	}
	token := c & maskToken
	if token <= tokLiteral {
		return 0, r.fail(r.start, "a token that is not part of ActiveSync")
	}
	if r.page >= pageCount || tagNames[r.page][token] == "" {
		return 0, &UnknownTagError{Page: r.page, Token: token, Offset: r.start}
	}
	if r.elements++; r.elements > r.lim.elements {
		return 0, ErrTooLarge
	}
	r.tag = makeTag(r.page, token)
	if c&bitContent == 0 {
		return evEmpty, nil
	}
	if r.depth++; r.depth > r.lim.depth {
		return 0, ErrTooDeep
	}
	return evOpen, nil
}

// entity reads a character by its number (WAP-192-WBXML 5.8.4.3).
func (r *reader) entity() (event, error) {
	n, err := r.number()
	if err != nil {
		return 0, err
	}
	if n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, r.fail(r.start, "an entity is not a character")
	}
	r.text = utf8.AppendRune(nil, rune(n))
	return r.textEvent(evTextRef)
}

// tableString reads a reference into the string table. Since one table entry
// can be named again and again, what references add up to counts against the
// number of elements.
func (r *reader) tableString() (event, error) {
	at, err := r.number()
	if err != nil {
		return 0, err
	}
	if uint64(at) >= uint64(len(r.table)) {
		return 0, r.fail(r.start, "a reference outside of the string table")
	}
	n := bytes.IndexByte(r.table[at:], 0)
	if n < 0 {
		return 0, r.fail(r.start, "a string in the table is cut off")
	}
	r.text = r.table[at : int(at)+n]
	if r.elements += 1 + n/8; r.elements > r.lim.elements {
		return 0, ErrTooLarge
	}
	return r.textEvent(evTextRef)
}

// skip reads to the end of the element whose evOpen was just read.
func (r *reader) skip() error {
	for level := r.depth; r.depth >= level; {
		if _, err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

// capture reads to the end of the element whose evOpen was just read and
// returns its content. References into the string table become inline strings,
// so that the content stands alone.
func (r *reader) capture() (Raw, error) {
	level := r.depth
	raw := Raw{r.page, 0}
	from := r.pos
	for {
		ev, err := r.next()
		if err != nil {
			return nil, err
		}
		switch {
		case ev == evTextRef:
			raw = append(raw, r.b[from:r.start]...)
			raw = append(raw, tokStrI)
			raw = append(raw, r.text...)
			raw = append(raw, 0)
			from = r.pos
		case ev == evClose && r.depth < level:
			if len(raw) == 2 {
				raw = append(make(Raw, 0, 2+r.start-from), raw...)
			}
			raw = append(raw, r.b[from:r.start]...)
			raw[1] = r.page
			return raw, nil
		}
	}
}
