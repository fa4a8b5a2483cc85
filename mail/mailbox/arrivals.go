package mailbox

import (
	"fmt"
	"iter"

	"martlet/mail"
	"martlet/store"
)

// LastItem returns the highest item number that the folder's mailbox has ever
// given. Every later arrival, in any of its folders, has a higher one.
func (m *Mailboxes) LastItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.ItemID, error) {
	at, _, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil {
		return 0, err
	}
	st, err := m.state(tx, at.Box)
	return st.Item, err
}

// Last are the last numbers that a mailbox has given out. What comes to it later
// has a higher Item and a higher Object; what is moved has a higher Item and
// keeps its Object. So without moves both grow by the same.
type Last struct {
	ModSeq mail.ModSeq
	Item   mail.ItemID
	Object uint64
}

// Last returns the last numbers of a mailbox.
func (m *Mailboxes) Last(tx *store.Tx, box mail.MailboxID) (Last, error) {
	st, err := m.state(tx, box)
	return Last{st.ModSeq, st.Item, st.Object}, err
}

// Items visits the items of a folder whose number is above after, in ascending
// order, which is the order in which they came into the folder. The iteration
// ends with the first error; a missing folder is mail.ErrNoFolder.
func (m *Mailboxes) Items(tx *store.Tx, box mail.MailboxID, f mail.FolderID, after mail.ItemID) iter.Seq2[mail.Item, error] {
	return func(yield func(mail.Item, error) bool) {
		at, _, err := m.locate(tx, box, f, mail.MayRead)
		if err != nil {
			yield(mail.Item{}, err)
			return
		}
		if after == ^mail.ItemID(0) {
			return
		}
		r := store.TableRange[itemKey]{
			Prefix: appendFolderKey(nil, at),
			From:   &itemKey{at.Box, at.Folder, after + 1},
		}
		for row, err := range itemTable.Scan(tx, r) {
			if err != nil {
				yield(mail.Item{}, fmt.Errorf("mailbox: items: %w", err))
				return
			}
			row.Value.ID, row.Value.Folder = row.Key.Item, f
			if !yield(row.Value, nil) {
				return
			}
		}
	}
}
