package mailbox

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

// SetThreadFolder makes a folder the place for all mail of a conversation that
// is delivered from now on; zero takes that back. Nothing that is there already
// moves. A conversation that has no message in the mailbox is mail.ErrNoItem, a
// missing folder mail.ErrNoFolder, one that may only be read mail.ErrReadOnly.
func (m *Mailboxes) SetThreadFolder(tx *store.Tx, box mail.MailboxID, t mail.ThreadID, f mail.FolderID) error {
	if f == 0 {
		return ruleTable.Delete(tx, ruleKey{box, t})
	}
	if _, _, err := m.locate(tx, box, f, mail.MayWrite); err != nil {
		return err
	}
	for _, err := range m.Thread(tx, box, t) {
		if err != nil {
			return err
		}
		if err := ruleTable.Set(tx, ruleKey{box, t}, f); err != nil {
			return err
		}
		st, err := m.state(tx, box)
		if err != nil || st.Diverts {
			return err
		}
		st.Diverts = true
		return stateTable.Set(tx, box, st)
	}
	return mail.ErrNoItem
}

// ThreadFolder returns where mail of a conversation goes, zero if nobody said.
// A folder that is gone by now is none, nor is another's that may not be written
// any more: mail comes in all the same.
func (m *Mailboxes) ThreadFolder(tx *store.Tx, box mail.MailboxID, t mail.ThreadID) (mail.FolderID, error) {
	f, err := ruleTable.Get(tx, ruleKey{box, t})
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("mailbox: thread folder: %w", err)
	}
	_, _, err = m.locate(tx, box, f, mail.MayWrite)
	switch {
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, mail.ErrReadOnly):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("mailbox: thread folder: %w", err)
	}
	return f, nil
}

// Divert returns the folder that a message for the folder f is to be put into:
// that of its conversation, if there is one.
func (m *Mailboxes) Divert(tx *store.Tx, box mail.MailboxID, f mail.FolderID, body mail.Body) (mail.FolderID, error) {
	st, err := m.state(tx, box)
	if err != nil || !st.Diverts { // as nearly always
		return f, err
	}
	ix := body.Index
	if ix == nil {
		if ix, err = m.Index(tx, body.Blob); errors.Is(err, mail.ErrNoItem) {
			return f, nil // Append will say what is wrong
		} else if err != nil {
			return f, err
		}
	}
	t, err := m.ThreadOf(tx, box, ix)
	if err != nil {
		return f, err
	}
	to, err := m.ThreadFolder(tx, box, t)
	if err != nil || to == 0 {
		return f, err
	}
	return to, nil
}

// sweepRules deletes up to limit rules of a mailbox that is gone.
func sweepRules(tx *store.Tx, box mail.MailboxID, limit int) (int, error) {
	var keys []ruleKey
	for k, err := range ruleTable.Keys(tx, store.TableRange[ruleKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return 0, err
		}
		if len(keys) == limit {
			break
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		if err := ruleTable.Delete(tx, k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// moveChunk is how many messages MoveThread moves in one transaction, so that
// deliveries need not wait long.
const moveChunk = 100

// MoveThread moves all messages of a conversation to a folder, but for those in
// Sent Items, and makes it the place for all that come: see SetThreadFolder for
// the errors. What comes is diverted from the first of its transactions on, so
// that nothing is left behind; after an error a part may not have moved yet.
func (m *Mailboxes) MoveThread(ctx context.Context, box mail.MailboxID, t mail.ThreadID, dst mail.FolderID) error {
	for first, more := true, true; more; first = false {
		err := m.store.Update(ctx, func(tx *store.Tx) (err error) {
			if first { // afterwards all of it may be in another mailbox
				if err := m.SetThreadFolder(tx, box, t, dst); err != nil {
					return err
				}
			}
			more, err = m.moveSome(tx, box, t, dst)
			return err
		})
		if err != nil {
			return fmt.Errorf("mailbox: move thread: %w", err)
		}
	}
	return nil
}

// moveSome moves the first messages of a conversation that are elsewhere, and
// tells whether there may be more.
func (m *Mailboxes) moveSome(tx *store.Tx, box mail.MailboxID, t mail.ThreadID, dst mail.FolderID) (bool, error) {
	sent, err := m.FolderByRole(tx, box, mail.RoleSent)
	if err != nil && !errors.Is(err, mail.ErrNoFolder) {
		return false, err
	}
	var some []mail.Place
	for p, err := range m.Thread(tx, box, t) {
		if err != nil {
			return false, err
		}
		if p.Folder == dst || p.Folder == sent.ID {
			continue
		}
		if some = append(some, p); len(some) == moveChunk {
			break
		}
	}
	for _, p := range some {
		if _, err := m.Move(tx, box, p.Folder, p.Item, dst); err != nil {
			return false, err
		}
	}
	return len(some) == moveChunk, nil
}
