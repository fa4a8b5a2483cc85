package dkim

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"strings"
)

// field is one header field as it stands in the message, with its line ends.
type field struct {
	name string // lower case, without the colon
	raw  []byte
}

// split finds the header fields of a message and its body, which begins behind
// the empty line. It is false for a header that is longer than is looked at, and
// for one with a line that is no field: two programs may read it differently.
func split(raw []byte) (fields []field, body []byte, ok bool) {
	limit := min(len(raw), maxHeader)
	at := 0
	for at < limit {
		n := bytes.IndexByte(raw[at:limit], '\n')
		if n < 0 {
			return fields, nil, false
		}
		line := raw[at : at+n+1]
		at += n + 1
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return fields, raw[at:], true
		case line[0] == ' ' || line[0] == '\t':
			if len(fields) == 0 {
				return nil, nil, false
			}
			last := &fields[len(fields)-1]
			last.raw = last.raw[:len(last.raw)+len(line)]
		default:
			colon := bytes.IndexByte(line, ':')
			if colon < 1 || len(fields) == maxFields {
				return fields, nil, false
			}
			fields = append(fields, field{name: strings.ToLower(string(bytes.TrimRight(line[:colon], " \t"))), raw: line})
		}
	}
	return fields, nil, at == len(raw) && at < maxHeader // a header alone
}

// value is the field's text behind the colon, unfolded.
func (f field) value() string {
	v := f.raw[bytes.IndexByte(f.raw, ':')+1:]
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(v)))
}

// relaxedField appends a field in the relaxed form (RFC 6376 3.4.2), without the
// line end when it is the one that is signed last.
func relaxedField(dst []byte, raw []byte, end bool) []byte {
	colon := bytes.IndexByte(raw, ':')
	dst = append(dst, bytes.ToLower(bytes.TrimRight(raw[:colon], " \t"))...)
	dst = append(dst, ':')
	start := len(dst)
	space := false
	for _, c := range raw[colon+1:] {
		switch c {
		case '\r', '\n':
		case ' ', '\t':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	if end {
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// simpleField appends a field as it is (RFC 6376 3.4.1).
func simpleField(dst []byte, raw []byte, end bool) []byte {
	if !end {
		raw = bytes.TrimRight(raw, "\r\n")
	}
	return append(dst, raw...)
}

// bodies hashes a message's body, each form once, however many signatures ask.
type bodies struct {
	body    []byte
	relaxed []byte // hash; nil: not asked yet
	simple  []byte
}

func (b *bodies) hash(relaxed bool) []byte {
	known := &b.simple
	write := simpleBody
	if relaxed {
		known, write = &b.relaxed, relaxedBody
	}
	if *known == nil {
		h := sha256.New()
		write(h, b.body)
		*known = h.Sum(nil)
	}
	return *known
}

// simpleBody is the body without the empty lines at its end (RFC 6376 3.4.3).
func simpleBody(h hash.Hash, body []byte) {
	for bytes.HasSuffix(body, []byte("\r\n")) {
		body = body[:len(body)-2]
	}
	h.Write(body)
	h.Write([]byte("\r\n"))
}

// relaxedBody is the body with white space as one space, none at the ends of lines
// and no empty lines at its end (RFC 6376 3.4.4).
func relaxedBody(h hash.Hash, body []byte) {
	out := make([]byte, 0, 4096)
	empty := 0 // lines that are written only if another follows
	for len(body) > 0 {
		n := bytes.Index(body, []byte("\r\n"))
		line := body
		if n >= 0 {
			line, body = body[:n], body[n+2:]
		} else {
			body = nil
		}
		line = bytes.TrimRight(line, " \t")
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			if out = append(out, "\r\n"...); len(out) > 4000 {
				h.Write(out)
				out = out[:0]
			}
		}
		for len(line) > 0 {
			i := bytes.IndexAny(line, " \t")
			if i < 0 {
				i = len(line)
			}
			if len(out)+i > 4000 {
				h.Write(out)
				h.Write(line[:i])
				out = out[:0]
			} else {
				out = append(out, line[:i]...)
			}
			line = line[i:]
			if rest := bytes.TrimLeft(line, " \t"); len(rest) < len(line) {
				out, line = append(out, ' '), rest
			}
		}
		out = append(out, "\r\n"...)
	}
	h.Write(out)
}
