package smtp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/smtp"
)

// witness is the transport of the fuzzer: it swears that no message it is
// given could smuggle another.
type witness struct{ t *testing.T }

func (w *witness) Deliver(_ context.Context, env mail.Envelope, raw []byte) error {
	if strings.ContainsAny(strings.ReplaceAll(string(raw), "\r\n", ""), "\r\n") {
		w.t.Errorf("a lone CR or LF came through: %q", raw)
	}
	for _, to := range env.To {
		if !to.Local {
			w.t.Errorf("would relay to %q", to.Address)
		}
		if strings.ContainsAny(to.Address+env.From, "\r\n\x00<>") {
			w.t.Errorf("an address that no header field could hold: %q, %q", env.From, to.Address)
		}
	}
	if sha256.Sum256(raw)[0]%2 == 0 {
		return errors.New("no")
	}
	return nil
}

func (w *witness) Relay(context.Context, directory.AccountID, mail.Envelope, []byte) error {
	w.t.Error("a stranger was taken for a user")
	return nil
}

// FuzzSession sends bytes to a session: it must end, must not panic, and must
// answer in lines of three digits.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	check(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(f, err)
		f.Add(clientBytes(f, txtar.Parse(data)))
	}
	f.Add([]byte("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n.\r\n"))
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		panics := &panicLog{}
		for _, mode := range []smtp.Mode{smtp.MX, smtp.LMTP, smtp.Submission} {
			srv := h.server(smtp.Config{Mode: mode, Transport: &witness{t}, MaxMessageBytes: 4096, Logger: slog.New(panics)})
			l := newPipeListener()
			go srv.Serve(l)
			conn := &recording{in: bytes.NewReader(input), closed: make(chan struct{})}
			l.conns <- conn
			select {
			case <-conn.closed:
			case <-time.After(20 * time.Second):
				t.Fatal("the session does not end")
			}
			out := conn.out.Bytes()
			for line := range bytes.Lines(out) {
				if len(line) < 6 || line[0] < '2' || line[0] > '5' || !bytes.HasSuffix(line, []byte("\r\n")) {
					t.Errorf("not a reply: %q", line)
				}
			}
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if panics.text != "" {
			t.Errorf("panic: %s", panics.text)
		}
	})
}

// clientBytes is the client's part of a transcript.
func clientBytes(f *testing.F, script *txtar.Archive) []byte {
	var out []byte
	for _, file := range script.Files {
		for line := range strings.Lines(string(file.Data)) {
			line = strings.TrimSuffix(line, "\n")
			if text, ok := strings.CutPrefix(line, "C: "); ok && file.Name == "talk" {
				out = append(out, text+"\r\n"...)
			} else if quoted, ok := strings.CutPrefix(line, "C| "); ok && file.Name == "talk" {
				raw, err := strconv.Unquote(quoted)
				check(f, err)
				out = append(out, raw...)
			}
		}
	}
	return out
}

// panicLog hears of panics, which the server survives.
type panicLog struct{ text string }

func (p *panicLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (p *panicLog) WithAttrs([]slog.Attr) slog.Handler           { return p }
func (p *panicLog) WithGroup(string) slog.Handler                { return p }
func (p *panicLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panicked") {
		r.Attrs(func(a slog.Attr) bool { p.text += a.String() + "\n"; return true })
	}
	return nil
}

// recording is a connection whose client has said everything and hung up.
type recording struct {
	net.Conn
	in     io.Reader
	out    bytes.Buffer
	once   sync.Once
	closed chan struct{}
}

func (r *recording) Read(p []byte) (int, error)       { return r.in.Read(p) }
func (r *recording) Write(p []byte) (int, error)      { return r.out.Write(p) }
func (r *recording) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "recording", Net: "unix"} }
func (r *recording) SetDeadline(time.Time) error      { return nil }
func (r *recording) SetReadDeadline(time.Time) error  { return nil }
func (r *recording) SetWriteDeadline(time.Time) error { return nil }
func (r *recording) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
