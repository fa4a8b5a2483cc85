package message

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// What UTF8 makes of a message shows the same as the message itself.
func TestUTF8KeepsWhatAMessageShows(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.eml"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ix := Parse(raw)
		out := ix.UTF8(raw)
		if !utf8.Valid(out) {
			t.Errorf("%s: not UTF-8", name)
		}
		if utf8.Valid(raw) && !bytes.Equal(raw, out) {
			t.Errorf("%s: changed without need", name)
		}
		again := Parse(out)
		if again.Subject != ix.Subject || again.Preview != ix.Preview || len(again.Parts) != len(ix.Parts) {
			t.Errorf("%s: %q, %q with %d parts became %q, %q with %d", name, ix.Subject, ix.Preview, len(ix.Parts), again.Subject, again.Preview, len(again.Parts))
		}
	}
}
