package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/migrate"
	"martlet/store"
)

var old = time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)

func letter(key string, flags mail.Flags, keywords ...string) migrate.Item {
	return migrate.Item{
		Head: migrate.Head{Key: key, Flags: flags, Keywords: keywords, Received: old},
		Raw:  []byte("Message-ID: <" + key + "@x.example>\r\nSubject: " + key + "\r\n\r\n"),
	}
}

func (h *house) bring(f migrate.Folder, items ...migrate.Item) {
	h.t.Helper()
	if refused, err := h.PutMail(context.Background(), 1, "test", &f, items); err != nil || len(refused) != 0 {
		h.t.Fatal(refused, err)
	}
}

func (h *house) states(f migrate.Folder, items ...migrate.Item) []migrate.State {
	h.t.Helper()
	var heads []migrate.Head
	for _, it := range items {
		heads = append(heads, it.Head)
	}
	states, err := h.CompareMail(context.Background(), 1, "test", &f, heads)
	if err != nil {
		h.t.Fatal(err)
	}
	return states
}

// mails are the messages of all folders, as path: subject and flags.
func (h *house) mails() (all []string) {
	h.t.Helper()
	folders, err := h.MailFolders(context.Background(), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range folders {
		if err := h.EachMail(context.Background(), folders[i].Target, func(it *migrate.Item) error {
			_, subject, _ := strings.Cut(string(it.Raw), "Subject: ")
			if !it.Received.Equal(old) {
				h.t.Errorf("%s came at %v", subject, it.Received)
			}
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %d %v %v", folders[i].String(), strings.TrimSpace(subject), it.Flags, it.Flagged, it.Keywords)))
			return nil
		}); err != nil {
			h.t.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

func wantMails(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

func TestMailComesOnceAndWhatTheUserDoesWithItStays(t *testing.T) {
	h := open(t)
	work := migrate.Folder{Path: []string{"Work", "Plans"}}
	items := []migrate.Item{letter("a", mail.FlagSeen, "x"), letter("b", 0), letter("c", 0)}
	h.bring(work, items...)
	h.bring(work, items...)
	wantMails(t, h.mails(), "Work/Plans: a 1 false [x]", "Work/Plans: b 0 false []", "Work/Plans: c 0 false []")
	if got := h.states(work, append(items, letter("d", 0))...); !slices.Equal(got, []migrate.State{migrate.Present, migrate.Present, migrate.Present, migrate.Missing}) {
		t.Errorf("states %v", got)
	}

	// The user reads one, moves one and deletes one. Elsewhere one is flagged.
	folders, _ := h.MailFolders(t.Context(), 1)
	at := folders[slices.IndexFunc(folders, func(f MailFolder) bool { return f.String() == "Work/Plans" })].Target.Folder
	if err := h.c.Store.Update(t.Context(), func(tx *store.Tx) error {
		inbox, err := h.c.Mailboxes.FolderByRole(tx, 1, mail.RoleInbox)
		if err != nil {
			return err
		}
		if _, err := h.c.Mailboxes.UpdateItem(tx, 1, at, 1, func(it *mail.Item) { it.Keywords = []string{"mine"} }); err != nil {
			return err
		}
		if _, err := h.c.Mailboxes.Move(tx, 1, at, 2, inbox.ID); err != nil {
			return err
		}
		_, err = h.c.Mailboxes.Delete(tx, 1, at, 3)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	items[1].Flagged, items[2].Flags = true, mail.FlagSeen
	if got := h.states(work, items...); !slices.Equal(got, []migrate.State{migrate.Present, migrate.Changed, migrate.Changed}) {
		t.Errorf("states %v", got)
	}
	h.bring(work, items...)
	wantMails(t, h.mails(), "Inbox: b 0 false []", "Work/Plans: a 1 false [mine]")

	items[0].Flags = mail.FlagSeen | mail.FlagAnswered
	items[0].Raw = nil // a change alone
	h.bring(work, items[0])
	wantMails(t, h.mails(), "Inbox: b 0 false []", "Work/Plans: a 3 false [x]")

	if n, err := h.ForgetMail(t.Context(), 1); err != nil || n != 3 {
		t.Errorf("forgot %d: %v", n, err)
	}
	h.bring(work, letter("c", 0))
	wantMails(t, h.mails(), "Inbox: b 0 false []", "Work/Plans: a 3 false [x]", "Work/Plans: c 0 false []")
}

func TestFoldersElsewhereBecomeFoldersHere(t *testing.T) {
	h := open(t)
	h.bring(migrate.Folder{Path: []string{"INBOX"}, Role: mail.RoleInbox}, letter("in", 0))
	h.bring(migrate.Folder{Path: []string{"Gesendete Elemente"}, Role: mail.RoleSent}, letter("sent", mail.FlagSeen))
	h.bring(migrate.Folder{Path: []string{"Calendar"}}, letter("calendar", 0)) // there is one that is none for mail
	h.bring(migrate.Folder{Path: []string{"inbox", "a\x01b", strings.Repeat("x", 300)}}, letter("deep", 0))
	h.bring(migrate.Folder{Path: []string{"Empty"}})
	wantMails(t, h.mails(), "Calendar (2): calendar 0 false []", "Inbox/a_b/"+strings.Repeat("x", 200)+": deep 0 false []", "Inbox: in 0 false []", "Sent Items: sent 1 false []")
	folders, _ := h.MailFolders(t.Context(), 1)
	if !slices.ContainsFunc(folders, func(f MailFolder) bool { return f.String() == "Empty" }) {
		t.Error("the empty folder did not come")
	}
}
