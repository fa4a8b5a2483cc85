package mailbox

import (
	"errors"
	"fmt"
	"iter"

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
		m.keeper.arrives(tx, box, it.Blob.Size)
	}
	p := placeOf(it)
	return editGroup(tx, box, p.Doc, &p)
}

// leaveIndex forgets a message. What segments know of it means nothing any more
// and goes when they are merged.
func (m *Mailboxes) leaveIndex(tx *store.Tx, box mail.MailboxID, it *mail.Item) error {
	if ok, err := numberedAs(tx, box, it); err != nil || !ok {
		return err
	}
	m.keeper.leaves(tx, box)
	return editGroup(tx, box, search.Doc(it.Doc), nil)
}

// numberedAs tells whether the number that an item has is its own. It may be
// another's after an older version of this program, which does not know of the
// index, has written into the mailbox; then the mailbox is not marked as indexed.
func numberedAs(tx *store.Tx, box mail.MailboxID, it *mail.Item) (bool, error) {
	if it.Doc == 0 {
		return false, nil
	}
	p, err := placeFor(tx, box, search.Doc(it.Doc))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return p.Folder == it.Folder && p.Item == it.ID, err
}

func placeOf(it *mail.Item) place {
	return place{search.Doc(it.Doc), it.Folder, it.ID, it.Received, it.Class, it.Flags, it.FollowUp.Status}
}

// editGroup writes the row of a message's group anew, with p in its place, or
// without it if p is nil.
func editGroup(tx *store.Tx, box mail.MailboxID, d search.Doc, p *place) error {
	k := docsKey{box, uint32(d / docsPerRow)}
	old, err := docsTable.Get(tx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("mailbox: index: %w", err)
	}
	row := make([]byte, 0, len(old)+32)
	for rest := old; len(rest) > 0; {
		o, next, err := parsePlace(k.Group, rest)
		if err != nil {
			return fmt.Errorf("mailbox: index: %w", err)
		}
		if p != nil && o.Doc >= d {
			row = appendPlace(row, *p)
			p = nil
		}
		if o.Doc != d {
			row = append(row, rest[:len(rest)-len(next)]...)
		}
		rest = next
	}
	if p != nil {
		row = appendPlace(row, *p)
	}
	if len(row) == 0 {
		return docsTable.Delete(tx, k)
	}
	return docsTable.Set(tx, k, row)
}

// placeFor returns where a message is, or store.ErrNotFound.
func placeFor(tx *store.Tx, box mail.MailboxID, d search.Doc) (place, error) {
	k := docsKey{box, uint32(d / docsPerRow)}
	row, err := docsTable.Get(tx, k)
	for err == nil && len(row) > 0 {
		var p place
		if p, row, err = parsePlace(k.Group, row); err == nil && p.Doc == d {
			return p, nil
		}
	}
	if err == nil {
		err = store.ErrNotFound
	}
	return place{}, err
}

// placesFrom visits the messages of a mailbox from a Doc on, ascending.
func placesFrom(tx *store.Tx, box mail.MailboxID, from search.Doc) iter.Seq2[place, error] {
	return func(yield func(place, error) bool) {
		r := store.TableRange[docsKey]{Prefix: appendBox(nil, box), From: &docsKey{box, uint32(from / docsPerRow)}}
		for row, err := range docsTable.Scan(tx, r) {
			for rest := row.Value; err == nil && len(rest) > 0; {
				var p place
				if p, rest, err = parsePlace(row.Key.Group, rest); err == nil && p.Doc >= from && !yield(p, nil) {
					return
				}
			}
			if err != nil {
				yield(place{}, err)
				return
			}
		}
	}
}

// What one step of numbering may do.
const (
	numberChunk = 500       // items given a number
	numberReads = 5000      // items looked at
	numberBytes = 512 << 10 // of their rows, which keywords can make large
)

// number gives numbers to messages of a mailbox from before there was an index,
// from an item on, and tells where to go on. After the last one the mailbox is
// marked as indexed.
func (m *Mailboxes) number(tx *store.Tx, box mail.MailboxID, from itemKey) (next itemKey, err error) {
	st, err := stateTable.Get(tx, box)
	if errors.Is(err, store.ErrNotFound) || err == nil && (st.Removed || st.Indexed) {
		return next, nil
	}
	if err != nil {
		return next, err
	}
	var some []mail.Item
	reads, size := 0, 0
	next = itemKey{}
	for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{Prefix: appendBox(nil, box), From: &from}) {
		if err != nil {
			return next, err
		}
		if reads++; reads > numberReads || len(some) == numberChunk || size > numberBytes {
			next = row.Key
			break
		}
		if !indexed(row.Value.Class) {
			continue
		}
		row.Value.ID, row.Value.Folder = row.Key.Item, row.Key.Folder
		if ok, err := numberedAs(tx, box, &row.Value); err != nil {
			return next, err
		} else if ok {
			continue
		}
		row.Value.Doc = 0
		size += len(appendItem(nil, row.Value))
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
	for _, p := range []store.Prefix{store.PrefixSearchBlock, store.PrefixSearchSegment, store.PrefixSearchDocs} {
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
