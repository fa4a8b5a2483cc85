package engine_test

import (
	"context"
	"errors"
	"testing"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

func (h *house) folderSync(key string) engine.HierarchyResult {
	h.tb.Helper()
	res, err := h.eng.Hierarchy(context.Background(), phone, box, key, nil)
	if err != nil {
		h.tb.Fatal(err)
	}
	return res
}

func (h *house) makeFolder(parent mail.FolderID, name string) (f mail.Folder) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) (err error) {
		f, err = h.boxes.CreateFolder(tx, box, parent, name, mail.ClassEmail)
		return err
	})
	return f
}

func TestFolderSyncTellsWhatChanged(t *testing.T) {
	h := open(t)
	res := h.folderSync(engine.NewKey)
	if len(res.Adds) == 0 || res.Unchanged {
		t.Fatalf("%+v", res)
	}
	if again := h.folderSync(res.Key); !again.Unchanged || again.Key != res.Key {
		t.Errorf("%+v", again)
	}
	a, b := h.makeFolder(0, "a"), h.makeFolder(0, "b")
	h.update(func(tx *store.Tx) error { // made and renamed since: one Add
		_, err := h.boxes.UpdateFolder(tx, box, a.ID, b.ID, "c")
		return err
	})
	next := h.folderSync(res.Key)
	if len(next.Adds) != 2 || len(next.Updates)+len(next.Deletes) != 0 {
		t.Fatalf("%+v", next)
	}
	again := h.folderSync(res.Key)
	if again.Key != next.Key || len(again.Adds) != 2 {
		t.Errorf("repeated: %+v", again)
	}
	h.update(func(tx *store.Tx) error {
		if _, err := h.boxes.UpdateFolder(tx, box, a.ID, 0, "d"); err != nil {
			return err
		}
		return h.boxes.DeleteFolder(tx, box, b.ID)
	})
	last := h.folderSync(next.Key)
	if len(last.Adds) != 0 || len(last.Updates) != 1 || last.Updates[0].Name != "d" || len(last.Deletes) != 1 || last.Deletes[0] != b.ID {
		t.Errorf("%+v", last)
	}
	if _, err := h.eng.Hierarchy(context.Background(), phone, box, res.Key, nil); !errors.Is(err, engine.ErrStaleSyncKey) {
		t.Errorf("a key that is over: %v", err)
	}
}

// MS-ASCMD 3.1.5.3: at any point the client can repeat the initial FolderSync.
func TestFetchingTheFoldersAnewKeepsTheCollections(t *testing.T) {
	h := open(t)
	h.folderSync(engine.NewKey)
	key := h.settle(h.inbox)
	f := h.makeFolder(0, "gone")
	gone := h.settle(f.ID)
	h.update(func(tx *store.Tx) error { return h.boxes.DeleteFolder(tx, box, f.ID) })
	h.folderSync(engine.NewKey)
	if res := h.sync(h.inbox, key); !res.Unchanged {
		t.Errorf("%+v", res)
	}
	if res := h.send(phone, request(f.ID, gone)); !errors.Is(res.Err, mail.ErrNoFolder) {
		t.Errorf("%v", res.Err)
	}
}

func TestRepeatedFolderCreateMakesOneFolder(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	key := h.folderSync(engine.NewKey).Key
	f, next, err := h.eng.CreateFolder(ctx, phone, box, key, 0, "Projects", mail.ClassEmail)
	if err != nil {
		t.Fatal(err)
	}
	again, same, err := h.eng.CreateFolder(ctx, phone, box, key, 0, "Projects", mail.ClassEmail)
	if err != nil || again.ID != f.ID || same != next {
		t.Errorf("%d %s, then %d %s, %v", f.ID, next, again.ID, same, err)
	}
	if res := h.folderSync(next); !res.Unchanged {
		t.Errorf("the phone's own folder is told: %+v", res)
	}
	if _, _, err := h.eng.CreateFolder(ctx, phone, box, next, 0, "projects", mail.ClassEmail); !errors.Is(err, mail.ErrFolderExists) {
		t.Errorf("another of that name: %v", err)
	}
	if _, _, err := h.eng.CreateFolder(ctx, phone, box, key, 0, "x", mail.ClassEmail); !errors.Is(err, engine.ErrStaleSyncKey) {
		t.Errorf("a key that is over: %v", err)
	}
}

func TestAFolderCommandDoesNotSwallowOthersChanges(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	key := h.folderSync(engine.NewKey).Key
	other := h.makeFolder(0, "other")
	f, key, err := h.eng.CreateFolder(ctx, phone, box, key, 0, "mine", mail.ClassEmail)
	if err != nil {
		t.Fatal(err)
	}
	res := h.folderSync(key)
	if len(res.Adds) != 1 || res.Adds[0].ID != other.ID {
		t.Fatalf("%+v", res)
	}
	key, err = h.eng.UpdateFolder(ctx, phone, box, res.Key, f.ID, other.ID, "ours")
	if err != nil {
		t.Fatal(err)
	}
	if res := h.folderSync(key); !res.Unchanged {
		t.Errorf("the phone's own rename is told: %+v", res)
	}
	below := h.makeFolder(f.ID, "below")
	key = h.folderSync(key).Key
	key, err = h.eng.DeleteFolder(ctx, phone, box, key, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	res = h.folderSync(key)
	if len(res.Deletes) != 1 || res.Deletes[0] != below.ID || len(res.Adds)+len(res.Updates) != 0 {
		t.Errorf("%+v", res)
	}
	if _, err := h.eng.DeleteFolder(ctx, phone, box, res.Key, h.inbox); !errors.Is(err, mail.ErrSystemFolder) {
		t.Errorf("the Inbox: %v", err)
	}
}

// MS-ASCMD_R289: the phone receives a Delete in the one folder and an Add in
// the other.
func TestAMovedItemIsToldInBothFolders(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	id := h.deliver(h.inbox, 0)[0]
	src, dst := h.settle(h.inbox), h.settle(h.drafts)
	move := func() (mail.ItemID, error) {
		all, err := h.eng.MoveAll(ctx, phone, box, []engine.Move{{Item: id, From: h.inbox, To: h.drafts}})
		if err != nil {
			return 0, err
		}
		return all[0].Item, all[0].Err
	}
	moved, err := move()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := move(); err != nil || again != moved {
		t.Errorf("repeated: %d, then %d, %v", moved, again, err)
	}
	expect(t, h.sync(h.inbox, src), []change{{engine.Deleted, id}})
	expect(t, h.sync(h.drafts, dst), adds(moved))
}

func TestADeviceThatKeepsMovedItemsGetsAChange(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	src, dst := h.settle(h.inbox), h.settle(h.drafts)
	moves := []engine.Move{{Item: id, From: h.inbox, To: h.drafts, Keeps: true}}
	moved, err := h.eng.MoveAll(context.Background(), phone, box, moves)
	if err != nil || moved[0].Err != nil {
		t.Fatal(err, moved)
	}
	if res := h.sync(h.inbox, src); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
	expect(t, h.sync(h.drafts, dst), []change{{engine.Changed, moved[0].Item}})
}

// MS-ASCMD_R4207, R4208, R4212, R4219.
func TestWrongMovesAreRefusedAlone(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 0, 0)
	got, err := h.eng.MoveAll(context.Background(), phone, box, []engine.Move{
		{Item: ids[0], From: 999, To: h.drafts},
		{Item: 77, From: h.inbox, To: h.drafts},
		{Item: ids[0], From: h.inbox, To: 999},
		{Item: ids[0], From: h.inbox, To: h.inbox},
		{Item: ids[0], From: h.inbox, To: h.drafts},
		{Item: ids[0], From: h.inbox, To: h.bin},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{mail.ErrNoFolder, mail.ErrNoItem, engine.ErrNoDestination, engine.ErrSameFolder, nil, mail.ErrNoItem} {
		if !errors.Is(got[i].Err, want) {
			t.Errorf("move %d: %v", i, got[i].Err)
		}
	}
}

// Between the end of another's folder and that of the link to it the link is
// passed over.
func TestFolderSyncPassesOverALinkThatLeadsNowhere(t *testing.T) {
	h := open(t)
	key := h.folderSync(engine.NewKey).Key
	var theirs, link mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if err = h.boxes.Ensure(tx, 2); err != nil {
			return err
		}
		if theirs, err = h.boxes.CreateFolder(tx, 2, 0, "Plans", mail.ClassEmail); err != nil {
			return err
		}
		link, err = h.boxes.CreateLink(tx, box, 0, "Bob: Plans", mail.Link{Box: 2, Folder: theirs.ID, Rights: mail.MayRead})
		return err
	})
	h.update(func(tx *store.Tx) error { return h.boxes.DeleteFolder(tx, 2, theirs.ID) })
	res := h.folderSync(key)
	if len(res.Adds)+len(res.Updates)+len(res.Deletes) != 0 {
		t.Errorf("%+v", res)
	}
	if changed, err := h.eng.Changed(context.Background(), phone, box, []mail.FolderID{mail.Hierarchy}); err != nil || len(changed) != 0 {
		t.Errorf("a Ping says %v, %v", changed, err)
	}
	h.update(func(tx *store.Tx) error { return h.boxes.DropLink(tx, box, link.ID) })
	if res = h.folderSync(res.Key); len(res.Adds)+len(res.Updates) != 0 {
		t.Errorf("%+v", res)
	}
}
