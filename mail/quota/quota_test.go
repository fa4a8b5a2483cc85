package quota

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

type house struct {
	*Keeper
	t     *testing.T
	store *store.Store
	boxes *mailbox.Mailboxes
	dir   *directory.Directory
	ada   directory.AccountID
}

func open(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "rows"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "bodies"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(directory.Config{Store: st, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	boxes := mailbox.New(mailbox.Config{Store: st, Blobs: blobs, Hub: push.NewHub(), Logger: quiet, Limits: LimitsOf(d)})
	h := &house{New(Config{Store: st, Directory: d, Mailboxes: boxes, Logger: quiet}), t, st, boxes, d, 0}
	ctx := context.Background()
	t.Cleanup(func() {
		report := func(p store.Problem) { t.Error(p) }
		for _, check := range []func(context.Context, func(store.Problem)) error{h.Check, boxes.Check, d.Check} {
			if err := check(ctx, report); err != nil {
				t.Error(err)
			}
		}
		if err := blobs.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.AddDomain(ctx, directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	a, err := d.AddUser(ctx, directory.Account{Login: "ada@example.org"}, "")
	if err != nil {
		t.Fatal(err)
	}
	h.ada = a.ID
	if err := boxes.Create(ctx, mail.MailboxOf(a.ID)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) apply(text string) {
	h.t.Helper()
	f, err := directory.ParseFile(strings.NewReader(text), "people.toml")
	if err == nil {
		_, err = h.dir.Apply(context.Background(), f, false)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// fill puts messages into the inbox, and does what Run would do then.
func (h *house) fill(n int) {
	h.t.Helper()
	box, ctx := mail.MailboxOf(h.ada), context.Background()
	body, err := h.boxes.Prepare(ctx, []byte("Subject: x\r\n\r\nx\r\n"))
	if err != nil {
		h.t.Fatal(err)
	}
	for range n {
		err := h.store.Update(ctx, func(tx *store.Tx) error {
			f, err := h.boxes.FolderByRole(tx, box, mail.RoleDrafts)
			if err != nil {
				return err
			}
			_, err = h.boxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassEmail, Body: body})
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		for box := range h.take() {
			if err := h.look(ctx, box); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// clear deletes n messages of those that fill has made.
func (h *house) clear(n int) {
	h.t.Helper()
	box := mail.MailboxOf(h.ada)
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		f, err := h.boxes.FolderByRole(tx, box, mail.RoleDrafts)
		if err != nil {
			return err
		}
		var doomed []mail.ItemID
		for it, err := range h.boxes.Items(tx, box, f.ID, 0) {
			if err != nil {
				return err
			}
			if len(doomed) < n {
				doomed = append(doomed, it.ID)
			}
		}
		for _, id := range doomed {
			if _, err := h.boxes.Delete(tx, box, f.ID, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// warnings are the subjects of the messages in the inbox.
func (h *house) warnings() (all []string) {
	h.t.Helper()
	box, ctx := mail.MailboxOf(h.ada), context.Background()
	err := h.store.View(ctx, func(tx *store.Tx) error {
		all = nil
		f, err := h.boxes.FolderByRole(tx, box, mail.RoleInbox)
		if err != nil {
			return err
		}
		for it, err := range h.boxes.Items(tx, box, f.ID, 0) {
			if err != nil {
				return err
			}
			b, err := h.boxes.Blobs().Read(ctx, it.Blob)
			if err != nil {
				return err
			}
			_, rest, _ := strings.Cut(string(b), "Subject: ")
			subject, _, _ := strings.Cut(rest, "\r\n")
			all = append(all, subject)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func TestAnOwnerIsToldOnceAtEachLevel(t *testing.T) {
	h := open(t)
	h.apply("[[user]]\nlogin = \"ada@example.org\"\nquota_items = 100\n")
	for _, c := range []struct {
		name        string
		fill, clear int
		want        []string
	}{
		{"not yet", 79, 0, nil},
		{"at 80", 1, 0, []string{"Your mailbox is 80 % full"}},
		{"a little more", 3, 0, nil},
		{"round the level", 2, 5, nil},
		{"at 90", 9, 0, []string{"Your mailbox is 90 % full"}},
		{"full", 12, 0, []string{"Your mailbox is full"}},
		{"over it", 5, 0, nil},
		{"emptied", 1, 80, nil},
		{"and filled again", 55, 0, []string{"Your mailbox is 80 % full"}},
	} {
		before := len(h.warnings())
		h.clear(c.clear)
		h.fill(c.fill)
		if got := h.warnings()[before:]; fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLevelsAndSlack(t *testing.T) {
	for _, c := range []struct {
		told, percent, now int
		due                bool
	}{
		{0, 79, 0, false}, {0, 80, 1, true}, {0, 100, 3, true}, {1, 80, 1, false}, {1, 75, 1, false}, {1, 74, 0, false},
		{3, 96, 3, false}, {3, 94, 2, false}, {3, 84, 1, false}, {2, 84, 1, false}, {2, 85, 2, false}, {1, 95, 2, true},
	} {
		if now, due := next(c.told, c.percent); now != c.now || due != c.due {
			t.Errorf("told %d, at %d %%: %d, %t; want %d, %t", c.told, c.percent, now, due, c.now, c.due)
		}
	}
}

func TestMailForAFullMailboxIsRefusedBeforeItIsTaken(t *testing.T) {
	h := open(t)
	bob, err := h.dir.AddUser(context.Background(), directory.Account{Login: "bob@example.org"}, "")
	if err != nil {
		t.Fatal(err)
	}
	to := func(ids ...directory.AccountID) *mail.Recipient {
		return &mail.Recipient{Address: "x@example.org", Local: true, Accounts: ids}
	}
	ask := func(r *mail.Recipient) string { return h.Full(context.Background(), r).Enhanced }
	h.fill(3)
	if got := ask(to(h.ada)); got != "" {
		t.Errorf("no limit: %s", got)
	}
	h.apply("[[domain]]\nname = \"example.org\"\nquota_items = 2\n")
	for name, c := range map[string]struct {
		to   *mail.Recipient
		want string
	}{
		"full":            {to(h.ada), "4.2.2"},
		"never used":      {to(bob.ID), ""},
		"a group":         {to(h.ada, bob.ID), ""},
		"somebody's else": {&mail.Recipient{Address: "x@elsewhere.example"}, ""},
		"who went":        {to(9999), ""},
	} {
		if got := ask(c.to); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	h.c.Refuse = true
	if no := h.Full(context.Background(), to(h.ada)); no.Code != 552 || no.Enhanced != "5.2.2" {
		t.Errorf("for good: %+v", no)
	}
	h.apply("[[user]]\nlogin = \"ada@example.org\"\nforward = [\"ada@elsewhere.example\"]\nkeep_copy = false\n")
	if got := ask(to(h.ada)); got != "" {
		t.Errorf("who forwards everything: %s", got)
	}
	h.apply("[[user]]\nlogin = \"ada@example.org\"\nforward = []\nquota_items = -1\n")
	if got := ask(to(h.ada)); got != "" {
		t.Errorf("who may hold any amount: %s", got)
	}
}

func TestRunTellsUntilItIsStopped(t *testing.T) {
	h := open(t)
	h.apply("[[user]]\nlogin = \"ada@example.org\"\nquota = \"1 KiB\"\n")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	box := mail.MailboxOf(h.ada)
	body, err := h.boxes.Prepare(ctx, []byte("Subject: x\r\n\r\n"+strings.Repeat("x", 2000)))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.Update(ctx, func(tx *store.Tx) error {
		f, err := h.boxes.FolderByRole(tx, box, mail.RoleInbox)
		if err != nil {
			return err
		}
		_, err = h.boxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassEmail, Body: body})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(h.warnings()) < 2 && time.Now().Before(deadline) {
		h.note(box) // harmless, however often
	}
	if got := h.warnings(); len(got) != 2 || got[1] != "Your mailbox is full" {
		t.Errorf("%q", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
