package mailbox

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// maxParents is how many of a message's ancestors are looked up. They come the
// nearest first, so what matters is among the first.
const maxParents = 8

// Thread visits all messages of a conversation in the mailbox, folder by folder
// and in each in the order in which they came there.
func (m *Mailboxes) Thread(tx *store.Tx, box mail.MailboxID, t mail.ThreadID) iter.Seq2[mail.Place, error] {
	return func(yield func(mail.Place, error) bool) {
		if t.IsZero() {
			return
		}
		// What is in a deleted folder stays until the sweep, but it is gone.
		there := map[mail.FolderID]bool{}
		for k, err := range threadTable.Keys(tx, store.TableRange[threadKey]{Prefix: appendThreadPrefix(nil, box, t, 0)}) {
			if err != nil {
				yield(mail.Place{}, fmt.Errorf("mailbox: thread: %w", err))
				return
			}
			ok, known := there[k.Folder]
			if !known {
				if ok, err = folderTable.Has(tx, folderKey{box, k.Folder}); err != nil {
					yield(mail.Place{}, fmt.Errorf("mailbox: thread: %w", err))
					return
				}
				there[k.Folder] = ok
			}
			if ok && !yield(mail.Place{Folder: k.Folder, Item: k.Item}, nil) {
				return
			}
		}
	}
}

// ThreadIn visits the messages of a conversation in one folder whose number is
// at least from and below to, ascending or descending; to zero is no bound.
func (m *Mailboxes) ThreadIn(tx *store.Tx, box mail.MailboxID, f mail.FolderID, t mail.ThreadID, from, to mail.ItemID, descending bool) iter.Seq2[mail.Position, error] {
	return func(yield func(mail.Position, error) bool) {
		if t.IsZero() || f == 0 {
			return
		}
		at, _, err := m.locate(tx, box, f, mail.MayRead)
		if err != nil {
			if !errors.Is(err, mail.ErrNoFolder) {
				yield(mail.Position{}, err)
			}
			return
		}
		box, f := at.Box, at.Folder
		r := store.TableRange[threadKey]{
			Prefix:  appendThreadPrefix(nil, box, t, f),
			From:    &threadKey{box, t, f, from},
			Reverse: descending,
		}
		if to > 0 {
			r.To = &threadKey{box, t, f, to}
		}
		for row, err := range threadTable.Scan(tx, r) {
			if err != nil {
				yield(mail.Position{}, fmt.Errorf("mailbox: thread: %w", err))
				return
			}
			if !yield(mail.Position{Received: row.Value, Item: row.Key.Item}, nil) {
				return
			}
		}
	}
}

// Message returns where messages with a Message-ID are, given without angle
// brackets: of very many, only some.
func (m *Mailboxes) Message(tx *store.Tx, box mail.MailboxID, messageID string) ([]mail.Place, error) {
	hash := mail.HashMessageID(messageID)
	if hash == 0 {
		return nil, nil
	}
	row, err := messageTable.Get(tx, messageKey{box, hash})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: message: %w", err)
	}
	var places []mail.Place
	for _, p := range row.Places {
		ok, err := folderTable.Has(tx, folderKey{box, p.Folder})
		if err != nil {
			return nil, fmt.Errorf("mailbox: message: %w", err)
		}
		if ok {
			places = append(places, p)
		}
	}
	return places, nil
}

// ThreadOf returns the conversation that a message will be in when it comes
// into the mailbox: that of the message it follows, if the mailbox knows it;
// else the one that Outlook names; else that of its root. A conversation once
// begun by its root goes on, even if Outlook names it otherwise later.
func (m *Mailboxes) ThreadOf(tx *store.Tx, box mail.MailboxID, ix *message.Index) (mail.ThreadID, error) {
	p, err := m.placeOf(tx, box, ix)
	return p.thread, err
}

// standing is where a message stands among others. The indexes are nil if they
// are not known.
type standing struct {
	thread mail.ThreadID
	index  []byte // its own, as the same message has it that is there already
	parent []byte // of the message that it follows
}

// placeOf is ThreadOf, and more.
func (m *Mailboxes) placeOf(tx *store.Tx, box mail.MailboxID, ix *message.Index) (standing, error) {
	parents := mail.Parents(ix)
	for _, id := range append([]string{ix.MessageID}, parents[:min(len(parents), maxParents)]...) {
		hash := mail.HashMessageID(id)
		if hash == 0 {
			continue
		}
		row, err := messageTable.Get(tx, messageKey{box, hash})
		switch {
		case errors.Is(err, store.ErrNotFound) || err == nil && row.Thread.IsZero():
		case err != nil:
			return standing{}, fmt.Errorf("mailbox: thread: %w", err)
		case id == ix.MessageID: // as in Sent Items and the Inbox
			return standing{thread: row.Thread, index: row.Index}, nil
		default:
			return standing{thread: row.Thread, parent: row.Index}, nil
		}
	}
	root, outlook := mail.RootThread(ix), mail.OutlookThread(ix)
	if outlook.IsZero() {
		return standing{thread: root}, nil
	}
	for _, err := range threadTable.Keys(tx, store.TableRange[threadKey]{Prefix: appendThreadPrefix(nil, box, root, 0)}) {
		return standing{thread: root}, err
	}
	return standing{thread: outlook}, nil
}

// findThread gives a new item its conversation. The index may be nil when the
// mailboxes have it already.
func (m *Mailboxes) findThread(tx *store.Tx, box mail.MailboxID, it *mail.Item, ix *message.Index) error {
	if !indexed(it.Class) || it.Blob.IsZero() {
		return nil
	}
	if ix == nil {
		var err error
		if ix, err = m.Index(tx, it.Blob); err != nil {
			return err
		}
	}
	it.Message = mail.HashMessageID(ix.MessageID)
	p, err := m.placeOf(tx, box, ix)
	if err != nil {
		return err
	}
	if it.Thread.IsZero() {
		it.Thread = p.thread
	}
	if it.Thread.IsZero() {
		it.Thread = mail.LoneThread(it.Blob)
	}
	if it.Index = p.index; it.Index == nil {
		it.Index = mail.ConversationIndex(ix, it.Received, p.parent)
	}
	return nil
}

// joinThread writes that an item is in its folder.
func (m *Mailboxes) joinThread(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if !it.Thread.IsZero() {
		if err := threadTable.Set(tx, threadKey{box, it.Thread, it.Folder, it.ID}, it.Received); err != nil {
			return err
		}
	}
	return m.nameMessage(tx, box, it)
}

// leaveThread takes back what joinThread wrote.
func (m *Mailboxes) leaveThread(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if !it.Thread.IsZero() {
		if err := threadTable.Delete(tx, threadKey{box, it.Thread, it.Folder, it.ID}); err != nil {
			return err
		}
	}
	return m.unnameMessage(tx, box, it)
}

// nameMessage writes that an item has its Message-ID.
func (m *Mailboxes) nameMessage(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.Message == 0 {
		return nil
	}
	k := messageKey{box, it.Message}
	row, err := messageTable.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) {
		row, err = messageRow{Thread: it.Thread, Index: it.Index}, nil
	}
	if err != nil {
		return fmt.Errorf("mailbox: message: %w", err)
	}
	row.Count++
	if len(row.Places) < maxPlaces {
		row.Places = append(row.Places, mail.Place{Folder: it.Folder, Item: it.ID})
	}
	return messageTable.Set(tx, k, row)
}

// unnameMessage takes back what nameMessage wrote. A row that is missing is
// damage that Check reports; it must not keep an item from being deleted.
func (m *Mailboxes) unnameMessage(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.Message == 0 {
		return nil
	}
	k := messageKey{box, it.Message}
	row, err := messageTable.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mailbox: message: %w", err)
	}
	if row.Count <= 1 {
		return messageTable.Delete(tx, k)
	}
	row.Count--
	if i := slices.Index(row.Places, mail.Place{Folder: it.Folder, Item: it.ID}); i >= 0 {
		row.Places = slices.Delete(row.Places, i, i+1)
	}
	return messageTable.Set(tx, k, row)
}

// renameMessage follows a body that was replaced: the conversation stays.
func (m *Mailboxes) renameMessage(tx *store.Tx, box mail.MailboxID, it *mail.Item, ix *message.Index) error {
	if !indexed(it.Class) {
		return nil
	}
	if ix == nil {
		var err error
		if ix, err = m.Index(tx, it.Blob); err != nil {
			return err
		}
	}
	hash := mail.HashMessageID(ix.MessageID)
	if hash == it.Message {
		return nil
	}
	if err := m.unnameMessage(tx, box, it); err != nil {
		return err
	}
	it.Message = hash
	return m.nameMessage(tx, box, it)
}
