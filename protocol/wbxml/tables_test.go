package wbxml_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"martlet/protocol/wbxml"
)

func TestTagsAreThoseOfTheDataFile(t *testing.T) {
	checkTable(t, "codepages.txt")
}

func TestTagsAreThoseOfTheSpecification(t *testing.T) {
	const path = "../../../shared/spec/codepages.tsv"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the specification's data are not here:", err)
	}
	checkTable(t, path)
}

func checkTable(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		col := strings.Split(strings.TrimSpace(line), "\t")
		page, err := strconv.Atoi(col[0])
		if err != nil {
			continue // a comment or the heading
		}
		token, err := strconv.ParseUint(col[2], 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		tag, ok := wbxml.ParseTag(col[1] + ":" + col[3])
		if !ok || int(tag.Page()) != page || uint64(tag.Token()) != token || tag.Name() != col[3] {
			t.Errorf("%s: got page %d, token 0x%02X, %v", strings.TrimSpace(line), tag.Page(), tag.Token(), ok)
		}
		n++
	}
	if n != 641 {
		t.Errorf("%d tags, want 641", n)
	}
}

var (
	pageRow = regexp.MustCompile(`\[Code page\] (\d+) ?\[that indicates\] \[XML namespace\] (\w+)`)
	tagRow  = regexp.MustCompile(`\[In Code Page (\d+): (\w+)\] ?\[Tag name\] ?(\w+)[^\[]*\[Token\] ?(?:Anniversary )?(0x[0-9A-F]+)(?: \[supports protocol versions\] ?(.*))?`)
)

// MS-ASWBXML 2.1.2.1, row by row: a page's namespace, a tag's token, and the
// versions that have it.
func TestTagsAreThoseOfEveryRequirement(t *testing.T) {
	b, err := os.ReadFile("../../../shared/spec/requirements/MS-ASWBXML.tsv")
	if err != nil {
		t.Skip("the tables of requirements are not here:", err)
	}
	versions := versionsOfTags(t)
	pages, tags := 0, 0
	for line := range strings.Lines(string(b)) {
		col := strings.Split(strings.TrimSpace(line), "\t")
		id, text := col[0], col[len(col)-1]
		if m := pageRow.FindStringSubmatch(text); m != nil {
			pages++
			n, _ := strconv.Atoi(m[1])
			if got := wbxml.Tag(n << 8).Namespace(); !strings.EqualFold(got, m[2]) {
				t.Errorf("%s: page %d is %q, want %q", id, n, got, m[2])
			}
		}
		m := tagRow.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		tags++
		tag, ok := wbxml.ParseTag(wbxml.Tag(atoi(t, m[1])<<8).Namespace() + ":" + m[3])
		if !ok || int(tag.Page()) != atoi(t, m[1]) || int(tag.Token()) != atoi(t, m[4]) || !strings.EqualFold(tag.Namespace(), m[2]) {
			t.Errorf("%s: %v, page %d, token 0x%02X: %s", id, ok, tag.Page(), tag.Token(), text)
		}
		if id == "MS-ASWBXML_R354" || id == "MS-ASWBXML_R372" {
			m[5] += ", 16.1" // MS-ASPROV_R25401 and MS-ASPROV_R25001 have it
		}
		if got := versions[tag]; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(m[5], " ", "") {
			t.Errorf("%s: versions %q, want %q", id, got, m[5])
		}
	}
	if pages != 26 || tags != 586 {
		t.Errorf("%d pages and %d tags", pages, tags)
	}
}

// versionsOfTags is what the data file says of the versions that have a tag.
func versionsOfTags(t *testing.T) map[wbxml.Tag]string {
	b, err := os.ReadFile("codepages.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[wbxml.Tag]string{}
	for line := range strings.Lines(string(b)) {
		if col := strings.Split(strings.TrimSpace(line), "\t"); len(col) == 5 {
			all[wbxml.Tag(atoi(t, col[0])<<8|atoi(t, col[2]))] = col[4]
		}
	}
	return all
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.ParseUint(s, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}
