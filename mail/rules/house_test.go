package rules

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// people live in every test's house. Alice writes for Dana, and on behalf of Eve.
const people = `
[[domain]]
name = "example.org"
[[user]]
login = "alice@example.org"
name = "Alice Ärger"
aliases = ["sales@example.org"]
[[user]]
login = "bob@example.org"
[[user]]
login = "dana@example.org"
[[user]]
login = "eve@example.org"
[[group]]
address = "team@example.org"
members = ["alice@example.org", "bob@example.org"]
[[group]]
address = "nobody-yet@example.org"
[[delegation]]
owner = "dana@example.org"
delegate = "alice@example.org"
send_as = true
[[delegation]]
owner = "eve@example.org"
delegate = "alice@example.org"
send_on_behalf = true
`

type fixture struct {
	testing.TB
	store     *store.Store
	blobs     *blob.Blobs
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	queue     *queue.Queue
	absences  *oof.Absences
	router    *route.Router
	rules     *Rules
	people    map[string]directory.AccountID
}

// open makes a house; when the test ends, every invariant is checked.
func open(t testing.TB) *fixture {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	f := &fixture{TB: t, people: map[string]directory.AccountID{}}
	var err error
	f.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	f.must(err)
	f.blobs, err = blob.Open(blob.Config{Store: f.store, Path: filepath.Join(dir, "blobs"), Logger: log})
	f.must(err)
	f.directory, err = directory.New(directory.Config{Store: f.store})
	f.must(err)
	f.mailboxes = mailbox.New(mailbox.Config{Store: f.store, Blobs: f.blobs, Hub: push.NewHub(), Logger: log})
	f.queue = queue.New(queue.Config{Store: f.store, Blobs: f.blobs, Logger: log})
	f.absences = oof.New(f.store)
	f.rules = New(Config{Store: f.store, Directory: f.directory, Mailboxes: f.mailboxes, Hostname: "mx.example.org", Logger: log})
	f.router = route.New(route.Config{Store: f.store, Directory: f.directory, Mailboxes: f.mailboxes, Queue: f.queue,
		Sorter: f.rules, Hostname: "mx.example.org", Logger: log})
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	f.must(err)
	_, err = f.directory.Apply(context.Background(), file, false)
	f.must(err)
	for a, err := range f.directory.Accounts(context.Background()) {
		f.must(err)
		f.people[a.Login] = a.ID
	}
	t.Cleanup(func() {
		f.must(f.router.Close())
		f.checkAll()
		f.must(f.blobs.Close())
		f.must(f.store.Close())
	})
	return f
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) checkAll() {
	f.Helper()
	report := func(p store.Problem) { f.Errorf("after the test: %s %s: %s", p.Table, p.Key, p.Text) }
	ctx := context.Background()
	f.must(f.store.Check(ctx, report))
	f.must(f.mailboxes.Check(ctx, report))
	f.must(f.queue.Check(ctx, report))
	f.must(f.router.Check(ctx, report))
	f.must(f.absences.Check(ctx, report))
	f.must(f.rules.Check(ctx, report))
	f.must(f.blobs.Audit(ctx, blob.Audit{Deep: true, References: func(tx *store.Tx, count func(blob.Ref)) error {
		for _, each := range []func(*store.Tx, func(blob.Ref)) error{f.mailboxes.References, f.queue.References, f.router.References} {
			if err := each(tx, count); err != nil {
				return err
			}
		}
		return nil
	}}, report))
}

// items returns what is in a folder of an account, oldest change first.
func (f *fixture) items(a directory.AccountID, role mail.Role) (items []mail.Item) {
	f.Helper()
	box := mail.MailboxOf(a)
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		items = items[:0]
		folder, err := f.mailboxes.FolderByRole(tx, box, role)
		if err != nil {
			return nil // no mailbox yet
		}
		for c, err := range f.mailboxes.Changes(tx, box, folder.ID, 0) {
			if err != nil {
				return err
			}
			item, err := f.mailboxes.Item(tx, box, folder.ID, c.Item)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	}))
	return items
}

// texts returns the messages in a folder.
func (f *fixture) texts(login string, role mail.Role) (out []string) {
	f.Helper()
	for _, item := range f.items(f.people[login], role) {
		out = append(out, f.read(item.Blob))
	}
	return out
}

func (f *fixture) read(ref blob.Ref) string {
	f.Helper()
	raw, err := f.blobs.Read(context.Background(), ref)
	f.must(err)
	return string(raw)
}

// only returns the one message in a folder.
func (f *fixture) only(login string, role mail.Role) string {
	f.Helper()
	all := f.texts(login, role)
	if len(all) != 1 {
		f.Fatalf("%s has %d messages, want 1", login, len(all))
	}
	return all[0]
}

func (f *fixture) queued() (all []queue.Entry) {
	f.Helper()
	for e, err := range f.queue.List(context.Background()) {
		f.must(err)
		all = append(all, e)
	}
	return all
}

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// deliver delivers a letter from somewhere.
func (f *fixture) deliver(from, to string, raw []byte) error {
	f.Helper()
	leads, err := f.directory.Resolve(context.Background(), to)
	f.must(err)
	return f.router.Deliver(context.Background(), mail.Envelope{From: from, To: []mail.Recipient{{Address: to, Local: true, Accounts: leads.Accounts}}}, raw)
}
