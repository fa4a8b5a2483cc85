package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
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

// MS-ASCMD_R2987, R3064: only what lies in the window, and SoftDelete for what
// leaves it.
func TestTheWindowMovesWithTheDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ids := h.deliver(h.inbox, 100*time.Hour, 30*time.Hour, time.Hour)
		req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
		req.Filter = 2 // three days
		res := h.send(phone, req)
		expect(t, res, adds(ids[2], ids[1]))
		time.Sleep(48 * time.Hour)
		if got := h.changed(h.inbox); len(got) != 0 {
			t.Errorf("a day that passes wakes the phone for %v", got)
		}
		req.Key = res.Key
		res = h.send(phone, req)
		expect(t, res, []change{{engine.SoftDeleted, ids[1]}})
		req.Key, req.Filter = res.Key, 0
		res = h.send(phone, req)
		expect(t, res, adds(ids[1], ids[0]))
		req.Key, req.Filter = res.Key, 1
		res = h.send(phone, req)
		expect(t, res, []change{{engine.SoftDeleted, ids[0]}, {engine.SoftDeleted, ids[1]}, {engine.SoftDeleted, ids[2]}})
	})
}

func TestWhatLiesOutsideTheWindowIsNotTold(t *testing.T) {
	h := open(t)
	key := h.settleAs(phone, func() engine.Request { r := request(h.inbox, engine.NewKey); r.Filter = 1; return r }())
	old := h.deliver(h.inbox, 1000*time.Hour)[0]
	h.edit(h.inbox, old, read)
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Errorf("Ping says that %v changed", got)
	}
	req := request(h.inbox, key)
	req.Filter = 1
	if res := h.send(phone, req); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
}

func TestAFilterForMailDoesNotTouchContacts(t *testing.T) {
	h := open(t)
	var contacts mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if contacts, err = h.boxes.FolderByRole(tx, box, mail.RoleContacts); err != nil {
			return err
		}
		_, err = h.boxes.Append(tx, box, contacts.ID, mail.NewItem{Class: mail.ClassContacts, Received: 1})
		return err
	})
	req := request(contacts.ID, h.sync(contacts.ID, engine.NewKey).Key)
	req.Filter = 5
	if res := h.send(phone, req); len(res.Changes) != 1 {
		t.Errorf("%d contacts", len(res.Changes))
	}
}

func TestPingKnowsOnlyFoldersThatWereSynced(t *testing.T) {
	h := open(t)
	h.deliver(h.drafts, 0)
	if got := h.changed(h.inbox, h.drafts); len(got) != 0 {
		t.Errorf("never synced, and yet %v changed", got)
	}
	key := h.settle(h.inbox)
	if got := h.changed(h.inbox, h.drafts); len(got) != 0 {
		t.Errorf("%v changed", got)
	}
	id := h.deliver(h.inbox, 0)[0]
	if got := h.changed(h.drafts, h.inbox); !slices.Equal(got, []mail.FolderID{h.inbox}) {
		t.Errorf("%v changed", got)
	}
	key = h.sync(h.inbox, key).Key
	h.sync(h.inbox, key, markRead(id))
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Errorf("the phone's own change wakes it: %v", got)
	}
}

func TestPingSeesThatBackfillIsNotDone(t *testing.T) {
	h := open(t)
	h.deliver(h.inbox, time.Hour, 2*time.Hour)
	req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	req.Window = 1
	res := h.send(phone, req)
	if got := h.changed(h.inbox); len(got) != 1 {
		t.Error("half of the folder is missing, and Ping waits")
	}
	req.Key = res.Key
	h.send(phone, req)
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Error("all is there, and Ping does not wait")
	}
}

func TestEstimateCountsWhatASyncBrings(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	if _, err := h.eng.Estimate(ctx, phone, request(h.inbox, "17")); !errors.Is(err, engine.ErrNoState) {
		t.Errorf("never synced: %v", err)
	}
	ids := h.deliver(h.inbox, 0, time.Hour, 1000*time.Hour)
	req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
	for filter, want := range map[uint8]int{0: 3, 3: 2} {
		req.Filter = filter
		if n, err := h.eng.Estimate(ctx, phone, req); err != nil || n != want {
			t.Errorf("filter %d: %d, %v", filter, n, err)
		}
	}
	req.Filter = 0
	key := h.settle(h.inbox)
	h.edit(h.inbox, ids[0], read)
	h.remove(h.inbox, ids[1])
	h.deliver(h.inbox, 0)
	if n, err := h.eng.Estimate(ctx, phone, request(h.inbox, key)); err != nil || n != 3 {
		t.Errorf("one change, one delete, one add: %d, %v", n, err)
	}
	if _, err := h.eng.Estimate(ctx, phone, request(h.inbox, key+"0")); !errors.Is(err, engine.ErrStaleSyncKey) {
		t.Errorf("a wrong key: %v", err)
	}
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

// Changes that do not concern a device must not be read again and again.
func TestChangesOutsideTheWindowAreLeftBehind(t *testing.T) {
	h := open(t)
	req := request(h.inbox, engine.NewKey)
	req.Filter = 1
	req.Key = h.settleAs(phone, req)
	req.GetChanges = true
	h.deliver(h.inbox, slices.Repeat([]time.Duration{1000 * time.Hour}, 600)...)
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Fatal(got)
	}
	*h.rows = counting{Mailboxes: h.boxes}
	h.changed(h.inbox)
	if res := h.send(phone, req); !res.Unchanged {
		t.Fatal(told(res))
	}
	if n := h.rows.log + h.rows.items; n > 10 {
		t.Errorf("%d rows are read again", n)
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
