package mailbox

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

const (
	// emptyChunk is how many items Empty deletes in one transaction: some eight
	// rows each, while deliveries wait no longer than a few milliseconds.
	emptyChunk = 200
	// sweepChunk is how many rows Sweep takes up in one transaction.
	sweepChunk = 500
)

// Empty deletes all items that are in the folder now, and with subfolders all
// folders below it too, and tells how many items went. What is private stays when
// who empties a folder of another may not see it. It works in chunks:
// after an error a part may be gone. If it deleted folders, the caller should
// start Sweep afterwards.
func (m *Mailboxes) Empty(ctx context.Context, box mail.MailboxID, f mail.FolderID, subfolders bool) (int, error) {
	ctx = store.WithReserve(ctx)
	var last mail.ItemID
	var gone int
	err := m.store.Update(ctx, func(tx *store.Tx) error {
		gone = 0
		o, err := m.open(tx, box, f)
		if err != nil {
			return err
		}
		last = o.st.Item // what arrives from now on stays
		if !subfolders {
			return nil
		}
		folders, err := m.Folders(tx, box)
		if err != nil {
			return err
		}
		for _, d := range below(folders, f)[1:] {
			gone += int(d.Items)
			if d.Parent != f {
				continue // goes with its parent
			}
			if err := m.DeleteFolder(tx, box, d.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("mailbox: empty: %w", err)
	}
	for more := true; more; {
		var n int
		err := m.store.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = m.deleteSome(tx, box, f, last)
			return err
		})
		if err != nil {
			return gone, fmt.Errorf("mailbox: empty: %w", err)
		}
		gone += n
		more = n == emptyChunk
	}
	return gone, nil
}

// deleteSome deletes the first items of a folder up to the number last.
func (m *Mailboxes) deleteSome(tx *store.Tx, box mail.MailboxID, f mail.FolderID, last mail.ItemID) (int, error) {
	o, err := m.open(tx, box, f)
	if err != nil || o.folder.Items == 0 {
		return 0, err
	}
	box, f = o.box, o.folder.ID
	var some []mail.Item
	r := store.TableRange[itemKey]{Prefix: appendFolderKey(nil, folderKey{box, f})}
	for row, err := range itemTable.Scan(tx, r) {
		if err != nil {
			return 0, err
		}
		if row.Key.Item > last || len(some) == emptyChunk {
			break
		}
		row.Value.ID, row.Value.Folder = row.Key.Item, f
		if o.mayChange(&row.Value) == nil {
			some = append(some, row.Value)
		}
	}
	if len(some) == 0 {
		return 0, nil
	}
	for i := range some {
		if err := m.letGo(tx, some[i].Class, some[i].Blob); err != nil {
			return 0, err
		}
		if _, err := m.bury(tx, box, &o.st, &o.folder, &some[i], mail.Away{}); err != nil {
			return 0, err
		}
	}
	return len(some), m.save(tx, &o)
}

// Remove takes a mailbox away. Nothing can be read from it any more; what it
// held goes when Sweep runs, which the caller should start afterwards. A
// mailbox that is not there is no error.
func (m *Mailboxes) Remove(ctx context.Context, box mail.MailboxID) error {
	err := m.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		st, err := stateTable.Get(tx, box)
		if errors.Is(err, store.ErrNotFound) || err == nil && st.Removed {
			return nil
		}
		if err != nil {
			return err
		}
		folders, err := m.rows(tx, box)
		if err != nil {
			return err
		}
		for i := range folders {
			if err := m.dropFolder(tx, box, &st, &folders[i]); err != nil {
				return err
			}
		}
		st.Removed = true
		// Hierarchy on the list stands for the mailbox itself and comes last.
		if err := sweepTable.Set(tx, folderKey{box, mail.Hierarchy}, struct{}{}); err != nil {
			return err
		}
		return stateTable.Set(tx, box, st)
	})
	if err != nil {
		return fmt.Errorf("mailbox: remove: %w", err)
	}
	return nil
}

// Sweep removes what was in deleted folders and mailboxes, in small
// transactions. Call it at start and after DeleteFolder, Empty and Remove; a
// sweep that ends early, by ctx or by a crash, is taken up by the next one.
func (m *Mailboxes) Sweep(ctx context.Context) error {
	ctx = store.WithReserve(ctx) // it frees more than it takes
	rows := 0
	for {
		var dirty []folderKey
		// Nearly always there is nothing: a look costs no commit.
		err := m.store.View(ctx, func(tx *store.Tx) (err error) {
			dirty, err = m.dirty(tx, 1)
			return err
		})
		if err == nil && len(dirty) == 0 {
			break
		}
		var n int
		if err == nil {
			err = m.store.Update(ctx, func(tx *store.Tx) (err error) {
				n, err = m.sweepSome(tx)
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("mailbox: sweep: %w", err)
		}
		rows += n
	}
	if rows > 0 {
		m.log.Info("mailboxes swept", "rows", rows)
	}
	return nil
}

// dirty returns up to limit places that are to be swept. A mailbox, which is
// listed as its hierarchy, comes only when none of its folders is left.
func (m *Mailboxes) dirty(tx *store.Tx, limit int) ([]folderKey, error) {
	var places []folderKey
	var whole *folderKey // listed, and so far without a folder
	for k, err := range sweepTable.Keys(tx, store.TableRange[folderKey]{}) {
		if err != nil {
			return nil, err
		}
		if whole != nil && whole.Box != k.Box {
			places = append(places, *whole)
		}
		whole = nil
		if len(places) >= limit {
			return places, nil
		}
		if k.Folder == mail.Hierarchy {
			whole = &k
		} else {
			places = append(places, k)
		}
	}
	if whole != nil {
		places = append(places, *whole)
	}
	return places, nil
}

// sweepSome sweeps up to sweepChunk rows and takes those places off the list
// where nothing is left.
func (m *Mailboxes) sweepSome(tx *store.Tx) (int, error) {
	places, err := m.dirty(tx, sweepChunk)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, k := range places {
		swept, err := m.sweepPlace(tx, k, sweepChunk-n)
		if err != nil {
			return n, err
		}
		n += swept
		if n >= sweepChunk {
			break
		}
	}
	return n, nil
}

// sweepPlace sweeps up to limit rows: what is in the place, then the place
// itself.
func (m *Mailboxes) sweepPlace(tx *store.Tx, k folderKey, limit int) (int, error) {
	n, err := m.sweepItems(tx, k, limit)
	if err != nil {
		return n, err
	}
	for _, prefix := range []store.Prefix{store.PrefixLog, store.PrefixBuried, store.PrefixRecipient, store.PrefixObjectName} {
		swept, err := sweepRows(tx, prefix, k, limit-n)
		if err != nil {
			return n, err
		}
		n += swept
	}
	if n >= limit {
		return n, nil
	}
	if k.Folder == mail.Hierarchy {
		if swept, err := sweepRules(tx, k.Box, limit-n); err != nil || n+swept >= limit {
			return n + swept, err
		} else {
			n += swept
		}
		if swept, err := sweepIndex(tx, k.Box, limit-n); err != nil || n+swept >= limit {
			return n + swept, err
		}
		if err := stateTable.Delete(tx, k.Box); err != nil {
			return n, err
		}
	}
	return n + 1, sweepTable.Delete(tx, k)
}

func (m *Mailboxes) sweepItems(tx *store.Tx, k folderKey, limit int) (int, error) {
	var some []mail.Item
	for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{Prefix: appendFolderKey(nil, k)}) {
		if err != nil {
			return 0, err
		}
		row.Value.ID = row.Key.Item
		some = append(some, row.Value)
		if len(some) == limit {
			break
		}
	}
	for i := range some {
		it := &some[i]
		if err := m.letGo(tx, it.Class, it.Blob); err != nil {
			return 0, err
		}
		if err := dateTable.Delete(tx, dateKey{k.Box, k.Folder, it.Position()}); err != nil {
			return 0, err
		}
		it.Folder = k.Folder
		if err := m.leaveThread(tx, k.Box, it); err != nil {
			return 0, err
		}
		if err := m.leaveIndex(tx, k.Box, it); err != nil {
			return 0, err
		}
		if err := m.unnameObject(tx, k.Box, it); err != nil {
			return 0, err
		}
		if err := itemTable.Delete(tx, itemKey{k.Box, k.Folder, it.ID}); err != nil {
			return 0, err
		}
	}
	return len(some), nil
}

// sweepRows deletes up to limit rows of a folder in one table, whatever they
// say.
func sweepRows(tx *store.Tx, prefix store.Prefix, k folderKey, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	var keys [][]byte
	r := store.Range{Prefix: appendFolderKey([]byte{byte(prefix)}, k), KeysOnly: true}
	for kv, err := range tx.Scan(r) {
		if err != nil {
			return 0, err
		}
		keys = append(keys, append([]byte(nil), kv.Key...))
		if len(keys) == limit {
			break
		}
	}
	for _, key := range keys {
		if err := tx.Delete(key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
