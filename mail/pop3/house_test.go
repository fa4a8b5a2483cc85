package pop3_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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
	"martlet/mail"
	"martlet/mail/door"
	"martlet/mail/mailbox"
	"martlet/mail/pop3"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

const password = "correct horse"

// people are who lives in a house.
const people = `
[[domain]]
name = "example.org"
[[user]]
login = "alice@example.org"
password = "correct horse"
[[user]]
login = "käthe@example.org"
password = "grüne Wiese"
[[user]]
login = "carol@example.org"
disabled = true
password = "correct horse"
[[user]]
login = "dora@example.org"
server = "https://mail2.example.org"
password = "correct horse"
`

// house is a mail core with a POP3 server.
type house struct {
	t         testing.TB
	store     *store.Store
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	hub       *push.Hub
	server    *pop3.Server
	alice     mail.MailboxID
	inbox     mail.FolderID
	client    *tls.Config
	plain     string // address
	secure    string
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, hub: push.NewHub()}
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	check(t, err)
	blobs, err := blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: log})
	check(t, err)
	h.directory, err = directory.New(directory.Config{Store: h.store, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: blobs, Hub: h.hub, Logger: log})
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	check(t, err)
	_, err = h.directory.Apply(t.Context(), file, false)
	check(t, err)
	a, err := h.directory.AccountByLogin(t.Context(), "alice@example.org")
	check(t, err)
	h.alice = mail.MailboxOf(a.ID)
	check(t, h.mailboxes.Create(t.Context(), h.alice))
	check(t, h.store.View(t.Context(), func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, h.alice, mail.RoleInbox)
		h.inbox = f.ID
		return err
	}))
	var serverTLS *tls.Config
	serverTLS, h.client = certificate(t)
	h.server = pop3.New(pop3.Config{Hostname: "mail.example.org", Directory: h.directory, Store: h.store, Mailboxes: h.mailboxes, TLS: serverTLS, Logger: log})
	ended := make(chan error, 2)
	listen := func(wrap func(net.Listener) net.Listener) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		go func() { ended <- h.server.Serve(wrap(l)) }()
		return l.Addr().String()
	}
	h.plain = listen(func(l net.Listener) net.Listener { return l })
	h.secure = listen(func(l net.Listener) net.Listener { return tls.NewListener(l, serverTLS) })
	t.Cleanup(func() {
		_ = h.server.Shutdown(context.Background())
		for range 2 {
			if err := <-ended; !errors.Is(err, door.ErrClosed) {
				t.Errorf("serve: %v", err)
			}
		}
		report := func(p store.Problem) { t.Errorf("after the test: %s %s: %s", p.Table, p.Key, p.Text) }
		check(t, h.mailboxes.Check(context.Background(), report))
		check(t, blobs.Close())
		check(t, h.store.Close())
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

// deliver puts messages into Alice's inbox.
func (h *house) deliver(raws ...string) (ids []mail.ItemID) {
	h.t.Helper()
	for _, raw := range raws {
		body, err := h.mailboxes.Prepare(h.t.Context(), []byte(raw))
		check(h.t, err)
		check(h.t, h.store.Update(h.t.Context(), func(tx *store.Tx) error {
			it, err := h.mailboxes.Append(tx, h.alice, h.inbox, mail.NewItem{Class: mail.ClassEmail, Body: body})
			ids = append(ids, it.ID)
			return err
		}))
	}
	return ids
}

// left lists what is in Alice's inbox.
func (h *house) left() (ids []mail.ItemID) {
	h.t.Helper()
	check(h.t, h.store.View(h.t.Context(), func(tx *store.Tx) error {
		ids = nil
		for it, err := range h.mailboxes.Items(tx, h.alice, h.inbox, 0) {
			if err != nil {
				return err
			}
			ids = append(ids, it.ID)
		}
		return nil
	}))
	return ids
}

// wire is a client's end.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) dial(secure bool) *wire {
	h.t.Helper()
	addr := h.plain
	if secure {
		addr = h.secure
	}
	conn, err := net.Dial("tcp", addr)
	check(h.t, err)
	h.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if secure {
		conn = tls.Client(conn, h.client)
	}
	w := &wire{h.t, conn, bufio.NewReader(conn)}
	w.want(`\+OK mail.example.org POP3 ready`)
	return w
}

// login is a wire that has logged in.
func (h *house) login() *wire {
	h.t.Helper()
	w := h.dial(true)
	w.say("USER alice@example.org", `\+OK .*`)
	w.say("PASS "+password, `\+OK .*`)
	return w
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
	line, ok := strings.CutSuffix(s, "\r\n")
	if !ok || strings.Contains(line, "\r") {
		w.t.Fatalf("not a line: %q", s)
	}
	return line
}

// want reads a line that must match.
func (w *wire) want(pattern string) {
	w.t.Helper()
	if got := w.line(); !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(got) {
		w.t.Fatalf("the server says %q, want %q", got, pattern)
	}
}

// say sends a command and wants lines.
func (w *wire) say(command string, want ...string) {
	w.t.Helper()
	w.send(command + "\r\n")
	for _, pattern := range want {
		w.want(pattern)
	}
}

// many sends a command and returns the lines of its answer, without dots added.
func (w *wire) many(command string) (lines []string) {
	w.t.Helper()
	w.say(command, `\+OK .*`)
	for {
		line := w.line()
		if line == "." {
			return lines
		}
		lines = append(lines, strings.TrimPrefix(line, "."))
	}
}

// upgrade is the client's handshake after STLS.
func (w *wire) upgrade(h *house) {
	w.conn = tls.Client(w.conn, h.client)
	w.in = bufio.NewReader(w.conn)
}
