package directory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"martlet/store"
)

const listed100 = `
[[domain]]
name = "example.org"

[[user]]
login = "m.alexander@example.org"
name = "Michael Alexander"
given_name = "Michael"
surname = "Alexander"
alias = "malex"
phone = "+49 30 123-4567"
company = "Contoso Ltd."
department = "Research"

[[user]]
login = "michael.allen@example.org"
name = "Michael Allen"
office = "Room 12"

[[user]]
login = "jlittle@example.org"
name = "James Littlejohn"

[[user]]
login = "barry@example.org"
name = "Barry Johnson"
aliases = ["sales@example.org"]

[[user]]
login = "mueller@example.org"
name = "Jörg Müller-Lüdenscheidt"

[[user]]
login = "yamada@example.org"
name = "山田太郎"

[[user]]
login = "oneil@example.org"
name = "Siobhán O'Neil"

[[user]]
login = "gone@example.org"
name = "Michael Gone"
disabled = true

[[user]]
login = "secret@example.org"
name = "Michael Secret"
hidden = true

[[group]]
address = "all@example.org"
name = "All of us"
members = ["barry@example.org"]
`

func names(f Found) []string {
	out := []string{}
	for i := range f.Entries {
		out = append(out, f.Entries[i].Name())
	}
	return out
}

// MS-ASCMD_R421, R422, R426, R3697, R3699: prefixes of words, all of them,
// without regard to case, by name.
func TestAddressListIsSearchedByTheBeginningsOfWords(t *testing.T) {
	d := open(t)
	apply(t, d, listed100)
	for query, want := range map[string][]string{
		"Michael":              {"Michael Alexander", "Michael Allen"},
		"michael a.":           {"Michael Alexander", "Michael Allen"},
		"MICHAEL ALE":          {"Michael Alexander"},
		"alexander, michael":   {"Michael Alexander"},
		"John":                 {"Barry Johnson"},
		"littlejohn":           {"James Littlejohn"},
		"malex":                {"Michael Alexander"},
		"contoso":              {"Michael Alexander"},
		"research":             {"Michael Alexander"},
		"+49 (30) 1234":        {"Michael Alexander"},
		"030 1234567":          {"Michael Alexander"},
		"123":                  {"Michael Alexander"},
		"room 12":              {"Michael Allen"},
		"sales@exam":           {"Barry Johnson"},
		"sales":                {"Barry Johnson"},
		"michael.allen@":       {"Michael Allen"},
		"muller":               {"Jörg Müller-Lüdenscheidt"},
		"MÜLLER":               {"Jörg Müller-Lüdenscheidt"},
		"mueller-lued":         {"Jörg Müller-Lüdenscheidt"},
		"Joerg luden":          {"Jörg Müller-Lüdenscheidt"},
		"山田":                   {"山田太郎"},
		"太郎":                   {"山田太郎"},
		"siobhan":              {"Siobhán O'Neil"},
		"o'neil":               {"Siobhán O'Neil"},
		"neil":                 {"Siobhán O'Neil"},
		"us":                   {"All of us"},
		"all":                  {"All of us", "Michael Allen"},
		"example.org":          {},
		"gone":                 {},
		"secret":               {},
		"michael nobody":       {},
		"":                     {},
		" .,;\x00 ":            {},
		strings.Repeat("a", 9): {},
		"\xff\xfe":             {},
	} {
		f, err := d.Search(t.Context(), query, 100)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(f); !slices.Equal(got, want) || f.Total != len(want) {
			t.Errorf("%q finds %q (%d), want %q", query, got, f.Total, want)
		}
	}
	f, err := d.Search(t.Context(), "m", 1)
	if err != nil || f.Total != 3 || !slices.Equal(names(f), []string{"Jörg Müller-Lüdenscheidt"}) {
		t.Errorf("the first of all: %q of %d, %v", names(f), f.Total, err)
	}
}

// Whatever happens to accounts and groups, the list says the same; Check, which
// open runs at the end, compares every row.
func TestAddressListFollowsItsEntries(t *testing.T) {
	d := open(t)
	apply(t, d, listed100)
	total := func(query string) int {
		t.Helper()
		f, err := d.Search(t.Context(), query, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f.Total
	}
	barry, err := d.AccountByLogin(t.Context(), "barry@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetDisabled(t.Context(), barry.ID, true); err != nil || total("barry") != 0 {
		t.Errorf("disabled: %d, %v", total("barry"), err)
	}
	if err := d.SetDisabled(t.Context(), barry.ID, false); err != nil || total("barry") != 1 {
		t.Errorf("enabled again: %d, %v", total("barry"), err)
	}
	apply(t, d, "[[user]]\nlogin='barry@example.org'\nname='Barry Stone'\naliases=[]\n[[group]]\naddress='all@example.org'\nname='Everybody'\n")
	for query, want := range map[string]int{"johnson": 0, "stone": 1, "sales": 0, "everybody": 1, "us": 0} {
		if n := total(query); n != want {
			t.Errorf("after the change %q finds %d", query, n)
		}
	}
	apply(t, d, "[[domain]]\nname='example.org'\n[[user]]\nlogin='barry@example.org'\n", Prune)
	if total("everybody") != 0 || total("michael") != 0 || total("stone") != 1 {
		t.Errorf("after the removal: %d, %d, %d", total("everybody"), total("michael"), total("stone"))
	}
	if err := d.RemoveUser(t.Context(), barry.ID); err != nil || total("stone") != 0 {
		t.Errorf("removed: %d, %v", total("stone"), err)
	}
}

// A store from before the list, or with one made otherwise, is filled when it
// is opened.
func TestAddressListIsMadeForAnOlderStore(t *testing.T) {
	d := open(t)
	apply(t, d, listed100)
	err := d.store.Update(t.Context(), func(tx *store.Tx) error {
		for k, err := range d.tables.names.Keys(tx, store.TableRange[nameKey]{}) {
			if err != nil {
				return err
			}
			if err := d.tables.names.Delete(tx, k); err != nil {
				return err
			}
		}
		if err := d.tables.names.Set(tx, nameKey{"stale", target{account: 1}}, "stale"); err != nil {
			return err
		}
		return d.tables.namesVersion.Set(tx, namesRow, namesVersion-1)
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Store: d.store, HashCost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	f, err := again.Search(t.Context(), "michael", 10)
	if err != nil || f.Total != 2 {
		t.Errorf("found %d, %v", f.Total, err)
	}
}

func FuzzSearchWords(f *testing.F) {
	for _, s := range []string{"Michael A.", "+49 30", "Müller", "山田", "a@b", "\x00", "ﬁ İ ǅ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range queryWords(s) {
			if w == "" || len(w) > maxNameWord {
				t.Errorf("%q has the word %q", s, w)
			}
		}
		a := Account{Login: "a@example.org", Name: s}
		for w := range accountWords(&a) {
			if w == "" || len(w) > maxNameWord || strings.ContainsRune(w, 0) && !strings.Contains(s, "\x00") {
				t.Errorf("%q has the word %q", s, w)
			}
		}
	})
}

func BenchmarkSearchAddressList(b *testing.B) {
	s, err := store.Open(store.Config{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	d, err := New(Config{Store: s, HashCost: cheap})
	if err != nil {
		b.Fatal(err)
	}
	var t strings.Builder
	t.WriteString("[[domain]]\nname='example.org'\n")
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		w := make([]byte, 6)
		for i := range w {
			w[i] = byte('a' + r.IntN(26))
		}
		return string(w)
	}
	for i := range 10_000 {
		given, surname := word(), word()
		fmt.Fprintf(&t, "[[user]]\nlogin='u%d@example.org'\nname='%s %s'\ngiven_name='%s'\nsurname='%s'\nphone='+49 30 %06d'\n", i, given, surname, given, surname, i)
	}
	t.WriteString("[[user]]\nlogin='ada@example.org'\nname='Ada Lovelace'\n")
	f, err := ParseFile(strings.NewReader(t.String()), "bench.toml")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Apply(b.Context(), f, false); err != nil {
		b.Fatal(err)
	}
	for name, query := range map[string]string{"one of 10000": "ada love", "a letter": "k", "everybody": "u", "nobody": "qzxqzx"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Search(b.Context(), query, 100); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
