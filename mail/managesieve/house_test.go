package managesieve_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail/door"
	"martlet/mail/mailbox"
	"martlet/mail/managesieve"
	"martlet/mail/rules"
	"martlet/mail/sasl"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

const people = `
[[domain]]
name = "example.org"
[[user]]
login = "alice@example.org"
password = "correct horse"
[[user]]
login = "carol@example.org"
disabled = true
password = "correct horse"
`

// house is where scripts are put.
type house struct {
	t         testing.TB
	directory *directory.Directory
	rules     *rules.Rules
	alice     directory.AccountID
	client    *tls.Config
	addr      string
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t}
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	s, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	check(t, err)
	blobs, err := blob.Open(blob.Config{Store: s, Path: filepath.Join(dir, "blobs"), Logger: log})
	check(t, err)
	h.directory, err = directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	check(t, err)
	_, err = h.directory.Apply(context.Background(), file, false)
	check(t, err)
	a, err := h.directory.AccountByLogin(context.Background(), "alice@example.org")
	check(t, err)
	h.alice = a.ID
	boxes := mailbox.New(mailbox.Config{Store: s, Blobs: blobs, Hub: push.NewHub(), Logger: log})
	h.rules = rules.New(rules.Config{Store: s, Directory: h.directory, Mailboxes: boxes, Hostname: "mail.example.org", Logger: log})
	var serverTLS *tls.Config
	serverTLS, h.client = certificate(t)
	server := managesieve.New(managesieve.Config{Hostname: "mail.example.org", Gate: sasl.NewGate(h.directory), Rules: h.rules, TLS: serverTLS, Logger: log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	h.addr = l.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Shutdown(context.Background())
		if err := <-ended; !errors.Is(err, door.ErrClosed) {
			t.Errorf("serve: %v", err)
		}
		report := func(p store.Problem) { t.Errorf("after the test: %s %s: %s", p.Table, p.Key, p.Text) }
		check(t, errors.Join(h.rules.Check(context.Background(), report), blobs.Close(), s.Close()))
	})
	return h
}

// certificate returns what both ends of TLS need.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "mail.example.org"}
}

// wire is a client's end.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// dial connects and reads the greeting.
func (h *house) dial() *wire {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	check(h.t, err)
	h.t.Cleanup(func() { conn.Close() })
	check(h.t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	w := &wire{h.t, conn, bufio.NewReader(conn)}
	w.until(`OK "mail.example.org ready"`)
	return w
}

// secure is a wire under TLS.
func (h *house) secure() *wire {
	h.t.Helper()
	w := h.dial()
	w.say("STARTTLS", `OK "Begin TLS now"`)
	w.conn = tls.Client(w.conn, h.client)
	w.in = bufio.NewReader(w.conn)
	w.until(`OK "TLS is on"`)
	return w
}

// login is a wire that has logged in.
func (h *house) login() *wire {
	h.t.Helper()
	w := h.secure()
	w.say(plain("alice@example.org", "correct horse"), `OK "Welcome"`)
	return w
}

func plain(login, password string) string {
	return `AUTHENTICATE "PLAIN" "` + base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+password)) + `"`
}

func (w *wire) send(s string) {
	w.t.Helper()
	_, err := io.WriteString(w.conn, s)
	check(w.t, err)
}

// line reads a line, "" at the end.
func (w *wire) line() string {
	w.t.Helper()
	s, err := w.in.ReadString('\n')
	if errors.Is(err, io.EOF) && s == "" {
		return ""
	}
	check(w.t, err)
	return strings.TrimSuffix(s, "\r\n")
}

// until reads lines to one that matches, and gives those before it.
func (w *wire) until(pattern string) (before []string) {
	w.t.Helper()
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	for range 100 {
		line := w.line()
		if re.MatchString(line) {
			return before
		}
		if line == "" && len(before) > 50 {
			break
		}
		before = append(before, line)
	}
	w.t.Fatalf("the server says %q, want %q", before, pattern)
	return nil
}

// say sends a command and wants lines.
func (w *wire) say(command string, want ...string) {
	w.t.Helper()
	w.send(command + "\r\n")
	for _, pattern := range want {
		if got := w.line(); !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(got) {
			w.t.Fatalf("%q: the server says %q, want %q", command, got, pattern)
		}
	}
}
