package engine_test

import (
	"context"
	"slices"
	"testing"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// ask sends a request with a window.
func (h *house) ask(f mail.FolderID, key string, window int) engine.Result {
	h.tb.Helper()
	req := request(f, key)
	req.Window = window
	res := h.send(phone, req)
	if res.Err != nil {
		h.tb.Fatal(res.Err)
	}
	return res
}

// choking is a device that cannot take some items: it does not confirm an answer
// that has one.
type choking struct {
	h    *house
	f    mail.FolderID
	key  string
	bad  map[mail.ItemID]bool
	anew bool // it starts anew then
	has  []mail.ItemID
	size []int // of the answers, as they came
}

func (c *choking) sync(window int) engine.Result {
	c.h.tb.Helper()
	res := c.h.ask(c.f, c.key, window)
	if !res.Unchanged {
		c.size = append(c.size, len(res.Changes))
	}
	for _, ch := range res.Changes {
		if c.bad[ch.ID] && (ch.Kind == engine.Added || ch.Kind == engine.Changed) {
			if c.anew {
				c.key, c.has = engine.NewKey, nil
			}
			return res
		}
	}
	c.key = res.Key
	for _, ch := range res.Changes {
		if ch.Kind == engine.Added {
			c.has = append(c.has, ch.ID)
		}
	}
	return res
}

// settle syncs until nothing comes any more, and returns how often it asked.
func (c *choking) settle(window int) int {
	c.h.tb.Helper()
	for n := 1; n < 500; n++ {
		before := c.key
		if res := c.sync(window); res.Unchanged && c.key == before {
			return n
		}
	}
	c.h.tb.Fatalf("it does not come to rest; the answers had %v items", c.size)
	return 0
}

func (c *choking) broken() []device.Broken {
	c.h.tb.Helper()
	var all []device.Broken
	c.h.update(func(tx *store.Tx) (err error) {
		all, err = c.h.devs.BrokenIn(tx, phone, uint32(c.f))
		return err
	})
	return slices.DeleteFunc(all, func(b device.Broken) bool { return !b.Withheld() })
}

func TestADeviceGetsPastAnItemItCannotTake(t *testing.T) {
	for _, anew := range []bool{false, true} {
		name := map[bool]string{false: "it asks again", true: "it starts anew"}[anew]
		t.Run(name, func(t *testing.T) {
			h := open(t)
			inbox := h.inbox
			var items []mail.ItemID
			for range 40 {
				items = append(items, h.deliver(inbox, 0)[0])
			}
			bad := items[17]
			c := &choking{h: h, f: inbox, key: engine.NewKey, bad: map[mail.ItemID]bool{bad: true}, anew: anew}
			asked := c.settle(16)
			slices.Sort(c.has)
			if want := slices.DeleteFunc(slices.Clone(items), func(id mail.ItemID) bool { return id == bad }); !slices.Equal(c.has, want) {
				t.Errorf("it has %v, want all but %d", c.has, bad)
			}
			if b := c.broken(); len(b) != 1 || b[0].Item != uint32(bad) || b[0].Object == 0 || b[0].When.IsZero() || b[0].Had {
				t.Errorf("withheld is %+v", b)
			}
			t.Logf("%d requests, answers with %v", asked, c.size)

			// What happens to it is not told, until it changes: then it is offered again.
			clear(c.bad)
			h.edit(inbox, bad, read)
			res := c.sync(16)
			if len(res.Changes) != 1 || res.Changes[0].Kind != engine.Added || res.Changes[0].ID != bad {
				t.Fatalf("after it changed: %+v", res.Changes)
			}
			h.remove(inbox, bad)
			if res := c.sync(16); len(res.Changes) != 1 || res.Changes[0].Kind != engine.Deleted {
				t.Errorf("after it was deleted: %+v", res.Changes)
			}
		})
	}
}

func TestWhatIsWithheldIsNotTakenBack(t *testing.T) {
	h := open(t)
	inbox := h.inbox
	bad := h.deliver(inbox, 0)[0]
	c := &choking{h: h, f: inbox, key: engine.NewKey, bad: map[mail.ItemID]bool{bad: true}}
	c.settle(16)
	h.remove(inbox, bad)
	if res := c.sync(16); len(res.Changes) != 0 {
		t.Errorf("the device is told %+v of an item it never got", res.Changes)
	}
}

func TestAnAdministratorHasAnItemOfferedAgain(t *testing.T) {
	h := open(t)
	inbox := h.inbox
	bad := h.deliver(inbox, 0)[0]
	c := &choking{h: h, f: inbox, key: engine.NewKey, bad: map[mail.ItemID]bool{bad: true}}
	c.settle(16)
	h.update(func(tx *store.Tx) error { return h.devs.OfferAgain(tx, phone, uint32(inbox), uint32(bad)) })
	if changed := h.changed(inbox); !slices.Equal(changed, []mail.FolderID{inbox}) {
		t.Errorf("Ping says %v", changed)
	}
	clear(c.bad)
	if res := c.sync(16); len(res.Changes) != 1 || res.Changes[0].Kind != engine.Added || res.Changes[0].ID != bad {
		t.Errorf("it is offered %+v", res.Changes)
	}
	if res := c.sync(16); len(res.Changes) != 0 {
		t.Errorf("and again: %+v", res.Changes)
	}
	if b := c.broken(); len(b) != 0 {
		t.Errorf("withheld is %+v", b)
	}
}

// An answer may be lost once or twice on any network.
func TestLostAnswersShrinkNothing(t *testing.T) {
	h := open(t)
	inbox := h.inbox
	for range 20 {
		h.deliver(inbox, 0)
	}
	key := h.ask(inbox, engine.NewKey, 0).Key
	for round := range 4 {
		var first engine.Result
		for lost := range 3 {
			res := h.ask(inbox, key, 5)
			if lost == 0 {
				first = res
			}
			if len(res.Changes) != 5 || res.Key != first.Key {
				t.Fatalf("round %d, time %d: %d items with key %s, at first %s", round, lost, len(res.Changes), res.Key, first.Key)
			}
		}
		key = first.Key
	}
}

// Two items that cannot be taken in one folder, and one that is edited.
func TestSeveralItemsThatCannotBeTaken(t *testing.T) {
	h := open(t)
	inbox := h.inbox
	var items []mail.ItemID
	for range 30 {
		items = append(items, h.deliver(inbox, 0)[0])
	}
	c := &choking{h: h, f: inbox, key: engine.NewKey, bad: map[mail.ItemID]bool{items[3]: true, items[4]: true, items[25]: true}}
	c.settle(100)
	if len(c.has) != 27 || len(c.broken()) != 3 {
		t.Errorf("it has %d items, %d are withheld; the answers had %v", len(c.has), len(c.broken()), c.size)
	}
	// A Change that it cannot take leaves it with the older copy.
	c.bad[items[10]] = true
	h.edit(inbox, items[10], read)
	c.settle(100)
	b := c.broken()
	if i := slices.IndexFunc(b, func(b device.Broken) bool { return b.Item == uint32(items[10]) }); len(b) != 4 || i < 0 || !b[i].Had {
		t.Fatalf("withheld is %+v", b)
	}
	h.remove(inbox, items[10])
	if res := c.sync(100); len(res.Changes) != 1 || res.Changes[0].Kind != engine.Deleted {
		t.Errorf("it is told %+v of an item that it has", res.Changes)
	}
}

func TestWithholdWhatCannotBeShown(t *testing.T) {
	h := open(t)
	inbox := h.inbox
	bad := h.deliver(inbox, 0)[0]
	key := h.ask(inbox, engine.NewKey, 0).Key
	key = h.ask(inbox, key, 0).Key
	for range 2 {
		if err := h.eng.Withhold(context.Background(), phone, box, inbox, []engine.Unfit{{Item: bad}, {Item: 999}}); err != nil {
			t.Fatal(err)
		}
	}
	h.remove(inbox, bad)
	if res := h.ask(inbox, key, 0); len(res.Changes) != 0 {
		t.Errorf("the device is told %+v", res.Changes)
	}
}
