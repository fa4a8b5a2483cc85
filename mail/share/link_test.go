package share

import (
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func TestLinksAreNamedAfterOwnerAndFolder(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	trips := h.folder("anna", "Trips")
	h.grant("anna", trips, "bob", read)
	h.sees("bob", "Anna Example: Trips r")
	box := h.box("anna")
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateFolder(tx, box, trips, 0, "Journeys")
		return err
	})
	h.sees("bob", "Anna Example: Journeys r")
	h.apply("[[user]]\nlogin = \"anna@example.org\"\nname = \"Anna Married\"\n")
	h.sees("bob", "Anna Married: Journeys r")
	h.apply("[[user]]\nlogin = \"anna@example.org\"\nname = \"\"\n")
	h.sees("bob", "anna@example.org: Journeys r")
	long := strings.Repeat("ü", 255)
	h.apply("[[user]]\nlogin = \"anna@example.org\"\nname = \"" + long + "\"\n")
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateFolder(tx, box, trips, 0, long)
		return err
	})
	if got := h.links("bob"); len(got) != 1 || len([]rune(got[0])) > 256 || !strings.Contains(got[0], "ü…: ü") {
		t.Errorf("long names: %q", got)
	}
}

func TestLinksOfOneNameAreToldApart(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	h.apply("[[user]]\nlogin = \"anna.b@example.org\"\nname = \"Anna Example\"\n")
	bob := h.box("bob")
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.CreateFolder(tx, bob, 0, "ANNA EXAMPLE: CALENDAR", mail.ClassEmail)
		return err
	})
	if err := h.mailboxes.Create(t.Context(), h.box("anna.b")); err != nil {
		t.Fatal(err)
	}
	h.grant("anna", h.role("anna", mail.RoleCalendar), "bob", read)
	h.grant("anna.b", h.role("anna.b", mail.RoleCalendar), "bob", write)
	h.sees("bob", "Anna Example: Calendar (2) r", "Anna Example: Calendar (3) rw")
	h.revoke("anna", h.role("anna", mail.RoleCalendar), "bob")
	h.sees("bob", "Anna Example: Calendar (3) rw")
}

func TestALinkThatShowsMoreOrLessIsAnotherLink(t *testing.T) {
	h := newHouse(t, "anna", "bob")
	cal := h.role("anna", mail.RoleCalendar)
	number := func() (id mail.FolderID) {
		t.Helper()
		h.links("bob")
		h.view(func(tx *store.Tx) error {
			links, err := h.mailboxes.Links(tx, h.box("bob"))
			if len(links) == 1 {
				id = links[0].ID
			}
			return err
		})
		return id
	}
	h.grant("anna", cal, "bob", read)
	first := number()
	h.grant("anna", cal, "bob", write)
	if number() != first {
		t.Error("who may write by now has another folder")
	}
	h.grant("anna", cal, "bob", see)
	second := number()
	if second == first {
		t.Error("a phone would keep the blanked items")
	}
	h.grant("anna", cal, "bob", write)
	if third := number(); third == second {
		t.Error("a phone would keep the private items")
	}
}

func TestNothingInANameBreaksAFolder(t *testing.T) {
	for in, want := range map[string]string{
		"Anna": "Anna", "A\x00n\nn\u0085a": "Anna", "\xff": "\ufffd", "abcdefghij": "abcdefghij", "abcdefghijk": "abcdefghi…", "abcdefgh jk": "abcdefgh…",
	} {
		if got := cut(in, 10); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for name, want := range map[string][]string{
		"Anna: Orders": {"Anna", "Orders"}, "Anna: a: b": {"Anna", "a: b"}, "odd": {"odd"},
	} {
		if got := SplitName(name, false); !slices.Equal(got, want) {
			t.Errorf("%q is %q", name, got)
		}
	}
	if got := SplitName("Public: a/b", true); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}
