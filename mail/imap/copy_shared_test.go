package imap_test

import (
	"context"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

// What a user takes out of a folder of somebody else's, or puts there, is no mail
// that came.
func TestWhatIsCopiedBetweenMailboxesIsTheUsersOwn(t *testing.T) {
	s := newSharing(t)
	inbox := s.folder(mail.RoleInbox)
	s.grant(inbox.ID, mail.MayWrite)
	s.deliver("Subject: Theirs\r\n\r\nText\r\n", time.Now())
	s.bob.ok(`SELECT ` + aliceInbox)
	s.bob.ok(`COPY 1 INBOX`)
	s.bob.ok(`SELECT INBOX`)
	s.bob.ok(`COPY * ` + aliceInbox)
	check(t, s.store.View(context.Background(), func(tx *store.Tx) error {
		bob := mail.MailboxOf(s.toBob().Account)
		theirs, err := s.mailboxes.FolderByRole(tx, bob, mail.RoleInbox)
		if err != nil {
			return err
		}
		for _, at := range []struct {
			box mail.MailboxID
			f   mail.FolderID
		}{{bob, theirs.ID}, {s.box, inbox.ID}} {
			id, err := s.mailboxes.LastIn(tx, at.box, at.f)
			if err != nil {
				return err
			}
			if it, err := s.mailboxes.Item(tx, at.box, at.f, id); err != nil || !it.Own {
				t.Errorf("in %d it is taken for mail that came (%v)", at.box, err)
			}
		}
		return nil
	}))
}
