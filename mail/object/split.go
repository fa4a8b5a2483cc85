package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf16"

	"martlet/mail"
	"martlet/mail/calendar"
)

// Errors of Split, beside those of Read.
var (
	ErrOlder   = errors.New("object: there is a newer one of its UID in the file")
	ErrNoClass = errors.New("object: not of a kind that is kept")
)

// maxParts bounds the components of a file that are looked at.
const maxParts = 1_000_000

// Part is one object of a file that has many.
type Part struct {
	Class mail.Class // zero if it is of none
	UID   string
	Line  int    // where it begins in the file, from 1
	At    int    // the same in bytes, from 0
	Raw   []byte // for Read
}

// Split takes a file of calendars or of cards apart: all that belongs to one UID
// together, with the time zones that it needs. Of what is broken it gives an
// error that says why, and goes on.
func Split(raw []byte) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		raw := fromUTF16(raw)
		f := &file{raw: raw, zones: map[zoneKey][]byte{}}
		f.scan()
		if len(f.groups) == 1 && len(f.refused) == 0 { // a file of one object stays as it is
			g := f.groups[0]
			if o, err := Read(g.class, raw); err == nil {
				yield(Part{g.class, o.Facts.UID, g.pieces[0].line, g.pieces[0].from, o.Raw}, nil)
				return
			}
		}
		for _, r := range f.refused {
			if !yield(r.part, r.err) {
				return
			}
		}
		for _, g := range f.groups {
			if !f.hand(g, yield) {
				return
			}
		}
		if len(f.groups) == 0 && len(f.refused) == 0 {
			yield(Part{Line: 1}, fmt.Errorf("%w: nothing in it", ErrMalformed))
		}
	}
}

// fromUTF16 makes UTF-8 of a file that some programs export in UTF-16, as its
// first two bytes tell.
func fromUTF16(raw []byte) []byte {
	if len(raw) < 2 {
		return raw
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case raw[0] == 0xfe && raw[1] == 0xff:
		order = binary.BigEndian
	case raw[0] != 0xff || raw[1] != 0xfe:
		return raw
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 2; i+1 < len(raw); i += 2 {
		units = append(units, order.Uint16(raw[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// file is one that is being taken apart. Only where its pieces are is kept of
// them, not what they say.
type file struct {
	raw     []byte
	groups  []*group
	byUID   map[string]*group
	zones   map[zoneKey][]byte // the definitions
	refused []refusal
	head    []byte // of the calendar that is being read: PRODID, VERSION, CALSCALE
	root    int    // which calendar that is, from 1
	n       int
}

// zoneKey is a TZID of one of a file's calendars, which may mean different things
// by it; of none, the first that has it, for calendars that lack a definition.
type zoneKey struct {
	root int
	id   string
}

type refusal struct {
	part Part
	err  error
}

// group is the pieces of one object.
type group struct {
	class  mail.Class
	uid    string
	head   []byte
	pieces []piece
}

// piece is a component or a card of the file.
type piece struct {
	from, to int
	line     int
	root     int    // which calendar it is of
	id       string // its RECURRENCE-ID; empty: it is the master
	zones    []string
	sequence int
	stamp    string
}

// classOf is the class of what a component holds; zero for others.
func classOf(kind string) mail.Class {
	switch kind {
	case "VEVENT":
		return mail.ClassCalendar
	case "VTODO":
		return mail.ClassTasks
	case "VJOURNAL":
		return mail.ClassNotes
	case "VCARD":
		return mail.ClassContacts
	}
	return 0
}

// scan finds the pieces by the lines that begin and end them. One that does not
// end ends where the next begins.
func (f *file) scan() {
	f.byUID = map[string]*group{}
	kind, depth, from, begun := "", 0, 0, 0
	end := func(at int) {
		if kind != "" {
			f.take(kind, from, at, begun)
		}
		kind, depth = "", 0
	}
	at, line, agent := 0, 0, false
	for at < len(f.raw) && f.n < maxParts {
		begin := at
		text := f.raw[at:]
		if i := bytes.IndexAny(text, "\r\n"); i < 0 {
			at = len(f.raw)
		} else {
			text, at = text[:i], at+i+1
			if f.raw[at-1] == '\r' && at < len(f.raw) && f.raw[at] == '\n' {
				at++
			}
		}
		line++
		word, name := boundary(text, begin == 0)
		switch {
		case word == "":
			if kind == "" && isHead(text) {
				f.head = append(append(f.head, bytes.TrimSpace(text)...), "\r\n"...)
			}
		case name == "VCALENDAR":
			end(begin)
			if f.head = nil; word == "BEGIN" {
				f.root++
			}
		case word == "BEGIN" && kind == "":
			kind, depth, from, begun = name, 1, begin, line
		case word == "BEGIN" && !agent && (classOf(name) != 0 || name == "VTIMEZONE"):
			end(begin)
			kind, depth, from, begun = name, 1, begin, line
		case word == "BEGIN":
			depth++
		case name == kind && kind != "VCARD":
			end(at)
		case kind != "":
			if depth--; depth == 0 {
				end(at)
			}
		}
		if len(text) > 0 { // vCard 2.1 and 3.0 have a card within a card
			agent = kind == "VCARD" && len(text) > 5 && strings.EqualFold(string(text[:5]), "AGENT")
		}
	}
	end(len(f.raw))
	if at < len(f.raw) {
		f.refuse(Part{Line: line + 1}, fmt.Errorf("%w: what follows %d objects", ErrTooLarge, f.n))
	}
}

// boundary reads a line that begins or ends a component.
func boundary(line []byte, first bool) (word, name string) {
	if first {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if len(line) == 0 || len(line) > 100 || line[0] == ' ' || line[0] == '\t' {
		return "", ""
	}
	word, name, ok := strings.Cut(strings.ToUpper(string(line)), ":")
	if word = strings.TrimSpace(word); !ok || word != "BEGIN" && word != "END" {
		return "", ""
	}
	return word, strings.TrimSpace(name)
}

// isHead tells whether a line is what every object of a calendar must have.
func isHead(line []byte) bool {
	name, _, _ := strings.Cut(strings.ToUpper(string(line[:min(len(line), 20)])), ":")
	return name == "PRODID" || name == "VERSION" || name == "CALSCALE"
}

// take notes a piece with its like.
func (f *file) take(kind string, from, to, line int) {
	f.n++
	p := piece{from: from, to: to, line: line, root: f.root}
	raw := f.raw[from:to]
	class := classOf(kind)
	switch {
	case class == mail.ClassContacts:
		f.groups = append(f.groups, &group{class: class, pieces: []piece{p}})
		return
	case class == 0 && kind != "VTIMEZONE":
		f.refuse(Part{Line: line, Raw: raw}, fmt.Errorf("%w: a %s", ErrNoClass, kind))
		return
	case len(raw) > MaxBytes:
		f.refuse(Part{Class: class, Line: line}, ErrTooLarge)
		return
	}
	c, err := calendar.ParseComponent(raw)
	if err != nil {
		f.refuse(Part{Class: class, Line: line, Raw: raw}, reason(err))
		return
	}
	if kind == "VTIMEZONE" {
		for _, key := range [...]zoneKey{{f.root, c.TZID()}, {0, c.TZID()}} {
			if f.zones[key] == nil {
				f.zones[key] = raw
			}
		}
		return
	}
	p.id, p.zones = c.Value("RECURRENCE-ID"), c.Zones()
	p.sequence, p.stamp = c.Number("SEQUENCE"), max(c.Value("LAST-MODIFIED"), c.Value("DTSTAMP"))
	uid := strings.TrimSpace(c.Text("UID"))
	key := kind + ":" + uid
	g := f.byUID[key]
	if g == nil || uid == "" {
		g = &group{class: class, uid: uid, head: f.head}
		f.groups = append(f.groups, g)
		f.byUID[key] = g
	}
	g.pieces = append(g.pieces, p)
}

func (f *file) refuse(p Part, err error) { f.refused = append(f.refused, refusal{p, err}) }

// hand gives an object out, and what of it is older.
func (f *file) hand(g *group, yield func(Part, error) bool) bool {
	part := Part{Class: g.class, UID: g.uid, Line: g.pieces[0].line, At: g.pieces[0].from}
	var raw []byte
	if g.class == mail.ClassContacts {
		raw = f.raw[g.pieces[0].from:g.pieces[0].to]
	} else {
		for _, p := range f.older(g) {
			old := f.raw[p.from:p.to]
			if !yield(Part{g.class, g.uid, p.line, p.from, old}, ErrOlder) {
				return false
			}
		}
		raw = f.join(g)
	}
	o, err := Read(g.class, raw)
	if err != nil {
		part.Raw = raw
		return yield(part, err)
	}
	part.UID, part.Raw = o.Facts.UID, o.Raw
	return yield(part, nil)
}

// older takes out of the group what there is a newer version of: of the master,
// or of what stands for one occurrence.
func (f *file) older(g *group) (old []piece) {
	newest := map[string]piece{}
	for _, p := range g.pieces {
		if q, ok := newest[p.id]; !ok || !p.before(q) {
			newest[p.id] = p
		}
	}
	kept := g.pieces[:0]
	for _, p := range g.pieces {
		switch q := newest[p.id]; {
		case q.from == p.from:
			kept = append(kept, p)
		case !bytes.Equal(f.raw[p.from:p.to], f.raw[q.from:q.to]): // a copy is nothing to speak of
			old = append(old, p)
		}
	}
	g.pieces = kept
	return old
}

// before tells whether a piece is of an earlier version than another.
func (p piece) before(q piece) bool {
	if p.sequence != q.sequence {
		return p.sequence < q.sequence
	}
	return p.stamp < q.stamp
}

// join writes a calendar of the group's pieces: one, or one for each calendar that
// they are from.
func (f *file) join(g *group) (b []byte) {
	slices.SortStableFunc(g.pieces, func(p, q piece) int { return p.root - q.root })
	for from := 0; from < len(g.pieces); {
		to := from + 1
		for to < len(g.pieces) && g.pieces[to].root == g.pieces[from].root {
			to++
		}
		b = f.joinSome(b, g.head, g.pieces[from:to])
		from = to
	}
	return b
}

func (f *file) joinSome(b, head []byte, pieces []piece) []byte {
	b = append(append(b, "BEGIN:VCALENDAR\r\n"...), head...)
	seen := map[string]bool{}
	for _, p := range pieces {
		for _, id := range p.zones {
			zone := f.zones[zoneKey{p.root, id}]
			if zone == nil {
				zone = f.zones[zoneKey{0, id}]
			}
			if zone != nil && !seen[id] {
				seen[id] = true
				b = appendPiece(b, zone)
			}
		}
	}
	for _, p := range pieces {
		b = appendPiece(b, f.raw[p.from:p.to])
	}
	return append(b, "END:VCALENDAR\r\n"...)
}

// appendPiece writes a piece, its last line with an end.
func appendPiece(dst, raw []byte) []byte {
	dst = append(dst, bytes.TrimRight(raw, "\r\n")...)
	return append(dst, "\r\n"...)
}
