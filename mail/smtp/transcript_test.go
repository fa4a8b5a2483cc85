package smtp_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"martlet/mail"
	"martlet/mail/smtp"
)

// A transcript in testdata is a scenario: what it shows, then
//
//	-- setup --           mode lmtp, tls, limit settings, one a line
//	-- talk --            the conversation
//	-- inbox WHO --       what WHO then has, messages parted by a line "====="
//	-- queue --           what waits for other hosts: "from -> to, to"
//
// In a conversation "C: text" is a line of the client, several in a row go out
// in one write; "C| "text\n"" are bytes in Go's notation; "S: text" is a line
// the server must answer, "*" standing for anything; "TLS" is a handshake, and
// "S hangs up" the end.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	check(t, err)
	if len(files) < 10 {
		t.Fatalf("found %d transcripts", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runTranscript(t, file)
		})
	}
}

func runTranscript(t *testing.T, file string) {
	script, err := txtar.ParseFile(file)
	check(t, err)
	h := newHouse(t)
	var cfg smtp.Config
	var talk string
	serverTLS, clientTLS := certificate(t)
	implicit := false
	for _, f := range script.Files {
		switch f.Name {
		case "setup":
			implicit = configure(t, &cfg, serverTLS, string(f.Data))
		case "talk":
			talk = string(f.Data)
		}
	}
	srv := h.server(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	addr := l.Addr().String()
	if implicit {
		l = tls.NewListener(l, serverTLS)
	}
	h.run(srv, l)

	conn, err := net.Dial("tcp", addr)
	check(t, err)
	defer conn.Close()
	if implicit {
		conn = tls.Client(conn, clientTLS)
	}
	c := &conversation{t: t, file: file, conn: conn, tls: clientTLS}
	c.run(talk)
	for _, f := range script.Files {
		if who, ok := strings.CutPrefix(f.Name, "inbox "); ok {
			got := strings.Join(h.messages(who, mail.RoleInbox), "=====\r\n")
			compare(t, f.Name, strings.ReplaceAll(got, "\r\n", "\n"), string(f.Data))
		}
		if f.Name == "queue" {
			compare(t, f.Name, h.queued(), string(f.Data))
		}
	}
}

func configure(t *testing.T, cfg *smtp.Config, serverTLS *tls.Config, setup string) (implicit bool) {
	for line := range strings.Lines(setup) {
		word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch word {
		case "mode":
			cfg.Mode = map[string]smtp.Mode{"mx": smtp.MX, "submission": smtp.Submission, "lmtp": smtp.LMTP}[value]
		case "tls":
			cfg.TLS = serverTLS
		case "implicit-tls":
			cfg.TLS, implicit = serverTLS, true
		case "max-message":
			cfg.MaxMessageBytes = n
		case "max-recipients":
			cfg.MaxRecipients = int(n)
		default:
			t.Fatalf("setup: %q is not known", line)
		}
	}
	return implicit
}

// queued returns what waits in the queue, a line for each entry.
func (h *house) queued() string {
	var lines []string
	for e, err := range h.queue.List(h.t.Context()) {
		check(h.t, err)
		var to []string
		for _, r := range e.Envelope.To {
			to = append(to, r.Address)
		}
		lines = append(lines, fmt.Sprintf("%s -> %s\n", e.Envelope.From, strings.Join(to, ", ")))
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// conversation plays the client's part of a transcript.
type conversation struct {
	t    *testing.T
	file string
	conn net.Conn
	in   *bufio.Reader
	tls  *tls.Config
	out  []byte
	line int
}

func (c *conversation) run(talk string) {
	c.in = bufio.NewReader(c.conn)
	c.conn.SetDeadline(time.Now().Add(20 * time.Second))
	for line := range strings.Lines(talk) {
		c.line++
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "C:":
			c.out = append(c.out, "\r\n"...)
		case strings.HasPrefix(line, "C: "):
			c.out = append(c.out, line[3:]+"\r\n"...)
		case strings.HasPrefix(line, "C| "):
			raw, err := strconv.Unquote(line[3:])
			check(c.t, err)
			c.out = append(c.out, raw...)
		case strings.HasPrefix(line, "S: "):
			c.send()
			c.expect(line[3:])
		case line == "S hangs up":
			c.send()
			if rest, err := c.in.ReadString('\n'); err == nil {
				c.fail("the server says %q instead of hanging up", rest)
			}
		case line == "TLS":
			c.send()
			conn := tls.Client(c.conn, c.tls)
			if err := conn.Handshake(); err != nil {
				c.fail("handshake: %v", err)
			}
			c.conn, c.in = conn, bufio.NewReader(conn)
		default:
			c.fail("not understood: %q", line)
		}
	}
	c.send()
}

func (c *conversation) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("%s: line %d of the talk: %s", c.file, c.line, fmt.Sprintf(format, args...))
}

func (c *conversation) send() {
	if len(c.out) > 0 {
		if _, err := c.conn.Write(c.out); err != nil {
			c.fail("write: %v", err)
		}
		c.out = nil
	}
}

func (c *conversation) expect(want string) {
	c.t.Helper()
	got, err := c.in.ReadString('\n')
	if err != nil {
		c.fail("the server says %q and then %v, want %q", got, err, want)
	}
	if line, ok := strings.CutSuffix(got, "\r\n"); !ok || !matches(line, want) {
		c.fail("the server says %q, want %q", got, want)
	}
}

// matches compares with a pattern in which * stands for anything.
func matches(s, pattern string) bool {
	re := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
	return regexp.MustCompile(`^` + re + `$`).MatchString(s)
}

func compare(t *testing.T, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			t.Fatalf("%s: ends early, want %q; all of it:\n%s", what, w[i], got)
		case i >= len(w):
			t.Fatalf("%s: goes on with %q; all of it:\n%s", what, g[i], got)
		case !matches(g[i], w[i]):
			t.Fatalf("%s: line %d is %q, want %q; all of it:\n%s", what, i+1, g[i], w[i], got)
		}
	}
}
