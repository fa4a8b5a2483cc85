package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail/vcard"
	"martlet/store"
)

const everyKind = `
[[domain]]
name = "example.org"
[[user]]
login = "ada@example.org"
name = "Ada King Lovelace"
title = "Countess"
company = "Engines, Ltd"
department = "Analytics"
office = "Room 1"
phone = "+44 20 1"
mobile = "+44 7 2"
home_phone = "+44 20 3"
alias = "al"
aliases = ["countess@example.org"]
[[user]]
login = "quiet@example.org"
name = "Quiet Quill"
hidden = true
[[group]]
address = "team@example.org"
name = "The team"
members = ["ada@example.org"]
[[group]]
address = "board@example.org"
name = "The board"
members = ["ada@example.org"]
hidden = true
[[resource]]
address = "attic@example.org"
name = "The Attic"
location = "Top floor"
capacity = 12
booking = "delegates"
delegates = ["ada@example.org"]
may_book = ["team@example.org", "ada@example.org"]
outsiders = true
days = ["mon", "FRI"]
hours = "08:00-18:30"
time_zone = "Europe/Zurich"
max_duration = "90m"
horizon_days = 30
[[resource]]
address = "van@example.org"
kind = "equipment"
[[contact]]
address = "Otto@Example.net"
addresses = ["o.other@example.com"]
name = "Otto Other"
company = "Outside"
mobile = "+49 170 4711"
[[contact]]
address = "ghost@example.net"
name = "Otto Ghost"
hidden = true
`

func TestResourcesHaveTheirRule(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	if edits := apply(t, d, everyKind); len(edits) != 0 {
		t.Errorf("the second time: %+v", edits)
	}
	a, err := d.AccountByLogin(t.Context(), "attic@example.org")
	if err != nil {
		t.Fatal(err)
	}
	want := Booking{
		Decision: DecideDelegates, Delegates: []string{"ada@example.org"}, Bookers: []string{"team@example.org", "ada@example.org"}, Outsiders: true,
		Days: 1<<time.Monday | 1<<time.Friday, Open: 8 * 60, Close: 18*60 + 30, Zone: "Europe/Zurich", MaxDuration: 90 * time.Minute, HorizonDays: 30,
	}
	if diff := cmp.Diff(want, a.Booking); diff != "" || a.Kind != KindRoom || a.Capacity != 12 || a.Office != "Top floor" || a.ActiveSync || !a.IsResource() {
		t.Errorf("%+v\n%s", a, diff)
	}
	van, err := d.AccountByLogin(t.Context(), "van@example.org")
	if want := (Booking{MaxDuration: 24 * time.Hour, HorizonDays: 180}); err != nil || van.Kind != KindEquipment || !cmp.Equal(van.Booking, want) {
		t.Errorf("a new one is given %+v, %v", van, err)
	}
	edits := apply(t, d, "[[resource]]\naddress = 'van@example.org'\nmax_duration = ''\nhorizon_days = 0\ndays = ['sat']\nconflicts = true\n")
	if len(edits) != 1 || edits[0].Text != `conflicts: false -> true; days: [] -> ["sat"]; max_duration: "24h0m0s" -> "0s"; horizon_days: 180 -> 0` {
		t.Errorf("%+v", edits)
	}
	// A section says what an account is.
	if edits = apply(t, d, "[[user]]\nlogin = 'van@example.org'\n"); len(edits) != 1 || !strings.HasPrefix(edits[0].Text, `kind: "equipment" -> "person"`) {
		t.Errorf("%+v", edits)
	}
	if van, err = d.AccountByLogin(t.Context(), "van@example.org"); err != nil || van.IsResource() || !cmp.Equal(van.Booking, Booking{}) {
		t.Errorf("%+v, %v", van, err)
	}
}

func TestWrongResourcesAndContactsAreRefused(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	for _, tc := range []struct{ text, want string }{
		{"[[resource]]\naddress = 'x@example.org'\nkind = 'house'\n", `dir.toml:3: resource.kind`},
		{"[[resource]]\naddress = 'x@example.org'\ncapacity = -1\n", `dir.toml:3: resource.capacity`},
		{"[[resource]]\naddress = 'x@example.org'\nbooking = 'maybe'\n", `dir.toml:3: resource.booking`},
		{"[[resource]]\naddress = 'x@example.org'\nbooking = 'delegates'\n", `dir.toml:3: resource.booking: not a usable value: delegates decide, and there are none`},
		{"[[resource]]\naddress = 'x@example.org'\nhours = '18:00-08:00'\n", `dir.toml:3: resource.hours`},
		{"[[resource]]\naddress = 'x@example.org'\nhours = '8-25:00'\n", `dir.toml:3: resource.hours`},
		{"[[resource]]\naddress = 'x@example.org'\ndays = ['monday']\n", `dir.toml:3: resource.days`},
		{"[[resource]]\naddress = 'x@example.org'\ntime_zone = 'Mars/Base'\n", `dir.toml:3: resource.time_zone`},
		{"[[resource]]\naddress = 'x@example.org'\ntime_zone = 'Local'\n", `dir.toml:3: resource.time_zone`},
		{"[[resource]]\naddress = 'x@example.org'\nmax_duration = '-4h'\n", `dir.toml:3: resource.max_duration`},
		{"[[resource]]\naddress = 'x@example.org'\nmax_duration = '30s'\n", `dir.toml:3: resource.max_duration`},
		{"[[resource]]\naddress = 'x@example.org'\nhorizon_days = -1\n", `dir.toml:3: resource.horizon_days`},
		{"[[resource]]\naddress = 'x@example.org'\nmay_book = ['nobody@example.org']\n", `dir.toml:3: resource.may_book`},
		{"[[resource]]\naddress = 'x@example.org'\nmay_book = ['otto@example.net']\n", `only users and groups of this directory`},
		{"[[resource]]\naddress = 'x@other.example'\n", `dir.toml:2: resource.address: the domain is not one of ours`},
		{"[[resource]]\naddress = 'x@example.org'\nlocation = \"a\\u0007b\"\n", `dir.toml:3: resource.location`},
		{"[[user]]\nlogin = 'x@example.org'\n[[resource]]\naddress = 'x@example.org'\n", `dir.toml:4: resource.address: the address is taken: x@example.org stands twice`},
		{"[[contact]]\naddress = 'x@example.org'\n", `dir.toml:2: contact.address: not a usable value: x@example.org lies in a domain of this server`},
		{"[[contact]]\naddress = 'x@example.net'\naddresses = ['OTTO@example.net']\n", `dir.toml:3: contact.addresses: the address is taken: OTTO@example.net belongs to contact otto@example.net`},
		{"[[contact]]\naddress = 'nothing'\n", `dir.toml:2: contact.address: not a usable address`},
		{"[[contact]]\naddress = 'x@example.net'\nphoto_base64 = 'AAAA'\n", `dir.toml:3: contact.photo_base64`},
		{"[[contact]]\naddress = 'x@example.net'\n[[contact]]\naddress = 'X@example.net'\n", `stands twice`},
		{"[[group]]\naddress = 'g@example.org'\nmembers = ['otto@example.net']\n", `a group's members are users and groups`},
		{"[[domain]]\nname = 'example.net'\n", `lies in a domain of this server`},
	} {
		f, err := ParseFile(strings.NewReader(tc.text), "dir.toml")
		if err == nil {
			_, err = d.Apply(t.Context(), f, false)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.text, err, tc.want)
		}
	}
	if err := d.AddDomain(t.Context(), Domain{Name: "example.com"}); !errors.Is(err, ErrExists) {
		t.Errorf("a domain of a shared contact becomes ours: %v", err)
	}
	if _, err := d.AddUser(t.Context(), Account{Login: "otto@example.net"}, ""); !errors.Is(err, ErrNoDomain) {
		t.Errorf("%v", err)
	}
}

func TestSharedContactsAreFoundAndLeadNowhere(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	for _, text := range []string{"otto", "OTTO@example.NET", "o.other", "outside", "4711"} {
		f, err := d.Search(t.Context(), text, 10)
		if err != nil || f.Total != 1 || f.Entries[0].Contact == nil || f.Entries[0].Address() != "Otto@example.net" || f.Entries[0].Name() != "Otto Other" {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
	for address, want := range map[string]bool{"otto@EXAMPLE.net": true, "O.Other@example.com": true, "ghost@example.net": false, "quiet@example.org": false, "board@example.org": false, "team@example.org": true} {
		if e, err := d.Lookup(t.Context(), address); (err == nil) != want || err != nil && !errors.Is(err, ErrNoAddress) {
			t.Errorf("%s: %+v, %v", address, e, err)
		}
	}
	if r, err := d.Resolve(t.Context(), "otto@example.net"); err != nil || r.Local || len(r.Accounts) > 0 {
		t.Errorf("mail to a contact is not for here: %+v, %v", r, err)
	}
	ada, err := d.AccountByLogin(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func() (bool, error){
		func() (bool, error) { return d.MaySendAs(t.Context(), ada.ID, "otto@example.net") },
		func() (bool, error) { return d.MaySendOnBehalf(t.Context(), ada.ID, "otto@example.net") },
		func() (bool, error) { return d.Belongs(t.Context(), ada.ID, "otto@example.net") },
	} {
		if may, err := ask(); may || err != nil {
			t.Errorf("a contact grants something: %v, %v", may, err)
		}
	}
	if _, err := d.RemoveContact(t.Context(), "ada@example.org"); !errors.Is(err, ErrNoContact) {
		t.Errorf("a user removed as a contact: %v", err)
	}
	if c, err := d.RemoveContact(t.Context(), "o.OTHER@example.com"); err != nil || c.Address != "Otto@example.net" {
		t.Errorf("%+v, %v", c, err)
	}
	if f, err := d.Search(t.Context(), "otto", 10); err != nil || f.Total != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	apply(t, d, "[[contact]]\naddress = 'new@example.net'\naddresses = ['otto@example.net']\n")
}

func listedIDs(t *testing.T, d *Directory) (names []string) {
	t.Helper()
	last := ""
	for e, err := range d.Listed(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID() <= last || e.Seq == 0 {
			t.Errorf("%s after %s, change %d", e.ID(), last, e.Seq)
		}
		last = e.ID()
		again, err := d.EntryByID(t.Context(), e.ID())
		if err != nil || again.Address() != e.Address() {
			t.Errorf("%s: %+v, %v", e.ID(), again, err)
		}
		names = append(names, e.Address())
	}
	slices.Sort(names)
	return names
}

// Who has read the list follows it by its changes, whatever is done.
func TestTheAddressListTellsWhatHasChangedSince(t *testing.T) {
	d := open(t)
	view := map[string]string{}
	var at uint64
	follow := func(want ...string) {
		t.Helper()
		changes, upTo, err := d.ChangedSince(t.Context(), at, 0)
		if err != nil {
			t.Fatal(err)
		}
		now, err := d.Epoch(t.Context())
		if err != nil || upTo != now {
			t.Errorf("up to %d, the directory is at %d, %v", upTo, now, err)
		}
		var got []string
		last := at
		for _, c := range changes {
			if c.Seq <= last || c.Seq > upTo {
				t.Errorf("change %d behind %d, up to %d", c.Seq, last, upTo)
			}
			last = c.Seq
			if c.Entry == nil {
				got = append(got, "- "+view[c.ID])
				delete(view, c.ID)
				continue
			}
			got = append(got, c.Entry.Address())
			view[c.ID] = c.Entry.Address()
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		var have []string
		for _, s := range view {
			have = append(have, s)
		}
		slices.Sort(have)
		if diff := cmp.Diff(listedIDs(t, d), have); diff != "" {
			t.Error(diff)
		}
		at = upTo
	}
	apply(t, d, everyKind)
	follow("Otto@example.net", "ada@example.org", "attic@example.org", "team@example.org", "van@example.org")
	follow()
	ada, err := d.AccountByLogin(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	photo := append([]byte("\xff\xd8\xff"), 1, 2, 3)
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() error { return d.SetPassword(t.Context(), ada.ID, "secret words") }, nil}, // nobody sees that
		{func() error { return d.SetPhoto(t.Context(), ada.ID, photo) }, []string{"ada@example.org"}},
		{func() error { apply(t, d, "[[contact]]\naddress='otto@example.net'\ntitle='Sir'\n"); return nil }, []string{"otto@example.net"}},
		{func() error { apply(t, d, "[[user]]\nlogin='quiet@example.org'\nname='Quill'\n"); return nil }, nil},
		{func() error { apply(t, d, "[[user]]\nlogin='quiet@example.org'\nhidden=false\n"); return nil }, []string{"quiet@example.org"}},
		{func() error { return d.SetDisabled(t.Context(), ada.ID, true) }, []string{"- ada@example.org"}},
		{func() error { return d.SetDisabled(t.Context(), ada.ID, false) }, []string{"ada@example.org"}},
		{func() error { apply(t, d, "[[group]]\naddress='team@example.org'\nhidden=true\n"); return nil }, []string{"- team@example.org"}},
		{func() error { _, err := d.RemoveContact(t.Context(), "otto@example.net"); return err }, []string{"- otto@example.net"}},
		{func() error { return d.RemoveUser(t.Context(), ada.ID) }, []string{"- ada@example.org", "attic@example.org"}[:1]},
		{func() error { apply(t, d, "[[contact]]\naddress='otto@example.net'\n"); return nil }, []string{"otto@example.net"}},
	} {
		was, err := d.Epoch(t.Context())
		if err == nil {
			err = step.do()
		}
		if err != nil {
			t.Fatal(err)
		}
		if is, err := d.Epoch(t.Context()); err != nil || is <= was {
			t.Errorf("the directory was at %d and is at %d, %v", was, is, err)
		}
		follow(step.want...)
	}
	if _, _, err := d.ChangedSince(t.Context(), at+1, 0); !errors.Is(err, ErrNoEntry) {
		t.Errorf("a number that never was: %v", err)
	}
	// In pieces it is the same.
	n := 0
	for since := uint64(0); ; n++ {
		changes, upTo, err := d.ChangedSince(t.Context(), since, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		since = upTo
	}
	all, _, err := d.ChangedSince(t.Context(), 0, 0)
	if err != nil || n != len(all) {
		t.Errorf("%d pieces of %d changes, %v", n, len(all), err)
	}
}

func TestEveryKindHasACard(t *testing.T) {
	d := open(t)
	photo := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 300)...)
	apply(t, d, everyKind)
	if err := d.store.Update(t.Context(), func(tx *store.Tx) error {
		return d.putEntryPhoto(tx, target{contact: "otto@example.net"}, photo)
	}); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for e, err := range d.Listed(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.EntryPhoto(t.Context(), &e)
		if err != nil {
			t.Fatal(err)
		}
		card := e.Card(p)
		again, err := vcard.Parse(card.Bytes())
		if err != nil || again.FormattedName() != e.Name() || again.Emails()[0] != e.Address() || !bytes.Equal(again.Photo(), p) {
			t.Errorf("%s reads back as %+v, %v", e.Address(), again, err)
		}
		if e.Contact != nil && !bytes.Equal(p, photo) {
			t.Errorf("the contact's photo has %d bytes", len(p))
		}
		card.Remove("PHOTO")
		got.Write(card.Bytes())
	}
	for _, line := range []string{
		"N:Lovelace;Ada King;;;", "ORG:Engines\\, Ltd;Analytics", "TITLE:Countess", "NICKNAME:al", "TEL;TYPE=CELL:+44 7 2", "ADR;TYPE=WORK:;Room 1;;;;;",
		"EMAIL;TYPE=INTERNET,WORK:countess@example.org", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-KIND:location", "X-ADDRESSBOOKSERVER-KIND:device",
		"ADR;TYPE=WORK:;Top floor;;;;;", "N:The Attic;;;;",
	} {
		if !strings.Contains(got.String(), line+"\r\n") {
			t.Errorf("no %s in\n%s", line, got.String())
		}
	}
	for _, hidden := range []string{"Quiet", "board", "Ghost"} {
		if strings.Contains(got.String(), hidden) {
			t.Errorf("%s has a card", hidden)
		}
	}
}

// A store from before the list was counted is brought up to date when it is
// opened.
func TestAnOldStoreGetsItsListCounted(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	want := listedIDs(t, d)
	err := d.store.Update(t.Context(), func(tx *store.Tx) error {
		for name, err := range d.tables.entries.Keys(tx, store.TableRange[string]{}) {
			if err == nil {
				err = d.tables.entries.Delete(tx, name)
			}
			if err != nil {
				return err
			}
		}
		for n, err := range d.tables.entryLog.Keys(tx, store.TableRange[uint64]{}) {
			if err == nil {
				err = d.tables.entryLog.Delete(tx, n)
			}
			if err != nil {
				return err
			}
		}
		return d.tables.namesVersion.Set(tx, namesRow, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Store: d.store, HashCost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, listedIDs(t, again)); diff != "" {
		t.Error(diff)
	}
}

// A group that lies within itself cannot be applied; a damaged store may hold
// one, and whoever walks it ends.
func TestACycleOfGroupsIsHarmless(t *testing.T) {
	d := open(t)
	apply(t, d, everyKind)
	const rings = 50
	err := d.store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range rings {
			g := Group{Address: fmt.Sprintf("ring%d@example.org", i), Members: []string{fmt.Sprintf("ring%d@example.org", (i+1)%rings), fmt.Sprintf("ring%d@example.org", (i*7)%rings)}}
			if i == 20 {
				g.Members = append(g.Members, "ada@example.org")
			}
			if err := d.putGroup(tx, keyOf(g.Address), Group{}, false, g); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ada, err := d.AccountByLogin(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Resolve(t.Context(), "ring0@example.org")
	if err != nil || !slices.Equal(r.Accounts, []AccountID{ada.ID}) {
		t.Errorf("%+v, %v", r, err)
	}
	if in, err := d.Belongs(t.Context(), ada.ID, "ring31@example.org"); err != nil || !in {
		t.Errorf("%v, %v", in, err)
	}
	if f, err := d.Search(t.Context(), "ring", 100); err != nil || f.Total != rings {
		t.Errorf("%d, %v", f.Total, err)
	}
	// An empty ring leads to nobody.
	if err := d.RemoveUser(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Resolve(t.Context(), "ring0@example.org"); !errors.Is(err, ErrNoAddress) {
		t.Errorf("%v", err)
	}
}

func FuzzParseBooking(f *testing.F) {
	b := Booking{Decision: DecideDelegates, Delegates: []string{"a@example.org"}, Bookers: []string{"b@example.org"}, Days: 3, Open: 5, Close: 9, Zone: "UTC", MaxDuration: time.Hour, HorizonDays: 4}
	e := store.NewEncoder(nil)
	b.encode(e)
	f.Add(e.Out())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBooking(raw)
		if err != nil {
			return
		}
		e := store.NewEncoder(nil)
		b.encode(e)
		again, err := parseBooking(e.Out())
		if err != nil {
			t.Fatal(err)
		}
		e2 := store.NewEncoder(nil)
		again.encode(e2)
		if !bytes.Equal(e.Out(), e2.Out()) {
			t.Errorf("%+v becomes %+v", b, again)
		}
	})
}

func FuzzHours(f *testing.F) {
	for _, s := range []string{"08:00-18:30", "00:00-24:00", "", "-", "8-9", "23:59-24:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		from, to, err := parseHours(s)
		if err != nil {
			return
		}
		if from < 0 || to > 24*60 || to < from {
			t.Errorf("%q: %d to %d", s, from, to)
		}
		b := Booking{Open: from, Close: to}
		if a, z, err := parseHours(b.hours()); err != nil || a != from || z != to {
			t.Errorf("%q is written as %q", s, b.hours())
		}
	})
}
