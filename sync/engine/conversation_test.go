package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

const daily = 24 * time.Hour

// say puts an item of a conversation into the inbox.
func (h *house) say(thread byte, age time.Duration) mail.ItemID {
	h.tb.Helper()
	var id mail.ItemID
	h.update(func(tx *store.Tx) error {
		it, err := h.boxes.Append(tx, box, h.inbox, mail.NewItem{
			Class: mail.ClassEmail, Received: time.Now().Add(-age).UnixMilli(), Thread: mail.ThreadID{thread}})
		id = it.ID
		return err
	})
	return id
}

// whole asks for whole conversations with an item of the last day.
func (h *house) whole(key string, window int, commands ...engine.Command) engine.Result {
	h.tb.Helper()
	req := request(h.inbox, key, commands...)
	req.Window, req.Filter, req.Conversations = window, 1, true
	res := h.send(phone, req)
	if res.Err != nil {
		h.tb.Fatal(res.Err)
	}
	return res
}

func (h *house) tells(res engine.Result, want ...change) {
	h.tb.Helper()
	if got := told(res); !slices.Equal(got, want) {
		h.tb.Errorf("the answer tells %v, want %v", got, want)
	}
}

// MS-ASCMD_R2107, R2110: an item in the window brings its conversation.
func TestANewItemBringsItsConversation(t *testing.T) {
	h := open(t)
	a, b := h.say(1, 40*daily), h.say(1, 30*daily)
	h.say(2, 30*daily)
	key := h.whole(engine.NewKey, 0).Key
	h.tells(h.whole(key, 100))
	c := h.say(1, 0)
	res := h.whole(key, 100)
	h.tells(res, adds(a, b, c)...)
	if !res.Changes[0].Outside || res.Changes[2].Outside {
		t.Errorf("what is outside the window: %t, %t", res.Changes[0].Outside, res.Changes[2].Outside)
	}
	// What happens to the old ones is told now.
	h.edit(h.inbox, a, read)
	res = h.whole(res.Key, 100)
	h.tells(res, change{engine.Changed, a})
	// A late one of long ago belongs to it, too.
	d := h.say(1, 50*daily)
	res = h.whole(res.Key, 100)
	h.tells(res, adds(d)...)
	// When the last recent one goes, so do all.
	h.remove(h.inbox, c)
	h.tells(h.whole(res.Key, 100), change{engine.Deleted, c},
		change{engine.SoftDeleted, d}, change{engine.SoftDeleted, b}, change{engine.SoftDeleted, a})
}

// A conversation that is larger than the window comes in parts, and a repeated
// answer leads to the same key.
func TestAConversationMayComeInParts(t *testing.T) {
	h := open(t)
	var old []mail.ItemID
	for range 5 {
		old = append(old, h.say(1, 40*daily))
	}
	key := h.whole(engine.NewKey, 0).Key
	last := h.say(1, 0)
	res := h.whole(key, 2)
	h.tells(res, adds(old[0], old[1])...)
	again := h.whole(key, 2)
	h.tells(again, adds(old[0], old[1])...)
	if again.Key != res.Key {
		t.Errorf("the repeated answer has the key %s, not %s", again.Key, res.Key)
	}
	h.edit(h.inbox, old[1], read) // it has that one
	h.edit(h.inbox, old[3], read) // and not that one
	res = h.whole(res.Key, 2)
	h.tells(res, change{engine.Added, old[2]}, change{engine.Changed, old[1]})
	// Meanwhile the reason for all goes.
	h.remove(h.inbox, last)
	res = h.whole(res.Key, 2)
	h.tells(res, change{engine.SoftDeleted, old[2]}, change{engine.SoftDeleted, old[1]})
	res = h.whole(res.Key, 2)
	h.tells(res, change{engine.SoftDeleted, old[0]})
	if res := h.whole(res.Key, 2); !res.Unchanged {
		t.Errorf("and then %v", told(res))
	}
}

// A new item that comes while the last one goes keeps the conversation there.
func TestAConversationThatGoesOnStays(t *testing.T) {
	h := open(t)
	old, first := h.say(1, 40*daily), h.say(1, 0)
	key := h.whole(engine.NewKey, 0).Key
	res := h.whole(key, 100)
	h.tells(res, adds(old, first)...)
	h.remove(h.inbox, first)
	second := h.say(1, 0)
	h.tells(h.whole(res.Key, 100), change{engine.Added, second}, change{engine.Deleted, first})
}

// A device that deletes the last recent item itself is told of the others.
func TestADeviceThatDeletesTheLastRecentItem(t *testing.T) {
	h := open(t)
	old, recent := h.say(1, 40*daily), h.say(1, 0)
	key := h.whole(engine.NewKey, 0).Key
	res := h.whole(key, 100)
	h.tells(res, adds(old, recent)...)
	h.tells(h.whole(res.Key, 100, del(recent)), change{engine.SoftDeleted, old})
}

// A change of an old item of a conversation is a conflict like any other.
func TestConflictsAboutOldItemsOfAConversation(t *testing.T) {
	h := open(t)
	old, recent := h.say(1, 40*daily), h.say(1, 0)
	key := h.whole(engine.NewKey, 0).Key
	res := h.whole(key, 100)
	h.tells(res, adds(old, recent)...)
	h.edit(h.inbox, old, func(it *mail.Item) { it.Keywords = []string{"server"} })
	res = h.whole(res.Key, 100, engine.Command{Kind: engine.Change, Item: old, Edit: func(it *mail.Item) error {
		it.Keywords = []string{"phone"}
		return nil
	}})
	if res.Responses[0].Err != engine.ErrConflict {
		t.Errorf("the change has %v", res.Responses[0].Err)
	}
	h.tells(res, change{engine.Changed, old})
}

// MS-ASCMD_R2097: the estimate counts what the mode would bring.
func TestTheEstimateOfConversations(t *testing.T) {
	h := open(t)
	for range 4 {
		h.say(1, 40*daily)
	}
	h.say(2, 40*daily)
	h.say(1, 0)
	req := request(h.inbox, engine.NewKey)
	req.Filter = 1
	req.Key = h.send(phone, req).Key
	estimate := func(whole bool) int {
		req.Conversations = whole
		n, err := h.eng.Estimate(context.Background(), phone, req)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := estimate(false); n != 1 {
		t.Errorf("without: %d", n)
	}
	if n := estimate(true); n != 5 {
		t.Errorf("with: %d", n)
	}
	req.Conversations, req.GetChanges = false, true
	req.Key = h.send(phone, req).Key
	if a, b := estimate(false), estimate(true); a != 0 || b != 4 {
		t.Errorf("when the one is there: %d and %d", a, b)
	}
}

// What is withheld goes and comes without a word: an answer that had nothing to
// take back does not put off what is to be brought.
func TestAWithheldItemOfAConversationPutsNothingOff(t *testing.T) {
	h := open(t)
	bad, first := h.say(1, 40*daily), h.say(1, 0)
	other, second := h.say(2, 40*daily), h.say(2, 0)
	key := h.whole(engine.NewKey, 0).Key
	res := h.whole(key, 100)
	if len(res.Changes) != 4 {
		t.Fatalf("the first answer tells %v", told(res))
	}
	key = h.whole(res.Key, 100).Key
	if err := h.eng.Withhold(context.Background(), phone, box, h.inbox, []engine.Unfit{{Item: bad}}); err != nil {
		t.Fatal(err)
	}
	moves := []engine.Move{{Item: first, From: h.inbox, To: h.bin, Keeps: true}, {Item: second, From: h.inbox, To: h.bin, Keeps: true}}
	if _, err := h.eng.MoveAll(context.Background(), phone, box, moves); err != nil {
		t.Fatal(err)
	}
	again := h.say(1, 0)
	h.tells(h.whole(key, 100), change{engine.Added, again}, change{engine.SoftDeleted, other})
}
