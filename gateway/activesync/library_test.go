package activesync_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/documents"
)

// library publishes folders of the house: shelf for everybody, marked the same
// with what is hidden, board for the group board.
func (h *house) library(t testing.TB) *documents.Library {
	t.Helper()
	l, err := documents.New(documents.Config{Directory: h.directory, Shares: []documents.Share{
		{Host: "files", Name: "shelf", Folder: filepath.Join(h.dir, "shelf"), Everyone: true},
		{Host: "files", Name: "marked", Folder: filepath.Join(h.dir, "shelf"), Everyone: true, ShowHidden: true},
		{Host: "files", Name: "board", Folder: filepath.Join(h.dir, "board"), Readers: []string{"board@example.org"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// publish writes a document, last changed on a day, with its folders.
func (h *house) publish(t testing.TB, name, text string, changed time.Time) {
	t.Helper()
	path := filepath.Join(h.dir, filepath.FromSlash(name))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, []byte(text), 0o644))
	for ; len(path) > len(h.dir); path = filepath.Dir(path) {
		must(os.Chtimes(path, changed, changed))
	}
}

// apply brings the directory to what a file says.
func (h *house) apply(t testing.TB, text string) {
	t.Helper()
	f, err := directory.ParseFile(strings.NewReader(text), "directory.toml")
	if err == nil {
		_, err = h.directory.Apply(context.Background(), f, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// MS-ASCMD_R5886: ItemOperations takes a password of 256 characters, Search one
// of 100 (R3656).
func TestHowLongAPasswordForDocumentsMayBe(t *testing.T) {
	h := build(t)
	h.publish(t, "shelf/a.txt", "a", time.Now())
	for i, n := range []int{100, 101, 256, 257} {
		login, password := fmt.Sprintf("p%d@example.org", i), strings.Repeat("ä", n)
		if _, err := h.directory.AddUser(t.Context(), directory.Account{Login: login}, password); err != nil {
			t.Fatal(err)
		}
		options := `<Options><UserName>` + login + `</UserName><Password>` + password + `</Password></Options>`
		fetch, search := "1 1", "1 1"
		if n > 100 {
			search = "1 5"
		}
		if n > 256 {
			fetch = "1 5"
		}
		for _, version := range []string{"12.1", "14.1", "16.1"} {
			p := newPhone(t, h, "v"+version, version)
			p.provision()
			if got := statuses(p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>DocumentLibrary</Store><LinkId xmlns="DocumentLibrary">\\files\shelf\a.txt</LinkId>`+options+`</Fetch></ItemOperations>`)); got != fetch {
				t.Errorf("%s: a fetch with %d characters: statuses %s, want %s", version, n, got, fetch)
			}
			if got := statuses(p.send("Search", searchIn("DocumentLibrary", `<Query><EqualTo><LinkId xmlns="DocumentLibrary"/><Value>\\files\shelf</Value></EqualTo></Query>`+options))); got != search {
				t.Errorf("%s: a search with %d characters: statuses %s, want %s", version, n, got, search)
			}
		}
	}
}

// MS-ASCMD_R4163: a file that is too large for an answer, and more operations
// than one request may have (R7490).
func TestWhatIsTooLargeForAnAnswer(t *testing.T) {
	h := build(t)
	h.publish(t, "shelf/a.img", "a", time.Now())
	if err := os.Truncate(filepath.Join(h.dir, "shelf", "a.img"), 64<<20+1); err != nil {
		t.Fatal(err)
	}
	fetch := func(options string) string {
		return `<Fetch><Store>DocumentLibrary</Store><LinkId xmlns="DocumentLibrary">\\files\shelf\a.img</LinkId>` + options + `</Fetch>`
	}
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		for operations, want := range map[string]string{
			fetch(""): "1 11",
			fetch("<Options><Range>0-9</Range></Options>"): "1 1",
			strings.Repeat(fetch(""), 101):                 "11",
		} {
			if got := statuses(p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations">`+operations+`</ItemOperations>`)); got != want {
				t.Errorf("%s: %.200s: statuses %s, want %s", version, operations, got, want)
			}
		}
	}
}
