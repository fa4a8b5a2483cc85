package imap

import (
	"strings"
	"testing"

	"martlet/mail"
)

// A phone may nest folders as deep as there may be folders. Names that no client
// could say are not made: all of them together would fill the memory.
func TestFoldersTooDeepToBeNamedAreNotShown(t *testing.T) {
	var folders []mail.Folder
	for i := range 5000 {
		folders = append(folders, mail.Folder{ID: mail.FolderID(i + 1), Parent: mail.FolderID(i), Name: strings.Repeat("x", 250), Class: mail.ClassEmail})
	}
	bytes := 0
	all := tree(folders, 0)
	for _, n := range all {
		bytes += len(n.name)
	}
	if bytes > 8*maxName || len(all) != maxName/251 {
		t.Errorf("%d names of %d bytes", len(all), bytes)
	}
	if last := all[len(all)-1]; last.children || !last.shown {
		t.Errorf("the last that can be named: %+v", last)
	}
}
