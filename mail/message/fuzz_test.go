package message

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nestedUnterminated nests multiparts that all go on to the end.
func nestedUnterminated(n int) []byte {
	var b bytes.Buffer
	b.WriteString("Content-Type: multipart/mixed; boundary=b0\r\n\r\n")
	for i := range n {
		fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	return b.Bytes()
}

func seeds(f *testing.F) [][]byte {
	f.Helper()
	out := [][]byte{nil, []byte("\r\n"), sample(3 << 10), nestedUnterminated(40)}
	files, err := filepath.Glob(filepath.Join("testdata", "*.eml"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ix := Parse(raw)
		checkIndex(t, raw, ix)
		again, err := Decode(ix.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ix, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(Parse(s).Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := Decode(b)
		if err != nil {
			return
		}
		body, files := ix.Shape()
		raw := Bytes("Subject: x\r\n\r\nbody")
		for _, p := range body {
			_, _, _, _ = ix.ReadText(max(p.Plain, p.HTML), raw, 100)
		}
		for _, i := range files {
			_ = ix.Inline(i)
			_ = ix.AttachmentName(i)
			_, _ = ix.Open(i, raw).Read(make([]byte, 10))
		}
		_, _ = ix.IsSigned(), ix.IsEncrypted()
		if _, err := Decode(ix.Append(nil)); err != nil {
			t.Fatalf("what was decoded is not encoded again: %v", err)
		}
	})
}

func FuzzAddressList(f *testing.F) {
	for _, c := range addressCases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := ParseAddressList(s)
		if len(list) > maxAddresses {
			t.Fatalf("%d addresses", len(list))
		}
		for _, a := range list {
			checkString(t, a.Name)
			checkString(t, a.Address)
			_ = a.String()
		}
	})
}

func FuzzHTMLToText(f *testing.F) {
	for _, c := range htmlCases {
		f.Add(c.in)
	}
	f.Add(strings.Repeat("<div", 20))
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		text := HTMLToText(s)
		if len(text) > 64+24*len(s) {
			t.Fatalf("%d bytes of HTML became %d of text", len(s), len(text))
		}
		_ = HTMLToBareText(s, 500)
		Preview(text)
		HTMLToText(TextToHTML(s))
	})
}

func FuzzParseDate(f *testing.F) {
	for _, c := range dateCases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := ParseDate(s); ok && (d.Year() < 1 || d.Year() > 10000) {
			t.Fatalf("%q: %v", s, d)
		}
	})
}
