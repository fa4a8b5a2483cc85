package engine_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

var all = uint8(0)

// text puts a short message into a folder.
func (h *house) text(f mail.FolderID, age time.Duration) (id mail.ItemID) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		it, err := h.boxes.Append(tx, box, f, mail.NewItem{Class: mail.ClassSMS, Received: time.Now().Add(-age).UnixMilli()})
		id = it.ID
		return err
	})
	return id
}

func withSMS(f mail.FolderID, key string, commands ...engine.Command) engine.Request {
	req := request(f, key, commands...)
	req.SMS = &all
	return req
}

func TestShortMessagesGoToThoseWhoAskForThem(t *testing.T) {
	h := open(t)
	letter := h.deliver(h.inbox, 0)[0]
	text := h.text(h.inbox, 0)
	plain := h.sync(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	expect(t, plain, adds(letter))

	res := h.send(tablet, withSMS(h.inbox, engine.NewKey))
	res = h.send(tablet, withSMS(h.inbox, res.Key))
	expect(t, res, adds(letter, text))
	second := h.text(h.inbox, 0)
	res = h.send(tablet, withSMS(h.inbox, res.Key))
	expect(t, res, adds(second))
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Errorf("the phone is woken for a short message")
	}
	if res := h.sync(h.inbox, plain.Key); !res.Unchanged {
		t.Errorf("the phone is told %v", told(res))
	}

	// No longer asked for, they are soft-deleted, and nothing else is (MS-ASCMD_R3968).
	res = h.send(tablet, request(h.inbox, res.Key))
	expect(t, res, []change{{engine.SoftDeleted, text}, {engine.SoftDeleted, second}})
	res = h.send(tablet, withSMS(h.inbox, res.Key))
	expect(t, res, adds(second, text))

	only := withSMS(h.inbox, res.Key)
	only.OnlySMS = true
	res = h.send(tablet, only)
	expect(t, res, []change{{engine.SoftDeleted, letter}})
}

func TestOwnShortMessagesAreNotTold(t *testing.T) {
	h := open(t)
	key := h.settleAs(phone, withSMS(h.inbox, engine.NewKey))
	cmd := engine.Command{Kind: engine.Add, ClientID: "1", New: &mail.NewItem{Class: mail.ClassSMS}}
	first := h.send(phone, withSMS(h.inbox, key, cmd))
	again := h.send(phone, withSMS(h.inbox, key, cmd))
	id := first.Responses[0].Item.ID
	if id == 0 || again.Responses[0].Item.ID != id || len(first.Changes)+len(again.Changes) != 0 {
		t.Errorf("%+v\n%+v", first, again)
	}
	res := h.send(phone, withSMS(h.inbox, again.Key, markRead(id)))
	if res.Responses[0].Err != nil || len(res.Changes) != 0 {
		t.Errorf("%+v", res)
	}
	res = h.send(phone, withSMS(h.inbox, res.Key, del(id)))
	if res.Responses[0].Err != nil || len(res.Changes) != 0 {
		t.Errorf("%+v", res)
	}
	// It lies in Deleted Items now, as mail does.
	bin := h.send(tablet, withSMS(h.bin, h.send(tablet, withSMS(h.bin, engine.NewKey)).Key))
	if len(bin.Changes) != 1 || bin.Changes[0].Item.Class != mail.ClassSMS {
		t.Errorf("told %v", told(bin))
	}
}

// A phone that is told to synchronize its short messages sends what it has in
// the request in which it asks for them first.
func TestOwnShortMessagesAreNotToldWithTheFirstThatAreAskedFor(t *testing.T) {
	h := open(t)
	letter, text := h.deliver(h.inbox, 0)[0], h.text(h.inbox, time.Hour)
	key := h.settleAs(phone, request(h.inbox, engine.NewKey))
	cmds := []engine.Command{
		{Kind: engine.Add, ClientID: "1", New: &mail.NewItem{Class: mail.ClassSMS}},
		{Kind: engine.Add, ClientID: "2", New: &mail.NewItem{Class: mail.ClassSMS}},
	}
	first := h.send(phone, withSMS(h.inbox, key, cmds...))
	expect(t, first, adds(text))
	later := h.text(h.inbox, 0)
	again := h.send(phone, withSMS(h.inbox, key, cmds...))
	if again.Responses[0].Item.ID != first.Responses[0].Item.ID {
		t.Errorf("added again: %+v", again.Responses)
	}
	rest := h.send(phone, withSMS(h.inbox, again.Key))
	got := append(told(again), told(rest)...)
	slices.SortFunc(got, func(a, b change) int { return cmp.Compare(a.id, b.id) })
	if want := adds(text, later); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if res := h.send(phone, withSMS(h.inbox, rest.Key)); !res.Unchanged {
		t.Errorf("told %v", told(res))
	}
	// Another device gets them all.
	res := h.send(tablet, withSMS(h.inbox, engine.NewKey))
	res = h.send(tablet, withSMS(h.inbox, res.Key))
	if len(told(res)) != 5 {
		t.Errorf("the tablet is told %v besides %d", told(res), letter)
	}
}

func TestShortMessagesAreEstimated(t *testing.T) {
	h := open(t)
	h.deliver(h.inbox, 0, 0)
	h.text(h.inbox, 0)
	h.text(h.inbox, 100*24*time.Hour)
	week := uint8(3)
	for _, c := range []struct {
		sms  *uint8
		want int
	}{{nil, 2}, {&all, 4}, {&week, 3}} {
		req := request(h.inbox, engine.NewKey)
		req.SMS = c.sms
		req.Key = h.send(phone, req).Key
		if n, err := h.eng.Estimate(t.Context(), phone, req); err != nil || n != c.want {
			t.Errorf("%d, %v; want %d", n, err, c.want)
		}
	}
}

// view is what a device shows, by item.
type view map[mail.ItemID]mail.ModSeq

func (v view) apply(t *testing.T, res engine.Result) {
	t.Helper()
	for _, c := range res.Changes {
		_, has := v[c.ID]
		switch c.Kind {
		case engine.Added:
			if has {
				t.Errorf("item %d is added twice", c.ID)
			}
			v[c.ID] = c.Item.ModSeq
		case engine.Changed:
			if !has {
				t.Errorf("item %d is changed, which the device has not", c.ID)
			}
			v[c.ID] = c.Item.ModSeq
		default:
			if !has {
				t.Errorf("item %d is taken, which the device has not", c.ID)
			}
			delete(v, c.ID)
		}
	}
}

// TestAnyMixtureOfClassesComesToRest delivers, changes and deletes items of both
// classes while a device changes its mind about them, loses answers and asks for
// little at a time. At quiet it has just what it asks for.
func TestAnyMixtureOfClassesComesToRest(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := open(t)
			r := rand.New(rand.NewPCG(seed, 1))
			items := map[mail.ItemID]mail.Class{}
			v := view{}
			req := request(h.inbox, engine.NewKey)
			req.Key = h.send(phone, req).Key
			req.GetChanges = true
			ask := func(window int) bool {
				req.Window = window
				res := h.send(phone, req)
				if res.Err != nil {
					t.Fatal(res.Err)
				}
				if r.IntN(3) == 0 && window < 100 {
					return true // the answer is lost
				}
				v.apply(t, res)
				req.Key = res.Key
				return !res.Unchanged || res.More
			}
			for range 120 {
				ids := slices.Sorted(maps.Keys(items))
				switch k := r.IntN(12); {
				case k < 3:
					items[h.deliver(h.inbox, time.Duration(r.IntN(3))*100*time.Hour)[0]] = mail.ClassEmail
				case k < 6:
					items[h.text(h.inbox, time.Duration(r.IntN(3))*100*time.Hour)] = mail.ClassSMS
				case k == 6 && len(ids) > 0:
					id := ids[r.IntN(len(ids))]
					h.remove(h.inbox, id)
					delete(items, id)
				case k == 7 && len(ids) > 0:
					h.edit(h.inbox, ids[r.IntN(len(ids))], func(it *mail.Item) { it.Flags ^= mail.FlagSeen })
				case k == 8:
					req.SMS, req.OnlySMS = nil, false
					if r.IntN(3) > 0 {
						req.SMS, req.OnlySMS = &all, r.IntN(3) == 0
					}
				default:
					ask(1 + r.IntN(4))
				}
			}
			for ask(100) {
			}
			for id, class := range items {
				wanted := class == mail.ClassEmail && !req.OnlySMS || class == mail.ClassSMS && req.SMS != nil
				it, err := h.item(h.inbox, id)
				if err != nil {
					t.Fatal(err)
				}
				switch seq, has := v[id]; {
				case has != wanted:
					t.Errorf("item %d of class %d: on the device %t, wanted %t", id, class, has, wanted)
				case has && seq != it.ModSeq:
					t.Errorf("item %d is at %d on the device and at %d here", id, seq, it.ModSeq)
				}
				delete(v, id)
			}
			if len(v) > 0 {
				t.Errorf("the device has %v, which are gone", v)
			}
			if got := h.changed(h.inbox); len(got) != 0 {
				t.Error("at rest it is woken")
			}
		})
	}
}
