package wbxml_test

import (
	"os"
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
