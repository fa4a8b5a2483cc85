package activesync

import (
	"context"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// openFound reads an item, found as find does, and its index, which only
// messages have.
func (h *Handler) openFound(ctx context.Context, find func(*store.Tx) (mail.Item, error)) (item mail.Item, ix *message.Index, err error) {
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		if item, err = find(tx); err != nil || isObject(item.Class) {
			return err
		}
		ix, err = h.c.Mailboxes.Index(tx, item.Blob)
		return err
	})
	return item, ix, err
}

// openItem opens the item at a place.
func (h *Handler) openItem(ctx context.Context, s *session, f mail.FolderID, id mail.ItemID) (mail.Item, *message.Index, error) {
	return h.openFound(ctx, func(tx *store.Tx) (mail.Item, error) { return h.c.Mailboxes.Item(tx, s.box, f, id) })
}

// openNamed opens an item by its LongId, which follows it, or by its folder and
// its own id.
func (h *Handler) openNamed(ctx context.Context, s *session, folderID, itemID, long string) (item mail.Item, ix *message.Index, err error) {
	if long != "" {
		return h.openFound(ctx, func(tx *store.Tx) (mail.Item, error) { return h.itemByLongID(tx, s, long) })
	}
	named, err := h.folder(ctx, s, folderID)
	if err != nil {
		return item, nil, err
	}
	folder, id, err := parseItemID(itemID)
	if err != nil {
		return item, nil, err
	}
	if is, err := h.holds(ctx, s, named, folder); err != nil {
		return item, nil, err
	} else if !is {
		return item, nil, mail.ErrNoItem
	}
	return h.openItem(ctx, s, folder, id)
}
