package activesync_test

import (
	"context"
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
