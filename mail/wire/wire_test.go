package wire_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"martlet/mail/wire"
)

func TestLinesEndInCRLF(t *testing.T) {
	for in, want := range map[string]string{
		"":             "",
		"a":            "a",
		"a\nb\r\nc\rd": "a\r\nb\r\nc\r\nd",
		"\n\r":         "\r\n\r\n",
		"\r\r\n\n":     "\r\n\r\n\r\n",
	} {
		if got := string(wire.CRLF([]byte(in))); got != want {
			t.Errorf("CRLF(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestATextForAFieldIsOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"as  it is ":                "as  it is ",
		"folded\r\n text":           "folded text",
		"folded\r\n\ttext":          "folded text",
		"a\nBcc: all@example.org":   "a Bcc: all@example.org",
		"\r\n begins and ends\x00 ": "begins and ends",
		"\x00":                      "",
		"a \x01 \x7f b":             "a b",
		"bytes \xff stay\tso":       "bytes \xff stay so",
	} {
		if got := wire.OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBase64HasLinesOf76(t *testing.T) {
	for _, n := range []int{0, 1, 56, 57, 58, 114, 200} {
		content := bytes.Repeat([]byte{0xfe}, n)
		out := string(wire.AppendBase64(nil, content))
		for line := range strings.Lines(out) {
			if len(line) > 78 || !strings.HasSuffix(line, "\r\n") {
				t.Errorf("%d bytes: line %q", n, line)
			}
		}
		if back, err := base64.StdEncoding.DecodeString(out); err != nil || !bytes.Equal(back, content) {
			t.Errorf("%d bytes do not come back: %v", n, err)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\r\n b")
	f.Add("\x7f \x00")
	f.Fuzz(func(t *testing.T, s string) {
		once := wire.OneLine(s)
		if strings.ContainsAny(once, "\r\n\x00\t") || wire.OneLine(once) != once || len(once) > len(s) {
			t.Errorf("OneLine(%q) = %q", s, once)
		}
	})
}
