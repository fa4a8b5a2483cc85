package share

import (
	"errors"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func (h *house) public(path string, class mail.Class) mail.Folder {
	h.t.Helper()
	f, err := h.CreatePublic(h.t.Context(), path, class)
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func (h *house) grantPublic(path, to string, r mail.Rights) {
	h.t.Helper()
	p := h.to(to)
	h.update(func(tx *store.Tx) error {
		box, f, err := h.FindPublic(tx, path)
		if err != nil {
			return err
		}
		return h.GrantIn(tx, Grant{box, f, p, r})
	})
}

func TestPublicFoldersAreCalledByTheirPath(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	h.public("Company", mail.ClassEmail)
	h.grantPublic("company", "*", read)
	h.public("Company/Customers", mail.ClassContacts)
	h.public("Rooms", mail.ClassCalendar)
	h.grantPublic("Rooms", "bob", write)
	h.sees("anna", "Public: Company r", "Public: Company/Customers r")
	h.sees("bob", "Public: Company r", "Public: Company/Customers r", "Public: Rooms rw")

	// The folder above goes elsewhere, and those below with it.
	h.public("Archive", mail.ClassEmail)
	if _, err := h.RenamePublic(t.Context(), "Company", "Archive/Firm"); err != nil {
		t.Fatal(err)
	}
	h.sees("anna", "Public: Archive/Firm r", "Public: Archive/Firm/Customers r")
	if err := h.DeletePublic(t.Context(), "Archive"); err != nil {
		t.Fatal(err)
	}
	h.sees("anna")
	h.sees("bob", "Public: Rooms rw")
}

func TestAPublicMailboxHasNoFoldersOfAUser(t *testing.T) {
	h := newHouse(t, "anna")
	h.public("Rooms", mail.ClassCalendar)
	h.user("later") // its number is another
	h.view(func(tx *store.Tx) error {
		box, folders, err := h.PublicFolders(tx)
		if err != nil || len(folders) != 1 || folders[0].Role != mail.RoleNone {
			t.Errorf("%d: %+v, %v", box, folders, err)
		}
		if is, err := h.IsPublic(tx, box); !is || err != nil {
			t.Errorf("%v, %v", is, err)
		}
		if is, err := h.IsPublic(tx, h.box("anna")); is || err != nil {
			t.Errorf("%v, %v", is, err)
		}
		return nil
	})
}

func TestPublicFoldersThatCannotBe(t *testing.T) {
	h := newHouse(t, "anna")
	if err := h.DeletePublic(t.Context(), "Rooms"); !errors.Is(err, ErrNoPublic) {
		t.Errorf("without any: %v", err)
	}
	h.public("Rooms", mail.ClassCalendar)
	for path, want := range map[string]error{
		"": mail.ErrBadName, "rooms": mail.ErrFolderExists, "None/Deep": mail.ErrBadParent, "a\x00b": mail.ErrBadName, "Rooms/": mail.ErrBadName,
	} {
		if _, err := h.CreatePublic(t.Context(), path, mail.ClassTasks); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
	if _, err := h.CreatePublic(t.Context(), "SMS", mail.ClassSMS); !errors.Is(err, ErrNotShareable) {
		t.Errorf("of a class that has no folders: %v", err)
	}
	if _, err := h.RenamePublic(t.Context(), "Rooms", "Rooms/Below"); !errors.Is(err, mail.ErrBadParent) {
		t.Errorf("below itself: %v", err)
	}
	if err := h.DeletePublic(t.Context(), "Nothing"); !errors.Is(err, ErrNoPublic) {
		t.Errorf("what is not there: %v", err)
	}
}

func TestPathsOfManyFolders(t *testing.T) {
	var folders []mail.Folder
	for i := range mail.FolderID(5000) { // each below the one before, children first
		folders = append(folders, mail.Folder{ID: 5000 - i, Parent: 4999 - i, Name: "x"})
	}
	folders = append(folders, mail.Folder{ID: 6000, Name: "a/b"}, mail.Folder{ID: 6001, Parent: 7000, Name: "lost"}, mail.Folder{ID: 6002, Parent: 6000, Name: "c"})
	paths := Paths(folders)
	if len(paths[2048]) != 2*2048-1 || paths[2049] != "" || paths[5000] != "" || paths[1] != "x" || paths[6000] != "a/b" || paths[6001] != "lost" || paths[6002] != "a/b/c" {
		t.Errorf("%d bytes, %q, %q, %q, %q", len(paths[2048]), paths[1], paths[6000], paths[6001], paths[6002])
	}
	if f, ok := Find(folders, "A/B/C"); !ok || f.ID != 6002 {
		t.Errorf("%+v, %v", f, ok)
	}
}
