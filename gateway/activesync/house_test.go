package activesync_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/gateway/activesync"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/queue"
	"martlet/mail/route"
	mailrules "martlet/mail/rules"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// house is a whole server without sockets: everything behind the door is the
// real thing, on a temporary store.
type house struct {
	dir       string
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	devices   *device.Devices
	mailboxes *mailbox.Mailboxes
	queue     *queue.Queue
	router    *route.Router
	schedule  *schedule.Scheduler
	shares    *share.Shares
	hub       *push.Hub
	server    *gateway.Server
	handler   http.Handler
	account   directory.Account
	box       mail.MailboxID
	log       *bytes.Buffer
	heard     heard
	listens   bool // answers are kept for their schemas
}

const (
	testLogin    = "anna@example.org"
	testPassword = "käse & brot"
)

// build starts a house with one account; at the end it checks that the store is
// sound and that nothing panicked.
func build(t testing.TB, rules ...activesync.Rules) *house {
	t.Helper()
	h := open(t, t.TempDir(), 0, rules...)
	t.Cleanup(func() { h.close(t) })
	if _, ok := t.(*testing.T); ok {
		t.Cleanup(func() { h.heard.validate(t) })
		h.listens = true
	}
	h.populate(t)
	return h
}

// populate makes the account and its mailbox.
func (h *house) populate(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	err := h.directory.AddDomain(ctx, directory.Domain{Name: "example.org", PlusAddressing: true})
	if err == nil {
		h.account, err = h.directory.AddUser(ctx, directory.Account{Login: testLogin, Name: "Anna Ash", Aliases: []string{"a.ash@example.org"}, ActiveSync: true}, testPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.box = mail.MailboxOf(h.account.ID)
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.Ensure(tx, h.box) })
}

// open opens the house that is in a folder.
func open(t testing.TB, dir string, reserve int64, rules ...activesync.Rules) *house {
	t.Helper()
	rules = append(rules, activesync.Rules{})
	h := &house{dir: dir, log: &bytes.Buffer{}}
	logger := slog.New(slog.NewTextHandler(&lockedWriter{w: h.log}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: logger, Reserve: reserve})
	must()
	h.blobs, err = blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: logger})
	must()
	h.hub = push.NewHub()
	h.directory, err = directory.New(directory.Config{Store: h.store, Logger: logger, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	must()
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: h.hub, Logger: logger})
	h.shares = share.New(share.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Logger: logger})
	h.devices = device.New(device.Config{Store: h.store})
	h.queue = queue.New(queue.Config{Store: h.store, Blobs: h.blobs})
	h.router = route.New(route.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Queue: h.queue, Hostname: "mail.example.org", Logger: logger,
		Sorter: mailrules.New(mailrules.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Hostname: "mail.example.org", Logger: logger})})
	h.schedule = schedule.New(schedule.Config{Store: h.store, Mailboxes: h.mailboxes, Directory: h.directory, Router: h.router, Delegates: h.delegates, Zone: time.UTC, Logger: logger})
	h.server, err = gateway.New(gateway.Config{
		Store: h.store, Directory: h.directory, Devices: h.devices, Mailboxes: h.mailboxes, Router: h.router, Schedule: h.schedule, Shares: h.shares, Hub: h.hub, Logger: logger, Documents: h.library(t),
		Engine: engine.New(engine.Config{Store: h.store, Devices: h.devices, Source: h.mailboxes, Logger: logger}),
		Rules:  rules[0],
	})
	must()
	h.handler = h.server.Handler()
	return h
}

func (h *house) close(t testing.TB) {
	if n := h.server.Panics(); n > 0 {
		t.Errorf("%d requests panicked:\n%s", n, h.log)
	}
	report := func(p store.Problem) { t.Errorf("store: %s %s: %s", p.Table, p.Key, p.Text) }
	ctx := context.Background()
	if err := h.mailboxes.Check(ctx, report); err != nil {
		t.Error(err)
	}
	if err := h.devices.Check(ctx, report); err != nil {
		t.Error(err)
	}
	if err := h.directory.Check(ctx, report); err != nil {
		t.Error(err)
	}
	if err := h.router.Check(ctx, report); err != nil {
		t.Error(err)
	}
	if err := oof.New(h.store).Check(ctx, report); err != nil {
		t.Error(err)
	}
	if err := h.schedule.Close(); err != nil {
		t.Error(err)
	}
	if err := h.router.Close(); err != nil {
		t.Error(err)
	}
	if err := h.blobs.Close(); err != nil {
		t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}

// delegates are those whom somebody has made delegates.
func (h *house) delegates(ctx context.Context, id directory.AccountID) (all []directory.AccountID, err error) {
	err = h.store.View(ctx, func(tx *store.Tx) error {
		all, err = h.shares.Delegates(tx, id)
		return err
	})
	return all, err
}

// update runs a transaction that must succeed.
func (h *house) update(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// folder is a default folder's number.
func (h *house) folder(t testing.TB, role mail.Role) mail.FolderID {
	t.Helper()
	var id mail.FolderID
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, h.box, role)
		id = f.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// deliver puts a message into a folder.
func (h *house) deliver(t testing.TB, f mail.FolderID, raw string, received int64) mail.Item {
	t.Helper()
	body, err := h.mailboxes.Prepare(context.Background(), []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	var it mail.Item
	h.update(t, func(tx *store.Tx) error {
		var err error
		it, err = h.mailboxes.Append(tx, h.box, f, mail.NewItem{Class: mail.ClassEmail, Received: received, Body: body})
		return err
	})
	return it
}

// do sends a request past the network.
func (h *house) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if h.listens {
		h.heard.hear(r, w)
	}
	return w.Result()
}

// crlf makes a message of a Go string.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
