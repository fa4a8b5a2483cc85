package mailbox

import (
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

// Hooks are what rooms that keep rows about folders have the mailboxes tell
// them. Each may be nil.
type Hooks struct {
	// FolderChanged runs in the transaction in which a folder got another name or
	// place, or goes, after it.
	FolderChanged func(tx *store.Tx, box mail.MailboxID, f *mail.Folder, gone bool) error

	// ItemChanged runs in the transaction in which an item was put into a folder,
	// got other flags, keywords or another body, or was moved within its mailbox,
	// after it. What is deleted is not told, nor what goes with its folder.
	ItemChanged func(tx *store.Tx, c *ItemChange) error

	// Grown runs after the commit of transactions in which a mailbox came to hold
	// more, once for each. It must not take long.
	Grown func(box mail.MailboxID)
}

// ItemChange is what became of an item. The folders are those that it is really
// in, and not links. It is read-only, and gone when the hook returns.
type ItemChange struct {
	Box  mail.MailboxID // whose the folders are
	By   mail.MailboxID // of who did it through a link; zero: the owner, or the server
	From *mail.Folder   // where it was, or what it is a copy of; nil: it is new in the mailbox
	To   *mail.Folder   // where it is; From, if it was not moved
	Old  *mail.Item     // nil: it is new in the mailbox, or a copy
	New  *mail.Item
}

// Connect adds hooks. It is called before the mailboxes are used by others.
func (m *Mailboxes) Connect(h Hooks) { m.hooks = append(m.hooks, h) }

// tell tells the hooks of a folder.
func (m *Mailboxes) tell(tx *store.Tx, box mail.MailboxID, f *mail.Folder, gone bool) error {
	for _, h := range m.hooks {
		if h.FolderChanged == nil {
			continue
		}
		if err := h.FolderChanged(tx, box, f, gone); err != nil {
			return fmt.Errorf("mailbox: folder %d of %d changed: %w", f.ID, box, err)
		}
	}
	return nil
}

// tellNew tells the hooks of an item that was appended.
func (m *Mailboxes) tellNew(tx *store.Tx, o *opening, copied mail.FolderID, it *mail.Item) error {
	if len(m.hooks) == 0 {
		return nil
	}
	c := ItemChange{Box: o.box, By: o.by, To: &o.folder, New: it}
	if copied != 0 {
		from, err := m.folder(tx, folderKey{o.box, copied})
		if err != nil && !errors.Is(err, mail.ErrNoFolder) {
			return err
		}
		if err == nil {
			c.From = &from
		}
	}
	return m.tellItem(tx, c)
}

// tellItem tells the hooks of an item.
func (m *Mailboxes) tellItem(tx *store.Tx, c ItemChange) error {
	for _, h := range m.hooks {
		if h.ItemChanged == nil {
			continue
		}
		if err := h.ItemChanged(tx, &c); err != nil {
			return fmt.Errorf("mailbox: item %d of %d changed: %w", c.New.ID, c.Box, err)
		}
	}
	return nil
}

// Links returns the links of a mailbox as they stand there, also those that lead
// nowhere by now.
func (m *Mailboxes) Links(tx *store.Tx, box mail.MailboxID) ([]mail.Folder, error) {
	st, err := stateTable.Get(tx, box)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && st.Removed:
		return nil, mail.ErrNoMailbox
	case err != nil:
		return nil, fmt.Errorf("mailbox: %d: %w", box, err)
	}
	folders, err := m.rows(tx, box)
	if err != nil {
		return nil, err
	}
	links := folders[:0]
	for _, f := range folders {
		if !f.Link.IsZero() {
			links = append(links, f)
		}
	}
	return links, nil
}

// CreateBare makes a mailbox without default folders, unless it is there: one
// that is nobody's own.
func (m *Mailboxes) CreateBare(tx *store.Tx, box mail.MailboxID) error {
	st, err := stateTable.Get(tx, box)
	if err == nil && !st.Removed {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("mailbox: %d: %w", box, err)
	}
	if st.Removed {
		return mail.ErrNoMailbox // its number is spent
	}
	return stateTable.Set(tx, box, state{Threaded: true, Indexed: true, Counted: true})
}
