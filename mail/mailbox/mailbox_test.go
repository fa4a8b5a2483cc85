package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// house is a store with its mailboxes. When the test ends everything is
// checked, so no test needs to say so.
type house struct {
	*Mailboxes
	tb  testing.TB
	hub *push.Hub
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	dir := tb.TempDir()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: quiet, Reserve: 1})
	if err != nil {
		tb.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blob"), Logger: quiet})
	if err != nil {
		tb.Fatal(err)
	}
	hub := push.NewHub()
	h := &house{New(Config{Store: st, Blobs: blobs, Hub: hub, Logger: quiet}), tb, hub}
	tb.Cleanup(func() {
		if _, bench := tb.(*testing.B); !bench && !tb.Failed() {
			h.clean()
		}
		if err := errors.Join(blobs.Close(), st.Close()); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// clean fails the test if any invariant of any floor is broken.
func (h *house) clean() {
	h.tb.Helper()
	ctx := context.Background()
	report := func(p store.Problem) { h.tb.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	err := errors.Join(
		h.Check(ctx, report), h.CheckWords(ctx, report), h.store.Check(ctx, report),
		h.blobs.Audit(ctx, blob.Audit{Deep: true, References: h.References}, report),
	)
	if err != nil {
		h.tb.Error(err)
	}
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.tb.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.tb.Fatal(err)
	}
}

func (h *house) view(fn func(tx *store.Tx) error) {
	h.tb.Helper()
	if err := h.store.View(context.Background(), fn); err != nil {
		h.tb.Fatal(err)
	}
}

// letter is a prepared message.
type letter struct {
	ref blob.Ref
	ix  *message.Index
}

func (h *house) letter(n int) letter {
	h.tb.Helper()
	raw := fmt.Sprintf("From: a@example.org\r\nTo: b@example.org\r\nSubject: letter %d\r\n\r\nText %d.\r\n", n, n)
	body, err := h.Prepare(context.Background(), []byte(raw))
	if err != nil {
		h.tb.Fatal(err)
	}
	return letter{body.Blob, body.Index}
}

func (l letter) item(received int64) mail.NewItem {
	return mail.NewItem{Class: mail.ClassEmail, Received: received, Body: mail.Body{Blob: l.ref, Index: l.ix}}
}

func (h *house) role(box mail.MailboxID, role mail.Role) mail.FolderID {
	h.tb.Helper()
	var f mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		f, err = h.FolderByRole(tx, box, role)
		return err
	})
	return f.ID
}

func (h *house) deliver(box mail.MailboxID, f mail.FolderID, n mail.NewItem) mail.Item {
	h.tb.Helper()
	var it mail.Item
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.Append(tx, box, f, n)
		return err
	})
	return it
}

func (h *house) folder(box mail.MailboxID, f mail.FolderID) mail.Folder {
	h.tb.Helper()
	var folder mail.Folder
	h.view(func(tx *store.Tx) (err error) {
		folder, err = h.Folder(tx, box, f)
		return err
	})
	return folder
}

func (h *house) create(box mail.MailboxID, parent mail.FolderID, name string) mail.FolderID {
	h.tb.Helper()
	var folder mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		folder, err = h.CreateFolder(tx, box, parent, name, mail.ClassEmail)
		return err
	})
	return folder.ID
}

func (h *house) changes(box mail.MailboxID, f mail.FolderID, since mail.ModSeq) []mail.Change {
	h.tb.Helper()
	var all []mail.Change
	h.view(func(tx *store.Tx) error {
		all = nil
		for c, err := range h.Changes(tx, box, f, since) {
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	return all
}

// count counts the rows of all tables whose prefix is in the range, of one
// mailbox.
func (h *house) rows(prefix store.Prefix, box mail.MailboxID) int {
	h.tb.Helper()
	n := 0
	h.view(func(tx *store.Tx) error {
		n = 0
		for _, err := range tx.Scan(store.Range{Prefix: appendBox([]byte{byte(prefix)}, box), KeysOnly: true}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n
}

func woken(w *push.Watch) bool {
	select {
	case <-w.C():
		return true
	default:
		return false
	}
}

func TestMailboxIsMadeWithItsDefaultFoldersOnFirstUse(t *testing.T) {
	h := newHouse(t)
	h.view(func(tx *store.Tx) error {
		if _, err := h.Folders(tx, 7); !errors.Is(err, mail.ErrNoMailbox) || !errors.Is(err, mail.ErrNoFolder) {
			t.Errorf("folders of no mailbox: %v", err)
		}
		if _, err := h.FolderByRole(tx, 7, mail.RoleInbox); !errors.Is(err, mail.ErrNoFolder) {
			t.Errorf("inbox of no mailbox: %v", err)
		}
		return nil
	})
	w := h.hub.Watch(7, uint32(mail.Hierarchy))
	inbox := h.role(7, mail.RoleInbox)
	if !woken(w) {
		t.Error("a new hierarchy woke nobody")
	}
	var folders []mail.Folder
	h.view(func(tx *store.Tx) (err error) {
		folders, err = h.Folders(tx, 7)
		return err
	})
	names := map[string]mail.Role{}
	for _, f := range folders {
		names[f.Name] = f.Role
		if f.ModSeq == 0 || f.Created != f.ModSeq || f.Parent != 0 {
			t.Errorf("default folder %+v", f)
		}
	}
	for _, d := range defaultFolders() {
		if names[d.name] != d.role {
			t.Errorf("no folder %q of role %d", d.name, d.role)
		}
	}
	if len(folders) != 12 {
		t.Errorf("%d default folders, want 12", len(folders))
	}
	if got := h.changes(7, mail.Hierarchy, 0); len(got) != 12 {
		t.Errorf("%d changes of the hierarchy, want 12", len(got))
	}
	if err := h.Create(context.Background(), 7); err != nil {
		t.Fatal(err)
	}
	if again := h.role(7, mail.RoleInbox); again != inbox {
		t.Errorf("the inbox was folder %d and is folder %d", inbox, again)
	}
	if woken(w) {
		t.Error("using a mailbox that is there woke somebody")
	}
}

func TestWakesComeOnceAndOnlyAfterTheCommit(t *testing.T) {
	h := newHouse(t)
	inbox, drafts := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDrafts)
	l := h.letter(1)
	w, quiet := h.hub.Watch(1, uint32(inbox)), h.hub.Watch(1, uint32(drafts))
	boom := errors.New("boom")
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := h.Append(tx, 1, inbox, l.item(1)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || woken(w) {
		t.Fatalf("a transaction that failed woke somebody, or did not fail: %v", err)
	}
	h.update(func(tx *store.Tx) error {
		for range 10 {
			if _, err := h.Append(tx, 1, inbox, l.item(1)); err != nil {
				return err
			}
		}
		// This runs after the publishing of what came before it: a second
		// publish would wake again.
		tx.OnCommit(func() {
			if !woken(w) {
				t.Error("not woken")
			}
		})
		_, err := h.Append(tx, 1, inbox, l.item(1))
		return err
	})
	if woken(w) {
		t.Error("woken twice by one transaction")
	}
	if woken(quiet) {
		t.Error("another folder was woken")
	}
}
