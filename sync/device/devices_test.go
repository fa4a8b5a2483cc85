package device_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/directory"
	"martlet/store"
	"martlet/sync/device"
)

// shelf is an open store with its devices.
type shelf struct {
	tb    testing.TB
	store *store.Store
	devs  *device.Devices
}

func open(tb testing.TB) *shelf {
	tb.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(store.Config{Path: filepath.Join(tb.TempDir(), "store"), Logger: quiet, Reserve: 1, NoCompaction: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &shelf{tb, st, device.New(device.Config{Store: st})}
}

func (s *shelf) update(fn func(tx *store.Tx) error) {
	s.tb.Helper()
	if err := s.store.Update(context.Background(), fn); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *shelf) view(fn func(tx *store.Tx) error) {
	s.tb.Helper()
	if err := s.store.View(context.Background(), fn); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *shelf) problems() []store.Problem {
	s.tb.Helper()
	var found []store.Problem
	if err := s.devs.Check(context.Background(), func(p store.Problem) { found = append(found, p) }); err != nil {
		s.tb.Fatal(err)
	}
	return found
}

func sample(account directory.AccountID, name string) device.Device {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)
	return device.Device{
		ID: device.ID{Account: account, Device: name}, Type: "iPhone", Model: "iPhone15,2", FriendlyName: "Grüße",
		OS: "iOS 18", OSLanguage: "de", UserAgent: "Apple-iPhone15C2/2207.90", IMEI: "49-015420-323751-8",
		PhoneNumber: "+49 30 1234", Operator: "o2", OutboundSMS: true, Version: "16.1", FirstSeen: at, LastSeen: at.Add(time.Hour),
		PolicyKey: 7, PendingPolicyKey: 8, PolicyVersion: 9, Access: device.AccessQuarantined, Wipe: device.WipeSent,
		WipeAccount: true, PingHeartbeat: 3540, HeldLimit: 300, HeldPeer: "192.0.2.0/24",
		PingFolders: []device.PingFolder{{ID: "1", Class: "Email"}, {ID: "7", Class: "Calendar"}},
		SyncCache:   []byte{3, 1, 106, 0},
	}
}

func TestADeviceIsKeptWhole(t *testing.T) {
	s := open(t)
	want := sample(3, "ApplC39XL00WJ2")
	s.update(func(tx *store.Tx) error { return s.devs.Save(tx, want) })
	s.view(func(tx *store.Tx) error {
		got, err := s.devs.Load(tx, want.ID)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if _, err := s.devs.Load(tx, device.ID{Account: 4, Device: want.ID.Device}); !errors.Is(err, device.ErrNoDevice) {
			t.Errorf("the same device of another account: %v", err)
		}
		return err
	})
}

func TestABadDeviceIDIsRefused(t *testing.T) {
	s := open(t)
	for _, name := range []string{"", "a b", "a\x00", "\xff", strings.Repeat("x", device.MaxIDLength+1)} {
		dev := device.Device{ID: device.ID{Account: 1, Device: name}}
		err := s.store.Update(context.Background(), func(tx *store.Tx) error { return s.devs.Save(tx, dev) })
		if !errors.Is(err, device.ErrBadID) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func collection(folder uint32) device.Collection {
	return device.Collection{
		Folder: folder, Class: 1, Options: []byte("options"),
		Confirmed: device.Generation{Key: 41, Cursor: 1 << 40, Top: 9, Start: 8,
			Below: device.Position{Received: 1_700_000_000_000, Item: 5}, Floor: device.Position{Received: 77, Item: 3}, Filter: 2, Cutoff: 99},
		Pending: device.Generation{Key: 42, Cursor: 1<<40 + 1, Top: 10, Start: 8, More: true,
			Added: []device.Added{{ClientID: "c1", Item: 10}, {ClientID: "", Item: 0}}},
		Own: []device.OwnWrite{{Item: 10, ModSeq: 1<<40 + 1, Added: true, Key: 42}, {Item: 2, ModSeq: 3}},
	}
}

func TestACollectionIsKeptWhole(t *testing.T) {
	s := open(t)
	id := device.ID{Account: 3, Device: "d"}
	want := collection(6)
	for range 2 {
		s.update(func(tx *store.Tx) error { return s.devs.SaveCollection(tx, id, want) })
		want.Version++
		s.view(func(tx *store.Tx) error {
			got, err := s.devs.Collection(tx, id, 6)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			return err
		})
	}
}

func TestRemovingADeviceLeavesTheOthers(t *testing.T) {
	s := open(t)
	ids := []device.ID{{Account: 1, Device: "a"}, {Account: 1, Device: "ab"}, {Account: 2, Device: "a"}}
	s.update(func(tx *store.Tx) error {
		for _, id := range ids {
			if err := s.devs.Save(tx, device.Device{ID: id}); err != nil {
				return err
			}
			for _, f := range []uint32{0, 1} {
				c := collection(f)
				if f == 0 {
					c = device.Collection{Confirmed: device.Generation{Key: 1}}
				}
				if err := s.devs.SaveCollection(tx, id, c); err != nil {
					return err
				}
			}
		}
		return s.devs.Remove(tx, ids[0])
	})
	count := func(id device.ID) (n int) {
		s.view(func(tx *store.Tx) error {
			for _, err := range s.devs.Collections(tx, id) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		return n
	}
	if count(ids[0]) != 0 || count(ids[1]) != 2 || count(ids[2]) != 2 {
		t.Errorf("collections left: %d %d %d", count(ids[0]), count(ids[1]), count(ids[2]))
	}
	s.update(func(tx *store.Tx) error { return s.devs.RemoveAccount(tx, 1) })
	var left []device.ID
	s.view(func(tx *store.Tx) error {
		for d, err := range s.devs.List(tx, 0) {
			if err != nil {
				return err
			}
			left = append(left, d.ID)
		}
		return nil
	})
	if d := cmp.Diff([]device.ID{ids[2]}, left); d != "" || count(ids[1]) != 0 || count(ids[2]) != 2 {
		t.Errorf("after the account: %s", d)
	}
}

func TestAnIdleDeviceIsNotWorthAWrite(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var d device.Device
	if !d.Seen(now) || d.FirstSeen != now {
		t.Error("the first request is worth a write")
	}
	if d.Seen(now.Add(device.LastSeenGrain - time.Second)) {
		t.Error("an idle phone writes")
	}
	if !d.Seen(now.Add(device.LastSeenGrain)) {
		t.Error("LastSeen grows too old")
	}
}

func TestCheckFindsBrokenStates(t *testing.T) {
	for name, spoil := range map[string]func(*device.Collection){
		"no generation":   func(c *device.Collection) { c.Confirmed, c.Pending = device.Generation{}, device.Generation{} },
		"keys backwards":  func(c *device.Collection) { c.Pending.Key = c.Confirmed.Key },
		"cursor backward": func(c *device.Collection) { c.Pending.Cursor = 1 },
		"start above top": func(c *device.Collection) { c.Confirmed.Start = c.Confirmed.Top + 1 },
		"too many writes": func(c *device.Collection) { c.Own = make([]device.OwnWrite, device.MaxOwnWrites+1) },
	} {
		s := open(t)
		c := collection(5)
		id := device.ID{Account: 1, Device: "d"}
		s.update(func(tx *store.Tx) error { return s.devs.SaveCollection(tx, id, c) })
		if p := s.problems(); len(p) != 0 {
			t.Fatalf("a sound state: %v", p)
		}
		spoil(&c)
		s.update(func(tx *store.Tx) error { return s.devs.SaveCollection(tx, id, c) })
		if len(s.problems()) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func BenchmarkCollectionRead(b *testing.B) {
	s := open(b)
	id := device.ID{Account: 3, Device: "ApplC39XL00WJ2"}
	c := collection(6)
	s.update(func(tx *store.Tx) error { return s.devs.SaveCollection(tx, id, c) })
	b.ReportAllocs()
	s.view(func(tx *store.Tx) error {
		for b.Loop() {
			if _, err := s.devs.Collection(tx, id, 6); err != nil {
				return err
			}
		}
		return nil
	})
}
