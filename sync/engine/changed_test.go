package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"martlet/mail"
	"martlet/sync/engine"
)

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
