package mailbox

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/store"
)

// reader is a door that knows the mailbox from the change log alone.
type reader struct {
	hierarchy mail.ModSeq
	cursors   map[mail.FolderID]mail.ModSeq
	items     map[mail.Place]mail.Item
}

// read brings a reader up to date by the log alone and compares what it then
// knows with the model.
func (m *machine) read(t *rapid.T, r *reader) {
	err := m.h.store.View(context.Background(), func(tx *store.Tx) error {
		since := r.hierarchy
		for c, err := range m.h.Changes(tx, m.box, mail.Hierarchy, since) {
			if err != nil {
				return err
			}
			f := mail.FolderID(c.Item)
			_, known := r.cursors[f]
			if c.ModSeq <= r.hierarchy || !c.Deleted && known != (c.Created <= since) {
				return fmt.Errorf("folder %d, known %t: %+v after %d", f, known, c, since)
			}
			switch {
			case c.Deleted:
				delete(r.cursors, f)
				maps.DeleteFunc(r.items, func(p mail.Place, _ mail.Item) bool { return p.Folder == f })
			case !known:
				r.cursors[f] = 0
			}
			r.hierarchy = c.ModSeq
		}
		for f := range r.cursors {
			if err := m.readFolder(tx, r, f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.cursors) != len(m.is.folders) {
		t.Fatalf("the reader knows %d folders, there are %d", len(r.cursors), len(m.is.folders))
	}
	if !reflect.DeepEqual(r.items, m.is.items) {
		t.Fatalf("the reader knows\n%+v\nthere is\n%+v", r.items, m.is.items)
	}
}

func (m *machine) readFolder(tx *store.Tx, r *reader, f mail.FolderID) error {
	since := r.cursors[f]
	seen := map[mail.ItemID]bool{}
	for c, err := range m.h.Changes(tx, m.box, f, since) {
		if err != nil {
			return err
		}
		at := mail.Place{Folder: f, Item: c.Item}
		_, known := r.items[at]
		if c.ModSeq <= r.cursors[f] || seen[c.Item] {
			return fmt.Errorf("item %v: %+v is out of order or the second", at, c)
		}
		// What a reader has seen it knows by Created and its cursor alone.
		if known != (c.Created <= since) {
			return fmt.Errorf("item %v, known %t: %+v after %d", at, known, c, since)
		}
		seen[c.Item] = true
		r.cursors[f] = c.ModSeq
		if c.Deleted {
			delete(r.items, at)
			if c.MovedTo != m.is.moved[at] {
				return fmt.Errorf("item %v: moved to %v, want %v", at, c.MovedTo, m.is.moved[at])
			}
			continue
		}
		it, err := m.h.Item(tx, m.box, f, c.Item)
		if err != nil {
			return err
		}
		if it.Position() != c.Position() || it.ModSeq != c.ModSeq {
			return fmt.Errorf("item %+v, change %+v", it, c)
		}
		r.items[at] = it
	}
	return nil
}

// compare holds the rest of the API against the model.
func (m *machine) compare(t *rapid.T) {
	err := m.h.store.View(context.Background(), func(tx *store.Tx) error {
		folders, err := m.h.Folders(tx, m.box)
		if err != nil {
			return err
		}
		for _, f := range folders {
			want, ok := m.is.folders[f.ID]
			if !ok || f.Name != want.Name || f.Parent != want.Parent || f.Role != want.Role {
				return fmt.Errorf("folder %+v, want %+v", f, want)
			}
			var newest []mail.Position
			for at := range m.is.items {
				if at.Folder == f.ID {
					it := m.is.items[at]
					newest = append(newest, it.Position())
				}
			}
			slices.SortFunc(newest, func(a, b mail.Position) int {
				if b.Before(a) {
					return -1
				}
				return 1
			})
			if err := m.compareArrivals(tx, f.ID, newest); err != nil {
				return err
			}
			i := 0
			for at, err := range m.h.Newest(tx, m.box, f.ID, mail.Position{}, math.MinInt64) {
				if err != nil || i >= len(newest) || at != newest[i] {
					return fmt.Errorf("newest %d of folder %d is %+v, %v; want %+v", i, f.ID, at, err, newest)
				}
				i++
			}
			if i != len(newest) || int(f.Items) != i {
				return fmt.Errorf("folder %d shows %d items, counts %d, has %d", f.ID, i, f.Items, len(newest))
			}
		}
		for at, to := range m.is.moved {
			if c, err := m.h.Tombstone(tx, m.box, at.Folder, at.Item); err != nil || c.MovedTo != to {
				return fmt.Errorf("tombstone of %v: %+v, %v; want %v", at, c, err, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compareArrivals holds Items against the numbers of what is in a folder.
func (m *machine) compareArrivals(tx *store.Tx, f mail.FolderID, there []mail.Position) error {
	var ids []mail.ItemID
	for _, at := range there {
		ids = append(ids, at.Item)
	}
	slices.Sort(ids)
	for i := range len(ids) + 1 {
		after := mail.ItemID(0)
		if i > 0 {
			after = ids[i-1]
		}
		var got []mail.ItemID
		for it, err := range m.h.Items(tx, m.box, f, after) {
			if err != nil {
				return err
			}
			if want := m.is.items[mail.Place{Folder: f, Item: it.ID}]; !reflect.DeepEqual(it, want) {
				return fmt.Errorf("items after %d: %+v, want %+v", after, it, want)
			}
			got = append(got, it.ID)
		}
		if !slices.Equal(got, ids[i:]) {
			return fmt.Errorf("items of folder %d after %d: %v, want %v", f, after, got, ids[i:])
		}
	}
	return nil
}

func TestMailboxBehavesAsItsModelAndTheLogTellsEverything(t *testing.T) {
	h := newHouse(t)
	letters := []letter{h.letter(1), h.letter(2), h.letter(3)}
	var box mail.MailboxID
	rapid.Check(t, func(t *rapid.T) {
		box++
		m := &machine{h: h, box: box, letters: letters, sweep: rapid.Bool().Draw(t, "sweep")}
		m.is = &model{map[mail.FolderID]mail.Folder{}, map[mail.Place]mail.Item{}, map[mail.Place]mail.Place{}}
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			folders, err := m.folders(tx)
			m.is.folders = folders
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"transact":  m.transact,
			"transact2": m.transact,
			"transact3": m.transact,
			"empty":     m.empty,
			"join": func(t *rapid.T) {
				if len(m.readers) < 4 {
					m.readers = append(m.readers, &reader{0, map[mail.FolderID]mail.ModSeq{}, map[mail.Place]mail.Item{}})
				}
			},
			"read": func(t *rapid.T) {
				if len(m.readers) > 0 {
					m.read(t, rapid.SampledFrom(m.readers).Draw(t, "reader"))
				}
			},
			"": func(t *rapid.T) {
				if m.sweep {
					if err := h.Sweep(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
			},
		})
		for _, r := range m.readers {
			m.read(t, r)
		}
		m.compare(t)
		if err := h.store.View(context.Background(), func(tx *store.Tx) error { return m.check(t, tx) }); err != nil {
			t.Fatal(err)
		}
	})
}

// check checks this mailbox alone; the whole store is checked in the end.
func (m *machine) check(t *rapid.T, tx *store.Tx) error {
	c := newChecker(context.Background(), tx, func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) })
	if err := c.sweeps(); err != nil {
		return err
	}
	st, err := stateTable.Get(tx, m.box)
	if err != nil {
		return err
	}
	return c.mailbox(m.box, st)
}

func (m *machine) folders(tx *store.Tx) (map[mail.FolderID]mail.Folder, error) {
	folders, err := m.h.Folders(tx, m.box)
	all := map[mail.FolderID]mail.Folder{}
	for _, f := range folders {
		all[f.ID] = mail.Folder{Parent: f.Parent, Name: f.Name, Class: f.Class, Role: f.Role}
	}
	return all, err
}
