package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"

	"martlet/store"
)

// carried is a file as a running server gets it from a command.
func carried(t *testing.T, f *File) *File {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var got File
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

func TestAListThatIsEmptiedIsEmptyAfterwards(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	none := []string{}
	f := carried(t, &File{
		Users:     []FileUser{{Login: "ada@example.org", Aliases: none}},
		Groups:    []FileGroup{{Address: "team@example.org", Members: none}},
		Resources: []FileResource{{Address: "attic@example.org", MayBook: none, Days: none}},
		Contacts:  []FileContact{{Address: "Otto@example.net", Addresses: none}},
	})
	edits, err := d.Apply(t.Context(), f, false)
	if err != nil || len(edits) != 4 {
		t.Fatalf("%+v, %v", edits, err)
	}
	if a, err := d.AccountByLogin(t.Context(), "ada@example.org"); err != nil || len(a.Aliases) > 0 || a.Title != "Countess" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := d.AccountByLogin(t.Context(), "attic@example.org"); err != nil || len(a.Booking.Bookers) > 0 || a.Booking.Days != 0 || len(a.Booking.Delegates) != 1 {
		t.Errorf("%+v, %v", a.Booking, err)
	}
	if g, err := d.GroupAt(t.Context(), "team@example.org"); err != nil || len(g.Members) > 0 || g.Name != "The team" {
		t.Errorf("%+v, %v", g, err)
	}
	if c, err := d.ContactAt(t.Context(), "otto@example.net"); err != nil || len(c.Addresses) > 0 || c.Company != "Outside" {
		t.Errorf("%+v, %v", c, err)
	}
	// Twice changes nothing, and what is wrong is told on the way.
	if edits, err := d.Apply(t.Context(), f, false); err != nil || len(edits) > 0 {
		t.Errorf("%+v, %v", edits, err)
	}
	b, err := json.Marshal(&File{Groups: []FileGroup{{Address: "no address"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, new(File)); !errors.Is(err, ErrBadAddress) || !strings.HasPrefix(err.Error(), "group.address: ") {
		t.Error(err)
	}
}

// everybody is a file with a group of so many people in each of so many groups
// that lie in one.
func everybody(groups, people int) string {
	var b strings.Builder
	b.WriteString("[[domain]]\nname = \"example.org\"\n")
	for i := range groups * people {
		fmt.Fprintf(&b, "[[user]]\nlogin = \"u%d@example.org\"\n", i)
	}
	var all []string
	for g := range groups {
		var members []string
		for i := range people {
			members = append(members, fmt.Sprintf("\"u%d@example.org\"", g*people+i))
		}
		all = append(all, fmt.Sprintf("\"g%d@example.org\"", g))
		fmt.Fprintf(&b, "[[group]]\naddress = \"g%d@example.org\"\nmembers = [%s]\n", g, strings.Join(members, ", "))
	}
	fmt.Fprintf(&b, "[[group]]\naddress = \"all@example.org\"\nmembers = [%s]\n", strings.Join(all, ", "))
	return b.String()
}

// Everything that asks for the members of a group, such as what is shared with
// it, would fail for everybody.
func TestAGroupThatIsTooLargeWithAllGroupsWithinItIsRefused(t *testing.T) {
	d := open(t)
	apply(t, d, "[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"one@example.org\"\n")
	for name, text := range map[string]string{
		"people": everybody(2, maxMembers/2+1),
		"groups": everybody(maxGroups, 1),
	} {
		f, err := ParseFile(strings.NewReader(text), "dir.toml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Apply(t.Context(), f, true); err == nil || !strings.Contains(err.Error(), "group.members: ") || !strings.Contains(err.Error(), "10000") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	// The same people by many ways are the same people.
	f, err := ParseFile(strings.NewReader(everybody(2, 10)+"[[group]]\naddress = \"again@example.org\"\nmembers = [\"all@example.org\", \"g0@example.org\", \"g1@example.org\"]\n"), "dir.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(t.Context(), f, false); err != nil {
		t.Error(err)
	}
	err = d.store.View(t.Context(), func(tx *store.Tx) error {
		ids, err := d.Members(tx, "again@example.org")
		if len(ids) != 20 {
			t.Errorf("%d members", len(ids))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhoTakesOverAnAddressKeepsTheirPhoto(t *testing.T) {
	d := open(t)
	photo := encoded(append([]byte("\xff\xd8\xff"), 1, 2, 3))
	const ours = "[[domain]]\nname = \"example.org\"\n"
	contact := ours + "[[contact]]\naddress = \"desk@example.net\"\nphoto_base64 = \"" + *photo + "\"\n"
	group := ours + "[[domain]]\nname = \"example.net\"\n[[group]]\naddress = \"desk@example.net\"\nphoto_base64 = \"" + *photo + "\"\n"
	apply(t, d, contact)
	apply(t, d, ours+"[[domain]]\nname = \"example.net\"\n[[group]]\naddress = \"desk@example.net\"\n", Prune)
	e, err := d.Lookup(t.Context(), "desk@example.net")
	if err != nil || e.Group == nil {
		t.Fatal(err)
	}
	if p, err := d.EntryPhoto(t.Context(), &e); err != nil || len(p) > 0 {
		t.Errorf("the group has the photo of whom it follows: %v", err)
	}
	apply(t, d, group, Prune)
	apply(t, d, ours+"[[contact]]\naddress = \"desk@example.net\"\n", Prune)
	if e, err = d.Lookup(t.Context(), "desk@example.net"); err != nil || e.Contact == nil {
		t.Fatal(err)
	}
	if p, err := d.EntryPhoto(t.Context(), &e); err != nil || len(p) > 0 {
		t.Errorf("the contact has the photo of whom it follows: %v", err)
	}
	apply(t, d, contact, Prune)
	for _, text := range []string{group, contact} { // the firm outside becomes ours, and goes again
		edits := apply(t, d, text, Prune)
		if !slices.ContainsFunc(edits, func(e Edit) bool { return strings.HasPrefix(e.Kind, "remove ") }) {
			t.Errorf("%+v", edits)
		}
		e, err := d.Lookup(t.Context(), "desk@example.net")
		if err != nil {
			t.Fatal(err)
		}
		if p, err := d.EntryPhoto(t.Context(), &e); err != nil || len(p) == 0 {
			t.Errorf("the photo of %s is gone: %v", e.ID(), err)
		}
		if edits := apply(t, d, text, Prune); len(edits) > 0 {
			t.Errorf("the second time: %+v", edits)
		}
	}
}

func TestAPhotoThatOpensToTooManyPixelsIsRefused(t *testing.T) {
	picture := func(w, h int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White})); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if p := picture(640, 480); checkPhoto(p) != nil {
		t.Error(checkPhoto(p))
	}
	p := picture(6000, 6000) // a few kilobytes
	if err := checkPhoto(p); len(p) > MaxPhoto || !errors.Is(err, ErrBadValue) || !strings.Contains(err.Error(), "6000x6000") {
		t.Errorf("%d bytes: %v", len(p), err)
	}
	if err := checkPhoto(append(p, make([]byte, MaxPhoto)...)); err == nil || !strings.Contains(err.Error(), "100 KiB") {
		t.Error(err)
	}
}

// All of what the groups say is more than one transaction holds.
func TestWhoIsInManyLargeGroupsCanBeRemoved(t *testing.T) {
	d := open(t)
	var b strings.Builder
	b.WriteString("[[domain]]\nname = \"example.org\"\n")
	var members []string
	for i := range 1000 {
		fmt.Fprintf(&b, "[[user]]\nlogin = \"somebody.with.a.rather.long.name.in.a.large.company.%d@example.org\"\n", i)
		members = append(members, fmt.Sprintf("\"somebody.with.a.rather.long.name.in.a.large.company.%d@example.org\"", i))
	}
	for g := range 80 {
		fmt.Fprintf(&b, "[[group]]\naddress = \"g%d@example.org\"\nmembers = [%s]\n", g, strings.Join(members, ", "))
	}
	apply(t, d, b.String())
	a, err := d.AccountByLogin(t.Context(), "somebody.with.a.rather.long.name.in.a.large.company.7@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveUser(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if g, err := d.GroupAt(t.Context(), "g79@example.org"); err != nil || len(g.Members) != 999 {
		t.Errorf("%d members are left, %v", len(g.Members), err)
	}
}

// An empty list of who may book a room means everybody.
func TestARoomThatNobodyMayBookAnyMoreIsClosed(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	apply(t, d, "[[resource]]\naddress = \"attic@example.org\"\nbooking = \"automatic\"\nmay_book = [\"team@example.org\"]\n")
	if _, err := d.RemoveGroup(t.Context(), "team@example.org"); err != nil {
		t.Fatal(err)
	}
	if a, err := d.AccountByLogin(t.Context(), "attic@example.org"); err != nil || a.Booking.Decision != DecideNever || len(a.Booking.Bookers) > 0 {
		t.Errorf("%+v, %v", a.Booking, err)
	}
}

func TestWhoIsHiddenIsNotFoundByID(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	e, err := d.Lookup(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, d, "[[user]]\nlogin = \"ada@example.org\"\nhidden = true\n")
	for _, id := range []string{e.ID(), epochRow} {
		if got, err := d.EntryByID(t.Context(), id); !errors.Is(err, ErrNoEntry) {
			t.Errorf("%q is found: %+v, %v", id, got, err)
		}
	}
}

func TestAFileThatContradictsItselfIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[[delegation]]\nowner = \"a@example.org\"\ndelegate = \"A@example.org\"\nsend_as = true\n":                    "dir.toml:3: delegation.delegate: ",
		"[[resource]]\naddress = \"attic@example.org\"\nhours = \"08:00-08:00\"\n":                                     "dir.toml:3: resource.hours: ",
		"[[contact]]\naddress = \"otto@example.net\"\naddresses = [" + strings.Repeat("\"x@example.net\",", 3) + "]\n": "",
	} {
		f, err := ParseFile(strings.NewReader(text), "dir.toml")
		if want == "" && err == nil { // what stands there again is there once
			checked, _ := f.desired()
			if n := len(checked.Contacts[0].Addresses); n != 1 {
				t.Errorf("%d addresses", n)
			}
		} else if want == "" || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
