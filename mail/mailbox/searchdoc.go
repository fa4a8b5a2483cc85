package mailbox

import (
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// enterIndex notes where a message is now. One that has no number yet, or got
// another body, is given one and is found from this transaction on; its words
// come into a segment later.
func (m *Mailboxes) enterIndex(tx *store.Tx, box mail.MailboxID, st *state, it *mail.Item) error {
	if !indexed(it.Class) {
		return nil
	}
	if it.Doc == 0 {
		if st.Doc == ^search.Doc(0) {
			return mail.ErrMailboxFull
		}
		st.Doc++
		it.Doc = uint32(st.Doc)
		m.keeper.arrives(tx, box)
	}
	return docTable.Set(tx, docKey{box, search.Doc(it.Doc)}, docRow{it.Folder, it.ID, it.Received, it.Class})
}

// leaveIndex forgets a message. What segments know of it means nothing any more
// and goes when they are merged.
func (m *Mailboxes) leaveIndex(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if it.Doc == 0 {
		return nil
	}
	m.keeper.leaves(tx, box)
	return docTable.Delete(tx, docKey{box, search.Doc(it.Doc)})
}

// What one step of numbering may do.
const (
	numberChunk = 500  // items given a number
	numberReads = 5000 // items looked at
)

// number gives numbers to messages of a mailbox from before there was an index,
// from an item on, and tells where to go on. After the last one the mailbox is
// marked as complete.
func (m *Mailboxes) number(tx *store.Tx, box mail.MailboxID, from itemKey) (next itemKey, err error) {
	st, err := stateTable.Get(tx, box)
	if errors.Is(err, store.ErrNotFound) || err == nil && (st.Removed || st.Indexed) {
		return next, nil
	}
	if err != nil {
		return next, err
	}
	var some []mail.Item
	reads := 0
	next = itemKey{}
	for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{Prefix: appendBox(nil, box), From: &from}) {
		if err != nil {
			return next, err
		}
		if reads++; reads > numberReads || len(some) == numberChunk {
			next = row.Key
			break
		}
		if row.Value.Doc != 0 || !indexed(row.Value.Class) {
			continue
		}
		row.Value.ID, row.Value.Folder = row.Key.Item, row.Key.Folder
		some = append(some, row.Value)
	}
	for i := range some {
		it := &some[i]
		if err := m.enterIndex(tx, box, &st, it); err != nil {
			return next, err
		}
		// Nothing changes that anybody is told of: the item keeps its ModSeq.
		if err := itemTable.Set(tx, itemKey{box, it.Folder, it.ID}, *it); err != nil {
			return next, err
		}
	}
	st.Indexed = next == itemKey{}
	return next, stateTable.Set(tx, box, st)
}

// sweepIndex deletes up to limit rows of a removed mailbox's index.
func sweepIndex(tx *store.Tx, box mail.MailboxID, limit int) (int, error) {
	n := 0
	for _, p := range []store.Prefix{store.PrefixSearchBlock, store.PrefixSearchSegment, store.PrefixSearchDoc} {
		swept, err := deleteRows(tx, appendBox([]byte{byte(p)}, box), limit-n)
		if err != nil {
			return n, fmt.Errorf("mailbox: sweep index: %w", err)
		}
		n += swept
	}
	return n, nil
}

// deleteRows deletes up to limit rows whose keys begin with prefix.
func deleteRows(tx *store.Tx, prefix []byte, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	n := 0
	for kv, err := range tx.Scan(store.Range{Prefix: prefix, KeysOnly: true}) {
		if err != nil {
			return n, err
		}
		if n == limit {
			break
		}
		if err := tx.Delete(kv.Key); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
