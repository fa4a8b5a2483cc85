package wbxml_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"martlet/protocol/wbxml"
)

func seed(f *testing.F) {
	files, err := filepath.Glob("../eas/testdata/*.wbxml")
	if err != nil || len(files) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	in := fullDocument(f)
	b, err := wbxml.Marshal(&in)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(tableBomb()[:8192])
}

func FuzzUnmarshal(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var first, second document
		if err := wbxml.Unmarshal(b, &first); err != nil {
			return
		}
		again, err := wbxml.Marshal(&first)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if err := wbxml.Unmarshal(again, &second); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%x", err, again)
		}
		third, err := wbxml.Marshal(&second)
		if err != nil || !bytes.Equal(third, again) {
			t.Fatalf("writing is not stable: %v\n%x\n%x", err, again, third)
		}
	})
}

func FuzzDump(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		out := wbxml.Dump(b)
		// Up to 1 MiB of references, escaped; else indentation of one-byte elements.
		if len(out) > 8<<20+200*len(b) {
			t.Fatalf("%d bytes of input make %d of output", len(b), len(out))
		}
		d := xml.NewDecoder(strings.NewReader(out))
		for {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("not XML: %v\n%s", err, out)
			}
		}
	})
}

// Whatever a document holds comes back.
func TestAnyDocumentComesBack(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aä東 \t\n<&\U0001F600")), 0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		in := document{
			Text:   text.Draw(t, "text"),
			Signed: rapid.Int32().Draw(t, "signed"),
			Words:  rapid.SliceOfN(text, 1, 5).Draw(t, "words"),
			Data:   rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"),
			Base:   rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "base"),
			When:   time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "when")).UTC(),
		}
		if rapid.Bool().Draw(t, "number?") {
			in.Number = ptr(rapid.UintMax(1e18).Draw(t, "number"))
			in.Flag = ptr(rapid.Bool().Draw(t, "flag"))
		}
		for range rapid.IntRange(0, 5).Draw(t, "commands") {
			c := choice{Delete: &wbxml.Empty{}}
			if rapid.Bool().Draw(t, "add?") {
				c = choice{Add: &item{ID: text.Draw(t, "id"), Body: &body{Data: text.Draw(t, "data")}}}
			}
			in.Ordered = append(in.Ordered, c)
		}
		b, err := wbxml.Marshal(&in)
		if err != nil {
			t.Fatal(err)
		}
		var out document
		if err := wbxml.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatal(diff)
		}
	})
}
