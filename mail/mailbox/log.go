package mailbox

import (
	"errors"
	"fmt"
	"iter"

	"martlet/mail"
	"martlet/store"
)

// Changes visits what changed in a folder, or in mail.Hierarchy, after since,
// in ascending order: of each item its last change only. It reads as many rows
// as it visits, and none when nothing changed. The iteration ends with the
// first error; a missing folder is mail.ErrNoFolder.
func (m *Mailboxes) Changes(tx *store.Tx, box mail.MailboxID, f mail.FolderID, since mail.ModSeq) iter.Seq2[mail.Change, error] {
	return func(yield func(mail.Change, error) bool) {
		highest, err := m.highest(tx, box, f)
		if err != nil {
			yield(mail.Change{}, err)
			return
		}
		if highest <= since {
			return
		}
		r := store.TableRange[logKey]{
			Prefix: appendFolderKey(nil, folderKey{box, f}),
			From:   &logKey{box, f, since + 1},
		}
		for row, err := range logTable.Scan(tx, r) {
			if err != nil {
				yield(mail.Change{}, fmt.Errorf("mailbox: changes: %w", err))
				return
			}
			row.Value.ModSeq = row.Key.ModSeq
			if !yield(row.Value, nil) {
				return
			}
		}
	}
}

// highest is the ModSeq of the last entry in a folder's log.
func (m *Mailboxes) highest(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.ModSeq, error) {
	if f == mail.Hierarchy {
		st, err := m.state(tx, box)
		return st.Hierarchy, err
	}
	folder, err := m.Folder(tx, box, f)
	return folder.Highest, err
}

// Tombstone returns what is left of an item that was in the folder: where it
// went, if it was moved. An item that still is there, or never was, is
// mail.ErrNoItem.
func (m *Mailboxes) Tombstone(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error) {
	if _, err := m.Folder(tx, box, f); err != nil {
		return mail.Change{}, noItem(err)
	}
	n, err := buriedTable.Get(tx, itemKey{box, f, id})
	if errors.Is(err, store.ErrNotFound) {
		return mail.Change{}, mail.ErrNoItem
	}
	if err != nil {
		return mail.Change{}, fmt.Errorf("mailbox: tombstone: %w", err)
	}
	c, err := logTable.Get(tx, logKey{box, f, n})
	if err != nil {
		return mail.Change{}, fmt.Errorf("mailbox: tombstone: %w", err)
	}
	c.ModSeq = n
	return c, nil
}

// Newest visits the items of a folder from the newest to the oldest: those
// older than below, or all when below is zero, and received at oldest or
// later (milliseconds).
func (m *Mailboxes) Newest(tx *store.Tx, box mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error] {
	r := store.TableRange[dateKey]{Reverse: true}
	if below != (mail.Position{}) {
		if below.Received < 0 {
			return none
		}
		r.To = &dateKey{box, f, below}
	}
	if oldest > 0 {
		r.From = &dateKey{box, f, mail.Position{Received: oldest}}
	}
	return m.positions(tx, folderKey{box, f}, r)
}

// Between visits the items received at from or later and before to, in
// milliseconds, from the oldest to the newest.
func (m *Mailboxes) Between(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error] {
	from = max(from, 0)
	if to <= from {
		return none
	}
	return m.positions(tx, folderKey{box, f}, store.TableRange[dateKey]{
		From: &dateKey{box, f, mail.Position{Received: from}},
		To:   &dateKey{box, f, mail.Position{Received: to}},
	})
}

// none is the walk over no items: nothing was received before 1970.
func none(func(mail.Position, error) bool) {}

func (m *Mailboxes) positions(tx *store.Tx, k folderKey, r store.TableRange[dateKey]) iter.Seq2[mail.Position, error] {
	return func(yield func(mail.Position, error) bool) {
		folder, err := m.Folder(tx, k.Box, k.Folder)
		if err != nil {
			yield(mail.Position{}, err)
			return
		}
		if folder.Items == 0 {
			return
		}
		r.Prefix = appendFolderKey(nil, k)
		for key, err := range dateTable.Keys(tx, r) {
			if err != nil {
				yield(mail.Position{}, fmt.Errorf("mailbox: by date: %w", err))
				return
			}
			if !yield(key.At, nil) {
				return
			}
		}
	}
}
