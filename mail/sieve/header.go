package sieve

import (
	"bytes"
	"fmt"
	"mime"
	"slices"
	"strings"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// field is a header field as it stands in the message.
type field struct {
	name string // in lower case; empty for lines that are none
	raw  []byte // with its name and its last line end
}

// value is what stands behind the colon.
func (f *field) value() []byte {
	return f.raw[bytes.IndexByte(f.raw, ':')+1:]
}

// header is that of the message, as edited so far (RFC 5293).
type header struct {
	fields []field
	tail   []byte // what comes behind maxFields
	edits  int
	made   []byte // the header written out, once it is wanted
}

// read finds the fields.
func (h *header) read(msg *Message) {
	rest := headerOf(msg)
	for len(rest) > 0 {
		n := lineEnd(rest)
		if len(bytes.TrimRight(rest[:n], "\r\n")) == 0 {
			return
		}
		for n < len(rest) && (rest[n] == ' ' || rest[n] == '\t') {
			n += lineEnd(rest[n:])
		}
		f := field{raw: rest[:n:n]}
		if i := bytes.IndexByte(f.raw, ':'); i > 0 && i < 100 {
			if name := string(bytes.TrimRight(f.raw[:i], " \t")); isFieldName(name) {
				f.name = strings.ToLower(name)
			}
		}
		h.fields = append(h.fields, f)
		rest = rest[n:]
		if len(h.fields) == maxFields {
			h.tail = rest
			return
		}
	}
}

// headerOf is the part of the message that is its header.
func headerOf(msg *Message) []byte {
	if len(msg.Index.Parts) == 0 {
		return nil
	}
	p := &msg.Index.Parts[0]
	size := int64(len(msg.Raw))
	from, to := min(max(p.Header, 0), size), min(max(p.Body, 0), size)
	return msg.Raw[from:max(from, to)]
}

func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// named are the fields of a name, from the first to the last.
func (h *header) named(name string) (all []*field) {
	name = strings.ToLower(name)
	for i := range h.fields {
		if h.fields[i].name == name {
			all = append(all, &h.fields[i])
		}
	}
	return all
}

// pick keeps the one of an index (RFC 5260 6): counted from the end if last is
// set; zero keeps all.
func pick[T any](all []T, index uint64, last bool) []T {
	switch {
	case index == 0:
		return all
	case index > uint64(len(all)):
		return nil
	case last:
		return all[len(all)-int(index):][:1]
	}
	return all[index-1:][:1]
}

// text is the value as people read it.
func (f *field) text() string {
	v := f.value()
	return message.FieldText(v[:min(len(v), maxFieldBytes)], maxFieldBytes)
}

// edited is the header as it is now; nil if it is that of the message. It ends in
// an empty line.
func (h *header) edited(msg *Message) []byte {
	if h.edits == 0 {
		return nil
	}
	if h.made == nil {
		for _, f := range h.fields {
			h.made = append(h.made, f.raw...)
			if !bytes.HasSuffix(f.raw, []byte("\n")) {
				h.made = append(h.made, "\r\n"...)
			}
		}
		if h.made = append(h.made, h.tail...); h.tail == nil {
			h.made = append(h.made, "\r\n"...)
		}
	}
	return h.made
}

// edit counts a change.
func (m *machine) edit() error {
	if m.header.edits++; m.header.edits > maxEdits {
		return fmt.Errorf("%w: more than %d changes of the header", ErrLimit, maxEdits)
	}
	m.header.made = nil
	return m.spend(len(m.header.fields)/8 + 1)
}

// protected fields tell where the message comes from and who vouches for it, and
// what keeps it from going in circles (RFC 5293 6). Nobody may delete or add one.
func isProtected(name string) bool {
	switch name {
	case "received", "auto-submitted", "return-path", "delivered-to", "authentication-results", "dkim-signature",
		"arc-seal", "arc-message-signature", "arc-authentication-results":
		return true
	}
	return false
}

// addHeader is addheader (RFC 5293 4).
func addHeader(a *arguments) (statement, error) {
	if _, err := a.fieldNames(0); err != nil {
		return nil, err
	}
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	value, err := a.text(1)
	if err != nil {
		return nil, err
	}
	last := a.has("last")
	return func(m *machine) error {
		n, err := m.text(&name)
		if err != nil {
			return err
		}
		v, err := m.text(&value)
		if err != nil {
			return err
		}
		if !isFieldName(n) || len(n) > 60 {
			return fmt.Errorf("%q is not the name of a header field", n)
		}
		if isProtected(strings.ToLower(n)) {
			return nil
		}
		if err := m.edit(); err != nil {
			return err
		}
		f := field{name: strings.ToLower(n), raw: newField(n, v)}
		if last {
			m.header.fields = append(m.header.fields, f)
		} else {
			m.header.fields = slices.Insert(m.header.fields, 0, f)
		}
		return nil
	}, nil
}

// newField writes a field: one line of text, folded where it is long, and
// encoded where it is not ASCII (RFC 5322 2.2.3, RFC 2047).
func newField(name, value string) []byte {
	v := strings.TrimSpace(wire.OneLine(cut(strings.ToValidUTF8(value, "?"), maxVariable)))
	if !isASCII(v) {
		v = wire.FoldWords(mime.QEncoding.Encode("utf-8", v))
	}
	var b strings.Builder
	b.WriteString(name + ":")
	column := len(name) + 1
	for i, w := range strings.Split(v, " ") {
		if i > 0 && column+1+len(w) > 78 && w != "" {
			b.WriteString("\r\n")
			column = 0
		}
		// A line has at most 998 characters; a word that has more is broken.
		for len(w) > 900 {
			b.WriteString(" " + w[:900] + "\r\n")
			w, column = w[900:], 0
		}
		b.WriteString(" " + w)
		if nl := strings.LastIndexByte(w, '\n'); nl >= 0 {
			column = len(w) - nl - 1
		} else {
			column += 1 + len(w)
		}
	}
	return []byte(b.String() + "\r\n")
}

// deleteHeader is deleteheader (RFC 5293 5).
func deleteHeader(a *arguments) (statement, error) {
	if a.has("last") && !a.has("index") {
		return nil, a.n.at.errorf(":last needs :index")
	}
	if _, err := a.fieldNames(0); err != nil {
		return nil, err
	}
	name, err := a.text(0)
	if err != nil {
		return nil, err
	}
	var patterns []key
	if len(a.slots) > 1 {
		if patterns, err = a.keys(1); err != nil {
			return nil, err
		}
	}
	index, last, match := a.number("index", 0), a.has("last"), a.match
	if a.has("index") && index == 0 {
		return nil, a.n.at.errorf(":index counts from 1")
	}
	return func(m *machine) error {
		n, err := m.text(&name)
		if err != nil || isProtected(strings.ToLower(n)) {
			return err
		}
		gone := map[*field]bool{}
		for _, f := range pick(m.header.named(n), index, last) {
			yes := patterns == nil
			if !yes {
				if yes, err = m.any(&match, []string{f.text()}, patterns); err != nil {
					return err
				}
			}
			if yes {
				gone[f] = true
			}
		}
		if len(gone) == 0 {
			return nil
		}
		if err := m.edit(); err != nil {
			return err
		}
		kept := make([]field, 0, len(m.header.fields))
		for i := range m.header.fields {
			if !gone[&m.header.fields[i]] {
				kept = append(kept, m.header.fields[i])
			}
		}
		m.header.fields = kept
		return nil
	}, nil
}
