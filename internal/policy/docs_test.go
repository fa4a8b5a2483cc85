package policy

import (
	"go/ast"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func document(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryRoomIsOnTheMap(t *testing.T) {
	text := document(t, "docs/architecture.md")
	seen := map[string]bool{}
	for _, f := range sources(t) {
		if !seen[f.pkg] && !strings.Contains(text, "\n| `"+f.pkg+"` |") {
			t.Errorf("docs/architecture.md has no row for %s", f.pkg)
		}
		seen[f.pkg] = true
	}
}

// What a room imports stands on a lower floor of the map.
func TestArrowsOfTheMapPointDown(t *testing.T) {
	floors := map[string]int{}
	for line := range strings.Lines(document(t, "docs/architecture.md")) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "floor" {
			continue
		}
		n, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range words[2:] {
			floors[room] = n
		}
	}
	floor := func(pkg string) int {
		for room, n := range floors {
			if matches(room, pkg) {
				return n
			}
		}
		return 0
	}
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.pkg, "internal/") && floor(f.pkg) == 0 {
			continue
		}
		if floor(f.pkg) == 0 {
			t.Errorf("%s stands on no floor", f.pkg)
		}
		for _, imp := range f.imports {
			ours, is := strings.CutPrefix(imp, "martlet/")
			if is && floor(ours) > 0 && ours != f.pkg && floor(ours) >= floor(f.pkg) && !(matches("gateway/...", ours) && matches("gateway/...", f.pkg)) {
				t.Errorf("%s: %s on floor %d imports %s on floor %d", f.path, f.pkg, floor(f.pkg), ours, floor(ours))
			}
		}
	}
}

// A prefix of the store belongs to one table for ever, and the document of
// what is on disk names it.
func TestKeyPrefixesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, f := range sources(t) {
		if f.path != "store/keyspace.go" {
			continue
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok && len(s.Values) == 1 {
				if lit, ok := s.Values[0].(*ast.BasicLit); ok {
					if other, dup := seen[lit.Value]; dup {
						t.Errorf("%s and %s share the prefix %s", other, s.Names[0].Name, lit.Value)
					}
					seen[lit.Value] = s.Names[0].Name
				}
			}
			return true
		})
	}
	if len(seen) < 10 {
		t.Fatalf("found only %d prefixes", len(seen))
	}
	text, names := document(t, "docs/storage.md"), document(t, "store/prefix.go")
	for prefix, name := range seen {
		if !strings.Contains(text, "`"+prefix+"`") {
			t.Errorf("docs/storage.md says nothing of %s, %s", prefix, name)
		}
		if !strings.Contains(names, "\t"+name+":") {
			t.Errorf("store/prefix.go has no name for %s", name)
		}
	}
}

func TestDocumentsNameNoMachine(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, dir := range []string{".", "docs", "docs/decisions"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".md") {
				continue
			}
			b, err := os.ReadFile(filepath.Join(root, dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"/work/", "/root/", "../shared"} {
				if strings.Contains(string(b), bad) {
					t.Errorf("%s/%s names %q, which exists on no reader's machine", dir, e.Name(), bad)
				}
			}
		}
	}
}
