package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// Whoever keeps rows about items is told in the transaction that changes them,
// and can undo it.
func TestHooksAreToldWhatBecomesOfItems(t *testing.T) {
	h := newHouse(t)
	var told []string
	var fail error
	h.Connect(Hooks{ItemChanged: func(tx *store.Tx, c *ItemChange) error {
		from, was := "-", "-"
		if c.From != nil {
			from = c.From.Name
		}
		if c.Old != nil {
			was = fmt.Sprint(c.Old.ID)
		}
		if _, err := h.Item(tx, c.Box, c.To.ID, c.New.ID); err != nil {
			t.Errorf("the item is not there yet: %v", err)
		}
		told = append(told, fmt.Sprintf("%d %s/%s %s/%d own=%t", c.Box, from, was, c.To.Name, c.New.ID, c.New.Own))
		return fail
	}})
	one := h.letter(1).item(0)
	var inbox, junk mail.Folder
	var it mail.Item
	h.update(func(tx *store.Tx) (err error) {
		told = nil
		if inbox, err = h.FolderByRole(tx, 1, mail.RoleInbox); err != nil {
			return err
		}
		if junk, err = h.FolderByRole(tx, 1, mail.RoleJunk); err != nil {
			return err
		}
		it, err = h.Append(tx, 1, inbox.ID, one)
		return err
	})
	h.update(func(tx *store.Tx) error {
		_, err := h.UpdateItem(tx, 1, inbox.ID, it.ID, func(it *mail.Item) { it.Keywords = []string{"$Junk"} })
		return err
	})
	h.update(func(tx *store.Tx) (err error) {
		_, err = h.UpdateItem(tx, 1, inbox.ID, it.ID, func(*mail.Item) {}) // nothing
		return err
	})
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.Move(tx, 1, inbox.ID, it.ID, junk.ID)
		return err
	})
	want := []string{"1 -/- Inbox/1 own=false", "1 Inbox/1 Inbox/1 own=false", "1 Inbox/1 Junk E-mail/2 own=false"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	fail = errors.New("no")
	err := h.store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := h.Move(tx, 1, junk.ID, it.ID, inbox.ID)
		return err
	})
	if !errors.Is(err, fail) {
		t.Errorf("a hook that fails: %v", err)
	}
	h.view(func(tx *store.Tx) error {
		_, err := h.Item(tx, 1, junk.ID, it.ID)
		return err
	})
}
