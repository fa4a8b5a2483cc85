package mailbox

import (
	"context"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// Each case breaks one invariant behind the mailbox's back.
func TestCheckReportsEveryBrokenInvariant(t *testing.T) {
	const box = 1
	h := newHouse(t)
	inbox, trash := h.role(box, mail.RoleInbox), h.role(box, mail.RoleDeletedItems)
	l := h.letter(1)
	it := h.deliver(box, inbox, l.item(100))
	gone := h.deliver(box, inbox, l.item(200))
	h.update(func(tx *store.Tx) error { _, err := h.Delete(tx, box, inbox, gone.ID); return err })
	top := h.create(box, 0, "Top")
	sub := h.create(box, top, "Sub")
	h.clean()

	inFolder := func(edit func(*mail.Folder)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			f, err := folderTable.Get(tx, folderKey{box, inbox})
			edit(&f)
			return orSet(err, folderTable.Set(tx, folderKey{box, inbox}, f))
		}
	}
	inSub := func(edit func(*mail.Folder)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			f, err := folderTable.Get(tx, folderKey{box, sub})
			edit(&f)
			return orSet(err, folderTable.Set(tx, folderKey{box, sub}, f))
		}
	}
	inState := func(edit func(*state)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			s, err := stateTable.Get(tx, box)
			edit(&s)
			return orSet(err, stateTable.Set(tx, box, s))
		}
	}
	inItem := func(edit func(*mail.Item)) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			x, err := itemTable.Get(tx, itemKey{box, inbox, it.ID})
			edit(&x)
			return orSet(err, itemTable.Set(tx, itemKey{box, inbox, it.ID}, x))
		}
	}
	entry := logKey{box, inbox, it.ModSeq}
	for name, damage := range map[string]func(tx *store.Tx) error{
		"items":                inFolder(func(f *mail.Folder) { f.Items++ }),
		"unread":               inFolder(func(f *mail.Folder) { f.Unread++ }),
		"bytes":                inFolder(func(f *mail.Folder) { f.Bytes++ }),
		"highest too low":      inFolder(func(f *mail.Folder) { f.Highest = 1 }),
		"highest too high":     inFolder(func(f *mail.Folder) { f.Highest += 1000 }),
		"role":                 inFolder(func(f *mail.Folder) { f.Role = mail.RoleJunk }),
		"no parent":            inSub(func(f *mail.Folder) { f.Parent = 999 }),
		"own parent":           inSub(func(f *mail.Folder) { f.Parent = sub }),
		"folder's ModSeq":      inSub(func(f *mail.Folder) { f.ModSeq-- }),
		"name":                 inSub(func(f *mail.Folder) { f.Name = "" }),
		"name of a sibling":    inSub(func(f *mail.Folder) { f.Parent, f.Name = 0, "iNBOX" }),
		"mailbox's ModSeq":     inState(func(s *state) { s.ModSeq = 3 }),
		"hierarchy's ModSeq":   inState(func(s *state) { s.Hierarchy-- }),
		"last item":            inState(func(s *state) { s.Item = 0 }),
		"last folder":          inState(func(s *state) { s.Folder = 2 }),
		"last object":          inState(func(s *state) { s.Object = 0 }),
		"number of folders":    inState(func(s *state) { s.Folders-- }),
		"removed":              inState(func(s *state) { s.Removed = true }),
		"item's ModSeq":        inItem(func(x *mail.Item) { x.ModSeq++ }),
		"item's time":          inItem(func(x *mail.Item) { x.Received++ }),
		"item's creation":      inItem(func(x *mail.Item) { x.Created-- }),
		"item gone":            func(tx *store.Tx) error { return itemTable.Delete(tx, itemKey{box, inbox, it.ID}) },
		"item without mailbox": func(tx *store.Tx) error { return itemTable.Set(tx, itemKey{77, 1, 1}, it) },
		"item without folder":  func(tx *store.Tx) error { return itemTable.Set(tx, itemKey{box, 888, it.ID}, it) },
		"log entry gone":       func(tx *store.Tx) error { return logTable.Delete(tx, entry) },
		"log entry of another": func(tx *store.Tx) error { return logTable.Set(tx, entry, mail.Change{Item: it.ID + 5}) },
		"second log entry": func(tx *store.Tx) error {
			return logTable.Set(tx, logKey{box, inbox, 1}, mail.Change{Item: it.ID, Created: 1, Received: 100})
		},
		"tombstone of a live item": func(tx *store.Tx) error {
			err := buriedTable.Set(tx, itemKey{box, inbox, it.ID}, 1)
			return orSet(err, logTable.Set(tx, logKey{box, inbox, 1}, mail.Change{Item: it.ID, Created: 1, Deleted: true}))
		},
		"tombstone not found": func(tx *store.Tx) error { return buriedTable.Delete(tx, itemKey{box, inbox, gone.ID}) },
		"tombstone too many":  func(tx *store.Tx) error { return buriedTable.Set(tx, itemKey{box, trash, 1}, 1) },
		"folder not in the log": func(tx *store.Tx) error {
			f, err := folderTable.Get(tx, folderKey{box, sub})
			return orSet(err, logTable.Delete(tx, logKey{box, mail.Hierarchy, f.ModSeq}))
		},
		"folder twice in the log": func(tx *store.Tx) error {
			f, err := folderTable.Get(tx, folderKey{box, sub})
			return orSet(err, logTable.Set(tx, logKey{box, mail.Hierarchy, f.Created + 100}, mail.Change{Item: mail.ItemID(sub), Created: f.Created}))
		},
		"by-date gone": func(tx *store.Tx) error { return dateTable.Delete(tx, dateKey{box, inbox, it.Position()}) },
		"by-date too many": func(tx *store.Tx) error {
			return dateTable.Set(tx, dateKey{box, inbox, gone.Position()}, dateRow{})
		},
		"role gone":            func(tx *store.Tx) error { return roleTable.Delete(tx, roleKey{box, mail.RoleInbox}) },
		"role of no folder":    func(tx *store.Tx) error { return roleTable.Set(tx, roleKey{box, 99}, 999) },
		"role without mailbox": func(tx *store.Tx) error { return roleTable.Set(tx, roleKey{77, mail.RoleInbox}, 1) },
		"sweep of a folder":    func(tx *store.Tx) error { return sweepTable.Set(tx, folderKey{box, trash}, struct{}{}) },
		"index gone":           func(tx *store.Tx) error { return indexTable.Delete(tx, l.ref.Hash) },
		"index count": func(tx *store.Tx) error {
			row, err := indexTable.Get(tx, l.ref.Hash)
			row.References++
			return orSet(err, indexTable.Set(tx, l.ref.Hash, row))
		},
		"index unreadable": func(tx *store.Tx) error {
			return indexTable.Set(tx, l.ref.Hash, indexRow{References: 1, Index: []byte{0xff, 0xff, 0xff}})
		},
		"index of nothing": func(tx *store.Tx) error {
			row, err := indexTable.Get(tx, l.ref.Hash)
			return orSet(err, indexTable.Set(tx, [32]byte{9}, row))
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The damage and the check share a transaction that is undone.
			found := 0
			undo := context.Canceled
			err := h.store.Update(context.Background(), func(tx *store.Tx) error {
				if err := damage(tx); err != nil {
					return err
				}
				found = 0
				c := newChecker(context.Background(), tx, func(store.Problem) { found++ })
				if err := c.run(); err != nil {
					return err
				}
				return undo
			})
			if err != undo {
				t.Fatal(err)
			}
			if found == 0 {
				t.Error("Check saw nothing")
			}
		})
	}
}

// orSet is the first error of reading and writing back.
func orSet(read, write error) error {
	if read != nil {
		return read
	}
	return write
}
