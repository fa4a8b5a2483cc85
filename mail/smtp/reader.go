package smtp

import (
	"bytes"
	"errors"

	"martlet/mail/door"
)

// lineReader reads commands and messages.
type lineReader struct {
	*door.Reader
	size int // of its buffer, which lines must fit into
}

// line returns the next line without its CRLF, valid until the next read. An
// over-long one is gone when the error comes.
func (b *lineReader) line(limit int) ([]byte, error) {
	line, err := b.Line(limit)
	if errors.Is(err, door.ErrLineTooLong) {
		if serr := b.SkipLine(maxSkippedLine); serr != nil {
			return nil, serr
		}
	}
	return line, err
}

// data reads a message up to the line with a single dot (RFC 5321 4.5.2) and
// gives its bytes, without the dots that were added for transparency, to the
// sink. It returns whether a CR or LF stood alone. The end is CRLF.CRLF and
// nothing like it; sink returns an error to stop.
func (b *lineReader) data(sink func([]byte) error) (bare bool, err error) {
	lineStart := true // after a CRLF
	seen := 0
	for {
		i := bytes.IndexByte(b.Unread()[seen:], '\n')
		if i < 0 && b.Buffered() < b.size {
			seen = b.Buffered()
			if err := b.Fill(); err != nil {
				return bare, err
			}
			continue
		}
		var piece []byte
		ended := i >= 0
		if ended {
			piece = b.Unread()[:seen+i+1]
		} else { // a very long line; its last byte may be the CR of a CRLF
			piece = b.Unread()[:b.Buffered()-1]
		}
		seen = 0
		b.Take(len(piece))
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
