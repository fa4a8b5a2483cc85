package imap_test

import (
	"context"
	"io"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// What a user's mail program puts into a folder is no news to the user's phones.
func TestWhatIsAppendedIsTheUsersOwn(t *testing.T) {
	h := newHouse(t)
	c := h.client(nil)
	added := c.Append("INBOX", 13, nil)
	_, err := io.WriteString(added, "Subject: x\r\n\n")
	check(t, err)
	check(t, added.Close())
	data, err := added.Wait()
	check(t, err)
	f := h.folder(mail.RoleInbox).ID
	check(t, h.store.View(context.Background(), func(tx *store.Tx) error {
		it, err := h.mailboxes.Item(tx, h.box, f, mail.ItemID(data.UID))
		if err == nil && !it.Own {
			t.Error("it is taken for mail that came")
		}
		return err
	}))
}
