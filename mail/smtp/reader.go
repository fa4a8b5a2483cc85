package smtp

import (
	"bytes"
	"errors"
	"io"
)

// Errors of lines. After errLineTooLong and errBareNewline the offending line
// is gone and the next one can be read.
var (
	errLineTooLong = errors.New("smtp: line too long")
	errBareNewline = errors.New("smtp: CR or LF that is not part of CRLF")
	errEndless     = errors.New("smtp: line without an end")
)

// lineReader reads commands and messages from one buffer. Only CRLF ends a
// line: whoever takes a lone LF for one reads commands where another server saw
// text (SMTP smuggling).
type lineReader struct {
	src  io.Reader
	buf  []byte
	r, w int // buf[r:w] is unread
	// before runs before every read that may wait: it sends pending replies and
	// sets the deadline, so a pipelined group is answered in one write.
	before func() error
	after  func()
}

// buffered is how many bytes have arrived but are not read yet.
func (b *lineReader) buffered() int { return b.w - b.r }

// drop forgets what is buffered.
func (b *lineReader) drop() { b.r, b.w = 0, 0 }

// fill reads more into the buffer, which must not be full of unread bytes.
func (b *lineReader) fill() error {
	if b.r > 0 {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if err := b.before(); err != nil {
		return err
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

// line returns the next line without its CRLF, valid until the next read.
// The limit counts the CRLF and is at most the buffer's size.
func (b *lineReader) line(limit int) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(b.buf[b.r+seen:b.w], '\n'); i >= 0 {
			line := b.buf[b.r : b.r+seen+i+1]
			b.r += len(line)
			return checkLine(line, limit)
		}
		seen = b.buffered()
		if seen >= limit {
			return nil, b.skipLine()
		}
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
}

func checkLine(line []byte, limit int) ([]byte, error) {
	n := len(line) - 2
	switch {
	case len(line) > limit:
		return nil, errLineTooLong
	case n < 0 || bytes.IndexByte(line, '\r') != n:
		return nil, errBareNewline
	}
	return line[:n], nil
}

// skipLine reads to the end of an over-long line.
func (b *lineReader) skipLine() error {
	for skipped := 0; skipped < maxSkippedLine; {
		if i := bytes.IndexByte(b.buf[b.r:b.w], '\n'); i >= 0 {
			b.r += i + 1
			return errLineTooLong
		}
		skipped += b.buffered()
		b.r = b.w
		if err := b.fill(); err != nil {
			return err
		}
	}
	return errEndless
}

// data reads a message up to the line with a single dot (RFC 5321 4.5.2) and
// gives its bytes, without the dots that were added for transparency, to the
// sink. It returns whether a CR or LF stood alone. The end is CRLF.CRLF and
// nothing like it; sink returns an error to stop.
func (b *lineReader) data(sink func([]byte) error) (bare bool, err error) {
	lineStart := true // after a CRLF
	seen := 0
	for {
		i := bytes.IndexByte(b.buf[b.r+seen:b.w], '\n')
		if i < 0 && b.buffered() < len(b.buf) {
			seen = b.buffered()
			if err := b.fill(); err != nil {
				return bare, err
			}
			continue
		}
		var piece []byte
		ended := i >= 0
		if ended {
			piece = b.buf[b.r : b.r+seen+i+1]
		} else { // a very long line; its last byte may be the CR of a CRLF
			piece = b.buf[b.r : b.w-1]
		}
		seen = 0
		b.r += len(piece)
		if lineStart && piece[0] == '.' {
			if ended && len(piece) == 3 && piece[1] == '\r' {
				return bare, nil
			}
			piece = piece[1:]
		}
		cr := bytes.IndexByte(piece, '\r')
		lineStart = ended && len(piece) >= 2 && piece[len(piece)-2] == '\r'
		if lineStart && cr != len(piece)-2 || !lineStart && (ended || cr >= 0) {
			bare = true
		}
		if err := sink(piece); err != nil {
			return bare, err
		}
	}
}

// exactly gives the next n bytes to the sink (RFC 3030 2).
func (b *lineReader) exactly(n int64, sink func([]byte) error) error {
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
		if err := sink(piece); err != nil {
			return err
		}
	}
	return nil
}

// hasBareNewline tells whether a CR or LF in p is not part of a CRLF.
func hasBareNewline(p []byte) bool {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return bytes.IndexByte(p, '\r') >= 0
		}
		if i == 0 || bytes.IndexByte(p[:i], '\r') != i-1 {
			return true
		}
		p = p[i+1:]
	}
	return false
}
