package imap

import (
	"context"
	"io"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail/message"
	"martlet/store/blob"
)

// look is a message that is being looked into. What it says of parts comes from
// the index made at delivery; only messages within the message are parsed when
// they are asked for.
type look struct {
	ctx    context.Context
	srv    *Server
	ref    blob.Ref
	src    io.ReaderAt // set by open
	size   int64
	index  *message.Index
	nested map[nestedKey]*entity
	held   int64 // bytes of messages in memory
	partly bool  // a message within it could not be looked into
	err    error // a body could not be read: what was announced cannot be sent
}

// entity is the message, or one within it.
type entity struct {
	ix    *message.Index
	src   io.ReaderAt
	depth int
}

type nestedKey struct {
	ix   *message.Index
	part int
}

func (s *session) look(ctx context.Context, f *fetched) *look {
	return &look{ctx: ctx, srv: s.srv, ref: f.item.Blob, size: f.item.Blob.Size, index: f.index}
}

// open makes the message readable: one that is small at once, as most are. What
// is announced must come, so a body that cannot be read is found here.
func (m *look) open() error {
	if m.src != nil || m.ref.IsZero() {
		return nil
	}
	blobs := m.srv.cfg.Mailboxes.Blobs()
	if m.size <= maxWhole {
		raw, err := blobs.Read(m.ctx, m.ref)
		if err != nil {
			return err
		}
		m.src = message.Bytes(raw)
		return nil
	}
	r := blobs.Reader(m.ctx, m.ref)
	_, err := r.ReadAt(make([]byte, 1), 0)
	m.src = r
	return err
}

// maxWhole is the largest message that is read at once; larger ones are read
// piece by piece.
const maxWhole = 256 << 10

func (m *look) close() {
	if m.held > 0 {
		m.srv.inFlight.Release(m.held)
	}
}

func (m *look) root() *entity { return &entity{ix: m.index, src: m.src} }

// hold makes sure that there is memory.
func (m *look) hold(n int64) bool {
	wait, cancel := context.WithTimeout(m.ctx, memoryTimeout)
	defer cancel()
	if n > maxNested || m.held+n > m.srv.cfg.MaxInFlightBytes || m.srv.inFlight.Acquire(wait, n) != nil {
		return false
	}
	m.held += n
	return true
}

// kids are the parts of a multipart. Files within a text or a winmail.dat are
// not MIME parts.
func (e *entity) kids(part int) []int {
	if !e.ix.IsMultipart(part) {
		return nil
	}
	var all []int
	for i := part + 1; i < len(e.ix.Parts); i++ {
		if int(e.ix.Parts[i].Parent) == part && !e.ix.Virtual(i) {
			all = append(all, i)
		}
	}
	return all
}

// isMessage tells whether a part is a message that is looked into.
func (e *entity) isMessage(part int) bool {
	pt := &e.ix.Parts[part]
	return (pt.Type == "message/rfc822" || pt.Type == "message/global") && pt.End-pt.Body <= maxNested && e.depth < maxNesting
}

// enter returns the message that a part is, nil if it cannot be had.
func (m *look) enter(e *entity, part int) *entity {
	k := nestedKey{e.ix, part}
	if got, done := m.nested[k]; done {
		return got
	}
	if !e.isMessage(part) || !m.hold(e.ix.Parts[part].DecodedSize) {
		return nil
	}
	// Some programs encode messages, which RFC 2046 5.2.1 forbids.
	raw, err := io.ReadAll(io.LimitReader(e.ix.Open(part, e.src), e.ix.Parts[part].DecodedSize))
	if err != nil {
		m.err = err
		return nil
	}
	inner := &entity{ix: message.Parse(raw), src: message.Bytes(raw), depth: e.depth + 1}
	if m.nested == nil {
		m.nested = map[nestedKey]*entity{}
	}
	m.nested[k] = inner
	return inner
}

// find follows a path of part numbers (RFC 9051 6.4.5.1). A message that is no
// multipart has its text as part 1.
func (m *look) find(path []int) (e *entity, part int, ok bool) {
	e = m.root()
	top := true // part is a message as a whole
	for _, n := range path {
		if !top && e.isMessage(part) {
			if e = m.enter(e, part); e == nil {
				return nil, 0, false
			}
			part, top = 0, true
		}
		kids := e.kids(part)
		switch {
		case len(kids) > 0 && n <= len(kids):
			part, top = kids[n-1], false
		case len(kids) == 0 && top && n == 1:
			top = false
		default:
			return nil, 0, false
		}
	}
	return e, part, true
}

// piece is a run of bytes of a message.
type piece struct {
	src  io.ReaderAt
	off  int64
	size int64
}

// locate returns what a section names.
func (m *look) locate(x *section) (piece, bool) {
	if len(x.Part) == 0 && x.Specifier == goimap.PartSpecifierNone {
		return piece{m.src, 0, m.size}, true
	}
	e, part, ok := m.find(x.Part)
	if !ok {
		return piece{}, false
	}
	pt := &e.ix.Parts[part]
	switch x.Specifier {
	case goimap.PartSpecifierNone:
		return piece{e.src, pt.Body, pt.End - pt.Body}, true
	case goimap.PartSpecifierMIME:
		return piece{e.src, pt.Header, pt.Body - pt.Header}, true
	}
	if len(x.Part) > 0 { // of a message within the message
		if e = m.enter(e, part); e == nil {
			return piece{}, false
		}
	}
	pt = &e.ix.Parts[0]
	if x.Specifier == goimap.PartSpecifierText {
		return piece{e.src, pt.Body, e.ix.Size - pt.Body}, true
	}
	return piece{e.src, 0, pt.Body}, true
}

// section writes what a section holds, NIL where there is no such part.
func (m *look) section(out *writer, x *section) {
	if x.binary {
		m.decoded(out, x)
		return
	}
	p, ok := m.locate(x)
	if !ok {
		out.raw("NIL")
		return
	}
	if x.HeaderFields != nil || x.HeaderFieldsNot != nil {
		text, err := pickFields(p, x.HeaderFields, x.HeaderFieldsNot)
		if err != nil {
			m.err = err
			return
		}
		p = piece{message.Bytes(text), 0, int64(len(text))}
	}
	p.cut(x)
	out.literal(m.ctx, p, false)
}

// cut takes the partial out of a piece. What lies beyond the end is empty.
func (p *piece) cut(x *section) {
	if x.Partial == nil {
		return
	}
	skip := min(x.Partial.Offset, p.size)
	p.off += skip
	p.size = min(p.size-skip, x.Partial.Size)
}

// decoded writes a part without its transfer encoding, or the size of that (RFC
// 9051 6.4.5.3).
func (m *look) decoded(out *writer, x *section) {
	p := piece{m.src, 0, m.size}
	if len(x.Part) > 0 {
		e, part, ok := m.find(x.Part)
		if !ok {
			if x.size {
				out.raw("0")
			} else {
				out.raw("NIL")
			}
			return
		}
		pt := &e.ix.Parts[part]
		p = piece{e.src, pt.Body, pt.End - pt.Body}
		if pt.Encoding != "" && !e.ix.IsMultipart(part) {
			m.decode(out, e, part, x)
			return
		}
	}
	if x.size {
		out.number(p.size)
		return
	}
	p.cut(x)
	out.literal(m.ctx, p, true)
}

// decode writes a part that is encoded. It is read twice, once for its size: it
// may be too large to be kept.
func (m *look) decode(out *writer, e *entity, part int, x *section) {
	size, err := io.Copy(io.Discard, e.ix.Open(part, e.src))
	if err != nil {
		m.err = err
		return
	}
	if x.size {
		out.number(size)
		return
	}
	p := piece{size: size}
	p.cut(x)
	src := e.ix.Open(part, e.src)
	if _, err := io.CopyN(io.Discard, src, p.off); err != nil {
		m.err = err
		return
	}
	out.rawf("~{%d}\r\n", p.size)
	out.stream(m.ctx, src, p.size, true)
}

const (
	// maxHeader is how much of a header is looked at for its fields.
	maxHeader = 1 << 20
	// maxPartHeader is the same of a part.
	maxPartHeader = 64 << 10
)

// pickFields returns the fields with the names, or those with others, as they
// stand, and the blank line that ends them.
func pickFields(p piece, names, not []string) ([]byte, error) {
	header, err := p.read(maxHeader)
	if err != nil {
		return nil, err
	}
	var out []byte
	for name, field := range fields(header) {
		if named(names, name) || not != nil && !named(not, name) {
			out = append(out, field...)
		}
	}
	return append(out, "\r\n"...), nil
}

func named(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// read returns the piece, or its beginning.
func (p piece) read(limit int64) ([]byte, error) {
	b := make([]byte, min(p.size, limit))
	_, err := io.ReadFull(io.NewSectionReader(p.src, p.off, int64(len(b))), b)
	if len(b) == 0 {
		err = nil
	}
	return b, err
}
