package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"martlet/gateway/admin"
)

// Names are what clients have chosen: each item has a file of its own, in the
// folder and nowhere else.
func TestEachItemIsExportedIntoAFileOfItsOwn(t *testing.T) {
	long := strings.Repeat("ä", 300)
	names := []string{
		"a.ics", "A.ics", "a:b.ics", "a_b.ics", "a?b.ics", "../../x.ics", "..", ".", "", "x.ics", ".x.ics", "/etc/passwd", `C:\x.ics`, "\x00.ics", "a\nb.ics",
		long + "1.ics", long + "2.ics", "a." + strings.Repeat("b", 300), strings.Repeat(".", 300), "\xff\xfe.ics", "CON.ics", "e\u0301.ics", "\u00e9.ics", "a.ics (2)", "a.ics (2)",
	}
	seen := map[string]bool{}
	f := fileNames{}
	for _, name := range names {
		got := f.name(name)
		if got == "" || got[0] == '.' || len(got) > 255 || filepath.Base(got) != got || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\:\x00\n") {
			t.Errorf("%q becomes %q", name, got)
		}
		if low := strings.ToLower(got); seen[low] {
			t.Errorf("%q becomes %q, as another did", name, got)
		} else {
			seen[low] = true
		}
	}
	if first := (fileNames{}).name("Lunch (Ada).ics"); first != "Lunch (Ada).ics" {
		t.Errorf("a good name becomes %q", first)
	}
}

// However the server's answer is cut, all of it arrives, and what is cut short is
// an error.
func TestAnExportIsTakenApart(t *testing.T) {
	var text strings.Builder
	for i := range 3 {
		line, err := json.Marshal(admin.ExportedObject{Name: fmt.Sprint(i), Raw: []byte(strings.Repeat("x", 1000*i))})
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	for _, size := range []int{1, 7, 1000, 1 << 20} {
		var got []string
		x := &jsonLines[admin.ExportedObject]{each: func(o *admin.ExportedObject) error { got = append(got, fmt.Sprint(o.Name, len(o.Raw))); return nil }}
		for rest := text.String(); rest != ""; {
			n := min(size, len(rest))
			if _, err := x.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if fmt.Sprint(got) != "[00 11000 22000]" {
			t.Errorf("%d bytes at a time: %v", size, got)
		}
	}
}

func TestWhichFilesAnImportReads(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cards/a.vcf", "cards/B.ICS", "cards/notes.txt", "cards/deep/c.ics", "cards/a\nb.ics", "elsewhere.ics"} {
		write(name)
	}
	for from, to := range map[string]string{
		"cards/loop": ".", "cards/deep/up.ics": "..", "cards/link.ics": "../elsewhere.ics", "cards/nowhere.ics": "gone.ics", "folder": "cards",
	} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "cards/pipe.ics"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cards", "folder"} {
		files, total, err := importFiles([]string{filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			rel, err := filepath.Rel(filepath.Join(dir, name), f)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		// The link that leads nowhere is read, and told.
		if fmt.Sprintf("%q", got) != `["B.ICS" "a\nb.ics" "a.vcf" "deep/c.ics" "link.ics" "nowhere.ics"]` || total != 5 {
			t.Errorf("%s: %q, %d bytes", name, got, total)
		}
	}
}
