package imap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"martlet/mail/message"
)

// writer collects responses and sends them when there are many or when the
// session would wait. After an error nothing more is sent.
type writer struct {
	conn io.Writer
	buf  []byte
	err  error
	held bool // what is appended may be taken back: nothing is sent
	utf8 bool // quoted strings may hold UTF-8: the client enabled IMAP4rev2 or UTF8=ACCEPT
}

func (w *writer) flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	_, w.err = w.conn.Write(w.buf)
	w.buf = w.buf[:0]
	return w.err
}

// release gives back the space of a long response.
func (w *writer) release() {
	if cap(w.buf) > minBuffer {
		w.buf = nil
	}
}

// raw appends text as it is.
func (w *writer) raw(s string) *writer {
	w.buf = append(w.buf, s...)
	if len(w.buf) >= outBuffer && !w.held {
		_ = w.flush()
	}
	return w
}

func (w *writer) rawf(format string, args ...any) *writer {
	w.buf = fmt.Appendf(w.buf, format, args...)
	return w
}

func (w *writer) number(n int64) *writer {
	w.buf = strconv.AppendInt(w.buf, n, 10)
	return w
}

// string writes a string (RFC 9051 4.3): quoted where that can hold it, else as
// a literal.
func (w *writer) string(s string) *writer {
	if !quotable(s, w.utf8) {
		return w.rawf("{%d}\r\n", len(s)).raw(noNUL(s))
	}
	w.buf = append(w.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			w.buf = append(w.buf, '\\')
		}
		w.buf = append(w.buf, s[i])
	}
	w.buf = append(w.buf, '"')
	return w
}

// nstring writes NIL for an empty text.
func (w *writer) nstring(s string) *writer {
	if s == "" {
		return w.raw("NIL")
	}
	return w.string(s)
}

const maxQuoted = 1000

func quotable(s string, utf8OK bool) bool {
	if len(s) > maxQuoted {
		return false
	}
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0 || c == '\r' || c == '\n':
			return false
		case c >= 0x80:
			ascii = false
		}
	}
	return ascii || utf8OK && utf8.ValidString(s)
}

// noNUL replaces NUL, which no literal may hold (RFC 9051 4.3), by the octet
// that other servers use too; the size stays.
func noNUL(s string) string {
	if bytes.IndexByte([]byte(s), 0) < 0 {
		return s
	}
	return string(bytes.ReplaceAll([]byte(s), []byte{0}, []byte{nulInstead}))
}

const nulInstead = 0x80

// clearNUL is noNUL in place.
func clearNUL(b []byte) {
	for i := bytes.IndexByte(b, 0); i >= 0; i = bytes.IndexByte(b, 0) {
		b[i] = nulInstead
		b = b[i+1:]
	}
}

// literal writes a piece of a message as a literal, or as a literal8 when
// binary. After the first byte is announced there is no way back: an error ends
// the connection.
func (w *writer) literal(ctx context.Context, p piece, binary bool) {
	if binary {
		w.raw("~")
	}
	w.rawf("{%d}\r\n", p.size)
	if b, ok := p.src.(message.Bytes); ok {
		w.bytes(b[p.off:p.off+p.size], binary)
		return
	}
	w.stream(ctx, io.NewSectionReader(p.src, p.off, p.size), p.size, binary)
}

// bytes writes what is in memory, without a copy where it is long.
func (w *writer) bytes(b []byte, binary bool) {
	if !binary && bytes.IndexByte(b, 0) >= 0 {
		b = bytes.ReplaceAll(b, []byte{0}, []byte{nulInstead})
	}
	if len(b) < outBuffer/2 {
		w.buf = append(w.buf, b...)
		return
	}
	if w.flush() != nil {
		return
	}
	_, w.err = w.conn.Write(b)
}

// stream writes n bytes of src piece by piece.
func (w *writer) stream(ctx context.Context, src io.Reader, n int64, binary bool) {
	piece := make([]byte, min(n, outBuffer))
	for n > 0 && w.err == nil {
		got, err := io.ReadFull(src, piece[:min(n, int64(len(piece)))])
		if err != nil {
			w.err = fmt.Errorf("imap: message: %w", err)
			return
		}
		if ctx.Err() != nil {
			w.err = ctx.Err()
			return
		}
		n -= int64(got)
		if !binary {
			for i := bytes.IndexByte(piece[:got], 0); i >= 0; i = bytes.IndexByte(piece[:got], 0) {
				piece[i] = nulInstead
			}
		}
		w.buf = append(w.buf, piece[:got]...)
		if len(w.buf) >= outBuffer {
			_ = w.flush()
		}
	}
}
