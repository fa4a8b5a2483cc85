package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

func TestRepeatedAddIsAddedOnce(t *testing.T) {
	h := open(t)
	key := h.settle(h.drafts)
	first := h.sync(h.drafts, key, add("c1", 0), add("c2", 0))
	again := h.sync(h.drafts, key, add("c1", 0), add("c2", 0))
	for i := range first.Responses {
		if a, b := first.Responses[i], again.Responses[i]; a.Err != nil || b.Err != nil || a.Item.ID != b.Item.ID {
			t.Errorf("first %+v, again %+v", a, b)
		}
	}
	if first.Key != again.Key {
		t.Errorf("keys %s and %s", first.Key, again.Key)
	}
	if res := h.sync(h.drafts, again.Key); !res.Unchanged {
		t.Errorf("the phone's own items are told: %v", told(res))
	}
}

func TestAnAddThatIsNotRepeatedIsTold(t *testing.T) {
	h := open(t)
	key := h.settle(h.drafts)
	lost := h.sync(h.drafts, key, add("c1", 0)).Responses[0].Item.ID
	// The user has thrown the draft away before the phone tries again.
	res := h.sync(h.drafts, key)
	expect(t, res, adds(lost))
	if res := h.sync(h.drafts, res.Key); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
}

func TestOneClientIDInOneRequestIsOneItem(t *testing.T) {
	h := open(t)
	res := h.sync(h.drafts, h.settle(h.drafts), add("c1", 0), add("c1", 0))
	if res.Responses[0].Item.ID != res.Responses[1].Item.ID {
		t.Error("two items")
	}
}

func TestTheSameClientIDLaterIsAnotherItem(t *testing.T) {
	h := open(t)
	first := h.sync(h.drafts, h.settle(h.drafts), add("1", 0))
	second := h.sync(h.drafts, first.Key, add("1", 0))
	if first.Responses[0].Item.ID == second.Responses[0].Item.ID {
		t.Error("a phone that counts from 1 each time loses an item")
	}
}

func TestAnAddedItemOutsideTheWindowIsTakenBack(t *testing.T) {
	h := open(t)
	req := request(h.drafts, engine.NewKey)
	req.Filter = 1
	req.Key = h.settleAs(phone, req)
	req.GetChanges = true
	req.Commands = []engine.Command{add("old", time.Now().Add(-1000*time.Hour).UnixMilli())}
	res := h.send(phone, req)
	expect(t, res, []change{{engine.SoftDeleted, res.Responses[0].Item.ID}})
}

// The answer that takes it back is lost, and then the item is gone: the phone
// must hear of it all the same.
func TestAnAddedItemOutsideTheWindowThatIsGoneIsTold(t *testing.T) {
	h := open(t)
	req := request(h.drafts, engine.NewKey)
	req.Filter = 1
	req.Key = h.settleAs(phone, req)
	req.Commands = []engine.Command{add("old", time.Now().Add(-1000*time.Hour).UnixMilli())}
	res := h.send(phone, req) // asks for no changes
	id := res.Responses[0].Item.ID
	req.Key, req.Commands, req.GetChanges = res.Key, nil, true
	expect(t, h.send(phone, req), []change{{engine.SoftDeleted, id}})
	h.remove(h.drafts, id)
	expect(t, h.send(phone, req), []change{{engine.Deleted, id}})
}

func TestOwnChangesAreNotTold(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 0, 0, 0)
	key := h.settle(h.inbox)
	res := h.sync(h.inbox, key, markRead(ids[0]), del(ids[1]), add("c", 0))
	if len(res.Changes) != 0 {
		t.Errorf("told of %v", told(res))
	}
	if res := h.sync(h.inbox, res.Key); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
	if it, err := h.item(h.inbox, ids[0]); err != nil || it.Flags&mail.FlagSeen == 0 {
		t.Errorf("%+v, %v", it, err)
	}
}

func TestOwnChangesWithoutGetChangesAreNotToldLater(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 0, 0)
	req := request(h.inbox, h.settle(h.inbox), markRead(ids[0]), add("c", 0))
	req.GetChanges = false
	arrived := h.deliver(h.inbox, 0)
	res := h.send(phone, req)
	if len(res.Changes) != 0 || res.More {
		t.Errorf("changes that were not asked for: %v", told(res))
	}
	expect(t, h.sync(h.inbox, res.Key), adds(arrived...))
}

func TestAnothersChangeOfAnOwnItemIsTold(t *testing.T) {
	h := open(t)
	res := h.sync(h.drafts, h.settle(h.drafts), add("c", 0))
	id := res.Responses[0].Item.ID
	h.edit(h.drafts, id, read)
	res = h.sync(h.drafts, res.Key)
	expect(t, res, []change{{engine.Changed, id}})
	h.remove(h.drafts, id)
	expect(t, h.sync(h.drafts, res.Key), []change{{engine.Deleted, id}})
}

// MS-ASCMD_R2068, R2069, R4444: the server's object is kept, and the phone is
// told so.
func TestTheServersChangeWins(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.edit(h.inbox, id, func(it *mail.Item) { it.Keywords = []string{"server"} })
	res := h.sync(h.inbox, key, engine.Command{Kind: engine.Change, Item: id, Edit: func(it *mail.Item) error {
		it.Flags |= mail.FlagSeen
		it.Keywords = []string{"phone"}
		return nil
	}})
	if !errors.Is(res.Responses[0].Err, engine.ErrConflict) {
		t.Errorf("%v", res.Responses[0].Err)
	}
	expect(t, res, []change{{engine.Changed, id}})
	if it := res.Changes[0].Item; it.Flags&mail.FlagSeen != 0 || !slices.Equal(it.Keywords, []string{"server"}) {
		t.Errorf("%+v", it)
	}
	if res.Changes[0].Parts != mail.AllParts { // all that the phone changed is undone
		t.Errorf("parts %b", res.Changes[0].Parts)
	}
}

func TestChangesOfDifferentPartsAreNoConflict(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.edit(h.inbox, id, func(it *mail.Item) { it.Keywords = []string{"server"} })
	res := h.sync(h.inbox, key, markRead(id))
	if res.Responses[0].Err != nil {
		t.Fatal(res.Responses[0].Err)
	}
	expect(t, res, []change{{engine.Changed, id}})
	if it := res.Changes[0].Item; it.Flags&mail.FlagSeen == 0 || !slices.Equal(it.Keywords, []string{"server"}) {
		t.Errorf("%+v", it)
	}
}

// MS-ASEMAIL_R75, R10608: a device is told of what changed and of nothing else.
func TestChangedPartsAreNamed(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.edit(h.inbox, id, read)
	res := h.sync(h.inbox, key)
	if len(res.Changes) != 1 || res.Changes[0].Parts != mail.PartRead {
		t.Fatalf("%+v", res.Changes)
	}
	h.edit(h.inbox, id, func(it *mail.Item) { it.Keywords = []string{"a"} })
	h.edit(h.inbox, id, func(it *mail.Item) { it.Flags &^= mail.FlagSeen })
	res = h.sync(h.inbox, res.Key)
	if len(res.Changes) != 1 || res.Changes[0].Parts != mail.PartRead|mail.PartKeywords {
		t.Errorf("%+v", res.Changes)
	}
}

// MS-ASCMD_R2067: the phone's object is kept.
func TestThePhonesChangeWinsIfItSaysSo(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	req := request(h.inbox, h.settle(h.inbox), markRead(id))
	req.ServerWins = false
	h.edit(h.inbox, id, func(it *mail.Item) { it.Keywords = []string{"server"} })
	res := h.send(phone, req)
	if res.Responses[0].Err != nil {
		t.Fatal(res.Responses[0].Err)
	}
	// It does not know the server's part yet.
	expect(t, res, []change{{engine.Changed, id}})
	if it := res.Changes[0].Item; it.Flags&mail.FlagSeen == 0 || !slices.Equal(it.Keywords, []string{"server"}) {
		t.Errorf("%+v", it)
	}
}

func TestTheSameChangeOnBothSidesIsNoConflict(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.edit(h.inbox, id, read)
	if res := h.sync(h.inbox, key, markRead(id)); res.Responses[0].Err != nil {
		t.Error(res.Responses[0].Err)
	}
}

func TestChangeOfAnItemThatIsGone(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.remove(h.inbox, id)
	res := h.sync(h.inbox, key, markRead(id), engine.Command{Kind: engine.Fetch, Item: id})
	for _, r := range res.Responses {
		if !errors.Is(r.Err, mail.ErrNoItem) {
			t.Errorf("command %d: %v", r.Command, r.Err)
		}
	}
	expect(t, res, []change{{engine.Deleted, id}})
}

func TestDeleteOfAnItemThatIsGoneSucceeds(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.remove(h.inbox, id)
	res := h.sync(h.inbox, key, del(id))
	if res.Responses[0].Err != nil || len(res.Changes) != 0 {
		t.Errorf("%v, told %v", res.Responses[0].Err, told(res))
	}
	if res := h.sync(h.inbox, key, del(id)); res.Responses[0].Err != nil || len(res.Changes) != 0 {
		t.Errorf("repeated: %v, told %v", res.Responses[0].Err, told(res))
	}
}

// MS-ASCMD_R2076: the Delete takes precedence.
func TestDeleteWinsOverTheServersChange(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	h.edit(h.inbox, id, read)
	res := h.sync(h.inbox, key, del(id))
	if res.Responses[0].Err != nil || len(res.Changes) != 0 {
		t.Errorf("%v, told %v", res.Responses[0].Err, told(res))
	}
	if _, err := h.item(h.inbox, id); !errors.Is(err, mail.ErrNoItem) {
		t.Error(err)
	}
}

// MS-ASCMD_R2158, R2160.
func TestDeletesAreMovesUnlessThePhoneSaysOtherwise(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 0, 0)
	key, bin := h.settle(h.inbox), h.settle(h.bin)
	res := h.sync(h.inbox, key, del(ids[0]))
	moved := h.sync(h.bin, bin)
	if len(moved.Changes) != 1 || moved.Changes[0].Kind != engine.Added {
		t.Fatalf("in Deleted Items: %v", told(moved))
	}
	req := request(h.inbox, res.Key, del(ids[1]))
	req.DeletesAsMoves = false
	h.send(phone, req)
	// What is deleted there is gone.
	res = h.sync(h.bin, moved.Key, del(moved.Changes[0].ID))
	if len(res.Changes) != 0 {
		t.Errorf("told of %v", told(res))
	}
	var left int
	h.update(func(tx *store.Tx) error {
		f, err := h.boxes.Folder(tx, box, h.bin)
		left = int(f.Items)
		return err
	})
	if left != 0 {
		t.Errorf("%d items in Deleted Items", left)
	}
}

func TestABadCommandFailsAlone(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	own := errors.New("edit")
	res := h.sync(h.inbox, h.settle(h.inbox),
		engine.Command{Kind: engine.Add}, engine.Command{Kind: engine.Change, Item: id},
		engine.Command{Kind: engine.Change, Item: id, Edit: func(*mail.Item) error { return own }},
		engine.Command{}, markRead(id))
	for i, want := range []error{engine.ErrBadCommand, engine.ErrBadCommand, own, engine.ErrBadCommand, nil} {
		if got := res.Responses[i].Err; !errors.Is(got, want) {
			t.Errorf("command %d: %v", i, got)
		}
	}
}

func TestFetchAloneWritesNothing(t *testing.T) {
	h := open(t)
	id := h.deliver(h.inbox, 0)[0]
	key := h.settle(h.inbox)
	res := h.sync(h.inbox, key, engine.Command{Kind: engine.Fetch, Item: id})
	if res.Key != key || res.Unchanged || len(res.Responses) != 1 || res.Responses[0].Item.ID != id || res.Responses[0].Item.Received == 0 {
		t.Errorf("%+v", res)
	}
}

// Law 3: the list of own writes is bounded, and an item is never told as an Add
// to the device that made it.
func TestOwnWritesAreBounded(t *testing.T) {
	h := open(t)
	req := request(h.drafts, h.settle(h.drafts))
	req.GetChanges = false
	h.deliver(h.drafts, 0) // so that the phone is behind
	made, refused := 0, 0
	for i := range device.MaxOwnWrites/100 + 2 {
		req.Commands = nil
		for j := range 100 {
			req.Commands = append(req.Commands, add(fmt.Sprint(i, "-", j), 0))
		}
		res := h.send(phone, req)
		req.Key = res.Key
		for _, r := range res.Responses {
			switch {
			case r.Err == nil:
				made++
			case errors.Is(r.Err, engine.ErrTooManyOwn):
				refused++
			default:
				t.Fatal(r.Err)
			}
		}
	}
	if made != device.MaxOwnWrites || refused == 0 {
		t.Errorf("%d made, %d refused", made, refused)
	}
	expect(t, h.sync(h.drafts, req.Key), adds(1))
	res := h.sync(h.drafts, h.sync(h.drafts, req.Key).Key, add("again", 0))
	if res.Responses[0].Err != nil {
		t.Errorf("after the phone has asked for changes: %v", res.Responses[0].Err)
	}
}
