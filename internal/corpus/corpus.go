// Package corpus hands real mail, calendars and contacts to tests. They are other
// people's and lie beside the repository, not in it: where they are missing,
// the test is skipped. Only tests may import it.
package corpus

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// File is one message, calendar or file of contacts as it was found.
type File struct {
	Name string // below the collection, with slashes
	Raw  []byte
}

// Mail returns messages from many programs, however broken, in the order of
// their names.
func Mail(t testing.TB) []File {
	t.Helper()
	return files(t, "mail")
}

// Calendars returns calendars from many programs, in the order of their names.
func Calendars(t testing.TB) []File {
	t.Helper()
	return files(t, "calendar")
}

// Contacts returns vCards from many programs, in the order of their names.
func Contacts(t testing.TB) []File {
	t.Helper()
	return files(t, "contacts")
}

// files reads a collection. A test runs in its package's folder, and all that
// ask are two folders deep.
func files(t testing.TB, collection string) []File {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", "corpus", collection)
	if _, err := os.Stat(root); err != nil {
		t.Skip("the collection of real files is not here: ", err)
	}
	var all []File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all = append(all, File{filepath.ToSlash(name), raw})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Skip("the collection of real files is empty")
	}
	return all
}
