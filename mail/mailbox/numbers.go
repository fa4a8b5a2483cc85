package mailbox

import (
	"fmt"
	"iter"

	"martlet/mail"
	"martlet/store"
)

// Numbers visits the numbers of the items of a folder in ascending order,
// without reading the items. The iteration ends with the first error; a missing
// folder is mail.ErrNoFolder.
func (m *Mailboxes) Numbers(tx *store.Tx, box mail.MailboxID, f mail.FolderID) iter.Seq2[mail.ItemID, error] {
	return func(yield func(mail.ItemID, error) bool) {
		at, _, err := m.locate(tx, box, f, mail.MayRead)
		if err != nil {
			yield(0, err)
			return
		}
		r := store.TableRange[itemKey]{Prefix: appendFolderKey(nil, at)}
		for k, err := range itemTable.Keys(tx, r) {
			if err != nil {
				yield(0, fmt.Errorf("mailbox: numbers: %w", err))
				return
			}
			if !yield(k.Item, nil) {
				return
			}
		}
	}
}

// LastIn returns the highest number that an item of the folder has ever had, zero
// if none was ever in it. Items that are gone have left a tombstone.
func (m *Mailboxes) LastIn(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (last mail.ItemID, err error) {
	at, _, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil {
		return 0, err
	}
	r := store.TableRange[itemKey]{Prefix: appendFolderKey(nil, at), Reverse: true}
	for k, err := range itemTable.Keys(tx, r) {
		if err != nil {
			return 0, fmt.Errorf("mailbox: last number: %w", err)
		}
		last = k.Item
		break
	}
	for k, err := range buriedTable.Keys(tx, r) {
		if err != nil {
			return 0, fmt.Errorf("mailbox: last number: %w", err)
		}
		last = max(last, k.Item)
		break
	}
	return last, nil
}
