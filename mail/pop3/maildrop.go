package pop3

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// maildrop is an inbox as it was at the login. Numbers of messages are places in
// it, counted from one, and stay while the session lasts.
type maildrop struct {
	box      mail.MailboxID
	inbox    mail.FolderID
	validity uint32
	messages []entry
}

// entry is a message.
type entry struct {
	id   mail.ItemID
	size int64
	gone bool // marked by DELE
}

// look reads the inbox.
func (s *Server) look(ctx context.Context, id directory.AccountID) (*maildrop, error) {
	d := &maildrop{box: mail.MailboxOf(id)}
	if err := s.cfg.Mailboxes.Create(ctx, d.box); err != nil {
		return nil, err
	}
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		inbox, err := s.cfg.Mailboxes.FolderByRole(tx, d.box, mail.RoleInbox)
		if err != nil {
			return err
		}
		restored, err := tx.Restored()
		if err != nil {
			return err
		}
		// As IMAP has it, so that both know a message by the same number.
		d.inbox, d.validity = inbox.ID, restored+uint32(inbox.ID)
		d.messages = nil
		for it, err := range s.cfg.Mailboxes.Items(tx, d.box, d.inbox, 0) {
			if err != nil {
				return err
			}
			if it.Class != mail.ClassEmail {
				continue
			}
			if len(d.messages) == maxDrop {
				break
			}
			d.messages = append(d.messages, entry{id: it.ID, size: it.Blob.Size})
		}
		return nil
	})
	return d, err
}

// left counts what is not marked.
func (d *maildrop) left() (n int, size int64) {
	for i := range d.messages {
		if e := &d.messages[i]; !e.gone {
			n++
			size += e.size
		}
	}
	return n, size
}

// uid names a message for good: it stays the same in every session (RFC 1939 7).
func (d *maildrop) uid(e *entry) string { return fmt.Sprintf("%d.%d", d.validity, e.id) }

// at is the message of a number, nil if there is none or if it is marked.
func (d *maildrop) at(n int) *entry {
	if n < 1 || n > len(d.messages) || d.messages[n-1].gone {
		return nil
	}
	return &d.messages[n-1]
}

// remove deletes what is marked, in as few transactions as that takes. What
// somebody else deleted meanwhile is gone as it should be.
func (s *Server) remove(ctx context.Context, d *maildrop) error {
	var doomed []mail.ItemID
	for i := range d.messages {
		if d.messages[i].gone {
			doomed = append(doomed, d.messages[i].id)
		}
	}
	for ids := range slices.Chunk(doomed, chunk) {
		err := s.cfg.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
			for _, id := range ids {
				_, err := s.cfg.Mailboxes.Delete(tx, d.box, d.inbox, id)
				if err != nil && !errors.Is(err, mail.ErrNoItem) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
