package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"martlet/store"
)

// cheap makes hashes quick; their form is the real one.
var cheap = HashCost{Memory: 16, Time: 1, Threads: 1}

func open(t testing.TB) *Directory {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Store: s, HashCost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Check(context.Background(), func(p store.Problem) { t.Errorf("check: %+v", p) }); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return d
}

func apply(t testing.TB, d *Directory, text string, options ...Option) []Edit {
	t.Helper()
	f, err := ParseFile(strings.NewReader(text), "dir.toml")
	if err != nil {
		t.Fatal(err)
	}
	edits, err := d.Apply(t.Context(), f, false, options...)
	if err != nil {
		t.Fatal(err)
	}
	return edits
}

const house = `
[[domain]]
name = "Example.org"
[[domain]]
name = "bücher.example"
plus_addressing = false
catch_all = "ada@example.org"

[[user]]
login = "Ada@example.org"
name = "Ada Lovelace"
aliases = ["countess@example.org", "straße@bücher.example"]
password = "first programmer"
admin = true

[[user]]
login = "bob@example.org"
password_hash = "$2a$04$fmA1AVQp3Av8nH8xF85kpenuNkkIh.dLauvUFFostdjJfLCpfxt0K"

[[user]]
login = "eve@bücher.example"
password = "käse"
active_sync = false
disabled = true

[[group]]
address = "all@example.org"
members = ["ada@example.org", "team@example.org", "countess@example.org"]
[[group]]
address = "team@example.org"
name = "The team"
members = ["bob@example.org", "eve@bücher.example"]

[[delegation]]
owner = "ada@example.org"
delegate = "bob@example.org"
send_on_behalf = true
[[delegation]]
owner = "team@example.org"
delegate = "bob@example.org"
send_as = true
`

func ids(t *testing.T, d *Directory) (ada, bob, eve AccountID) {
	t.Helper()
	var out []AccountID
	for _, login := range []string{"ada@example.org", "bob@example.org", "eve@bücher.example"} {
		a, err := d.AccountByLogin(t.Context(), login)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a.ID)
	}
	return out[0], out[1], out[2]
}

func TestAddressesLeadWhereTheyShould(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, eve := ids(t, d)
	for _, c := range []struct {
		address string
		want    []AccountID
		local   bool
		err     error
	}{
		{"ada@example.org", []AccountID{ada}, true, nil},
		{"ADA@EXAMPLE.ORG", []AccountID{ada}, true, nil},
		{`"ada"@example.org.`, []AccountID{ada}, true, nil},
		{"countess@example.org", []AccountID{ada}, true, nil},
		{"ada+news@example.org", []AccountID{ada}, true, nil},
		{"ada+a+b@example.org", []AccountID{ada}, true, nil},
		{"team+x@example.org", []AccountID{bob, eve}, true, nil},
		{"all@example.org", []AccountID{ada, bob, eve}, true, nil},
		{"eve@xn--bcher-kva.example", []AccountID{eve}, true, nil},
		{"EVE@BÜCHER.example", []AccountID{eve}, true, nil},
		{"STRASSE@bücher.example", []AccountID{ada}, true, nil},
		{"eve+x@bücher.example", []AccountID{ada}, true, nil}, // no tags there, so the catch-all has it
		{"anyone@bücher.example", []AccountID{ada}, true, nil},
		{"postmaster@example.org", []AccountID{ada}, true, nil},
		{"Postmaster", []AccountID{ada}, true, nil},
		{"abuse@bücher.example", []AccountID{ada}, true, nil},
		{"nobody@example.org", nil, true, ErrNoAddress},
		{"+ada@example.org", nil, true, ErrNoAddress},
		{"someone@elsewhere.example", nil, false, nil},
		{"someone@sub.example.org", nil, false, nil},
		{"someone@[127.0.0.1]", nil, false, nil},
		{"ada", nil, false, ErrBadAddress},
		{"@example.org", nil, false, ErrBadAddress},
		{"ada@-bad-.org", nil, false, ErrBadAddress},
		{"ada@exa mple.org", nil, false, ErrBadAddress},
		{strings.Repeat("a", 65) + "@example.org", nil, false, ErrBadAddress},
		{"a\xff@example.org", nil, false, ErrBadAddress},
	} {
		r, err := d.Resolve(t.Context(), c.address)
		if !errors.Is(err, c.err) || r.Local != c.local || len(r.Accounts) != len(c.want) {
			t.Errorf("%s: %+v, %v; want %v, %v", c.address, r, err, c.want, c.err)
			continue
		}
		for i := range c.want {
			if r.Accounts[i] != c.want[i] {
				t.Errorf("%s: leads to %v, want %v", c.address, r.Accounts, c.want)
			}
		}
	}
	if !d.IsLocal("EXAMPLE.org") || !d.IsLocal("Bücher.example.") || d.IsLocal("elsewhere.example") || d.IsLocal("") {
		t.Error("IsLocal does not know our domains")
	}
}

func TestLoopsOfGroupsEnd(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	_, bob, eve := ids(t, d)
	// Apply refuses loops; a damaged store may hold one all the same.
	err := d.store.Update(t.Context(), func(tx *store.Tx) error {
		return d.tables.groups.Set(tx, "team@example.org", Group{Address: "team@example.org", Name: "The team", Members: []string{"all@example.org", "bob@example.org", "eve@xn--bcher-kva.example"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Resolve(t.Context(), "team@example.org")
	if err != nil || len(r.Accounts) != 3 || r.Accounts[0] != bob || r.Accounts[1] != eve {
		t.Errorf("a looping group leads to %+v, %v", r, err)
	}
}

func TestWhoMayWriteForWhom(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, eve := ids(t, d)
	for _, c := range []struct {
		id           AccountID
		address      string
		as, onBehalf bool
	}{
		{ada, "ada@example.org", true, true},
		{ada, "Countess@Example.org", true, true},
		{ada, "ada+list@example.org", true, true},
		{ada, "straße@bücher.example", true, true},
		{ada, "anything@bücher.example", false, false}, // receives it, does not own it
		{ada, "postmaster@example.org", true, true},
		{bob, "postmaster@example.org", false, false},
		{bob, "ada@example.org", false, true},
		{bob, "countess@example.org", false, true},
		{bob, "team@example.org", true, true},
		{bob, "all@example.org", false, false},
		{ada, "team@example.org", false, false},
		{eve, "eve+x@bücher.example", false, false},
		{eve, "eve@elsewhere.example", false, false},
		{eve, "nonsense", false, false},
		{99, "ada@example.org", false, false},
	} {
		as, err1 := d.MaySendAs(t.Context(), c.id, c.address)
		on, err2 := d.MaySendOnBehalf(t.Context(), c.id, c.address)
		if err1 != nil || err2 != nil || as != c.as || on != c.onBehalf {
			t.Errorf("account %d as %s: %v, on behalf %v; %v %v", c.id, c.address, as, on, err1, err2)
		}
	}
}

func TestUsersOneByOne(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	if _, err := d.AddUser(ctx, Account{Login: "ada@example.org"}, "x"); !errors.Is(err, ErrNoDomain) {
		t.Errorf("a user in a domain that is not ours: %v", err)
	}
	if err := d.AddDomain(ctx, Domain{Name: "Example.ORG", PlusAddressing: true}); err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(ctx, Domain{Name: "example.org"}); !errors.Is(err, ErrExists) {
		t.Errorf("the domain a second time: %v", err)
	}
	photo := []byte("\xff\xd8\xff photo")
	a, err := d.AddUser(ctx, Account{Login: "Ada@Example.org", Name: "Ada", Aliases: []string{"A@example.org", "a@example.org"}, Photo: photo, Admin: true, ActiveSync: true}, "x")
	if err != nil || a.ID == 0 || a.Login != "ada@example.org" || len(a.Aliases) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, err := d.Photo(ctx, a.ID); err != nil || string(got) != string(photo) {
		t.Errorf("a photo of %d bytes, %v", len(got), err)
	}
	got, err := d.Account(ctx, a.ID)
	if err != nil || got.Photo != nil || got.Name != "Ada" || !got.Admin || !got.Created.Equal(a.Created) {
		t.Errorf("read back %+v, %v", got, err)
	}
	if got, err := d.Authenticate(ctx, "a@example.org", "x"); err != nil || got.Photo != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for login, want := range map[string]error{
		"a@example.org":         ErrExists,
		"ADA@example.org":       ErrExists,
		"a b@example.org":       ErrBadAddress,
		".a@example.org":        ErrBadAddress,
		"a..b@example.org":      ErrBadAddress,
		"bob":                   ErrBadAddress,
		"bob@other.example":     ErrNoDomain,
		"b\u202eob@example.org": ErrBadAddress,
	} {
		if _, err := d.AddUser(ctx, Account{Login: login}, "x"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", login, err, want)
		}
	}
	if err := d.RemoveUser(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Account(ctx, a.ID); !errors.Is(err, ErrNoAccount) {
		t.Errorf("a removed account: %v", err)
	}
	b, err := d.AddUser(ctx, Account{Login: "ada@example.org"}, "x")
	if err != nil || b.ID == a.ID {
		t.Errorf("the number was given again: %d, %v", b.ID, err)
	}
}

func TestRemovingAUserLeavesNoMention(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, _ := ids(t, d)
	for _, id := range []AccountID{ada, bob} {
		if err := d.RemoveUser(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Resolve(t.Context(), "anyone@bücher.example"); !errors.Is(err, ErrNoAddress) {
		t.Errorf("the catch-all still leads somewhere: %v", err)
	}
	// open's Check finds what dangles.
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	for name, damage := range map[string]func(d *Directory, tx *store.Tx) error{
		"address missing": func(d *Directory, tx *store.Tx) error { return d.tables.addresses.Delete(tx, "ada@example.org") },
		"address of nobody": func(d *Directory, tx *store.Tx) error {
			return d.tables.addresses.Set(tx, "x@example.org", target{account: 1})
		},
		"address of another": func(d *Directory, tx *store.Tx) error {
			return d.tables.addresses.Set(tx, "ada@example.org", target{account: 2})
		},
		"account missing": func(d *Directory, tx *store.Tx) error { return d.tables.accounts.Delete(tx, 1) },
		"domain missing":  func(d *Directory, tx *store.Tx) error { return d.tables.domains.Delete(tx, "example.org") },
		"group missing":   func(d *Directory, tx *store.Tx) error { return d.tables.groups.Delete(tx, "team@example.org") },
		"address list: word missing": func(d *Directory, tx *store.Tx) error {
			return d.tables.names.Delete(tx, nameKey{"lovelace", target{account: 1}})
		},
		"address list: word of nobody": func(d *Directory, tx *store.Tx) error {
			return d.tables.names.Set(tx, nameKey{"x", target{account: 99}}, "x")
		},
		"administrator row":   func(d *Directory, tx *store.Tx) error { return d.tables.admins.Delete(tx, 1) },
		"photo of no account": func(d *Directory, tx *store.Tx) error { return d.tables.photos.Set(tx, 99, []byte("x")) },
		"delegation of nobody": func(d *Directory, tx *store.Tx) error {
			return d.tables.delegates.Set(tx, delegateKey{"a@example.org", "b@example.org"}, Delegation{Owner: "a@example.org", Delegate: "b@example.org"})
		},
	} {
		s, err := store.Open(store.Config{Path: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		d, err := New(Config{Store: s, HashCost: cheap})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, d, house)
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return damage(d, tx) }); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := d.Check(t.Context(), func(store.Problem) { n++ }); err != nil || n == 0 {
			t.Errorf("%s: %d problems, %v", name, n, err)
		}
		s.Close()
	}
}
