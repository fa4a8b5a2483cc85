package device_test

import (
	"errors"
	"testing"
	"time"

	"martlet/store"
	"martlet/sync/device"
)

func TestBrokenItemsAreKeptAndBounded(t *testing.T) {
	s := open(t)
	d := s.devs
	id := device.ID{Account: 7, Device: "phone"}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s.update(func(tx *store.Tx) error {
		if err := d.SaveCollection(tx, id, device.Collection{Folder: 1, Confirmed: device.Generation{Key: 1}, Broken: true}); err != nil {
			return err
		}
		for i := range uint32(device.MaxBroken + 3) {
			b := device.Broken{Device: id, Folder: 1, Item: i + 1, Box: 7, Object: 9, ModSeq: 5, When: at.Add(time.Duration(i) * time.Second), Why: "it loops", Had: i%2 == 0}
			if err := d.SaveBroken(tx, b); err != nil {
				return err
			}
		}
		return nil
	})
	var all []device.Broken
	list := func() {
		s.update(func(tx *store.Tx) error {
			all = nil
			for b, err := range d.BrokenOf(tx, 7) {
				if err != nil {
					return err
				}
				all = append(all, b)
			}
			return nil
		})
	}
	list()
	want := device.Broken{Device: id, Folder: 1, Item: 4, Box: 7, Object: 9, ModSeq: 5, When: at.Add(3 * time.Second), Why: "it loops"}
	if len(all) != device.MaxBroken || all[0] != want {
		t.Fatalf("%d items, the first %+v, want %+v", len(all), all[0], want)
	}
	s.update(func(tx *store.Tx) error { return d.OfferAgain(tx, id, 1, 4) })
	s.update(func(tx *store.Tx) error {
		if err := d.OfferAgain(tx, id, 1, 4); !errors.Is(err, device.ErrNotBroken) {
			t.Errorf("offered twice: %v", err)
		}
		c, err := d.Collection(tx, id, 1)
		if !c.Confirmed.More || c.Pending.More {
			t.Errorf("the collection is %+v", c)
		}
		return err
	})
	if list(); len(all) != device.MaxBroken-1 {
		t.Errorf("%d items are withheld", len(all))
	}
	s.update(func(tx *store.Tx) error { return d.RemoveCollection(tx, id, 1) })
	if list(); len(all) != 0 {
		t.Errorf("without the collection there are %d", len(all))
	}
}
