package imap

import (
	"compress/flate"
	"context"
	"io"
	"strings"

	kflate "github.com/klauspost/compress/flate"

	"martlet/mail/door"
)

// maxCompressed bounds the sessions that compress: each keeps the 32 KB that a
// client may refer back to, in both senses for as long as it lasts.
const maxCompressed = 1000

// compress answers COMPRESS (RFC 4978).
func (s *session) compress(_ context.Context, p *parser) error {
	p.sp()
	algorithm := p.atom()
	if err := p.end(); err != nil {
		return err
	}
	switch {
	case !strings.EqualFold(algorithm, "DEFLATE"):
		return bad("Only DEFLATE is known")
	case s.compressed:
		return no("COMPRESSIONACTIVE", "All is compressed already")
	case s.conn.Buffered() > 0:
		// What came behind the command in the clear is not what the client will say.
		s.bye("Nothing may follow COMPRESS before its reply")
		return reply{}
	case s.srv.compressed.Add(1) > maxCompressed:
		s.srv.compressed.Add(-1)
		return no("LIMIT", "Too many sessions compress, try again later")
	}
	s.compressed = true
	s.answer(s.tag, ok("", "DEFLATE from here on"))
	if err := s.out.flush(); err != nil {
		return reply{}
	}
	in := &inflating{conn: s.conn}
	in.flate = flate.NewReader(&in.raw)
	in.raw.conn = s.conn
	s.conn.Source(in)
	// It keeps nothing between two writes, so an idle session costs what it cost
	// before but for the reading.
	s.out.conn = kflate.NewStatelessWriter(s.conn)
	return reply{} // answered already
}

// leaveCompression gives the session's place to others.
func (s *session) leaveCompression() {
	if s.compressed {
		s.srv.compressed.Add(-1)
	}
}

// inflating reads what a client compresses. The end of a wait, by a wake or by
// silence, must not reach the decompressor, which would not go on after it: so it is
// asked only when something has come.
type inflating struct {
	conn  *door.Conn
	raw   rawInput
	flate io.Reader
	more  bool // it may have more to give of what it was given
}

func (in *inflating) Read(b []byte) (int, error) {
	if !in.more && in.raw.empty() {
		if err := in.raw.fill(); err != nil {
			return 0, err
		}
	}
	n, err := in.flate.Read(b)
	in.more = n == len(b)
	return n, err
}

// rawInput is what has come and is not decompressed yet.
type rawInput struct {
	conn *door.Conn
	buf  [1 << 10]byte
	r, w int
}

func (r *rawInput) empty() bool { return r.r == r.w }

func (r *rawInput) fill() error {
	n, err := r.conn.Read(r.buf[:])
	r.r, r.w = 0, n
	if n > 0 {
		return nil // an error will come again
	}
	return err
}

// Read is for the decompressor, in the middle of something: nothing breaks off
// that wait but time.
func (r *rawInput) Read(b []byte) (int, error) {
	if r.empty() {
		busy := r.conn.Busy
		r.conn.Busy = true
		err := r.fill()
		r.conn.Busy = busy
		if err != nil {
			return 0, err
		}
	}
	n := copy(b, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// ReadByte has the decompressor take no more than it needs.
func (r *rawInput) ReadByte() (byte, error) {
	var b [1]byte
	_, err := r.Read(b[:])
	return b[0], err
}
