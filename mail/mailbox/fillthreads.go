package mailbox

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

// fillChunk is how many items get their conversation in one transaction, so
// that deliveries need not wait long.
const fillChunk = 200

// FillThreads gives their conversations to items that came before mailboxes
// knew of them, in small transactions. Call it once at the start; what ends
// early, by ctx or by a crash, is taken up by the next call. Clients are not
// told: nothing else of the items changes.
func (m *Mailboxes) FillThreads(ctx context.Context) error {
	var boxes []mail.MailboxID
	err := m.store.View(ctx, func(tx *store.Tx) error {
		boxes = boxes[:0]
		for row, err := range stateTable.Scan(tx, store.TableRange[mail.MailboxID]{}) {
			if err != nil {
				return err
			}
			if !row.Value.Threaded && !row.Value.Removed {
				boxes = append(boxes, row.Key)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mailbox: fill threads: %w", err)
	}
	items := 0
	for _, box := range boxes {
		for next := (itemKey{Box: box}); next.Box == box; {
			var n int
			err := m.store.Update(ctx, func(tx *store.Tx) (err error) {
				n, next, err = m.fillSome(tx, next)
				return err
			})
			if err != nil {
				return fmt.Errorf("mailbox: fill threads: %w", err)
			}
			items += n
		}
	}
	if items > 0 {
		m.log.Info("conversations filled in", "mailboxes", len(boxes), "items", items)
	}
	return nil
}

// fillSome goes over the mailbox's items from one on, and returns how many it
// changed and where to go on: in no mailbox when all is done.
func (m *Mailboxes) fillSome(tx *store.Tx, from itemKey) (int, itemKey, error) {
	var some []store.Row[itemKey, mail.Item]
	next := itemKey{}
	for row, err := range itemTable.Scan(tx, store.TableRange[itemKey]{Prefix: appendBox(nil, from.Box), From: &from}) {
		if err != nil {
			return 0, next, err
		}
		if len(some) == fillChunk {
			next = row.Key
			break
		}
		some = append(some, row)
	}
	n := 0
	for i := range some {
		k, it := some[i].Key, some[i].Value
		it.ID, it.Folder = k.Item, k.Folder
		if !it.Thread.IsZero() {
			continue
		}
		// An index that is missing is damage that Check reports.
		if err := m.findThread(tx, k.Box, &it, nil); errors.Is(err, mail.ErrNoItem) {
			continue
		} else if err != nil {
			return n, next, err
		}
		if it.Thread.IsZero() { // no message
			continue
		}
		if err := m.joinThread(tx, k.Box, &it); err != nil {
			return n, next, err
		}
		if err := itemTable.Set(tx, k, it); err != nil {
			return n, next, err
		}
		n++
	}
	if next.Box != 0 {
		return n, next, nil
	}
	st, err := stateTable.Get(tx, from.Box)
	if errors.Is(err, store.ErrNotFound) {
		return n, next, nil
	}
	if err != nil {
		return n, next, err
	}
	st.Threaded = true
	return n, next, stateTable.Set(tx, from.Box, st)
}
