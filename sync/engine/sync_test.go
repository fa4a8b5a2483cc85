package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// expect compares an answer's changes.
func expect(t *testing.T, res engine.Result, want []change) {
	t.Helper()
	if d := cmp.Diff(want, told(res), cmp.AllowUnexported(change{})); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}

func TestKeyZeroBringsNoItemsAndTheNextRequestDoes(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 3*time.Hour, 2*time.Hour, time.Hour)
	res := h.sync(h.inbox, engine.NewKey)
	if res.Key == engine.NewKey || len(res.Changes) != 0 || res.Unchanged {
		t.Fatalf("the answer to key 0 is %+v", res)
	}
	res = h.sync(h.inbox, res.Key)
	slices.Reverse(ids)
	expect(t, res, adds(ids...))
	if res.More || res.Class != mail.ClassEmail {
		t.Errorf("more %t, class %d", res.More, res.Class)
	}
}

func TestTheWindowBoundsAnAnswerAndSaysThatThereIsMore(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 5*time.Hour, 4*time.Hour, 3*time.Hour, 2*time.Hour, time.Hour)
	slices.Reverse(ids)
	req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	req.Window = 2
	for i, want := range [][]mail.ItemID{ids[:2], ids[2:4], ids[4:]} {
		res := h.send(phone, req)
		expect(t, res, adds(want...))
		if res.More != (i < 2) {
			t.Errorf("answer %d: more is %t", i, res.More)
		}
		req.Key = res.Key
	}
}

func TestNewMailComesBeforeOldMail(t *testing.T) {
	h := open(t)
	old := h.deliver(h.inbox, 9*time.Hour, 8*time.Hour, 7*time.Hour)
	req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	req.Window = 2
	first := h.send(phone, req)
	expect(t, first, adds(old[2], old[1]))
	// One is new, the other is an old message that has just arrived.
	arrived := h.deliver(h.inbox, 0, 100*time.Hour)
	req.Key, req.Window = first.Key, 10
	expect(t, h.send(phone, req), adds(arrived[0], arrived[1], old[0]))
}

func TestAnItemThatComesAndGoesBetweenTwoSyncsIsNeverTold(t *testing.T) {
	h := open(t)
	key := h.settle(h.inbox)
	h.remove(h.inbox, h.deliver(h.inbox, 0)[0])
	if res := h.sync(h.inbox, key); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Errorf("Ping says that %v changed", got)
	}
}

// A catch-up in small windows is where a cursor alone goes wrong: an item that
// was changed after it was added is past the cursor in the log.
func TestItemsAddedAndChangedSinceComeOnceThoughTheWindowIsSmall(t *testing.T) {
	h := open(t)
	kept := h.deliver(h.inbox, 50*time.Hour, 49*time.Hour)
	key := h.settle(h.inbox)
	arrived := h.deliver(h.inbox, 3*time.Hour, 2*time.Hour, time.Hour)
	for _, id := range slices.Concat(kept, arrived) {
		h.edit(h.inbox, id, read)
	}
	h.remove(h.inbox, arrived[1])
	req := request(h.inbox, key)
	req.Window = 1
	var all []change
	for range 10 {
		res := h.send(phone, req)
		all = append(all, told(res)...)
		req.Key = res.Key
	}
	want := append([]change{{engine.Changed, kept[0]}, {engine.Changed, kept[1]}}, adds(arrived[0], arrived[2])...)
	if d := cmp.Diff(want, all, cmp.AllowUnexported(change{})); d != "" {
		t.Error(d)
	}
}

func TestRepeatedSyncKeyReplaysTheSameChanges(t *testing.T) {
	h := open(t)
	gone := h.deliver(h.inbox, time.Hour)[0]
	key := h.settle(h.inbox)
	h.remove(h.inbox, gone)
	h.deliver(h.inbox, 0, 0)
	first := h.sync(h.inbox, key)
	again := h.sync(h.inbox, key)
	expect(t, again, told(first))
	if first.Key != again.Key {
		t.Errorf("the same state has the keys %s and %s", first.Key, again.Key)
	}
	// What came since does not change the repeated answer, and is not lost.
	later := h.deliver(h.inbox, 0)
	again = h.sync(h.inbox, key)
	expect(t, again, told(first))
	if first.Key != again.Key || !again.More {
		t.Errorf("key %s, then %s; more %t", first.Key, again.Key, again.More)
	}
	expect(t, h.sync(h.inbox, again.Key), adds(later...))
}

func TestRepeatedAnswerLeavesOutWhatIsGone(t *testing.T) {
	h := open(t)
	key := h.settle(h.inbox)
	ids := h.deliver(h.inbox, 0, 0)
	first := h.sync(h.inbox, key)
	h.remove(h.inbox, ids[0])
	again := h.sync(h.inbox, key)
	expect(t, again, adds(ids[1]))
	if first.Key == again.Key {
		t.Error("two states have one key")
	}
	if res := h.sync(h.inbox, again.Key); !res.Unchanged {
		t.Errorf("told of the loss of an item it never had: %v", told(res))
	}
}

func TestAnUnknownKeyIsStale(t *testing.T) {
	h := open(t)
	key := h.settle(h.inbox)
	for _, bad := range []string{"", "00x", "-1", key + "1", "{1}2", "99999999999999999999999"} {
		if res := h.send(phone, request(h.inbox, bad)); !errors.Is(res.Err, engine.ErrStaleSyncKey) {
			t.Errorf("%q: %v", bad, res.Err)
		}
	}
	if res := h.send(tablet, request(h.inbox, key)); !errors.Is(res.Err, engine.ErrStaleSyncKey) {
		t.Errorf("another device's key: %v", res.Err)
	}
}

func TestAKeyIsStaleOnceTheNextOneWasUsed(t *testing.T) {
	h := open(t)
	key := h.settle(h.inbox)
	h.deliver(h.inbox, 0)
	next := h.sync(h.inbox, key).Key
	if !h.sync(h.inbox, next).Unchanged {
		t.Fatal("there is nothing new")
	}
	if res := h.send(phone, request(h.inbox, key)); !errors.Is(res.Err, engine.ErrStaleSyncKey) {
		t.Errorf("the late request of a key that is over: %v", res.Err)
	}
	if res := h.sync(h.inbox, next); !res.Unchanged {
		t.Errorf("the late request did harm: %+v", res)
	}
}

func TestKeyZeroStartsAnew(t *testing.T) {
	h := open(t)
	ids := h.deliver(h.inbox, 0)
	old := h.settle(h.inbox)
	res := h.sync(h.inbox, engine.NewKey)
	if res.Key == old {
		t.Error("a new state has the old one's key")
	}
	expect(t, h.sync(h.inbox, res.Key), adds(ids...))
}

func TestAMissingFolderIsSaidToBeMissing(t *testing.T) {
	h := open(t)
	var f mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		f, err = h.boxes.CreateFolder(tx, box, 0, "Projects", mail.ClassEmail)
		return err
	})
	key := h.settle(f.ID)
	h.update(func(tx *store.Tx) error { return h.boxes.DeleteFolder(tx, box, f.ID) })
	if got := h.changed(f.ID); len(got) != 0 {
		t.Errorf("Ping says that %v changed", got)
	}
	for _, k := range []string{key, engine.NewKey} {
		if res := h.send(phone, request(f.ID, k)); !errors.Is(res.Err, mail.ErrNoFolder) {
			t.Errorf("key %s: %v", k, res.Err)
		}
	}
	h.update(func(tx *store.Tx) error {
		if _, err := h.devs.Collection(tx, phone, uint32(f.ID)); !errors.Is(err, device.ErrNoCollection) {
			t.Errorf("the state of a folder that is gone: %v", err)
		}
		return nil
	})
}

func TestOptionsAreKeptForTheDoor(t *testing.T) {
	h := open(t)
	req := request(h.inbox, h.settle(h.inbox))
	options := func() (got []byte) {
		h.update(func(tx *store.Tx) error {
			c, err := h.devs.Collection(tx, phone, uint32(h.inbox))
			got = c.Options
			return err
		})
		return got
	}
	req.Options = []byte("truncate")
	if res := h.send(phone, req); !res.Unchanged || string(options()) != "truncate" {
		t.Errorf("%+v, kept %q", res, options())
	}
	req.Options = nil
	h.deliver(h.inbox, 0)
	req.Key = h.send(phone, req).Key
	if string(options()) != "truncate" {
		t.Errorf("kept %q", options())
	}
}

func TestAllCollectionsOfARequestAndTheDoorsOwnWriteAreOneTransaction(t *testing.T) {
	h := open(t)
	h.deliver(h.inbox, 0)
	a, b := h.sync(h.inbox, engine.NewKey).Key, h.sync(h.drafts, engine.NewKey).Key
	reqs := []engine.Request{request(h.inbox, a), request(h.drafts, b, add("c", 0)), request(999, "5")}
	broken := errors.New("no")
	if _, err := h.eng.Sync(context.Background(), phone, reqs, func(*store.Tx) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	saved := false
	res, err := h.eng.Sync(context.Background(), phone, reqs, func(tx *store.Tx) error {
		saved = true
		return h.devs.Save(tx, device.Device{ID: phone})
	})
	if err != nil || !saved {
		t.Fatal(err, saved)
	}
	if len(res[0].Changes) != 1 || len(res[1].Responses) != 1 || !errors.Is(res[2].Err, mail.ErrNoFolder) {
		t.Errorf("%+v", res)
	}
	if n := len(h.sync(h.drafts, res[1].Key).Changes); n != 0 {
		t.Errorf("the add of the failed request is there: %d", n)
	}
}

func TestTenChangesInALargeFolderReadTenRows(t *testing.T) {
	const large = 100_000
	h := open(t)
	var ids []mail.ItemID
	for range large / 1000 {
		ids = append(ids, h.deliver(h.inbox, make([]time.Duration, 1000)...)...)
	}
	req := request(h.inbox, engine.NewKey)
	req.Window = 512
	req.Key = h.settleAs(phone, req)
	req.GetChanges = true
	for _, id := range ids[:10] {
		h.edit(h.inbox, id, read)
	}
	*h.rows = counting{Mailboxes: h.boxes}
	res := h.send(phone, req)
	if len(res.Changes) != 10 {
		t.Fatalf("%d changes", len(res.Changes))
	}
	if h.rows.log > 10 || h.rows.items > 10 || h.rows.positions > 0 {
		t.Errorf("read %d log rows, %d items, %d positions", h.rows.log, h.rows.items, h.rows.positions)
	}
	req.Key = res.Key
	h.send(phone, req)
	*h.rows = counting{Mailboxes: h.boxes}
	if !h.send(phone, req).Unchanged || h.rows.log+h.rows.items+h.rows.positions > 0 {
		t.Errorf("with nothing new, read %d log rows, %d items, %d positions", h.rows.log, h.rows.items, h.rows.positions)
	}
}

func TestNothingNewWritesNothing(t *testing.T) {
	h := open(t)
	h.deliver(h.inbox, 0)
	key := h.settle(h.inbox)
	version := func() (n uint64) {
		h.update(func(tx *store.Tx) error {
			c, err := h.devs.Collection(tx, phone, uint32(h.inbox))
			n = c.Version
			return err
		})
		return n
	}
	before := version()
	for range 3 {
		if res := h.sync(h.inbox, key); !res.Unchanged || res.Key != key {
			t.Fatalf("%+v", res)
		}
	}
	if version() != before {
		t.Error("an idle phone writes")
	}
}

// Two requests of one device at the same moment, and deliveries meanwhile: what
// one of them was told is a state the device can go on from.
func TestConcurrentRequestsOfOneDeviceLeaveAStateToGoOnFrom(t *testing.T) {
	h := open(t)
	start := h.sync(h.inbox, engine.NewKey).Key
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			key := start
			for i := range 20 {
				if worker == 0 {
					h.deliver(h.inbox, 0)
					continue
				}
				req := request(h.inbox, key, add(fmt.Sprint(worker, "-", i), 0))
				res, err := h.eng.Sync(context.Background(), phone, []engine.Request{req}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if res[0].Err != nil { // another was faster
					key = start
					continue
				}
				key = res[0].Key
			}
		})
	}
	wg.Wait()
	seen := map[mail.ItemID]bool{}
	req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	for {
		res := h.send(phone, req)
		for _, c := range told(res) {
			if c.kind != engine.Added || seen[c.id] {
				t.Fatalf("change %d of item %d", c.kind, c.id)
			}
			seen[c.id] = true
		}
		if res.Unchanged {
			break
		}
		req.Key = res.Key
	}
	if len(seen) < 20 {
		t.Errorf("%d items", len(seen))
	}
}
