package pop3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// retr answers RETR.
func (s *session) retr(ctx context.Context, arg string) {
	if e, _ := s.message(arg); e != nil {
		s.send(ctx, e, -1)
	}
}

// top answers TOP: the header and the first lines of the body (RFC 1939 7).
func (s *session) top(ctx context.Context, arg string) {
	which, count, _ := strings.Cut(arg, " ")
	lines, ok := number(count)
	if !ok {
		s.mistake("TOP has a message and a number of lines")
		return
	}
	if e, _ := s.message(which); e != nil {
		s.send(ctx, e, min(lines, maxLines))
	}
}

// piece is how much of a message is in memory at once.
const piece = 64 << 10

// send sends a message, or its header and so many lines of the body.
func (s *session) send(ctx context.Context, e *entry, lines int) {
	var it mail.Item
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		it, err = s.srv.cfg.Mailboxes.Item(tx, s.drop.box, s.drop.inbox, e.id)
		return err
	})
	if errors.Is(err, mail.ErrNoItem) || errors.Is(err, mail.ErrNoFolder) {
		s.no("The message is gone")
		return
	}
	buf := make([]byte, min(it.Blob.Size, piece))
	src := io.NewSectionReader(s.srv.cfg.Mailboxes.Blobs().Reader(ctx, it.Blob), 0, it.Blob.Size)
	var n int
	if err == nil {
		n, err = io.ReadFull(src, buf) // before anything is promised
	}
	if err != nil && it.Blob.Size > 0 {
		s.fail("retr", err)
		return
	}
	s.ok("%d octets", it.Blob.Size)
	w := dotWriter{out: s.conn.Append, lines: lines, lineStart: true, header: true}
	for left := it.Blob.Size; ; {
		w.write(buf[:n])
		left -= int64(n)
		if left == 0 || w.full() || s.conn.Broken() != nil {
			break
		}
		if n, err = io.ReadFull(src, buf[:min(left, int64(len(buf)))]); err != nil {
			// What was promised cannot come: the client must not take the rest of what
			// we say for the message's.
			s.srv.log.Error("pop3 message not readable", "user", s.account.Login, "error", err)
			s.done = true
			return
		}
	}
	w.end()
}

// dotWriter sends a message as lines: each ends in CRLF, and one that begins with
// a dot gets another (RFC 1939 3). A CR or LF that stands alone in what is kept
// becomes a CRLF too: a client that takes it for a line end would else find a
// dot, and the end, where the sender of the message put it.
type dotWriter struct {
	out       func([]byte)
	lines     int // of the body; negative: all
	header    bool
	lineStart bool
	cr        bool // the last byte was a CR, whose line end is out already
	over      bool
}

// full tells whether no more lines are wanted.
func (w *dotWriter) full() bool { return w.over }

func (w *dotWriter) write(b []byte) {
	for len(b) > 0 && !w.over {
		if w.cr {
			w.cr = false
			if b[0] == '\n' { // the rest of a CRLF
				b = b[1:]
				continue
			}
		}
		i := bytes.IndexAny(b, "\r\n")
		text := b
		if i >= 0 {
			text = b[:i]
		}
		if len(text) > 0 {
			w.text(text)
		}
		if i < 0 {
			return
		}
		w.cr = b[i] == '\r'
		b = b[i+1:]
		w.newline()
	}
}

func (w *dotWriter) text(b []byte) {
	if w.lineStart && b[0] == '.' {
		w.out([]byte{'.'})
	}
	w.lineStart = false
	w.out(b)
}

// newline ends a line. An empty one ends the header; afterwards lines count.
func (w *dotWriter) newline() {
	w.out([]byte("\r\n"))
	empty := w.lineStart
	w.lineStart = true
	switch {
	case w.header && empty:
		w.header = false
	case !w.header && w.lines > 0:
		w.lines--
	default:
		return
	}
	w.over = w.lines == 0
}

// end ends the message with the line that ends it.
func (w *dotWriter) end() {
	if !w.lineStart {
		w.out([]byte("\r\n"))
	}
	w.out([]byte(".\r\n"))
}
