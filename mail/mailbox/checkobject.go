package mailbox

import (
	"errors"

	"martlet/mail"
	"martlet/store"
)

// objectItem compares an item that is no mail with the rows that lead to it.
func (c *checker) objectItem(k itemKey, folder mail.Folder, it *mail.Item) error {
	if indexed(it.Class) || folder.Role == mail.RoleRecipientInfo {
		if it.Name != "" || it.UID != 0 {
			c.bad("item", k, "has a name or a UID, which belongs to other items")
		}
		return nil
	}
	id, err := nameTable.Get(c.tx, nameKey{k.Box, k.Folder, it.Name})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if it.Name == "" || id != k.Item {
		c.bad("object-name", k, "its name leads to item %d", id)
	}
	if it.UID == 0 {
		return nil
	}
	c.uids[k.Box]++
	ok, err := uidTable.Has(c.tx, uidKey{k.Box, it.UID, mail.Place{Folder: k.Folder, Item: k.Item}})
	if err == nil && !ok {
		c.bad("object-uid", k, "is not found by its UID")
	}
	return err
}

// objectNames checks that there are no more names than items that have one.
func (c *checker) objectNames(at folderKey, items uint32) error {
	names := uint32(0)
	for _, err := range nameTable.Keys(c.tx, store.TableRange[nameKey]{Prefix: appendFolderKey(nil, at)}) {
		if err != nil {
			return err
		}
		names++
	}
	if names != items {
		c.bad("object-name", at, "has %d rows for %d items", names, items)
	}
	return nil
}

// objectUIDs checks that no UID leads to nothing.
func (c *checker) objectUIDs() error {
	found := map[mail.MailboxID]uint32{}
	for k, err := range uidTable.Keys(c.tx, store.TableRange[uidKey]{}) {
		if err != nil {
			return err
		}
		found[k.Box]++
	}
	for box, n := range found {
		if n != c.uids[box] {
			c.bad("object-uid", box, "has %d rows for %d items", n, c.uids[box])
		}
	}
	return nil
}
