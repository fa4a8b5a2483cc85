package engine_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// fill makes a folder of n items.
func (h *house) fill(n int) {
	h.tb.Helper()
	for at := 0; at < n; at += 1000 {
		ages := make([]time.Duration, min(1000, n-at))
		for i := range ages {
			ages[i] = time.Duration(n-at-i) * time.Minute
		}
		h.deliver(h.inbox, ages...)
	}
}

func BenchmarkSyncNothingNew(b *testing.B) {
	h := open(b)
	h.fill(1000)
	req := request(h.inbox, h.settle(h.inbox))
	reqs := []engine.Request{req}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		res, err := h.eng.Sync(ctx, phone, reqs, nil)
		if err != nil || !res[0].Unchanged {
			b.Fatal(err, res)
		}
	}
}

func BenchmarkChangedNothingNew(b *testing.B) {
	h := open(b)
	h.fill(1000)
	h.settle(h.inbox)
	ctx := context.Background()
	folders := []mail.FolderID{h.inbox}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := h.eng.Changed(ctx, phone, box, folders); err != nil || len(got) > 0 {
			b.Fatal(err, got)
		}
	}
}

func BenchmarkFolderSyncNothingNew(b *testing.B) {
	h := open(b)
	key := h.folderSync(engine.NewKey).Key
	key = h.folderSync(key).Key
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		res, err := h.eng.Hierarchy(ctx, phone, box, key, nil)
		if err != nil || !res.Unchanged {
			b.Fatal(err, res)
		}
	}
}

// BenchmarkSyncFirst512 plans answers of 512 items of a large folder, durable
// on return.
func BenchmarkSyncFirst512(b *testing.B) {
	h := open(b)
	const items = 20_480
	h.fill(items)
	// Each time it is another device: one that starts anew again and again is taken
	// for one that an item makes fail.
	id := device.ID{Account: 1, Device: "phone0"}
	start := h.send(id, request(h.inbox, engine.NewKey)).Key
	req := request(h.inbox, start)
	req.Window = 512
	ctx := context.Background()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		res, err := h.eng.Sync(ctx, id, []engine.Request{req}, nil)
		if err != nil || len(res[0].Changes) != 512 {
			b.Fatal(err, len(res[0].Changes))
		}
		n += 512
		req.Key = res[0].Key
		if !res[0].More {
			b.StopTimer()
			id.Device = "phone" + strconv.Itoa(n)
			req.Key = h.send(id, request(h.inbox, engine.NewKey)).Key
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
}

func BenchmarkSyncOneNewItem(b *testing.B) {
	h := open(b)
	h.fill(1000)
	req := request(h.inbox, h.settle(h.inbox))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		h.update(func(tx *store.Tx) error {
			_, err := h.boxes.Append(tx, box, h.inbox, mail.NewItem{Class: mail.ClassEmail})
			return err
		})
		b.StartTimer()
		res, err := h.eng.Sync(ctx, phone, []engine.Request{req}, nil)
		if err != nil || len(res[0].Changes) != 1 {
			b.Fatal(err, res)
		}
		req.Key = res[0].Key
	}
}

// BenchmarkSyncTenChangesOf100k is the everyday Sync of a large folder.
func BenchmarkSyncTenChangesOf100k(b *testing.B) {
	h := open(b)
	h.fill(100_000)
	req := request(h.inbox, engine.NewKey)
	req.Window = 512
	req.Key = h.settleAs(phone, req)
	req.GetChanges = true
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		h.update(func(tx *store.Tx) error {
			for id := range mail.ItemID(10) {
				if _, err := h.boxes.UpdateItem(tx, box, h.inbox, 1+id*10_000, func(it *mail.Item) { it.Flags ^= mail.FlagSeen }); err != nil {
					return err
				}
			}
			return nil
		})
		*h.rows = counting{Mailboxes: h.boxes}
		b.StartTimer()
		res, err := h.eng.Sync(ctx, phone, []engine.Request{req}, nil)
		if err != nil || len(res[0].Changes) != 10 {
			b.Fatal(err, len(res[0].Changes))
		}
		req.Key = res[0].Key
	}
	b.ReportMetric(float64(h.rows.log), "logrows/op")
	b.ReportMetric(float64(h.rows.items), "itemrows/op")
}
