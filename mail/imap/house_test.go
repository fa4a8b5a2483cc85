package imap_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/announce"
	"martlet/mail/door"
	"martlet/mail/imap"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

const (
	password = "correct horse"
	alice    = "alice@example.org"
)

const people = `
[[domain]]
name = "example.org"
[[user]]
login = "alice@example.org"
password = "correct horse"
[[user]]
login = "bob@example.org"
password = "correct horse"
[[user]]
login = "carol@example.org"
disabled = true
password = "correct horse"
[[user]]
login = "dave@example.org"
server = "https://other.example.org"
password = "correct horse"
`

type imapConfig = imap.Config

// house is a mail core with an IMAP server.
type house struct {
	t         testing.TB
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	hub       *push.Hub
	book      *announce.Book
	config    imap.Config
	server    *imap.Server
	roots     *x509.CertPool
	plain     string // address of the listener without TLS
	tls       string
	box       mail.MailboxID // Alice's
	limits    map[mail.MailboxID]mail.Limits
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newHouse opens a house that listens; when the test ends, every invariant is
// checked.
func newHouse(t testing.TB, edit ...func(*house, *imap.Config)) *house {
	t.Helper()
	h := openHouse(t, false, edit...)
	h.plain = h.listen(nil)
	h.tls = h.listen(h.config.TLS)
	t.Cleanup(h.close)
	return h
}

// openHouse opens a house that does not listen. In a bubble nothing may run in
// the background.
func openHouse(t testing.TB, bubble bool, edit ...func(*house, *imap.Config)) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, hub: push.NewHub()}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: quiet, Reserve: 1, NoCompaction: bubble})
	check(t, err)
	h.blobs, err = blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: quiet})
	check(t, err)
	h.directory, err = directory.New(directory.Config{Store: h.store, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: h.hub, Logger: quiet, Limits: func(_ *store.Tx, box mail.MailboxID) (mail.Limits, error) {
		return h.limits[box], nil
	}})
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	check(t, err)
	_, err = h.directory.Apply(context.Background(), file, false)
	check(t, err)
	a, err := h.directory.AccountByLogin(context.Background(), alice)
	check(t, err)
	h.box = mail.MailboxOf(a.ID)
	check(t, h.mailboxes.Create(context.Background(), h.box))
	cert := h.certificate()
	cfg := imap.Config{
		Hostname: "mail.example.org", Directory: h.directory, Store: h.store, Mailboxes: h.mailboxes, Hub: h.hub,
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, MaxMessageBytes: 1 << 20, Logger: quiet,
	}
	for _, f := range edit {
		f(h, &cfg)
	}
	h.config = cfg
	h.server = imap.New(cfg)
	return h
}

func (h *house) listen(c *tls.Config) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(h.t, err)
	if c != nil {
		l = tls.NewListener(l, c)
	}
	go func() {
		if err := h.server.Serve(l); !errors.Is(err, door.ErrClosed) {
			h.t.Error(err)
		}
	}()
	return l.Addr().String()
}

func (h *house) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		h.t.Errorf("shutdown: %v", err)
	}
	check(h.t, h.mailboxes.Sweep(ctx))
	report := func(p store.Problem) { h.t.Errorf("after the test: %s %s: %s", p.Table, p.Key, p.Text) }
	check(h.t, errors.Join(h.store.Check(ctx, report), h.mailboxes.Check(ctx, report), imap.Check(ctx, h.store, h.directory, report),
		h.blobs.Audit(ctx, blob.Audit{Deep: true, References: h.mailboxes.References}, report)))
	check(h.t, errors.Join(h.blobs.Close(), h.store.Close()))
}

func (h *house) certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(h.t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	check(h.t, err)
	leaf, err := x509.ParseCertificate(der)
	check(h.t, err)
	h.roots = x509.NewCertPool()
	h.roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// folder returns one of Alice's folders.
func (h *house) folder(role mail.Role) mail.Folder {
	h.t.Helper()
	var f mail.Folder
	check(h.t, h.store.View(context.Background(), func(tx *store.Tx) (err error) {
		f, err = h.mailboxes.FolderByRole(tx, h.box, role)
		return err
	}))
	return f
}

// deliver puts a message into the Inbox, as mail that arrives does.
func (h *house) deliver(raw string, at time.Time) mail.Item {
	h.t.Helper()
	return h.deliverTo(h.folder(mail.RoleInbox).ID, raw, at)
}

func (h *house) deliverTo(f mail.FolderID, raw string, at time.Time) (it mail.Item) {
	h.t.Helper()
	body, err := h.mailboxes.Prepare(context.Background(), []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
	check(h.t, err)
	check(h.t, h.store.Update(context.Background(), func(tx *store.Tx) (err error) {
		it, err = h.mailboxes.Append(tx, h.box, f, mail.NewItem{Class: mail.ClassEmail, Body: body, Received: at.UnixMilli()})
		return err
	}))
	return it
}

// edit changes a message of the Inbox, as a phone does.
func (h *house) edit(id mail.ItemID, change func(*mail.Item)) {
	h.t.Helper()
	f := h.folder(mail.RoleInbox).ID
	check(h.t, h.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, h.box, f, id, change)
		return err
	}))
}

// remove deletes a message of the Inbox, as a phone does.
func (h *house) remove(id mail.ItemID) {
	h.t.Helper()
	f := h.folder(mail.RoleInbox).ID
	check(h.t, h.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box, f, id)
		return err
	}))
}

// fill delivers the messages of testdata: UIDs 1 to 3.
func (h *house) fill() {
	h.t.Helper()
	for i, name := range []string{"plain.eml", "files.eml", "nested.eml"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		check(h.t, err)
		h.deliver(string(raw), time.Date(2026, 11, 20+i, 8, 30, 15, 0, time.UTC))
	}
}

// client is the library's, logged in.
func (h *house) client(options *imapclient.Options) *imapclient.Client {
	h.t.Helper()
	if options == nil {
		options = &imapclient.Options{}
	}
	options.TLSConfig = &tls.Config{RootCAs: h.roots}
	c, err := imapclient.DialTLS(h.tls, options)
	check(h.t, err)
	h.t.Cleanup(func() { c.Close() })
	check(h.t, c.Login(alice, password).Wait())
	return c
}

// wire is a client that says what it is told to.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) dial(secure bool) *wire {
	h.t.Helper()
	var conn net.Conn
	var err error
	if secure {
		conn, err = tls.Dial("tcp", h.tls, &tls.Config{RootCAs: h.roots})
	} else {
		conn, err = net.Dial("tcp", h.plain)
	}
	check(h.t, err)
	h.t.Cleanup(func() { conn.Close() })
	check(h.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &wire{h.t, conn, bufio.NewReader(conn)}
}

// pipe is a wire without a network, as if it had TLS.
func (h *house) pipe() *wire {
	client, server := net.Pipe()
	go h.server.ServeSecure(server)
	h.t.Cleanup(func() { client.Close() })
	return &wire{h.t, client, bufio.NewReader(client)}
}

// login is a wire that has greeted and logged in.
func (h *house) login() *wire {
	h.t.Helper()
	w := h.dial(true)
	w.line()
	w.do("x", `LOGIN `+alice+` "`+password+`"`)
	return w
}

func (w *wire) send(s string) {
	w.t.Helper()
	_, err := w.conn.Write([]byte(s))
	check(w.t, err)
}

// line reads one line, "" at the end of the connection.
func (w *wire) line() string {
	w.t.Helper()
	s, err := w.in.ReadString('\n')
	if err != nil {
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			w.t.Fatal("no answer")
		}
		return ""
	}
	return strings.TrimSuffix(s, "\r\n")
}

// until reads lines up to one that begins so, or to the end.
func (w *wire) until(prefixes ...string) []string {
	w.t.Helper()
	var all []string
	for {
		s := w.line()
		if s == "" && len(all) > 0 && w.ended() {
			return all
		}
		all = append(all, s)
		for _, p := range prefixes {
			if strings.HasPrefix(s, p) {
				return all
			}
		}
		if s == "" && w.ended() {
			return all
		}
	}
}

func (w *wire) ended() bool {
	_, err := w.in.Peek(1)
	return err != nil
}

// do runs a command and returns what is said to it, the tagged reply last.
func (w *wire) do(tag, command string) []string {
	w.t.Helper()
	w.send(tag + " " + command + "\r\n")
	return w.until(tag + " ")
}

// ok runs a command that must succeed.
func (w *wire) ok(command string) []string {
	w.t.Helper()
	all := w.do("k", command)
	if last := all[len(all)-1]; !strings.HasPrefix(last, "k OK") {
		w.t.Fatalf("%s: %s", command, last)
	}
	return all
}

// there tells whether a message is in the Inbox.
func (h *house) there(id mail.ItemID) bool {
	h.t.Helper()
	f := h.folder(mail.RoleInbox).ID
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		_, err := h.mailboxes.Item(tx, h.box, f, id)
		return err
	})
	if err != nil && !errors.Is(err, mail.ErrNoItem) {
		h.t.Fatal(err)
	}
	return err == nil
}
