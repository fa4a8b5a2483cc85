package door

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// portions gives the same bytes in other portions.
type portions struct {
	b    []byte
	size int
}

func (p *portions) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// However the bytes come, the lines are those that CRLF ends, and what is no line
// is said to be none.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\nc\r\n\r\nlonger than the limit is\r\nd\r\n"), uint8(1), uint8(3))
	f.Add([]byte("\r\r\n\n"), uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, input []byte, size, buffer uint8) {
		const limit = 16
		r := NewReader(&portions{bytes.Clone(input), int(size%7) + 1}, int(buffer%40))
		rest := input
		for {
			line, err := r.Line(limit)
			end := bytes.IndexByte(rest, '\n')
			switch {
			case err == nil:
				if end < 0 || end+1 > limit || string(rest[:end+1]) != string(line)+"\r\n" || bytes.ContainsAny(line, "\r\n") {
					t.Fatalf("%q is read as the line %q", rest, line)
				}
			case errors.Is(err, ErrBareNewline):
				if end < 0 || bytes.IndexByte(rest[:end+1], '\r') == end-1 && end > 0 {
					t.Fatalf("%q has no bare newline", rest)
				}
			case errors.Is(err, ErrLineTooLong):
				if end >= 0 && end+1 <= limit || end < 0 && len(rest) < limit {
					t.Fatalf("%q is not too long", rest)
				}
				if err := r.SkipLine(1 << 20); (err == nil) != (end >= 0) {
					t.Fatalf("skipping %q: %v", rest, err)
				}
				if end < 0 {
					return
				}
			case errors.Is(err, io.EOF):
				if end >= 0 {
					t.Fatalf("%q is left unread", rest)
				}
				return
			default:
				t.Fatal(err)
			}
			rest = rest[end+1:]
		}
	})
}
