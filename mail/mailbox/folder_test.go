package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

func TestFolderNamesAndParents(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	cache := h.role(1, mail.RoleRecipientInfo)
	work := h.create(1, 0, "Work")
	deep := h.create(1, work, "Deep")
	deeper := h.create(1, deep, "Deeper")
	other := h.create(1, 0, "Öffentlich")

	long := strings.Repeat("ä", 256)
	create := []struct {
		name   string
		parent mail.FolderID
		want   error
	}{
		{"work", 0, mail.ErrFolderExists}, {"INBOX", 0, mail.ErrFolderExists}, {"öFFENTLICH", 0, mail.ErrFolderExists},
		{"Inbox", work, nil}, {"Deep", inbox, nil}, {long, 0, nil},
		{long + "x", 0, mail.ErrBadName}, {"", 0, mail.ErrBadName}, {" \t", 0, mail.ErrBadName}, {"  ", 0, mail.ErrBadName},
		{"a\x00b", 0, mail.ErrBadName}, {"a\nb", 0, mail.ErrBadName}, {"\xff", 0, mail.ErrBadName},
		{"New", 999, mail.ErrBadParent}, {"New", cache, mail.ErrBadParent},
	}
	for _, c := range create {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			_, err := h.CreateFolder(tx, 1, c.parent, c.name, mail.ClassEmail)
			return err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("create %.20q below %d: %v, want %v", c.name, c.parent, err, c.want)
		}
	}
	update := []struct {
		text      string
		f, parent mail.FolderID
		name      string
		want      error
	}{
		{"a default folder", inbox, 0, "Eingang", mail.ErrSystemFolder},
		{"no folder", 999, 0, "X", mail.ErrNoFolder},
		{"below itself", work, work, "Work", mail.ErrBadParent},
		{"below its child", work, deep, "Work", mail.ErrBadParent},
		{"below its grandchild", work, deeper, "Work", mail.ErrBadParent},
		{"below nothing", work, 999, "Work", mail.ErrBadParent},
		{"below the recipient information", work, cache, "Work", mail.ErrBadParent},
		{"to a sibling's name", other, 0, "WORK", mail.ErrFolderExists},
		{"to a name taken at the new place", deep, inbox, "Deep", mail.ErrFolderExists},
		{"to no name", work, 0, "", mail.ErrBadName},
		{"to another case of its own name", work, 0, "WORK", nil},
		{"to another parent and name", deeper, inbox, "Here", nil},
		{"below its former child", work, deeper, "Work", nil},
	}
	for _, c := range update {
		var got mail.Folder
		err := h.store.Update(context.Background(), func(tx *store.Tx) (err error) {
			got, err = h.UpdateFolder(tx, 1, c.f, c.parent, c.name)
			return err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("update %s: %v, want %v", c.text, err, c.want)
		}
		if err == nil && (got != h.folder(1, c.f) || got.Name != c.name || got.Parent != c.parent) {
			t.Errorf("update %s: answered %+v, stored %+v", c.text, got, h.folder(1, c.f))
		}
	}
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := h.CreateFolder(tx, 1, 0, "Odd", mail.ClassSMS+1)
		return err
	})
	if err == nil {
		t.Error("a folder of an unknown class was made")
	}
}

func TestFolderUpdateWithoutADifferenceIsNoChange(t *testing.T) {
	h := newHouse(t)
	f := h.create(1, 0, "Work")
	before := h.folder(1, f)
	w := h.hub.Watch(1)
	h.update(func(tx *store.Tx) error {
		_, err := h.UpdateFolder(tx, 1, f, 0, "Work")
		return err
	})
	if h.folder(1, f) != before || woken(w) {
		t.Error("renaming a folder to its own name changed it or woke somebody")
	}
}

func TestRenamedFolderIsOneChangeOfTheHierarchy(t *testing.T) {
	h := newHouse(t)
	f := h.create(1, 0, "Work")
	since := h.folder(1, f).ModSeq
	for i := range 5 {
		h.update(func(tx *store.Tx) error {
			_, err := h.UpdateFolder(tx, 1, f, 0, fmt.Sprint("Work", i))
			return err
		})
	}
	got := h.changes(1, mail.Hierarchy, since)
	if len(got) != 1 || got[0].Item != mail.ItemID(f) || got[0].Created > since || got[0].Deleted {
		t.Errorf("changes %+v, want one change of folder %d", got, f)
	}
	// What happens to items is no change of the hierarchy.
	h.deliver(1, f, h.letter(1).item(1))
	if later := h.changes(1, mail.Hierarchy, got[0].ModSeq); len(later) != 0 {
		t.Errorf("an item changed the hierarchy: %+v", later)
	}
}

func TestDeletedFolderVanishesAtOnceAndIsSweptInChunks(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	work := h.create(1, 0, "Work")
	deep := h.create(1, work, "Deep")
	l := h.letter(1)
	const items = sweepChunk + 20
	var last mail.Item
	h.update(func(tx *store.Tx) (err error) {
		for i := range items {
			if last, err = h.Append(tx, 1, deep, l.item(int64(i+1))); err != nil {
				return err
			}
		}
		_, err = h.Delete(tx, 1, deep, last.ID-1)
		return err
	})
	hierarchy, inDeep := h.hub.Watch(1, uint32(mail.Hierarchy)), h.hub.Watch(1, uint32(deep))
	since := h.folder(1, deep).ModSeq
	h.update(func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, work) })
	if !woken(hierarchy) || !woken(inDeep) {
		t.Error("deleting a folder did not wake those who wait for it")
	}
	got := h.changes(1, mail.Hierarchy, since)
	if len(got) != 2 || !got[0].Deleted || !got[1].Deleted {
		t.Errorf("changes of the hierarchy: %+v, want two tombstones", got)
	}
	h.view(func(tx *store.Tx) error {
		_, itemErr := h.Item(tx, 1, deep, last.ID)
		_, tombErr := h.Tombstone(tx, 1, deep, last.ID-1)
		for what, err := range map[string]error{"item": itemErr, "tombstone": tombErr} {
			if !errors.Is(err, mail.ErrNoItem) {
				t.Errorf("%s in a deleted folder: %v", what, err)
			}
		}
		for _, err := range h.Changes(tx, 1, deep, 0) {
			if !errors.Is(err, mail.ErrNoFolder) {
				t.Errorf("changes of a deleted folder: %v", err)
			}
		}
		for _, err := range h.Newest(tx, 1, deep, mail.Position{}, 0) {
			if !errors.Is(err, mail.ErrNoFolder) {
				t.Errorf("newest of a deleted folder: %v", err)
			}
		}
		return nil
	})
	h.clean() // before the sweep too

	// One chunk, as if the process had ended then.
	h.update(func(tx *store.Tx) error {
		n, err := h.sweepSome(tx)
		if n > sweepChunk {
			t.Errorf("swept %d rows in one transaction", n)
		}
		return err
	})
	if n := h.rows(store.PrefixItem, 1); n == 0 || n == items-1 {
		t.Errorf("%d of %d items left after one chunk", n, items-1)
	}
	h.clean() // in the middle
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, p := range []store.Prefix{store.PrefixItem, store.PrefixByDate, store.PrefixBuried, store.PrefixSweep} {
		if n := h.rows(p, 1); n != 0 {
			t.Errorf("%d rows left under %#x", n, p)
		}
	}
	h.view(func(tx *store.Tx) error {
		if _, err := h.Index(tx, l.ref); !errors.Is(err, mail.ErrNoItem) {
			t.Errorf("the index of a message that is in no mailbox: %v", err)
		}
		return nil
	})
}

func TestDefaultFoldersCannotBeDeleted(t *testing.T) {
	h := newHouse(t)
	for role := mail.RoleInbox; role <= mail.RoleRecipientInfo; role++ {
		f := h.role(1, role)
		err := h.store.Update(context.Background(), func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, f) })
		if !errors.Is(err, mail.ErrSystemFolder) {
			t.Errorf("deleting the folder of role %d: %v", role, err)
		}
	}
	err := h.store.Update(context.Background(), func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, 999) })
	if !errors.Is(err, mail.ErrNoFolder) {
		t.Errorf("deleting no folder: %v", err)
	}
}

func TestMailboxHoldsABoundedNumberOfFolders(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	top := h.create(1, 0, "top")
	h.update(func(tx *store.Tx) error {
		st, err := h.state(tx, 1)
		if err != nil {
			return err
		}
		for i := int(st.Folders); i < maxFolders; i++ {
			f := mail.Folder{Parent: top, Name: fmt.Sprint(i), Class: mail.ClassEmail}
			if err := h.addFolder(tx, 1, &st, &f); err != nil {
				return err
			}
		}
		return stateTable.Set(tx, 1, st)
	})
	err := h.store.Update(ctx, func(tx *store.Tx) error {
		_, err := h.CreateFolder(tx, 1, 0, "one more", mail.ClassEmail)
		return err
	})
	if !errors.Is(err, mail.ErrTooManyFolders) {
		t.Errorf("one folder more than there may be: %v", err)
	}
	// The most that one transaction has to do.
	h.update(func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, top) })
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyDeletesWhatIsThereAndKeepsWhatArrives(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	trash := h.role(1, mail.RoleDeletedItems)
	sub := h.create(1, trash, "Sub")
	subsub := h.create(1, sub, "Subsub")
	l := h.letter(1)
	fill := func(f mail.FolderID, n int) {
		h.update(func(tx *store.Tx) error {
			for range n {
				if _, err := h.Append(tx, 1, f, l.item(5)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	fill(trash, 2*emptyChunk)
	fill(sub, 3)
	fill(subsub, 4)

	n, err := h.Empty(ctx, 1, trash, false)
	if err != nil || n != 2*emptyChunk {
		t.Fatalf("emptied %d, %v; want %d", n, err, 2*emptyChunk)
	}
	if f := h.folder(1, trash); f.Items != 0 || f.Unread != 0 || f.Bytes != 0 {
		t.Errorf("an empty folder counts %+v", f)
	}
	if got := h.changes(1, trash, 0); len(got) != 2*emptyChunk || !got[0].Deleted {
		t.Errorf("%d tombstones, want %d", len(got), 2*emptyChunk)
	}
	if f := h.folder(1, sub); f.Items != 3 {
		t.Error("the folder below was emptied too")
	}

	// What arrives while the folder is emptied has a higher number.
	fill(trash, 5)
	h.update(func(tx *store.Tx) error {
		st, err := h.state(tx, 1)
		if err != nil {
			return err
		}
		if n, err := h.deleteSome(tx, 1, trash, st.Item-2); err != nil || n != 3 {
			t.Errorf("deleted %d, %v; want the three old ones", n, err)
		}
		return nil
	})

	n, err = h.Empty(ctx, 1, trash, true)
	if err != nil || n != 2+3+4 {
		t.Fatalf("emptied %d with subfolders, %v; want 9", n, err)
	}
	h.view(func(tx *store.Tx) error {
		if _, err := h.Folder(tx, 1, subsub); !errors.Is(err, mail.ErrNoFolder) {
			t.Errorf("the folder below: %v", err)
		}
		return nil
	})
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Empty(ctx, 1, 999, true); !errors.Is(err, mail.ErrNoFolder) {
		t.Errorf("emptying no folder: %v", err)
	}
	h.view(func(tx *store.Tx) error {
		return h.References(tx, func(r blob.Ref) { t.Errorf("a reference to %x is left", r.Hash) })
	})
}

func TestRemovedMailboxLeavesNothing(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	l := h.letter(1)
	inbox, neighbour := h.role(1, mail.RoleInbox), h.role(2, mail.RoleInbox)
	h.deliver(1, inbox, l.item(1))
	kept := h.deliver(2, neighbour, l.item(1))
	if err := h.Remove(ctx, 1); err != nil {
		t.Fatal(err)
	}
	h.view(func(tx *store.Tx) error {
		if _, err := h.Folders(tx, 1); !errors.Is(err, mail.ErrNoMailbox) {
			t.Errorf("folders of a removed mailbox: %v", err)
		}
		return nil
	})
	h.clean()
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for p := store.PrefixMailbox; p <= store.PrefixBuried; p++ {
		if p == store.PrefixIndex {
			continue // by hash
		}
		if n := h.rows(p, 1); n != 0 {
			t.Errorf("%d rows left under %#x", n, p)
		}
	}
	h.view(func(tx *store.Tx) error {
		_, err := h.Item(tx, 2, neighbour, kept.ID)
		return err
	})
	if err := errors.Join(h.Remove(ctx, 1), h.Remove(ctx, 99)); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestMailboxUsedAgainBeforeTheSweepStartsAfresh(t *testing.T) {
	for name, chunks := range map[string]int{"no chunk": 0, "one chunk": 1} {
		t.Run("after "+name, func(t *testing.T) {
			h := newHouse(t)
			ctx := context.Background()
			l := h.letter(1)
			old := h.role(1, mail.RoleInbox)
			fill(t, h, 1, old, l, sweepChunk+20)
			was := h.folder(1, old)
			if err := h.Remove(ctx, 1); err != nil {
				t.Fatal(err)
			}
			for range chunks {
				h.update(func(tx *store.Tx) error { _, err := h.sweepSome(tx); return err })
				h.clean()
			}
			inbox := h.role(1, mail.RoleInbox)
			it := h.deliver(1, inbox, l.item(1))
			if inbox <= old || it.ID <= sweepChunk+20 || it.ModSeq <= was.Highest {
				t.Errorf("numbers were given out again: folder %d after %d, item %d", inbox, old, it.ID)
			}
			h.clean()
			if err := h.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			if n := h.rows(store.PrefixItem, 1); n != 1 {
				t.Errorf("%d items after the sweep, want the new one", n)
			}
		})
	}
}
