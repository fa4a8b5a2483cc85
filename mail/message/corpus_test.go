package message

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"martlet/internal/corpus"
)

// checkIndex proves what holds for the index of any message.
func checkIndex(t testing.TB, raw []byte, ix *Index) {
	t.Helper()
	if len(ix.Parts) == 0 || len(ix.Parts) > maxParts {
		t.Fatalf("%d parts", len(ix.Parts))
	}
	if n := utf8.RuneCountInString(ix.Preview); n > maxPreview {
		t.Fatalf("a preview of %d characters", n)
	}
	for i, pt := range ix.Parts {
		if pt.Header < 0 || pt.Header > pt.Body || pt.Body > pt.End || pt.End > int64(len(raw)) {
			t.Fatalf("part %d: offsets %d %d %d of %d", i, pt.Header, pt.Body, pt.End, len(raw))
		}
		if int(pt.Parent) >= i || (pt.Parent < 0) != (i == 0) {
			t.Fatalf("part %d: parent %d", i, pt.Parent)
		}
		if pt.Type == "" || pt.DecodedSize < 0 {
			t.Fatalf("part %d: type %q, size %d", i, pt.Type, pt.DecodedSize)
		}
		for _, s := range []string{pt.Type, pt.Charset, pt.Filename, pt.ContentID, pt.Location, pt.Method} {
			checkString(t, s)
		}
	}
	for _, s := range []string{ix.Subject, ix.MessageID, ix.InReplyTo, ix.ThreadTopic, ix.Preview, ix.Receipt} {
		checkString(t, s)
	}
	for _, list := range [][]Address{ix.From, ix.Sender, ix.ReplyTo, ix.To, ix.Cc, ix.Bcc} {
		for _, a := range list {
			checkString(t, a.Name)
			checkString(t, a.Address)
			if a == (Address{}) {
				t.Fatal("an address that is none")
			}
		}
	}
	body, files := ix.Shape()
	for _, b := range body {
		for _, part := range []int{b.Plain, b.HTML} {
			if part < 0 {
				continue
			}
			text, total, truncated, err := ix.ReadText(part, Bytes(raw), -1)
			if err != nil || truncated || total != int64(len(text)) {
				t.Fatalf("part %d: read %d of %d, truncated %v: %v", part, len(text), total, truncated, err)
			}
			checkText(t, text)
			cut, total, truncated, err := ix.ReadText(part, bytes.NewReader(raw), 100)
			if err != nil || len(cut) > 100 || !strings.HasPrefix(text, cut) || truncated != (len(text) > 100) || total < int64(len(cut)) {
				t.Fatalf("part %d: cut to %q of %q, %d, %v, %v", part, cut, text, total, truncated, err)
			}
			checkText(t, HTMLToText(text))
			checkText(t, TextToHTML(text))
		}
	}
	for _, f := range files {
		if _, err := io.Copy(io.Discard, ix.Open(f, bytes.NewReader(raw))); err != nil {
			t.Fatalf("part %d: %v", f, err)
		}
		if ix.AttachmentName(f) == "" {
			t.Fatalf("part %d has no name", f)
		}
	}
}

func checkString(t testing.TB, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n") {
		t.Fatalf("not clean: %q", s)
	}
}

func checkText(t testing.TB, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	if i := firstOdd([]byte(s)); i < len(s) {
		t.Fatalf("not clean at %d: %q", i, s)
	}
}

func TestEveryRealMailIsReadable(t *testing.T) {
	for _, f := range corpus.Mail(t) {
		t.Run(f.Name, func(t *testing.T) {
			raw := f.Raw
			ix := Parse(raw)
			checkIndex(t, raw, ix)
			body, files := ix.Shape()
			if len(body)+len(files) == 0 && len(bytes.TrimSpace(raw[ix.Parts[0].Body:])) > 0 {
				t.Errorf("nothing is shown of %q", raw)
			}
			if os.Getenv("DUMP") != "" {
				t.Logf("%s\n", dump(ix, raw))
			}
		})
	}
}
