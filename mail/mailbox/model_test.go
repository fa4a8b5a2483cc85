package mailbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

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
			old.ID, old.Folder, old.Created, old.ModSeq, old.Parts = got.ID, dst, got.Created, got.ModSeq, mail.PartSeqs{}
			delete(is.items, at)
			old.Saved = got.Saved
			is.items[mail.Place{Folder: dst, Item: got.ID}] = old
			is.moved[at] = mail.Place{Folder: dst, Item: got.ID}
		}
		return nil
	}
}

var folderNames = []string{"Inbox", "Work", "WORK", "Änderung", "änderung", "x", ""}

// allows is the rule for names and parents, told again.
func (m *model) allows(id, parent mail.FolderID, name string) bool {
	if above, ok := m.folders[parent]; parent != 0 && !ok || name == "" || above.Role == mail.RoleRecipientInfo {
		return false
	}
	for other, folder := range m.folders {
		if other != id && folder.Parent == parent && strings.EqualFold(folder.Name, name) {
			return false
		}
	}
	return id == 0 || !slices.Contains(m.below(id), parent)
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
