package documents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"martlet/directory"
	"martlet/store"
)

// people is a directory with Anna, Bob, who is in the group staff, and a domain
// that takes everything for Anna.
func people(t testing.TB) (d *directory.Directory, anna, bob directory.AccountID) {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if d, err = directory.New(directory.Config{Store: s}); err != nil {
		t.Fatal(err)
	}
	f, err := directory.ParseFile(strings.NewReader(`
[[domain]]
name = "example.org"
catch_all = "anna@example.org"
[[user]]
login = "anna@example.org"
[[user]]
login = "bob@example.org"
[[group]]
address = "inner@example.org"
members = ["bob@example.org"]
[[group]]
address = "staff@example.org"
members = ["inner@example.org"]
`), "people")
	if err == nil {
		_, err = d.Apply(context.Background(), f, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	for login, id := range map[string]*directory.AccountID{"anna@example.org": &anna, "bob@example.org": &bob} {
		a, err := d.AccountByLogin(context.Background(), login)
		if err != nil {
			t.Fatal(err)
		}
		*id = a.ID
	}
	return d, anna, bob
}

// published makes a folder with all kinds of things in it.
func shelf(t testing.TB) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "shelf")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "Plans", "2026"), 0o755))
	must(os.MkdirAll(filepath.Join(dir, ".git"), 0o755))
	for name, text := range map[string]string{
		"a.txt": "hello", "B.docx": "x", "empty": "", "desktop.ini": "no", ".secret": "no", "~$B.docx": "no",
		"Plans/plan.pdf": "plan", ".git/config": "no", "back\\slash": "no", "new\nline": "no", "bad\xff": "no",
	} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	must(os.WriteFile(filepath.Join(top, "outside.txt"), []byte("outside"), 0o644))
	must(os.Symlink("../outside.txt", filepath.Join(dir, "out.txt")))
	must(os.Symlink(filepath.Join(top, "outside.txt"), filepath.Join(dir, "absolute.txt")))
	must(os.Symlink("..", filepath.Join(dir, "up")))
	must(os.Symlink("a.txt", filepath.Join(dir, "within.txt")))
	must(os.Symlink("loop", filepath.Join(dir, "loop")))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	return dir
}

func links(p Page) (all []string) {
	for _, d := range p.Documents {
		all = append(all, strings.TrimPrefix(d.Link, `\\files\shelf`))
	}
	return all
}

func library(t testing.TB, shares ...Share) (*Library, directory.AccountID, directory.AccountID) {
	t.Helper()
	d, anna, bob := people(t)
	l, err := New(Config{Directory: d, Shares: shares})
	if err != nil {
		t.Fatal(err)
	}
	return l, anna, bob
}

// MS-ASCMD_R3853, R3855, R3858: the folder first, then what is in it.
func TestBrowseListsAFolder(t *testing.T) {
	l, anna, _ := library(t, Share{Host: "files", Name: "shelf", Folder: shelf(t), Everyone: true})
	r := Reader{Account: anna}
	p, err := l.Browse(t.Context(), r, `\\FILES\Shelf\`, 0, 999)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", `\a.txt`, `\B.docx`, `\empty`, `\Plans`, `\within.txt`}
	if !slices.Equal(links(p), want) || p.Total != len(want) {
		t.Errorf("%q of %d, want %q", links(p), p.Total, want)
	}
	top, file, folder := p.Documents[0], p.Documents[1], p.Documents[4]
	if !top.Folder || top.Name != "shelf" || top.Type != "" || top.Modified.IsZero() || top.Created.IsZero() {
		t.Errorf("the folder itself: %+v", top)
	}
	if file.Folder || file.Name != "a.txt" || file.Size != 5 || file.Type != "text/plain" || file.Hidden {
		t.Errorf("a file: %+v", file)
	}
	if !folder.Folder || folder.Name != "Plans" {
		t.Errorf("a folder: %+v", folder)
	}
	p, err = l.Browse(t.Context(), r, `\\files\shelf`, 2, 3)
	if err != nil || !slices.Equal(links(p), want[2:4]) || p.Total != len(want) {
		t.Errorf("2-3: %q of %d, %v", links(p), p.Total, err)
	}
	p, err = l.Browse(t.Context(), r, `file://files/shelf/Plans`, 0, 10)
	if err != nil || !slices.Equal(links(p), []string{`\Plans`, `\Plans\2026`, `\Plans\plan.pdf`}) {
		t.Errorf("below: %q, %v", links(p), err)
	}
	p, err = l.Browse(t.Context(), r, `\\files\shelf\a.txt`, 0, 10)
	if err != nil || !slices.Equal(links(p), []string{`\a.txt`}) || p.Total != 1 {
		t.Errorf("a file: %q, %v", links(p), err)
	}
}

// However the entries of a large folder come, its pages are in order and all
// there.
func TestPagesOfALargeFolder(t *testing.T) {
	dir := t.TempDir()
	const n = 3000
	var want []string
	for i := range n {
		name := fmt.Sprintf("file %04d.txt", i)
		if i%2 == 0 {
			name = strings.ToUpper(name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		want = append(want, `\`+name)
	}
	l, anna, _ := library(t, Share{Host: "files", Name: "shelf", Folder: dir, Everyone: true})
	for _, span := range [][2]int{{0, 0}, {1, 1}, {1, 99}, {100, 199}, {2901, 3100}, {3001, 3001}} {
		p, err := l.Browse(t.Context(), Reader{Account: anna}, `\\files\shelf`, span[0], span[1])
		if err != nil {
			t.Fatal(err)
		}
		got := links(p)
		if span[0] == 0 {
			got = got[1:]
		}
		page := want[max(span[0]-1, 0):min(span[1], n)]
		if span[0] > n {
			page = nil
		}
		if !slices.Equal(got, page) || p.Total != n+1 {
			t.Errorf("%v: %d of %d, first %.40q", span, len(got), p.Total, got)
		}
	}
}

// MS-ASDOC_R53, R119.
func TestWhatIsHiddenIsMarkedOnceItIsShown(t *testing.T) {
	l, anna, _ := library(t, Share{Host: "files", Name: "shelf", Folder: shelf(t), Everyone: true, ShowHidden: true})
	p, err := l.Browse(t.Context(), Reader{Account: anna}, `\\files\shelf`, 0, 999)
	if err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for _, d := range p.Documents {
		if d.Hidden {
			hidden++
		}
		if d.Hidden != isHidden(d.Name) {
			t.Errorf("%+v", d)
		}
	}
	if hidden != 4 {
		t.Errorf("%d are marked in %q", hidden, links(p))
	}
	if f, err := l.Open(t.Context(), Reader{Account: anna}, `\\files\shelf\.git\config`); err != nil || !f.Hidden && f.Size != 2 {
		t.Errorf("%+v, %v", f, err)
	} else {
		f.Close()
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	l, anna, _ := library(t, Share{Host: "files", Name: "shelf", Folder: shelf(t), Everyone: true},
		Share{Host: "files", Name: "gone", Folder: filepath.Join(t.TempDir(), "gone"), Everyone: true})
	for id, want := range map[string]error{
		"":                             ErrBadLink,
		`files\shelf`:                  ErrBadLink,
		`\\files`:                      ErrBadLink,
		`\\files\`:                     ErrBadLink,
		`\\\shelf`:                     ErrBadLink,
		`\\files\shelf\..\outside.txt`: ErrBadLink,
		`\\files\shelf\Plans\..\..\x`:  ErrBadLink,
		`\\files\shelf\.`:              ErrBadLink,
		`\\files\shelf\\a.txt`:         ErrBadLink,
		`\\files\shelf\../outside.txt`: ErrBadLink,
		"\\\\files\\shelf\\a\x00.txt":  ErrBadLink,
		"\\\\files\\shelf\\\xff":       ErrBadLink,
		`file:///etc/passwd`:           ErrBadLink,
		`file://files/shelf/%2e%2e/x`:  ErrBadLink,
		`file://files/shelf/a%2fb`:     ErrNotFound,
		`\\files\shelf\` + strings.Repeat("x", 1100): ErrBadLink,
		`\\files\shelf` + strings.Repeat(`\x`, 65):   ErrBadLink,
		`http://sharepoint/sites/x`:                  ErrElsewhere,
		`HTTPS://sharepoint/sites/x`:                 ErrElsewhere,
		`\\elsewhere\shelf`:                          ErrElsewhere,
		`\\files\other`:                              ErrNotFound,
		`\\files\shelf\missing`:                      ErrNotFound,
		`\\files\shelf\a.txt\x`:                      ErrNotFound,
		`\\files\shelf\out.txt`:                      ErrNotFound,
		`\\files\shelf\absolute.txt`:                 ErrNotFound,
		`\\files\shelf\up`:                           ErrNotFound,
		`\\files\shelf\up\outside.txt`:               ErrNotFound,
		`\\files\shelf\loop`:                         ErrNotFound,
		`\\files\shelf\pipe`:                         ErrNotFound,
		`\\files\shelf\.secret`:                      ErrNotFound,
		`\\files\shelf\.git\config`:                  ErrNotFound,
		`\\files\shelf\desktop.ini`:                  ErrNotFound,
		`\\files\gone`:                               ErrUnreachable,
	} {
		if _, err := l.Browse(t.Context(), Reader{Account: anna}, id, 0, 9); !errors.Is(err, want) {
			t.Errorf("browse %.60q: %v, want %v", id, err, want)
		}
		if want == ErrUnreachable {
			id += `\a.txt`
		}
		if f, err := l.Open(t.Context(), Reader{Account: anna}, id); !errors.Is(err, want) {
			t.Errorf("open %.60q: %v, want %v", id, err, want)
			if err == nil {
				f.Close()
			}
		}
	}
	for _, folder := range []string{`\\files\shelf`, `\\files\shelf\Plans`} {
		if _, err := l.Open(t.Context(), Reader{Account: anna}, folder); !errors.Is(err, ErrNotFound) {
			t.Errorf("open %s: %v", folder, err)
		}
	}
}

func TestReadersAreAccountsAndGroups(t *testing.T) {
	dir := shelf(t)
	l, anna, bob := library(t,
		Share{Host: "files", Name: "annas", Folder: dir, Readers: []string{"anna@example.org"}},
		Share{Host: "files", Name: "staff", Folder: dir, Readers: []string{"nobody@example.org", "staff@example.org"}})
	for _, c := range []struct {
		who   Reader
		share string
		want  error
	}{
		{Reader{Account: anna}, "annas", nil},
		{Reader{Account: bob}, "annas", ErrCredentials},
		{Reader{Account: bob, Named: true}, "annas", ErrDenied},
		{Reader{Account: bob}, "staff", nil},
		// nobody@ leads to Anna by the catch-all, which grants nothing.
		{Reader{Account: anna}, "staff", ErrCredentials},
		{Reader{}, "staff", ErrCredentials},
	} {
		if _, err := l.Browse(t.Context(), c.who, `\\files\`+c.share, 0, 9); !errors.Is(err, c.want) {
			t.Errorf("%+v in %s: %v, want %v", c.who, c.share, err, c.want)
		}
	}
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{`\\files\shelf\a.txt`, `file://files/shelf/Plans/plan.pdf`, `\\files\shelf\..\x`, "http://x", `\\files\shelf\pipe`} {
		f.Add(s)
	}
	dir := shelf(f)
	l, anna, _ := library(f, Share{Host: "files", Name: "shelf", Folder: dir, Everyone: true})
	f.Fuzz(func(t *testing.T, s string) {
		file, err := l.Open(t.Context(), Reader{Account: anna}, s)
		if err != nil {
			return
		}
		defer file.Close()
		b := make([]byte, 16)
		n, _ := file.ReadAt(b, 0)
		if got := string(b[:n]); got == "no" || got == "outside" {
			t.Errorf("%q opens what is not published", s)
		}
	})
}

// BenchmarkBrowse lists the first page of a folder with 100,000 entries.
func BenchmarkBrowse(b *testing.B) {
	dir := b.TempDir()
	for i := range 100_000 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("file %06d.txt", i)))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	l, anna, _ := library(b, Share{Host: "files", Name: "shelf", Folder: dir, Everyone: true})
	b.ReportAllocs()
	for b.Loop() {
		if p, err := l.Browse(b.Context(), Reader{Account: anna}, `\\files\shelf`, 0, 99); err != nil || p.Total != 100_001 {
			b.Fatal(p.Total, err)
		}
	}
}
