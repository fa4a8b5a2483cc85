package directory

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"martlet/internal/tomlfile"
	"martlet/store"
)

func TestAWrongFileIsRefusedWithLineAndKey(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	for name, c := range map[string]struct {
		text string
		want []string
		is   error
	}{
		"unknown keys":    {"[[user]]\nlogin = 'a@example.org'\npasword = 'x'\n[[usr]]\n", []string{"dir.toml:3: user.pasword: unknown key", "dir.toml:4: usr: unknown key"}, nil},
		"wrong kind":      {"[[user]]\nlogin = 'a@example.org'\nadmin = 'yes'\n", []string{"dir.toml:3: user.admin: a value of another kind"}, nil},
		"no login":        {"[[user]]\nname = 'A'\n", []string{"dir.toml:1: user.login: not a usable address"}, ErrBadAddress},
		"several":         {"[[user]]\nlogin = 'a b@example.org'\naliases = [\n'c@example.org',\n'd',\n]\n[[domain]]\nname='-'\n", []string{"dir.toml:8: domain.name:", "dir.toml:2: user.login:", "dir.toml:5: user.aliases:"}, ErrBadAddress},
		"two passwords":   {"[[user]]\nlogin = 'a@example.org'\npassword = 'x'\npassword_hash = 'y'\n", []string{"dir.toml:3: user.password: not a usable value: give password or password_hash"}, ErrBadValue},
		"hash":            {"[[user]]\nlogin = 'a@example.org'\npassword_hash = 'md5'\n", []string{"dir.toml:3: user.password_hash:"}, ErrBadPassword},
		"dear hash":       {"[[user]]\nlogin = 'a@example.org'\npassword_hash = '$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA'\n", []string{"dir.toml:3: user.password_hash:"}, ErrBadPassword},
		"photo":           {"[[user]]\nlogin = 'a@example.org'\nphoto = 'nowhere.jpg'\n", []string{"dir.toml:3: user.photo:"}, nil},
		"photo's kind":    {"[[user]]\nlogin = 'a@example.org'\nphoto_base64 = 'R0lGODlh'\n", []string{"dir.toml:3: user.photo_base64:"}, ErrBadValue},
		"control":         {"[[user]]\nlogin = 'a@example.org'\ntitle = \"a\\nb\"\n", []string{"dir.toml:3: user.title:"}, ErrBadValue},
		"twice":           {"[[user]]\nlogin = 'a@example.org'\n[[user]]\nlogin = 'A@example.org'\n", []string{"dir.toml:4: user.login:"}, ErrExists},
		"no right":        {"[[delegation]]\nowner='ada@example.org'\ndelegate='bob@example.org'\n", []string{"dir.toml:1: delegation: not a usable value: give send_as"}, ErrBadValue},
		"no domain":       {"\n[[user]]\nlogin = 'a@other.example'\n", []string{"dir.toml:3: user.login: the domain is not one of ours: a@other.example: add [[domain]]"}, ErrNoDomain},
		"taken login":     {"[[user]]\nlogin = 'Countess@example.org'\n", []string{"dir.toml:2: user.login: the address is taken: countess@example.org belongs to user ada@example.org"}, ErrExists},
		"taken by file":   {"[[user]]\nlogin = 'ada@example.org'\naliases = [\n'bob@example.org']\n", []string{"dir.toml:"}, ErrExists},
		"taken by group":  {"[[group]]\naddress = 'bob@example.org'\n", []string{"dir.toml:2: group.address: the address is taken"}, ErrExists},
		"no member":       {"[[group]]\naddress = 'g@example.org'\nmembers = [\n'ada@example.org',\n'x@elsewhere.example',\n]\n", []string{"dir.toml:5: group.members:"}, ErrNoAddress},
		"loop":            {"[[group]]\naddress = 'team@example.org'\nmembers = ['all@example.org']\n", []string{"dir.toml:3: group.members: not a usable value: the group lies within itself", "group all"}, ErrBadValue},
		"delegate":        {"[[delegation]]\nowner='ada@example.org'\ndelegate='who@example.org'\nsend_as=true\n", []string{"dir.toml:3: delegation.delegate:"}, ErrNoAccount},
		"owner":           {"[[delegation]]\nowner='who@example.org'\ndelegate='ada@example.org'\nsend_as=true\n", []string{"dir.toml:2: delegation.owner:"}, ErrNoAccount},
		"catch-all":       {"[[domain]]\nname='example.org'\ncatch_all='who@example.org'\n", []string{"dir.toml:3: domain.catch_all:"}, ErrNoAddress},
		"alias in use":    {"[[user]]\nlogin = 'bob@example.org'\naliases = ['x@example.org',\n'countess@example.org']\n", []string{"dir.toml:4: user.aliases: the address is taken"}, ErrExists},
		"missing members": {"[[user]]\nlogin = 'ada@example.org'\naliases = []\n", []string{"group all@example.org in the store: no such address here: countess@example.org"}, ErrNoAddress},
	} {
		f, err := ParseFile(strings.NewReader(c.text), "dir.toml")
		if err == nil {
			_, err = d.Apply(t.Context(), f, false)
		}
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.ContainsFunc(c.want, func(w string) bool { return strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "several" {
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %v lacks %q", name, err, w)
				}
			}
		}
		var at *tomlfile.Error
		if !errors.As(err, &at) {
			t.Errorf("%s: %T has no position", name, err)
		}
	}
	if edits := apply(t, d, house); len(edits) != 0 {
		t.Errorf("a refused file changed something: %+v", edits)
	}
}

func TestApplyingTwiceChangesNothing(t *testing.T) {
	d := open(t)
	f, err := ParseFile(strings.NewReader(house), "dir.toml")
	if err != nil {
		t.Fatal(err)
	}
	planned, err := d.Apply(t.Context(), f, true)
	if err != nil || len(planned) != 9 {
		t.Fatalf("%d edits planned, %v: %+v", len(planned), err, planned)
	}
	if edits := apply(t, d, house); !cmp.Equal(edits, planned) {
		t.Errorf("a dry run promised something else: %s", cmp.Diff(planned, edits))
	}
	if edits := apply(t, d, house); len(edits) != 0 {
		t.Errorf("applied twice: %+v", edits)
	}
}

func TestAChangeSaysWhatItChanges(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	edits := apply(t, d, `
[[domain]]
name = "example.org"
plus_addressing = false
[[user]]
login = "ada@example.org"
title = "Countess"
name = ""
aliases = ["countess@example.org"]
password = "another"
[[user]]
login = "new@example.org"
aliases = ["straße@bücher.example"]
[[group]]
address = "team@example.org"
members = ["bob@example.org"]
[[delegation]]
owner = "ada@example.org"
delegate = "bob@example.org"
send_as = true
`)
	var got []string
	for _, e := range edits {
		got = append(got, e.Kind+" "+e.Subject+": "+e.Text)
	}
	want := []string{
		"change domain example.org: plus_addressing: true -> false",
		`change user ada@example.org: name: "Ada Lovelace" -> ""; title: "" -> "Countess"; aliases: ["countess@example.org" "straße@xn--bcher-kva.example"] -> ["countess@example.org"]; password`,
		`add user new@example.org: aliases: [] -> ["straße@xn--bcher-kva.example"]`,
		`change group team@example.org: members: ["bob@example.org" "eve@xn--bcher-kva.example"] -> ["bob@example.org"]`,
		"change delegation bob@example.org for ada@example.org: send_as: false -> true; send_on_behalf: true -> false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a, err := d.AccountByLogin(t.Context(), "straße@bücher.example")
	if err != nil || a.Login != "new@example.org" || !a.ActiveSync {
		t.Errorf("the alias did not move: %+v, %v", a, err)
	}
}

func TestPruneRemovesWhatTheFileLacks(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	short := "[[domain]]\nname='example.org'\n[[user]]\nlogin='bob@example.org'\naliases=['ada@example.org']\n"
	if _, err := d.Apply(t.Context(), parsed(t, short), false); !errors.Is(err, ErrExists) {
		t.Errorf("without prune Ada keeps her address: %v", err)
	}
	edits := apply(t, d, short, Prune)
	kinds := map[string]int{}
	for _, e := range edits {
		kinds[e.Kind]++
		if e.Kind == RemoveUserEdit && e.Account == 0 {
			t.Errorf("%+v does not say whose mailbox is left", e)
		}
	}
	want := map[string]int{"change user": 1, "remove user": 2, "remove group": 2, "remove delegation": 2, "remove domain": 1}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	if a, err := d.AccountByLogin(t.Context(), "ada@example.org"); err != nil || a.Login != "bob@example.org" {
		t.Errorf("%+v, %v", a, err)
	}
	if edits := apply(t, d, short, Prune); len(edits) != 0 {
		t.Errorf("pruned twice: %+v", edits)
	}
}

func parsed(t testing.TB, text string) *File {
	t.Helper()
	f, err := ParseFile(strings.NewReader(text), "dir.toml")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPhotosComeFromFilesAndGoAway(t *testing.T) {
	d := open(t)
	dir := t.TempDir()
	photo := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 5000)...)
	if err := os.WriteFile(filepath.Join(dir, "ada.png"), photo, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ParseFile(strings.NewReader(house+"[[user]]\nlogin='p@example.org'\nphoto='ada.png'\n"), filepath.Join(dir, "d.toml"))
	if err != nil {
		t.Fatal(err)
	}
	// On the way to a running server the photo goes along and lines stay known.
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var g File
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if g.lines.Of("user", 3, "photo") == 0 || g.lines.File() != f.lines.File() {
		t.Error("positions were lost on the way")
	}
	if _, err := d.Apply(t.Context(), &g, false); err != nil {
		t.Fatal(err)
	}
	if edits, err := d.Apply(t.Context(), f, false); err != nil || len(edits) != 0 {
		t.Errorf("%+v, %v", edits, err)
	}
	a, err := d.AccountByLogin(t.Context(), "p@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := d.Photo(t.Context(), a.ID); err != nil || !bytes.Equal(p, photo) {
		t.Errorf("photo of %d bytes, %v", len(p), err)
	}
	apply(t, d, "[[user]]\nlogin='p@example.org'\nname='P'\n")
	if p, err := d.Photo(t.Context(), a.ID); err != nil || !bytes.Equal(p, photo) {
		t.Error("a file without a photo took it away")
	}
	apply(t, d, "[[user]]\nlogin='p@example.org'\nphoto=''\n")
	if p, err := d.Photo(t.Context(), a.ID); err != nil || p != nil {
		t.Error("an empty photo did not take it away")
	}
	big := base64.StdEncoding.EncodeToString(append(photo, make([]byte, MaxPhoto)...))
	if _, err := ParseFile(strings.NewReader("[[user]]\nlogin='p@example.org'\nphoto_base64='"+big+"'\n"), "x"); !errors.Is(err, ErrBadValue) {
		t.Errorf("a photo that is too large: %v", err)
	}
}

// anyFile draws directory files over few names, so that they collide.
func anyFile(t *rapid.T) *File {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "Ä", "ß"})
	domain := rapid.SampledFrom([]string{"one.example", "two.example", "drei.example"})
	addr := rapid.Custom(func(t *rapid.T) string { return name.Draw(t, "name") + "@" + domain.Draw(t, "domain") })
	text := rapid.Ptr(rapid.StringOfN(rapid.RuneFrom([]rune("xyz äß'\"\\#=[]")), 0, 10, -1), true)
	list := rapid.Custom(func(t *rapid.T) []string {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		return rapid.SliceOfN(addr, 0, 3).Draw(t, "list")
	})
	f := &File{}
	for _, d := range []string{"one.example", "two.example", "drei.example"} {
		f.Domains = append(f.Domains, FileDomain{Name: d, PlusAddressing: rapid.Ptr(rapid.Bool(), true).Draw(t, "plus")})
	}
	for range rapid.IntRange(0, 4).Draw(t, "users") {
		u := FileUser{Login: addr.Draw(t, "login"), Aliases: list.Draw(t, "aliases")}
		for _, x := range userTexts() {
			*x.in(&u) = text.Draw(t, x.key)
		}
		for _, x := range userBools() {
			*x.in(&u) = rapid.Ptr(rapid.Bool(), true).Draw(t, x.key)
		}
		if rapid.Bool().Draw(t, "password") {
			p := rapid.StringN(1, 8, -1).Draw(t, "password")
			u.Password = &p
		}
		f.Users = append(f.Users, u)
	}
	for range rapid.IntRange(0, 3).Draw(t, "groups") {
		f.Groups = append(f.Groups, FileGroup{Address: addr.Draw(t, "group"), Name: text.Draw(t, "name"), Members: list.Draw(t, "members"), Hidden: rapid.Ptr(rapid.Bool(), true).Draw(t, "hidden")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "resources") {
		r := FileResource{Address: addr.Draw(t, "resource"), Name: text.Draw(t, "name"), Location: text.Draw(t, "location"), Aliases: list.Draw(t, "aliases"), MayBook: list.Draw(t, "may_book")}
		if r.Delegates = list.Draw(t, "delegates"); len(r.Delegates) > 0 {
			r.Booking = rapid.Ptr(rapid.SampledFrom([]string{"automatic", "delegates", "closed"}), true).Draw(t, "booking")
		}
		r.Kind = rapid.Ptr(rapid.SampledFrom([]string{"room", "equipment"}), true).Draw(t, "kind")
		r.Capacity = rapid.Ptr(rapid.IntRange(0, 100), true).Draw(t, "capacity")
		r.Hours = rapid.Ptr(rapid.SampledFrom([]string{"", "08:00-18:30", "00:00-24:00"}), true).Draw(t, "hours")
		r.MaxDuration = rapid.Ptr(rapid.SampledFrom([]string{"", "90m", "48h"}), true).Draw(t, "max_duration")
		r.HorizonDays = rapid.Ptr(rapid.IntRange(0, 400), true).Draw(t, "horizon_days")
		r.Outsiders, r.Hidden = rapid.Ptr(rapid.Bool(), true).Draw(t, "outsiders"), rapid.Ptr(rapid.Bool(), true).Draw(t, "hidden")
		if rapid.Bool().Draw(t, "some days") {
			r.Days = rapid.SliceOfN(rapid.SampledFrom(weekdayNames[:]), 0, 3).Draw(t, "days")
		}
		f.Resources = append(f.Resources, r)
	}
	foreign := rapid.Custom(func(t *rapid.T) string { return name.Draw(t, "name") + "@outside.example" })
	for range rapid.IntRange(0, 3).Draw(t, "contacts") {
		c := FileContact{Address: foreign.Draw(t, "contact"), Name: text.Draw(t, "name"), Phone: text.Draw(t, "phone"), Hidden: rapid.Ptr(rapid.Bool(), true).Draw(t, "hidden")}
		if rapid.Bool().Draw(t, "more") {
			c.Addresses = rapid.SliceOfN(foreign, 0, 2).Draw(t, "addresses")
		}
		f.Contacts = append(f.Contacts, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "delegations") {
		f.Delegations = append(f.Delegations, FileDelegation{Owner: addr.Draw(t, "owner"), Delegate: addr.Draw(t, "delegate"), SendAs: true})
	}
	return f
}

// Whatever files are applied in whatever order: the store stays whole, a second
// time changes nothing, a dry run tells the truth, and an export brings an
// empty store to the same directory.
func TestAnyFilesKeepTheDirectoryWhole(t *testing.T) {
	d, copied := open(t), open(t)
	rapid.Check(t, func(rt *rapid.T) {
		for _, d := range []*Directory{d, copied} {
			if _, err := d.Apply(t.Context(), &File{}, false, Prune); err != nil {
				rt.Fatal(err)
			}
		}
		for range 4 {
			f := anyFile(rt)
			var o []Option
			if rapid.Bool().Draw(rt, "prune") {
				o = []Option{Prune}
			}
			planned, err1 := d.Apply(t.Context(), f, true, o...)
			edits, err2 := d.Apply(t.Context(), f, false, o...)
			if (err1 == nil) != (err2 == nil) || !cmp.Equal(planned, edits, cmpopts.EquateEmpty()) {
				rt.Fatalf("a dry run said %v %+v, then %v %+v", err1, planned, err2, edits)
			}
			if err2 != nil {
				continue
			}
			if again, err := d.Apply(t.Context(), f, false, o...); err != nil || len(again) != 0 {
				rt.Fatalf("the second time: %v, %+v", err, again)
			}
		}
		if err := d.Check(t.Context(), func(p store.Problem) { rt.Errorf("%+v", p) }); err != nil {
			rt.Fatal(err)
		}
		exportReadsBack(rt, t, d, copied)
	})
}

func exportReadsBack(rt *rapid.T, t *testing.T, d, copied *Directory) {
	write := func(d *Directory) string {
		f, err := d.Export(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		var b bytes.Buffer
		if err := f.WriteTOML(&b); err != nil {
			rt.Fatal(err)
		}
		return b.String()
	}
	text := write(d)
	f, err := ParseFile(strings.NewReader(text), "export.toml")
	if err != nil {
		rt.Fatalf("%v in\n%s", err, text)
	}
	if edits, err := d.Apply(t.Context(), f, false, Prune); err != nil || len(edits) != 0 {
		rt.Fatalf("an export applied where it came from: %v, %+v", err, edits)
	}
	if _, err := copied.Apply(t.Context(), f, false); err != nil {
		rt.Fatal(err)
	}
	if got := write(copied); got != text {
		rt.Fatal(cmp.Diff(text, got))
	}
}

func TestALargeFileGoesInPieces(t *testing.T) {
	d := open(t)
	var b strings.Builder
	b.WriteString("[[domain]]\nname='example.org'\n")
	photo := base64.StdEncoding.EncodeToString(append([]byte("\xff\xd8\xff"), make([]byte, MaxPhoto-3)...))
	for i := range 2000 {
		fmt.Fprintf(&b, "[[user]]\nlogin='u%d@example.org'\naliases=['a%d@example.org','b%d@example.org']\n", i, i, i)
		if i < 60 {
			fmt.Fprintf(&b, "photo_base64='%s'\n", photo)
		}
	}
	if n := len(apply(t, d, b.String())); n != 2001 {
		t.Errorf("%d edits", n)
	}
	if n := len(apply(t, d, b.String())); n != 0 {
		t.Errorf("%d edits the second time", n)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(house)
	f.Add("[[user]]\nlogin='a@b'\nphoto_base64='/9j/'\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseFile(strings.NewReader(text), "/nonexistent/dir.toml")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := file.WriteTOML(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(file); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"Ada@Example.org", `"a b"@x.example`, "straße@bücher.example", "İ@x", "a+b@x", "ΟΔΥΣΣΕΥΣ@x.gr", "a@xn--bcher-kva.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAddress(s)
		if err != nil {
			return
		}
		b, err := newAddress(a.String())
		if err != nil {
			return
		}
		if a != b || keyOf(a.String()) != a.key() || keyOf(string(a.key())) != a.key() {
			t.Errorf("%q: %q, %q, keys %q and %q", s, a, b, a.key(), keyOf(string(a.key())))
		}
	})
}
