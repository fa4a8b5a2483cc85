package mailbox

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

func TestAppendedItemIsReadBackAsItWasAnswered(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	l := h.letter(1)
	n := l.item(12345)
	n.Flags = mail.FlagSeen | mail.FlagAnswered
	n.Keywords = []string{"Red", "", "blau"}
	n.LastVerb, n.VerbTime = 2, time.Now()
	n.FollowUp = mail.FollowUp{
		Status: mail.FollowUpActive, Type: "Flag for follow up", Subject: "s", SubOrdinal: "5",
		Start: time.Now().In(time.FixedZone("x", 3600)), Due: time.UnixMilli(0), ReminderSet: true,
	}
	it := h.deliver(1, inbox, n)
	h.view(func(tx *store.Tx) error {
		got, err := h.Item(tx, 1, inbox, it.ID)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(got, it) {
			t.Errorf("answered %+v\nread %+v", it, got)
		}
		if got.FollowUp.Due.IsZero() || got.FollowUp.Start.Location() != time.UTC {
			t.Errorf("times are not kept in UTC: %+v", got.FollowUp)
		}
		ix, err := h.Index(tx, l.ref)
		if err != nil {
			return err
		}
		if ix.Subject != "letter 1" {
			t.Errorf("the index says subject %q", ix.Subject)
		}
		return nil
	})
	f := h.folder(1, inbox)
	if f.Items != 1 || f.Unread != 0 || f.Bytes != uint64(l.ref.Size) || f.Highest != it.ModSeq {
		t.Errorf("the folder counts %+v", f)
	}
}

func TestTimeOfReceipt(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	l := h.letter(1)
	start := time.Now().UnixMilli()
	if it := h.deliver(1, inbox, l.item(0)); it.Received < start || it.Received > time.Now().UnixMilli() {
		t.Errorf("without a time it is %d", it.Received)
	}
	if it := h.deliver(1, inbox, l.item(-5)); it.Received != 1 {
		t.Errorf("before 1970 it is %d, want 1", it.Received)
	}
	last := h.deliver(1, inbox, l.item(math.MaxInt64))
	h.view(func(tx *store.Tx) error {
		for at, err := range h.Newest(tx, 1, inbox, mail.Position{}, 0) {
			if err != nil || at != last.Position() {
				t.Errorf("the newest is %+v, %v", at, err)
			}
			break
		}
		return nil
	})
}

func TestMessageNeedsAnIndexOnce(t *testing.T) {
	h := newHouse(t)
	inbox, other := h.role(1, mail.RoleInbox), h.role(2, mail.RoleInbox)
	l := h.letter(1)
	bare := l.item(1)
	bare.Index = nil
	try := func(n mail.NewItem) error {
		return h.store.Update(context.Background(), func(tx *store.Tx) error {
			_, err := h.Append(tx, 2, other, n)
			return err
		})
	}
	if err := try(bare); !errors.Is(err, ErrNotPrepared) {
		t.Errorf("a message without an index: %v", err)
	}
	first := h.deliver(1, inbox, l.item(1))
	if err := try(bare); err != nil {
		t.Errorf("a message that another mailbox has: %v", err)
	}
	missing := bare
	missing.Blob.Hash[0] ^= 1
	if err := try(missing); !errors.Is(err, blob.ErrGone) {
		t.Errorf("a message without a body: %v", err)
	}
	event := bare
	event.Class = mail.ClassCalendar
	if err := try(event); err != nil {
		t.Errorf("an event needs no index: %v", err)
	}
	// The index lives as long as one item has the message.
	h.update(func(tx *store.Tx) error { _, err := h.Delete(tx, 1, inbox, first.ID); return err })
	h.view(func(tx *store.Tx) error { _, err := h.Index(tx, l.ref); return err })
}

func TestUpdateWithoutADifferenceWritesNothing(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	n := h.letter(1).item(1)
	n.Keywords = []string{"a", "b"}
	n.VerbTime = time.Now()
	it := h.deliver(1, inbox, n)
	w := h.hub.Watch(1)
	for name, edit := range map[string]func(*mail.Item){
		"nothing":         func(*mail.Item) {},
		"the same":        func(x *mail.Item) { x.Flags &^= mail.FlagSeen; x.Keywords = []string{"a", "b"} },
		"the same time":   func(x *mail.Item) { x.VerbTime = n.VerbTime.In(time.FixedZone("x", 60)) },
		"what is not its": func(x *mail.Item) { x.ID, x.Folder, x.Received, x.Object, x.Created = 9, 9, 9, 9, 9 },
	} {
		h.update(func(tx *store.Tx) error {
			got, err := h.UpdateItem(tx, 1, inbox, it.ID, edit)
			if err == nil && !reflect.DeepEqual(got, it) {
				t.Errorf("%s: %+v", name, got)
			}
			return err
		})
	}
	if got := h.changes(1, inbox, it.ModSeq); len(got) != 0 || woken(w) {
		t.Errorf("changes %+v, or somebody was woken", got)
	}
}

func TestUpdatedItemIsOneChangeHoweverOften(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	n := h.letter(1).item(7)
	n.Keywords = []string{"a"}
	it := h.deliver(1, inbox, n)
	for _, edit := range []func(*mail.Item){
		func(x *mail.Item) { x.Flags |= mail.FlagSeen },
		func(x *mail.Item) { x.Keywords[0] = "b" }, // in place
		func(x *mail.Item) { x.FollowUp.Status = mail.FollowUpActive },
		func(x *mail.Item) { x.LastVerb = 1 },
	} {
		h.update(func(tx *store.Tx) error { _, err := h.UpdateItem(tx, 1, inbox, it.ID, edit); return err })
	}
	got := h.changes(1, inbox, it.ModSeq)
	want := mail.Change{ModSeq: it.ModSeq + 4, Item: it.ID, Created: it.Created, Received: 7}
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("changes %+v, want %+v", got, want)
	}
	if f := h.folder(1, inbox); f.Unread != 0 || f.Items != 1 {
		t.Errorf("the folder counts %+v", f)
	}
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := h.UpdateItem(tx, 1, inbox, it.ID, func(x *mail.Item) {
			x.Keywords = slices.Repeat([]string{strings.Repeat("k", 1000)}, 40)
		})
		return err
	})
	if !errors.Is(err, mail.ErrItemTooLarge) {
		t.Errorf("40 KB of keywords: %v", err)
	}
}

func TestNewBodyReplacesTheOldOne(t *testing.T) {
	h := newHouse(t)
	calendar := h.role(1, mail.RoleCalendar)
	old, fresh := h.letter(1), h.letter(22)
	it := h.deliver(1, calendar, mail.NewItem{Class: mail.ClassCalendar, Received: 1, Body: mail.Body{Blob: old.ref}})
	h.update(func(tx *store.Tx) error {
		_, err := h.ReplaceBody(tx, 1, calendar, it.ID, mail.Body{Blob: fresh.ref}, nil)
		return err
	})
	var refs []blob.Ref
	h.view(func(tx *store.Tx) error {
		refs = nil
		return h.References(tx, func(r blob.Ref) { refs = append(refs, r) })
	})
	if len(refs) != 1 || refs[0] != fresh.ref {
		t.Errorf("references %v, want the new body", refs)
	}
	if f := h.folder(1, calendar); f.Bytes != uint64(fresh.ref.Size) {
		t.Errorf("the folder counts %d bytes, want %d", f.Bytes, fresh.ref.Size)
	}
}

func TestDeletedItemLeavesATombstone(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	it := h.deliver(1, inbox, h.letter(1).item(7))
	var c mail.Change
	h.update(func(tx *store.Tx) (err error) {
		c, err = h.Delete(tx, 1, inbox, it.ID)
		return err
	})
	want := mail.Change{ModSeq: it.ModSeq + 1, Item: it.ID, Created: it.Created, Received: 7, Deleted: true, Thread: it.Thread}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("answered %+v, want %+v", c, want)
	}
	if got := h.changes(1, inbox, 0); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("changes %+v, want the tombstone alone", got)
	}
	h.view(func(tx *store.Tx) error {
		got, err := h.Tombstone(tx, 1, inbox, it.ID)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("tombstone %+v, want %+v", got, want)
		}
		return err
	})
}

func TestMovedItemKeepsItsObjectAndTellsWhereItWent(t *testing.T) {
	h := newHouse(t)
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	l := h.letter(1)
	n := l.item(7)
	n.Keywords = []string{"k"}
	it := h.deliver(1, inbox, n)
	src, dst := h.hub.Watch(1, uint32(inbox)), h.hub.Watch(1, uint32(trash))
	var moved mail.Item
	h.update(func(tx *store.Tx) (err error) {
		moved, err = h.Move(tx, 1, inbox, it.ID, trash)
		return err
	})
	if !woken(src) || !woken(dst) {
		t.Error("a move wakes those who watch either folder")
	}
	if moved.ID == it.ID || moved.Folder != trash || moved.Object != it.Object || moved.Received != 7 ||
		moved.Blob != l.ref || !slices.Equal(moved.Keywords, it.Keywords) {
		t.Errorf("moved %+v from %+v", moved, it)
	}
	h.view(func(tx *store.Tx) error {
		c, err := h.Tombstone(tx, 1, inbox, it.ID)
		if err != nil || c.MovedTo != (mail.Place{Folder: trash, Item: moved.ID}) {
			t.Errorf("tombstone %+v, %v", c, err)
		}
		got, err := h.Item(tx, 1, trash, moved.ID)
		if !reflect.DeepEqual(got, moved) {
			t.Errorf("answered %+v, read %+v", moved, got)
		}
		return err
	})
	if f := h.folder(1, inbox); f.Items != 0 || f.Unread != 0 || f.Bytes != 0 {
		t.Errorf("the old folder counts %+v", f)
	}
	if f := h.folder(1, trash); f.Items != 1 || f.Unread != 1 || f.Bytes != uint64(l.ref.Size) {
		t.Errorf("the new folder counts %+v", f)
	}
	// Within the folder it is a new item too (RFC 6851).
	h.update(func(tx *store.Tx) error {
		again, err := h.Move(tx, 1, trash, moved.ID, trash)
		if err == nil && (again.ID == moved.ID || again.Object != it.Object) {
			t.Errorf("moved within the folder: %+v", again)
		}
		return err
	})
}

func TestWhatIsNotThere(t *testing.T) {
	h := newHouse(t)
	inbox, trash := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	l := h.letter(1)
	it := h.deliver(1, inbox, l.item(1))
	edit := func(x *mail.Item) { x.Flags = mail.FlagSeen }
	for name, c := range map[string]struct {
		call func(tx *store.Tx) error
		want error
	}{
		"append to no folder": {func(tx *store.Tx) error { _, err := h.Append(tx, 1, 999, l.item(1)); return err }, mail.ErrNoFolder},
		"item":                {func(tx *store.Tx) error { _, err := h.Item(tx, 1, inbox, 999); return err }, mail.ErrNoItem},
		"item elsewhere":      {func(tx *store.Tx) error { _, err := h.Item(tx, 1, trash, it.ID); return err }, mail.ErrNoItem},
		"item in no folder":   {func(tx *store.Tx) error { _, err := h.Item(tx, 1, 999, it.ID); return err }, mail.ErrNoItem},
		"item in no mailbox":  {func(tx *store.Tx) error { _, err := h.Item(tx, 2, inbox, it.ID); return err }, mail.ErrNoItem},
		"tombstone of a live": {func(tx *store.Tx) error { _, err := h.Tombstone(tx, 1, inbox, it.ID); return err }, mail.ErrNoItem},
		"update":              {func(tx *store.Tx) error { _, err := h.UpdateItem(tx, 1, inbox, 999, edit); return err }, mail.ErrNoItem},
		"update, no folder":   {func(tx *store.Tx) error { _, err := h.UpdateItem(tx, 1, 999, 1, edit); return err }, mail.ErrNoItem},
		"delete":              {func(tx *store.Tx) error { _, err := h.Delete(tx, 1, inbox, 999); return err }, mail.ErrNoItem},
		"delete, no folder":   {func(tx *store.Tx) error { _, err := h.Delete(tx, 1, 999, 1); return err }, mail.ErrNoItem},
		"move":                {func(tx *store.Tx) error { _, err := h.Move(tx, 1, inbox, 999, trash); return err }, mail.ErrNoItem},
		"move, no folder":     {func(tx *store.Tx) error { _, err := h.Move(tx, 1, 999, 1, trash); return err }, mail.ErrNoItem},
		"move to no folder":   {func(tx *store.Tx) error { _, err := h.Move(tx, 1, inbox, it.ID, 999); return err }, mail.ErrNoFolder},
		"an object never given": {func(tx *store.Tx) error {
			n := l.item(1)
			n.Object = 12345
			_, err := h.Append(tx, 1, inbox, n)
			if err == nil {
				t.Error("an object that was never given out was taken")
			}
			return nil
		}, nil},
	} {
		if err := h.store.Update(context.Background(), c.call); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestFullMailboxRefusesItemsAndFolders(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	l := h.letter(1)
	h.update(func(tx *store.Tx) error {
		st, err := h.state(tx, 1)
		if err != nil {
			return err
		}
		st.Item, st.Folder = math.MaxUint32, math.MaxUint32
		return stateTable.Set(tx, 1, st)
	})
	for name, call := range map[string]func(tx *store.Tx) error{
		"append": func(tx *store.Tx) error { _, err := h.Append(tx, 1, inbox, l.item(1)); return err },
		"create": func(tx *store.Tx) error { _, err := h.CreateFolder(tx, 1, 0, "x", mail.ClassEmail); return err },
	} {
		if err := h.store.Update(context.Background(), call); !errors.Is(err, mail.ErrMailboxFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
