package imap_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// deflated is a connection on which both sides compress.
type deflated struct {
	net.Conn
	out *flate.Writer
	in  io.Reader
}

func (d *deflated) Read(b []byte) (int, error) { return d.in.Read(b) }

func (d *deflated) Write(b []byte) (int, error) {
	if _, err := d.out.Write(b); err != nil {
		return 0, err
	}
	return len(b), d.out.Flush()
}

// bytewise sends each byte alone.
type bytewise struct{ net.Conn }

func (c bytewise) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// compress has a wire compress from here on.
func (w *wire) compress(split bool) {
	w.t.Helper()
	w.ok("COMPRESS DEFLATE")
	to := io.Writer(w.conn)
	if split {
		to = bytewise{w.conn}
	}
	out, err := flate.NewWriter(to, flate.BestSpeed)
	check(w.t, err)
	d := &deflated{Conn: w.conn, out: out, in: flate.NewReader(w.conn)}
	w.conn, w.in = d, bufio.NewReader(d)
}

func TestCompressedSessionsSayTheSame(t *testing.T) {
	t.Parallel()
	for _, split := range []bool{false, true} {
		h := newHouse(t)
		h.fill()
		w := h.login()
		if got := w.do("a", "COMPRESS LZW"); !strings.HasPrefix(got[0], "a BAD") {
			t.Errorf("another algorithm: %q", got)
		}
		w.compress(split)
		if got := w.do("a", "COMPRESS DEFLATE"); got[0] != "a NO [COMPRESSIONACTIVE] All is compressed already" {
			t.Errorf("twice: %q", got)
		}
		w.ok("SELECT INBOX")
		plain := h.login()
		plain.ok("SELECT INBOX")
		const fetch = "FETCH 1:* (UID FLAGS ENVELOPE BODY.PEEK[])"
		if got, want := strings.Join(w.ok(fetch), "\n"), strings.Join(plain.ok(fetch), "\n"); got != want {
			t.Errorf("compressed %q\nplain %q", got, want)
		}
		text := "Subject: random\r\n\r\n" + strings.Repeat("many words ", 20_000)
		w.send("b APPEND INBOX {" + strconv.Itoa(len(text)) + "}\r\n")
		w.until("+")
		w.send(text + "\r\n")
		if got := w.until("b "); !strings.HasPrefix(got[len(got)-1], "b OK") {
			t.Errorf("append: %q", got)
		}
		w.ok("UNAUTHENTICATE")
		w.ok(`LOGIN ` + alice + ` "` + password + `"`)
		w.ok("LOGOUT")
	}
}

// A wake, and the silence after which a session is parked, come between what is
// compressed and must not break it.
func TestACompressedSessionIdles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	w := h.login()
	w.compress(false)
	w.ok("SELECT INBOX")
	for i := range 3 {
		w.send("i IDLE\r\n")
		w.until("+")
		if i == 1 { // parked by then
			for _, parked := h.server.Sessions(); parked == 0; _, parked = h.server.Sessions() {
				runtime.Gosched()
			}
		}
		h.deliverTo(h.folder(mail.RoleInbox).ID, "Subject: new\r\n\r\n", time.Now())
		if got := w.line(); !strings.HasSuffix(got, " EXISTS") {
			t.Fatalf("in IDLE: %q", got)
		}
		w.send("DONE\r\n")
		w.until("i OK")
		w.ok("NOOP")
	}
	w.ok("LOGOUT")
}

func TestGarbageThatIsNotCompressedEndsTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, garbage := range []string{"a NOOP\r\n", strings.Repeat("\xff", 1000), "\x00\x05\x00\x00\x00"} {
		w := h.login()
		w.ok("COMPRESS DEFLATE")
		w.send(garbage)
		w.conn.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, w.in)
	}
	// One that expands to a line without an end.
	w := h.login()
	w.compress(false)
	_, _ = w.conn.Write(bytes.Repeat([]byte("x"), 4<<20))
	for range 3 {
		if w.line() == "" {
			return
		}
	}
	t.Error("the session goes on")
}
