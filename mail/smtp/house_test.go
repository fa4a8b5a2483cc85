package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/door"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/mail/smtp"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// password is everyone's in people.
const password = "correct horse"

// house is a whole mail core with a few people in it.
type house struct {
	t         testing.TB
	dir       string
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	queue     *queue.Queue
	router    *route.Router
	people    map[string]directory.AccountID
	log       *slog.Logger
}

// openHouse opens the store in a directory. reserve is the free space the
// store insists on, zero for its default.
func openHouse(t testing.TB, dir string, reserve int64) *house {
	t.Helper()
	h := &house{t: t, dir: dir, people: map[string]directory.AccountID{}, log: slog.New(slog.DiscardHandler)}
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: h.log, Reserve: reserve})
	check(t, err)
	h.blobs, err = blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: h.log})
	check(t, err)
	h.directory, err = directory.New(directory.Config{Store: h.store, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: push.NewHub(), Logger: h.log})
	h.queue = queue.New(queue.Config{Store: h.store, Blobs: h.blobs, Logger: h.log})
	h.router = route.New(route.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes,
		Queue: h.queue, Hostname: "mx.example.org", Logger: h.log})
	return h
}

func (h *house) close() {
	h.t.Helper()
	check(h.t, h.router.Close())
	check(h.t, h.blobs.Close())
	check(h.t, h.store.Close())
}

// newHouse opens an empty house and moves people in. When the test ends,
// every invariant is checked.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := openHouse(t, t.TempDir(), 0)
	h.populate()
	t.Cleanup(func() {
		h.checkAll()
		h.close()
	})
	return h
}

// people are who lives in a house.
const people = `
[[domain]]
name = "example.org"
[[domain]]
name = "example.net"
catch_all = "bob@example.org"
[[user]]
login = "alice@example.org"
name = "Alice"
admin = true
aliases = ["sales@example.org", "grün@example.org"]
password = "correct horse"
[[user]]
login = "bob@example.org"
name = "Bob"
password = "correct horse"
[[user]]
login = "carol@example.org"
disabled = true
password = "correct horse"
[[group]]
address = "team@example.org"
members = ["alice@example.org", "bob@example.org"]
`

func (h *house) populate() {
	h.t.Helper()
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	check(h.t, err)
	_, err = h.directory.Apply(context.Background(), file, false)
	check(h.t, err)
	for a, err := range h.directory.Accounts(context.Background()) {
		check(h.t, err)
		h.people[a.Login] = a.ID
	}
}

// checkAll runs every check of the store's rooms.
func (h *house) checkAll() {
	h.t.Helper()
	report := func(p store.Problem) { h.t.Errorf("after the test: %s %s: %s", p.Table, p.Key, p.Text) }
	ctx := context.Background()
	check(h.t, h.store.Check(ctx, report))
	check(h.t, h.directory.Check(ctx, report))
	check(h.t, h.mailboxes.Check(ctx, report))
	check(h.t, h.queue.Check(ctx, report))
	check(h.t, h.blobs.Audit(ctx, blob.Audit{Deep: true, References: func(tx *store.Tx, count func(blob.Ref)) error {
		for _, each := range []func(*store.Tx, func(blob.Ref)) error{h.mailboxes.References, h.queue.References, h.router.References} {
			if err := each(tx, count); err != nil {
				return err
			}
		}
		return nil
	}}, report))
}

// messages returns what is in someone's folder, oldest first.
func (h *house) messages(login string, role mail.Role) []string {
	h.t.Helper()
	var refs []blob.Ref
	box := mail.MailboxOf(h.people[login])
	check(h.t, h.store.View(context.Background(), func(tx *store.Tx) error {
		refs = refs[:0]
		folder, err := h.mailboxes.FolderByRole(tx, box, role)
		if err != nil {
			return nil // no mail yet, no mailbox yet
		}
		for change, err := range h.mailboxes.Changes(tx, box, folder.ID, 0) {
			if err != nil {
				return err
			}
			item, err := h.mailboxes.Item(tx, box, folder.ID, change.Item)
			if err != nil {
				return err
			}
			refs = append(refs, item.Blob)
		}
		return nil
	}))
	var out []string
	for _, ref := range refs {
		raw, err := h.blobs.Read(context.Background(), ref)
		check(h.t, err)
		out = append(out, string(raw))
	}
	return out
}

// serve starts a server on loopback and returns its address.
func (h *house) serve(cfg smtp.Config) (addr string, srv *smtp.Server) {
	h.t.Helper()
	srv = h.server(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(h.t, err)
	h.run(srv, l)
	return l.Addr().String(), srv
}

func (h *house) server(cfg smtp.Config) *smtp.Server {
	cfg.Hostname = "mx.example.org"
	cfg.Directory = h.directory
	if cfg.Transport == nil {
		cfg.Transport = h.router
	}
	if cfg.Logger == nil {
		cfg.Logger = h.log
	}
	return smtp.New(cfg)
}

func (h *house) run(srv *smtp.Server, l net.Listener) {
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			h.t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != door.ErrClosed {
			h.t.Errorf("serve: %v", err)
		}
	})
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// certificate makes a self-signed one for mx.example.org.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "mx.example.org"},
		DNSNames:              []string{"mx.example.org"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "mx.example.org"}
}
