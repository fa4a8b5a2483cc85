package rtf

import (
	"strings"
	"unicode/utf16"
)

// destination is where the text of a group goes.
type destination uint8

const (
	toBody destination = iota
	toNowhere
	toFonts
	toColours
	toTag   // an HTMLTAG group: HTML as it is
	toField // the instruction of a field: where a link points
	toSkippedTag
)

// style is how characters look.
type style struct {
	bold, italic, underline, strike, hidden bool
	shift                                   int8 // -1 sub-, +1 superscript
	size                                    int  // half points
	colour                                  int
}

// state is what a group has of its own.
type state struct {
	dest   destination
	style  style
	font   int
	skip   int  // bytes that stand in for a \u (\ucN)
	rtf    bool // within \htmlrtf: no part of the HTML
	opened bool // the group's first control word is still to come
	starred
}

// starred tells that \* came: a destination that is not known is left out.
type starred bool

// sink receives a document.
type sink interface {
	text(s string, st *style)
	tag(s string) // HTML as it is
	line()        // a line end within a paragraph
	paragraph()
	cell()
	row()
	tab()
	link(target string) // a field begins
	linkEnd()
	full() bool
}

// reader interprets a document.
type reader struct {
	scanner
	out     sink
	html    bool // an encapsulated HTML text is wanted
	stack   []state
	cur     state
	page    int // the document's
	fonts   map[int]int
	defFont int
	font    int // of the font table, being read
	colours []uint32
	colour  uint32
	pending []byte // bytes of one code page not yet decoded
	pendPg  int
	high    rune // the first half of a surrogate pair
	toSkip  int  // characters that stand in for the last \u
	target  strings.Builder
	fields  []int // depths of the groups of open links
	depth   int   // groups beyond maxGroups
}

func newReader(doc []byte, out sink) *reader {
	return &reader{scanner: scanner{in: doc}, out: out, page: codePageDefault, cur: state{skip: 1}, fonts: make(map[int]int)}
}

func (r *reader) run() {
	for !r.out.full() {
		t, ok := r.next()
		if !ok {
			break
		}
		switch t.kind {
		case tokenOpen:
			r.open()
		case tokenClose:
			r.close()
		case tokenText:
			r.bytes(t.text)
		case tokenHex:
			r.hex(t.c)
		case tokenSign:
			r.sign(t.c)
		case tokenWord:
			r.word(&t)
			r.cur.opened, r.cur.starred = false, false
		}
	}
	r.flush()
	for range r.fields {
		r.out.linkEnd()
	}
}

func (r *reader) open() {
	r.flush()
	r.toSkip = 0
	if len(r.stack) >= maxGroups {
		r.depth++
		return
	}
	r.stack = append(r.stack, r.cur)
	r.cur.opened, r.cur.starred = true, false
}

func (r *reader) close() {
	r.flush()
	r.toSkip = 0
	if r.depth > 0 {
		r.depth--
		return
	}
	n := len(r.stack)
	if n == 0 {
		return
	}
	if r.cur.dest == toField && r.stack[n-1].dest != toField {
		r.field(n)
	}
	if k := len(r.fields); k > 0 && r.fields[k-1] >= n {
		r.out.linkEnd()
		r.fields = r.fields[:k-1]
	}
	r.cur = r.stack[n-1]
	r.stack = r.stack[:n-1]
}

// field reads the instruction of a field: HYPERLINK "target". The link lasts
// until the field's group ends.
func (r *reader) field(depth int) {
	s := strings.TrimSpace(r.target.String())
	r.target.Reset()
	rest, ok := strings.CutPrefix(s, "HYPERLINK")
	if !ok {
		return
	}
	rest = strings.TrimSpace(rest)
	rest = strings.TrimSpace(strings.TrimPrefix(rest, `\l`))
	if i := strings.IndexByte(rest, '"'); i >= 0 {
		rest = rest[i+1:]
		if j := strings.IndexByte(rest, '"'); j >= 0 {
			rest = rest[:j]
		}
	}
	r.out.link(rest)
	r.fields = append(r.fields, depth-1)
}

// bytes takes text in the current code page.
func (r *reader) bytes(b []byte) {
	r.cur.opened = false
	if r.toSkip > 0 {
		n := min(r.toSkip, len(b))
		r.toSkip -= n
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	if r.cur.dest == toColours { // before the next colour is read
		r.emit(string(b))
		return
	}
	page := r.currentPage()
	if page != r.pendPg {
		r.flush()
	}
	r.pendPg = page
	r.pending = append(r.pending, b...)
}

func (r *reader) hex(c byte) {
	if r.toSkip > 0 {
		r.toSkip--
		return
	}
	r.bytes([]byte{c})
}

// currentPage is the code page of the next bytes. In an HTMLTAG group it is the
// document's (MS-OXRTFEX 2.2.3.2).
func (r *reader) currentPage() int {
	if r.cur.dest == toTag || r.cur.dest == toField {
		return r.page
	}
	if p := r.fonts[r.cur.font]; p != 0 {
		return p
	}
	return r.page
}

// flush decodes the bytes that wait.
func (r *reader) flush() {
	if len(r.pending) == 0 {
		return
	}
	s := decode(r.pending, r.pendPg)
	r.pending = r.pending[:0]
	r.emit(s)
}

// emit hands text to where it goes.
func (r *reader) emit(s string) {
	switch r.cur.dest {
	case toTag:
		r.out.tag(s)
	case toField:
		if r.target.Len()+len(s) <= maxTarget {
			r.target.WriteString(s)
		}
	case toFonts:
	case toColours:
		for range strings.Count(s, ";") {
			if len(r.colours) < maxColours {
				r.colours = append(r.colours, r.colour)
			}
			r.colour = 0
		}
	case toBody:
		if !r.cur.rtf && (!r.cur.style.hidden || r.html) {
			r.out.text(s, &r.cur.style)
		}
	}
}

// special hands over a character that has a word or sign of its own.
func (r *reader) special(s string) {
	r.flush()
	if r.toSkip > 0 {
		r.toSkip--
		return
	}
	r.emit(s)
}

// layout runs fn if what it does is part of the text.
func (r *reader) layout(fn func()) {
	r.flush()
	switch {
	case r.cur.dest == toTag:
		r.out.tag("\r\n")
	case r.cur.dest == toBody && !r.cur.rtf:
		fn()
	}
}

// unicode takes a \uN.
func (r *reader) unicode(n int) {
	r.flush()
	if n < 0 {
		n += 1 << 16
	}
	c := rune(n & 0xffff)
	r.toSkip = r.cur.skip
	switch {
	case utf16.IsSurrogate(c) && c < 0xdc00:
		r.high = c
		return
	case utf16.IsSurrogate(c):
		c = utf16.DecodeRune(r.high, c)
	}
	r.high = 0
	if c >= 0xf020 && c <= 0xf0ff { // a symbol font's place in the private area
		c -= 0xf000
	}
	if c != 0 {
		r.emit(string(c))
	}
}

// sign takes a backslash and a sign.
func (r *reader) sign(c byte) {
	switch c {
	case '\\', '{', '}':
		if r.toSkip > 0 {
			r.toSkip--
			return
		}
		r.bytes([]byte{c})
	case '*':
		r.cur.starred = true
		return
	case '~':
		r.special("\u00a0")
	case '_':
		r.special("\u2011")
	case '-':
		if !r.html {
			return
		}
		r.special("\u00ad")
	case '\r', '\n':
		r.layout(r.out.paragraph)
	}
	r.cur.opened = false
}
