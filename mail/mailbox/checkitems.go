package mailbox

import (
	"errors"
	"reflect"

	"martlet/mail"
	"martlet/store"
)

// items checks everything within one folder. Each item is compared with its
// own rows; that there are as many of those as items shows that there are no
// others.
func (c *checker) items(box mail.MailboxID, st state, folder mail.Folder) error {
	at := folderKey{box, folder.ID}
	prefix := appendFolderKey(nil, at)
	var sum mail.Folder
	named := uint32(0)
	for row, err := range itemTable.Scan(c.tx, store.TableRange[itemKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		it := row.Value
		it.ID, it.Folder = row.Key.Item, row.Key.Folder
		count(&sum, &it, true)
		if it.Name != "" {
			named++
		}
		c.holds(&it)
		c.countThread(box, &it)
		if err := c.item(row.Key, st, folder, &it); err != nil {
			return err
		}
	}
	if sum.Items != folder.Items || sum.Unread != folder.Unread || sum.Bytes != folder.Bytes || sum.SMS != folder.SMS {
		c.bad("folder", at, "counts %d items, %d unread, %d bytes, %d short messages; has %d, %d, %d, %d",
			folder.Items, folder.Unread, folder.Bytes, folder.SMS, sum.Items, sum.Unread, sum.Bytes, sum.SMS)
	}
	dates := uint32(0)
	for _, err := range dateTable.Keys(c.tx, store.TableRange[dateKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		dates++
	}
	if dates != sum.Items {
		c.bad("by-date", at, "has %d rows for %d items", dates, sum.Items)
	}
	if err := c.objectNames(at, named); err != nil {
		return err
	}
	if folder.Role == mail.RoleRecipientInfo {
		if err := c.recipients(at); err != nil {
			return err
		}
	}
	return c.log(at, st, folder, sum.Items)
}

// holds notes what an item refers to.
func (c *checker) holds(it *mail.Item) {
	if indexed(it.Class) && !it.Blob.IsZero() {
		c.indexes[it.Blob.Hash]++
	}
}

// item compares one item with its rows in the other tables.
func (c *checker) item(k itemKey, st state, folder mail.Folder, it *mail.Item) error {
	if it.ID > st.Item || it.Object > st.Object || it.Object == 0 {
		c.bad("item", k, "its number or its object %d was never given out", it.Object)
	}
	if it.Created > it.ModSeq || it.ModSeq > folder.Highest {
		c.bad("item", k, "created %d, changed %d, the folder is at %d", it.Created, it.ModSeq, folder.Highest)
	}
	row, err := dateTable.Get(c.tx, dateKey{k.Box, k.Folder, it.Position()})
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.bad("item", k, "is not in the order by date")
	case err != nil:
		return err
	case !reflect.DeepEqual(row, dateRowOf(it)):
		c.bad("by-date", k, "says something else of the item")
	}
	if err := c.threadItem(k, it); err != nil {
		return err
	}
	if err := c.objectItem(k, folder, it); err != nil {
		return err
	}
	if err := c.inIndex(k, st, it); err != nil {
		return err
	}
	entry, err := logTable.Get(c.tx, logKey{k.Box, k.Folder, it.ModSeq})
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.bad("item", k, "has no entry in the log at %d", it.ModSeq)
	case err != nil:
		return err
	case !reflect.DeepEqual(entry, mail.Change{Item: it.ID, Created: it.Created, Received: it.Received, SMS: it.Class == mail.ClassSMS, Was: it.Was}):
		c.bad("item", k, "the entry in the log at %d speaks of something else", it.ModSeq)
	}
	return nil
}

// log checks that the log has one entry for each item and one for each
// tombstone, and none besides.
func (c *checker) log(at folderKey, st state, folder mail.Folder, items uint32) error {
	prefix := appendFolderKey(nil, at)
	var last mail.ModSeq
	var live, dead uint32
	for row, err := range logTable.Scan(c.tx, store.TableRange[logKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		last = row.Key.ModSeq
		if !row.Value.Deleted {
			live++
			continue
		}
		dead++
		k := itemKey{at.Box, at.Folder, row.Value.Item}
		n, err := buriedTable.Get(c.tx, k)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if n != row.Key.ModSeq {
			c.bad("log", row.Key, "the tombstone of item %d is found at %d", row.Value.Item, n)
		}
		if there, err := itemTable.Has(c.tx, k); err != nil {
			return err
		} else if there || row.Value.Item > st.Item {
			c.bad("log", row.Key, "a tombstone of an item that is there or never was")
		}
	}
	if live != items {
		c.bad("log", at, "has %d entries for %d items", live, items)
	}
	if last != folder.Highest {
		c.bad("folder", at, "its last change is %d, the log's %d", folder.Highest, last)
	}
	buried := uint32(0)
	for _, err := range buriedTable.Keys(c.tx, store.TableRange[itemKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		buried++
	}
	if buried != dead {
		c.bad("buried", at, "has %d rows for %d tombstones", buried, dead)
	}
	return nil
}

// swept notes what the items in deleted folders still hold.
func (c *checker) swept() error {
	for at, isFolder := range c.places {
		if isFolder || at.Folder == mail.Hierarchy {
			continue
		}
		r := store.TableRange[itemKey]{Prefix: appendFolderKey(nil, at)}
		for row, err := range itemTable.Scan(c.tx, r) {
			if err != nil {
				return err
			}
			c.holds(&row.Value)
			c.countThread(at.Box, &row.Value)
			if row.Value.UID != 0 {
				c.uids[at.Box]++
			}
			if row.Value.Doc != 0 {
				c.docs[at.Box]++
			}
		}
	}
	return nil
}
