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
		at, highest, err := m.highest(tx, box, f)
		if err != nil {
			yield(mail.Change{}, err)
			return
		}
		if highest <= since {
			return
		}
		r := store.TableRange[logKey]{
			Prefix: appendFolderKey(nil, at),
			From:   &logKey{at.Box, at.Folder, since + 1},
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

// highest is where a folder's log is, and the ModSeq of its last entry.
func (m *Mailboxes) highest(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (folderKey, mail.ModSeq, error) {
	if f == mail.Hierarchy {
		st, err := m.state(tx, box)
		return folderKey{box, f}, st.Hierarchy, err
	}
	at, folder, err := m.locate(tx, box, f, mail.MayRead)
	return at, folder.Highest, err
}

// Tombstone returns what is left of an item that was in the folder: where it
// went, if it was moved, in the words of the mailbox that asks; what cannot be
// opened from there is nowhere. An item that still is there, or never was, is
// mail.ErrNoItem.
func (m *Mailboxes) Tombstone(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error) {
	at, _, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil {
		return mail.Change{}, noItem(err)
	}
	n, err := buriedTable.Get(tx, itemKey{at.Box, at.Folder, id})
	if errors.Is(err, store.ErrNotFound) {
		return mail.Change{}, mail.ErrNoItem
	}
	if err != nil {
		return mail.Change{}, fmt.Errorf("mailbox: tombstone: %w", err)
	}
	c, err := logTable.Get(tx, logKey{at.Box, at.Folder, n})
	if err != nil {
		return mail.Change{}, fmt.Errorf("mailbox: tombstone: %w", err)
	}
	c.ModSeq = n
	c.MovedTo, err = m.movedTo(tx, box, at.Box, &c)
	c.Away = mail.Away{}
	return c, err
}

// movedTo is where an item went from a folder of the mailbox from, as box knows
// it.
func (m *Mailboxes) movedTo(tx *store.Tx, box, from mail.MailboxID, c *mail.Change) (mail.Place, error) {
	went := mail.Away{Box: from, At: c.MovedTo}
	if c.Away.Box != 0 {
		went = c.Away
	}
	if went.Box == box || went.At.Folder == 0 {
		return went.At, nil
	}
	link, err := m.linkTo(tx, box, folderKey{went.Box, went.At.Folder})
	if link == 0 {
		return mail.Place{}, err
	}
	return mail.Place{Folder: link, Item: went.At.Item}, err
}

// Newest visits the items of a folder from the newest to the oldest: those
// older than below, or all when below is zero, and received at oldest or
// later (milliseconds).
func (m *Mailboxes) Newest(tx *store.Tx, box mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error] {
	if below.Received < 0 {
		return none
	}
	return m.positions(tx, folderKey{box, f}, func(at folderKey) store.TableRange[dateKey] {
		r := store.TableRange[dateKey]{Reverse: true}
		if below != (mail.Position{}) {
			r.To = &dateKey{at.Box, at.Folder, below}
		}
		if oldest > 0 {
			r.From = &dateKey{at.Box, at.Folder, mail.Position{Received: oldest}}
		}
		return r
	})
}

// Between visits the items received at from or later and before to, in
// milliseconds, from the oldest to the newest.
func (m *Mailboxes) Between(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error] {
	from = max(from, 0)
	if to <= from {
		return none
	}
	return m.positions(tx, folderKey{box, f}, func(at folderKey) store.TableRange[dateKey] {
		return store.TableRange[dateKey]{
			From: &dateKey{at.Box, at.Folder, mail.Position{Received: from}},
			To:   &dateKey{at.Box, at.Folder, mail.Position{Received: to}},
		}
	})
}

// Brief is what the order of a folder says of an item that is no mail.
type Brief struct {
	Item  mail.ItemID
	UID   mail.UIDHash
	Brief []byte
}

// Briefs visits what Between does, with the items' summaries, and reads no more
// than that order.
func (m *Mailboxes) Briefs(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[Brief, error] {
	return func(yield func(Brief, error) bool) {
		at, folder, err := m.locate(tx, box, f, mail.MayRead)
		if err != nil || folder.Items == 0 {
			if err != nil {
				yield(Brief{}, err)
			}
			return
		}
		r := store.TableRange[dateKey]{
			Prefix: appendFolderKey(nil, at),
			From:   &dateKey{at.Box, at.Folder, mail.Position{Received: max(from, 0)}},
			To:     &dateKey{at.Box, at.Folder, mail.Position{Received: to}},
		}
		for row, err := range dateTable.Scan(tx, r) {
			if err != nil {
				err = fmt.Errorf("mailbox: by date: %w", err)
			}
			if !yield(Brief{row.Key.At.Item, row.Value.UID, row.Value.Brief}, err) || err != nil {
				return
			}
		}
	}
}

// none is the walk over no items: nothing was received before 1970.
func none(func(mail.Position, error) bool) {}

func (m *Mailboxes) positions(tx *store.Tx, k folderKey, of func(folderKey) store.TableRange[dateKey]) iter.Seq2[mail.Position, error] {
	return func(yield func(mail.Position, error) bool) {
		at, folder, err := m.locate(tx, k.Box, k.Folder, mail.MayRead)
		if err != nil {
			yield(mail.Position{}, err)
			return
		}
		if folder.Items == 0 {
			return
		}
		r := of(at)
		r.Prefix = appendFolderKey(nil, at)
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
