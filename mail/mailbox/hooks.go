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
	return stateTable.Set(tx, box, state{Threaded: true, Indexed: true})
}
