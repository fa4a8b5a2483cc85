package conformance_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"martlet/internal/conformance"
)

var update = flag.Bool("update", false, "add what is missing to the ledger, and write the counts into docs/conformance.md")

const (
	root    = "../.."
	ledger  = root + "/docs/conformance"
	summary = root + "/docs/conformance.md"
)

// unread is what stands for a requirement that nobody has held against the
// server yet.
const unread = "not read yet"

func TestEveryMeasuredRequirementIsInTheLedgerOnce(t *testing.T) {
	for _, d := range conformance.Documents() {
		rows, err := conformance.Requirements(tables, d)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the tables of requirements are not here")
		}
		if err != nil {
			t.Fatal(err)
		}
		entries, err := conformance.Ledger(ledger, d)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]conformance.Entry{}
		for _, e := range entries {
			if _, twice := have[e.ID]; twice {
				t.Errorf("%s: %s stands twice", d, e.ID)
			}
			have[e.ID] = e
		}
		var out []conformance.Entry
		for _, r := range rows {
			e, ok := have[r.ID]
			if !ok {
				e = conformance.Entry{ID: r.ID, State: conformance.Left, Shown: unread}
				if !*update {
					t.Errorf("%s: %s is missing", d, r.ID)
				}
			}
			if _, shape := conformance.ShapeOf(r); e.State == conformance.Shaped && !shape {
				t.Errorf("%s: %s is not about a shape: %s", d, r.ID, r.Text)
			}
			delete(have, r.ID)
			out = append(out, e)
		}
		for id := range have {
			t.Errorf("%s: %s is no measured requirement", d, id)
		}
		if *update && len(out) > 0 {
			if err := conformance.WriteLedger(ledger, d, out); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Where a test or a transcript is named, it must be there.
func TestTheLedgerNamesTestsThatExist(t *testing.T) {
	tests := testsOf(t)
	for _, d := range conformance.Documents() {
		entries, err := conformance.Ledger(ledger, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			switch e.State {
			case conformance.Tested:
				for _, shown := range strings.Split(e.Shown, ", ") {
					if !tests[shown] {
						t.Errorf("%s: there is no %q", e.ID, shown)
					}
				}
			case conformance.Shaped, conformance.Void, conformance.Left:
				if e.Shown == "" {
					t.Errorf("%s: %s without a reason", e.ID, e.State)
				}
			default:
				t.Errorf("%s: no such state: %q", e.ID, e.State)
			}
		}
	}
}

// What clients are known to want is held by tests that are there.
func TestTheTableOfClientsNamesTestsThatExist(t *testing.T) {
	names := map[string]bool{}
	for shown := range testsOf(t) {
		_, name, _ := strings.Cut(shown, " ")
		names[name] = true
	}
	b, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "## What clients are known to want\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(columns) != 3 || columns[0] == " who" {
			continue
		}
		rows++
		shown := strings.TrimSpace(columns[2])
		if strings.HasPrefix(shown, "to come with ") {
			continue
		}
		for _, name := range strings.Split(shown, ", ") {
			if !names[name] {
				t.Errorf("%s: there is no %q", strings.TrimSpace(columns[1]), name)
			}
		}
	}
	if rows == 0 {
		t.Error("there is no such table")
	}
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`)

// testsOf lists all tests as "package TestName" and all transcripts as "package
// name.txtar".
func testsOf(t *testing.T) map[string]bool {
	all := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		pkg := filepath.ToSlash(filepath.Dir(rel))
		switch {
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range testName.FindAllSubmatch(b, -1) {
				all[pkg+" "+string(m[1])] = true
			}
		case strings.HasSuffix(path, ".txtar"):
			all[strings.TrimSuffix(pkg, "/testdata")+" "+filepath.Base(path)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	countsBegin = "<!-- counts -->\n"
	countsEnd   = "<!-- end of counts -->\n"
)

func TestTheCountsAreThoseOfTheLedger(t *testing.T) {
	var b strings.Builder
	b.WriteString("| document | measured | test | shape | void | left |\n|---|---|---|---|---|---|\n")
	total := map[conformance.State]int{}
	left := map[string]int{} // by why
	for _, d := range conformance.Documents() {
		entries, err := conformance.Ledger(ledger, d)
		if err != nil {
			t.Fatal(err)
		}
		n := map[conformance.State]int{}
		for _, e := range entries {
			n[e.State]++
			total[e.State]++
			if e.State == conformance.Left {
				left[e.Shown]++
			}
		}
		if len(entries) > 0 {
			counts(&b, d, n)
		}
	}
	counts(&b, "all", total)
	b.WriteString("\n| left, since | requirements |\n|---|---|\n")
	for _, why := range slices.SortedFunc(maps.Keys(left), func(x, y string) int {
		return cmp.Or(cmp.Compare(left[y], left[x]), cmp.Compare(x, y))
	}) {
		fmt.Fprintf(&b, "| %s | %d |\n", why, left[why])
	}
	doc, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(doc), countsBegin)
	old, after, ok2 := strings.Cut(rest, countsEnd)
	if !ok || !ok2 {
		t.Fatal("docs/conformance.md has no place for the counts")
	}
	if old == b.String() {
		return
	}
	if !*update {
		t.Errorf("the counts in docs/conformance.md are not those of the ledger, which has\n%s", b.String())
		return
	}
	if err := os.WriteFile(summary, []byte(before+countsBegin+b.String()+countsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func counts(b *strings.Builder, name string, n map[conformance.State]int) {
	test, shape, void, left := n[conformance.Tested], n[conformance.Shaped], n[conformance.Void], n[conformance.Left]
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d |\n", name, test+shape+void+left, test, shape, void, left)
}
