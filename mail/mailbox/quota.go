package mailbox

import (
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

// What a mailbox holds is counted in its row, in the transaction of each change.
// A mailbox that was written before there were such counters is counted by its
// folders when it is next changed.

// ofUser tells whether what is in a folder counts: not what the server notes for
// itself, and not what is another's.
func ofUser(folder *mail.Folder) bool {
	return folder.Role != mail.RoleRecipientInfo && folder.Link.IsZero()
}

// tally counts an item in its folder and in the mailbox.
func (st *state) tally(folder *mail.Folder, it *mail.Item, add bool) {
	count(folder, it, add)
	if !st.Counted || !ofUser(folder) {
		return
	}
	if add {
		st.Used.Items++
		st.Used.Bytes += uint64(it.Blob.Size)
		return
	}
	st.Used.Items--
	st.Used.Bytes -= uint64(it.Blob.Size)
}

// dropped takes a folder that goes with all that is in it off the counters.
func (st *state) dropped(folder *mail.Folder) {
	if st.Counted && ofUser(folder) {
		st.Used.Items -= uint64(folder.Items)
		st.Used.Bytes -= folder.Bytes
	}
}

// sum counts a mailbox by its folders.
func sum(folders []mail.Folder) (u mail.Usage) {
	for i := range folders {
		if f := &folders[i]; ofUser(f) {
			u.Items += uint64(f.Items)
			u.Bytes += f.Bytes
		}
	}
	return u
}

// counted counts a mailbox by its rows.
func counted(tx *store.Tx, box mail.MailboxID) (mail.Usage, error) {
	var folders []mail.Folder
	for row, err := range folderTable.Scan(tx, store.TableRange[folderKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return mail.Usage{}, fmt.Errorf("mailbox: %d: %w", box, err)
		}
		folders = append(folders, row.Value)
	}
	return sum(folders), nil
}

// Usage tells how much a mailbox holds. One that was never used holds nothing.
func (m *Mailboxes) Usage(tx *store.Tx, box mail.MailboxID) (mail.Usage, error) {
	st, err := stateTable.Get(tx, box)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && st.Removed:
		return mail.Usage{}, nil
	case err != nil:
		return mail.Usage{}, fmt.Errorf("mailbox: %d: %w", box, err)
	case st.Counted:
		return st.Used, nil
	}
	return counted(tx, box)
}

// Limits tells how much a mailbox may hold. One that is nobody's has none.
func (m *Mailboxes) Limits(tx *store.Tx, box mail.MailboxID) (mail.Limits, error) {
	if m.limits == nil {
		return mail.Limits{}, nil
	}
	l, err := m.limits(tx, box)
	if err != nil {
		return l, fmt.Errorf("mailbox: limits of %d: %w", box, err)
	}
	return l, nil
}

// Room refuses with mail.ErrOverQuota what a user's program wants to put into a
// folder and what would be too much for the mailbox that the folder really is in.
// A door asks in the transaction in which it appends; what arrives from others
// and what the server does itself is never refused there. Items may be zero when a
// body is replaced by a larger one.
func (m *Mailboxes) Room(tx *store.Tx, box mail.MailboxID, f mail.FolderID, bytes int64, items int) error {
	if m.limits == nil || bytes <= 0 && items <= 0 {
		return nil
	}
	at, folder, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil || !ofUser(&folder) {
		return err
	}
	limits, err := m.Limits(tx, at.Box)
	if err != nil || limits == (mail.Limits{}) {
		return err
	}
	used, err := m.Usage(tx, at.Box)
	if err != nil {
		return err
	}
	if !limits.Allow(used, uint64(max(bytes, 0)), uint64(max(items, 0))) {
		return mail.ErrOverQuota
	}
	return nil
}

// Full tells that a mailbox takes no more mail: what arrives for it is to be
// refused before it is taken.
func (m *Mailboxes) Full(tx *store.Tx, box mail.MailboxID) (bool, error) {
	limits, err := m.Limits(tx, box)
	if err != nil || limits == (mail.Limits{}) {
		return false, err
	}
	used, err := m.Usage(tx, box)
	return limits.Full(used), err
}

// grown tells the hooks that a mailbox holds more than before.
func (m *Mailboxes) grown(tx *store.Tx, box mail.MailboxID) {
	for _, h := range m.hooks {
		if h.Grown != nil {
			tx.OnCommitOnce(grownKey{box}, func() { h.Grown(box) })
		}
	}
}

// grownKey is that of telling once in a commit.
type grownKey struct{ box mail.MailboxID }
