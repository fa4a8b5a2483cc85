package mailbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/store"
)

// model is the simplest mailbox that could be right.
type model struct {
	folders map[mail.FolderID]mail.Folder // only Parent, Name, Class, Role
	items   map[mail.Place]mail.Item
	moved   map[mail.Place]mail.Place // of items that are gone: where to, or nowhere
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.folders), maps.Clone(m.items), maps.Clone(m.moved)}
}

func (m *model) below(f mail.FolderID) []mail.FolderID {
	all := []mail.FolderID{f}
	for i := 0; i < len(all); i++ {
		for id, folder := range m.folders {
			if folder.Parent == all[i] {
				all = append(all, id)
			}
		}
	}
	return all
}

func (m *model) deleteFolder(f mail.FolderID) {
	for _, id := range m.below(f) {
		delete(m.folders, id)
		maps.DeleteFunc(m.items, func(p mail.Place, _ mail.Item) bool { return p.Folder == id })
		maps.DeleteFunc(m.moved, func(p, _ mail.Place) bool { return p.Folder == id })
	}
}

// reader is a door that knows the mailbox from the change log alone.
type reader struct {
	hierarchy mail.ModSeq
	cursors   map[mail.FolderID]mail.ModSeq
	items     map[mail.Place]mail.Item
}

// machine runs random operations on a mailbox and on the model.
type machine struct {
	h       *house
	box     mail.MailboxID
	letters []letter
	is      *model
	readers []*reader
	sweep   bool // whether sweeps run between the steps
}

// folder draws a folder, sometimes one that is not there.
func (m *machine) folder(t *rapid.T, label string) mail.FolderID {
	ids := slices.Sorted(maps.Keys(m.is.folders))
	return rapid.SampledFrom(append(ids, 9999)).Draw(t, label)
}

// item draws an item, sometimes one that is not there.
func (m *machine) item(t *rapid.T) mail.Place {
	places := slices.Collect(maps.Keys(m.is.items))
	sort.Slice(places, func(i, j int) bool { return places[i].Item < places[j].Item })
	return rapid.SampledFrom(append(places, mail.Place{Folder: 1, Item: 9999})).Draw(t, "item")
}

// step is one operation: what it does to the mailbox, and to the model if the
// mailbox let it.
type step func(tx *store.Tx, is *model) error

func (m *machine) draw(t *rapid.T) step {
	switch rapid.SampledFrom([]string{
		"append", "append", "append", "update", "update", "delete", "move", "move",
		"create", "rename", "drop",
	}).Draw(t, "step") {
	case "append":
		return m.append(t)
	case "update":
		return m.update(t)
	case "delete":
		at := m.item(t)
		return func(tx *store.Tx, is *model) error {
			_, err := m.h.Delete(tx, m.box, at.Folder, at.Item)
			if _, ok := is.items[at]; ok != (err == nil) {
				return fmt.Errorf("delete of %v: there %t, %w", at, ok, unexpected(err))
			}
			if err == nil {
				delete(is.items, at)
				is.moved[at] = mail.Place{}
			}
			return nil
		}
	case "move":
		return m.move(t)
	case "create":
		return m.create(t)
	case "rename":
		return m.rename(t)
	}
	f := m.folder(t, "drop")
	return func(tx *store.Tx, is *model) error {
		err := m.h.DeleteFolder(tx, m.box, f)
		folder, ok := is.folders[f]
		if want := ok && folder.Role == mail.RoleNone; want != (err == nil) {
			return fmt.Errorf("delete of folder %d: want %t, %w", f, want, unexpected(err))
		}
		if err == nil {
			is.deleteFolder(f)
		}
		return nil
	}
}

// unexpected keeps a nil error printable.
func unexpected(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func (m *machine) append(t *rapid.T) step {
	f := m.folder(t, "into")
	n := rapid.SampledFrom(m.letters).Draw(t, "letter").item(rapid.Int64Range(1, 50).Draw(t, "received"))
	n.Flags = mail.Flags(rapid.IntRange(0, 3).Draw(t, "flags"))
	return func(tx *store.Tx, is *model) error {
		it, err := m.h.Append(tx, m.box, f, n)
		if _, ok := is.folders[f]; ok != (err == nil) {
			return fmt.Errorf("append to %d: there %t, %w", f, ok, unexpected(err))
		}
		if err == nil {
			is.items[mail.Place{Folder: f, Item: it.ID}] = it
		}
		return nil
	}
}

func (m *machine) update(t *rapid.T) step {
	at := m.item(t)
	flags := mail.Flags(rapid.IntRange(0, 3).Draw(t, "flags"))
	keywords := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "keywords")
	return func(tx *store.Tx, is *model) error {
		got, err := m.h.UpdateItem(tx, m.box, at.Folder, at.Item, func(it *mail.Item) {
			it.Flags, it.Keywords = flags, keywords
		})
		old, ok := is.items[at]
		if ok != (err == nil) {
			return fmt.Errorf("update of %v: there %t, %w", at, ok, unexpected(err))
		}
		if err == nil {
			same := old.Flags == flags && slices.Equal(old.Keywords, keywords)
			if same != (got.ModSeq == old.ModSeq) {
				return fmt.Errorf("update of %v: the same %t, ModSeq %d to %d", at, same, old.ModSeq, got.ModSeq)
			}
			is.items[at] = got
		}
		return nil
	}
}

func (m *machine) move(t *rapid.T) step {
	at, dst := m.item(t), m.folder(t, "to")
	return func(tx *store.Tx, is *model) error {
		got, err := m.h.Move(tx, m.box, at.Folder, at.Item, dst)
		old, ok := is.items[at]
		if _, there := is.folders[dst]; (ok && there) != (err == nil) {
			return fmt.Errorf("move of %v to %d: there %t, %t, %w", at, dst, ok, there, unexpected(err))
		}
		if err == nil {
			old.ID, old.Folder, old.Created, old.ModSeq = got.ID, dst, got.Created, got.ModSeq
			delete(is.items, at)
			is.items[mail.Place{Folder: dst, Item: got.ID}] = old
			is.moved[at] = mail.Place{Folder: dst, Item: got.ID}
		}
		return nil
	}
}

var folderNames = []string{"Inbox", "Work", "WORK", "Änderung", "änderung", "x", ""}

// allows is the rule for names and parents, told again.
func (is *model) allows(id, parent mail.FolderID, name string) bool {
	if _, ok := is.folders[parent]; parent != 0 && !ok || name == "" {
		return false
	}
	for other, folder := range is.folders {
		if other != id && folder.Parent == parent && strings.ToLower(folder.Name) == strings.ToLower(name) {
			return false
		}
	}
	return id == 0 || !slices.Contains(is.below(id), parent)
}

func (m *machine) create(t *rapid.T) step {
	parent := m.folder(t, "parent")
	if rapid.Bool().Draw(t, "top") {
		parent = 0
	}
	name := rapid.SampledFrom(folderNames).Draw(t, "name")
	return func(tx *store.Tx, is *model) error {
		folder, err := m.h.CreateFolder(tx, m.box, parent, name, mail.ClassEmail)
		if want := is.allows(0, parent, name); want != (err == nil) {
			return fmt.Errorf("create %q below %d: want %t, %w", name, parent, want, unexpected(err))
		}
		if err == nil {
			is.folders[folder.ID] = mail.Folder{Parent: parent, Name: name, Class: mail.ClassEmail}
		}
		return nil
	}
}

func (m *machine) rename(t *rapid.T) step {
	f, parent := m.folder(t, "folder"), m.folder(t, "parent")
	if rapid.Bool().Draw(t, "top") {
		parent = 0
	}
	name := rapid.SampledFrom(folderNames).Draw(t, "name")
	return func(tx *store.Tx, is *model) error {
		_, err := m.h.UpdateFolder(tx, m.box, f, parent, name)
		old, ok := is.folders[f]
		same := ok && old.Name == name && old.Parent == parent
		want := ok && old.Role == mail.RoleNone && (same || is.allows(f, parent, name))
		if want != (err == nil) {
			return fmt.Errorf("update folder %d to %q below %d: want %t, %w", f, name, parent, want, unexpected(err))
		}
		if err == nil {
			old.Parent, old.Name = parent, name
			is.folders[f] = old
		}
		return nil
	}
}

// transact runs a few steps in one transaction, which sometimes fails.
func (m *machine) transact(t *rapid.T) {
	// Each step is drawn from the model as it was before the transaction, so
	// later steps may meet what earlier ones deleted.
	steps := make([]step, rapid.IntRange(1, 4).Draw(t, "steps"))
	for i := range steps {
		steps[i] = m.draw(t)
	}
	fails := rapid.IntRange(0, 5).Draw(t, "fails") == 0
	undone := errors.New("undone")
	var is *model
	err := m.h.store.Update(context.Background(), func(tx *store.Tx) error {
		is = m.is.clone()
		for _, s := range steps {
			if err := s(tx, is); err != nil {
				return err
			}
		}
		if fails {
			return undone
		}
		return nil
	})
	if fails && errors.Is(err, undone) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m.is = is
}

func (m *machine) empty(t *rapid.T) {
	f, deep := m.folder(t, "empty"), rapid.Bool().Draw(t, "deep")
	before := len(m.is.items)
	n, err := m.h.Empty(context.Background(), m.box, f, deep)
	if _, ok := m.is.folders[f]; ok != (err == nil) {
		t.Fatalf("empty %d: there %t, %v", f, ok, err)
	}
	if err != nil {
		return
	}
	if deep {
		for _, id := range m.is.below(f)[1:] {
			m.is.deleteFolder(id)
		}
	}
	for at := range m.is.items {
		if at.Folder == f {
			delete(m.is.items, at)
			m.is.moved[at] = mail.Place{}
		}
	}
	if n != before-len(m.is.items) {
		t.Fatalf("empty said %d, %d went", n, before-len(m.is.items))
	}
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
		err = h.Check(context.Background(), func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) })
		if err != nil {
			t.Fatal(err)
		}
	})
}

func (m *machine) folders(tx *store.Tx) (map[mail.FolderID]mail.Folder, error) {
	folders, err := m.h.Folders(tx, m.box)
	all := map[mail.FolderID]mail.Folder{}
	for _, f := range folders {
		all[f.ID] = mail.Folder{Parent: f.Parent, Name: f.Name, Class: f.Class, Role: f.Role}
	}
	return all, err
}
