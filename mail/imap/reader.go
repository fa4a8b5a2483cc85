package imap

import (
	"bytes"
	"errors"
	"io"
)

// Errors after which nothing that is still on its way can be told from
// commands: the connection is closed.
var (
	errLineTooLong = errors.New("imap: line too long")
	errBareNewline = errors.New("imap: CR or LF that is not part of CRLF")
	errNonSync     = errors.New("imap: literal too long to be sent without asking")
)

// reader reads lines and literals from one buffer, which grows with a long line
// and shrinks when the client is silent. Only CRLF ends a line.
type reader struct {
	src  io.Reader
	buf  []byte
	r, w int // buf[r:w] is unread
	// before runs before every read that may wait: it sends what is pending and
	// sets the deadline.
	before func() error
	after  func()
}

// buffered is how many bytes have arrived but are not read yet.
func (b *reader) buffered() int { return b.w - b.r }

// drop forgets what is buffered.
func (b *reader) drop() { b.r, b.w = 0, 0 }

// shrink gives back the space of a long line when nothing is buffered.
func (b *reader) shrink() {
	if b.buffered() == 0 && len(b.buf) > minBuffer {
		b.buf, b.r, b.w = make([]byte, minBuffer), 0, 0
	}
}

// fill reads more into the buffer. What is unread stays when it fails, so that
// reading can go on after a wake.
func (b *reader) fill() error {
	if err := b.before(); err != nil {
		return err
	}
	if b.r > 0 {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.buf) {
		b.buf = append(b.buf, make([]byte, max(minBuffer, len(b.buf)))...)
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.after()
	b.w += n
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// line returns the next line without its CRLF, valid until the next read. The
// limit counts the CRLF.
func (b *reader) line(limit int) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(b.buf[b.r+seen:b.w], '\n'); i >= 0 {
			line := b.buf[b.r : b.r+seen+i+1]
			b.r += len(line)
			n := len(line) - 2
			switch {
			case len(line) > limit:
				return nil, errLineTooLong
			case n < 0 || bytes.IndexByte(line, '\r') != n:
				return nil, errBareNewline
			}
			return line[:n], nil
		}
		seen = b.buffered()
		if seen >= limit {
			return nil, errLineTooLong
		}
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
}

// exactly gives the next n bytes to the sink, piece by piece.
func (b *reader) exactly(n int64, sink func([]byte)) error {
	for n > 0 {
		if b.buffered() == 0 {
			if err := b.fill(); err != nil {
				return err
			}
		}
		piece := b.buf[b.r:b.w]
		if int64(len(piece)) > n {
			piece = piece[:n]
		}
		b.r += len(piece)
		n -= int64(len(piece))
		sink(piece)
	}
	return nil
}

// literal is an announcement at the end of a line (RFC 9051 4.3, RFC 7888).
type literal struct {
	size    int64
	nonSync bool // the client does not wait for the server's leave
	binary  bool // literal8: may hold NUL (RFC 3516 4.1)
}

// literalAt reads the announcement that a line ends with. Whatever looks like
// one is one: bytes must never be taken for commands that the client sent as
// text.
func literalAt(line []byte) (l literal, at int, ok bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return l, 0, false
	}
	at = bytes.LastIndexByte(line, '{')
	if at < 0 {
		return l, 0, false
	}
	digits := line[at+1 : n-1]
	if len(digits) > 1 && digits[len(digits)-1] == '+' {
		l.nonSync = true
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		return l, 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return l, 0, false
		}
		if l.size < 1<<40 { // more is too large in any case
			l.size = l.size*10 + int64(c-'0')
		}
	}
	if at > 0 && line[at-1] == '~' {
		l.binary = true
	}
	return l, at, true
}
