package mailbox

import (
	"errors"
	"slices"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// The numbers of a folder are those of its items, ascending, and cost a row
// each.
func TestNumbersOfAFolder(t *testing.T) {
	h := newHouse(t)
	inbox, drafts := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDrafts)
	var want []mail.ItemID
	for i := range 5 {
		it := h.deliver(1, inbox, h.letter(i).item(int64(1000-i))) // the newest came first
		h.deliver(1, drafts, h.letter(i).item(1))
		if i != 2 {
			want = append(want, it.ID)
			continue
		}
		h.update(func(tx *store.Tx) error {
			_, err := h.Delete(tx, 1, inbox, it.ID)
			return err
		})
	}
	h.view(func(tx *store.Tx) error {
		var got []mail.ItemID
		for id, err := range h.Numbers(tx, 1, inbox) {
			if err != nil {
				return err
			}
			got = append(got, id)
		}
		if !slices.Equal(got, want) {
			t.Errorf("numbers %v, want %v", got, want)
		}
		for _, err := range h.Numbers(tx, 1, 999) {
			if !errors.Is(err, mail.ErrNoFolder) {
				t.Errorf("a missing folder is %v", err)
			}
		}
		return nil
	})
}
