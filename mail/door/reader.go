package door

import (
	"bytes"
	"errors"
	"io"
)

// Errors of lines. After ErrBareNewline the line is gone and the next one can be
// read; after ErrLineTooLong it is still there for SkipLine.
var (
	ErrLineTooLong = errors.New("door: line too long")
	ErrBareNewline = errors.New("door: CR or LF that is not part of CRLF")
	ErrEndless     = errors.New("door: line without an end")
)

// smallBuffer is what a reader begins with, and shrinks to: most commands are
// shorter.
const smallBuffer = 512

// Reader reads lines and counted bytes from one buffer, which grows with a long
// line. Only CRLF ends a line: whoever takes a lone LF for one reads commands
// where somebody else saw text (SMTP smuggling).
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int // buf[r:w] is unread
}

// NewReader returns a reader whose buffer begins with size bytes; zero: few.
func NewReader(src io.Reader, size int) Reader {
	r := Reader{src: src}
	if size > 0 {
		r.buf = make([]byte, size)
	}
	return r
}

// Buffered is how many bytes have arrived but are not read yet.
func (b *Reader) Buffered() int { return b.w - b.r }

// Unread is what has arrived but is not read yet, valid until the next read.
func (b *Reader) Unread() []byte { return b.buf[b.r:b.w] }

// Take marks n bytes of Unread as read.
func (b *Reader) Take(n int) { b.r += n }

// Drop forgets what is buffered.
func (b *Reader) Drop() { b.r, b.w = 0, 0 }

// Source has the reader read from something else from now on: TLS, or what
// decompresses. What is buffered stays.
func (b *Reader) Source(src io.Reader) { b.src = src }

// Shrink gives back the space of a long line when nothing is buffered.
func (b *Reader) Shrink() {
	if b.Buffered() == 0 && len(b.buf) > smallBuffer {
		b.buf, b.r, b.w = nil, 0, 0
	}
}

// free gives back all space when nothing is buffered.
func (b *Reader) free() {
	if b.Buffered() == 0 {
		b.buf, b.r, b.w = nil, 0, 0
	}
}

// Fill reads more into the buffer, which grows when it is full. What is unread
// stays when that fails, so reading can go on after a wake.
func (b *Reader) Fill() error {
	if b.r > 0 {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.buf) {
		b.buf = append(b.buf, make([]byte, max(smallBuffer, len(b.buf)))...)
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Line returns the next line without its CRLF, valid until the next read. The
// limit counts the CRLF.
func (b *Reader) Line(limit int) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(b.buf[b.r+seen:b.w], '\n'); i >= 0 {
			line := b.buf[b.r : b.r+seen+i+1]
			if len(line) > limit {
				return nil, ErrLineTooLong
			}
			b.r += len(line)
			n := len(line) - 2
			if n < 0 || bytes.IndexByte(line, '\r') != n {
				return nil, ErrBareNewline
			}
			return line[:n], nil
		}
		seen = b.Buffered()
		if seen >= limit {
			return nil, ErrLineTooLong
		}
		if err := b.Fill(); err != nil {
			return nil, err
		}
	}
}

// SkipLine reads to the end of an over-long line, but not much further than limit
// bytes: then it is ErrEndless.
func (b *Reader) SkipLine(limit int) error {
	for skipped := 0; skipped < limit; {
		if i := bytes.IndexByte(b.Unread(), '\n'); i >= 0 {
			b.r += i + 1
			return nil
		}
		skipped += b.Buffered()
		b.r = b.w
		if err := b.Fill(); err != nil {
			return err
		}
	}
	return ErrEndless
}

// Exactly gives the next n bytes to the sink, piece by piece; its error stops.
func (b *Reader) Exactly(n int64, sink func([]byte) error) error {
	for n > 0 {
		if b.Buffered() == 0 {
			if err := b.Fill(); err != nil {
				return err
			}
		}
		piece := b.Unread()
		if int64(len(piece)) > n {
			piece = piece[:n]
		}
		b.r += len(piece)
		n -= int64(len(piece))
		if err := sink(piece); err != nil {
			return err
		}
	}
	return nil
}
