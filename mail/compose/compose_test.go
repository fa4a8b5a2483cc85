package compose

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"martlet/internal/corpus"
	"martlet/mail/message"
	"martlet/mail/wire"
)

var update = flag.Bool("update", false, "write the messages into the goldens")

var now = time.Date(2026, 6, 2, 8, 30, 0, 0, time.UTC)

func original(raw []byte) *Original {
	return &Original{Index: message.Parse(raw), Raw: raw, Received: now.Add(-time.Hour)}
}

// TestGoldens puts the client's message and the original of each file together
// in every way that the file names.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var client []byte
			var o *Original
			for i := range a.Files {
				f := &a.Files[i]
				opt := Options{Now: now}
				switch f.Name {
				case "client":
					client = f.Data
					continue
				case "original":
					o = original(wire.CRLF(f.Data))
					continue
				case "reply":
					opt.Kind = Reply
				case "forward":
					opt.Kind = Forward
				case "replace":
					opt.Kind, opt.Replace = Forward, true
				default:
					t.Fatalf("what is %q?", f.Name)
				}
				got, err := Smart(client, o, opt)
				if err != nil {
					t.Fatal(err)
				}
				text := strings.ReplaceAll(string(got), "\r\n", "\n")
				if *update {
					f.Data = []byte(text)
					continue
				}
				if d := cmp.Diff(string(f.Data), text); d != "" {
					t.Errorf("%s:\n%s", f.Name, d)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// clients are messages as phones write them.
var clients = map[string]string{
	"plain": "From: a@example.org\r\nTo: b@example.org\r\nSubject: RE: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nMine Grüße",
	"html":  "To: b@example.org\r\nSubject: RE: x\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<html><head><meta charset=iso-8859-1></head><body><p>Mine Gr\xfc\xdfe</p></body></html>",
	"both": "To: b@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\nMine Gr=FC\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>Mine</p>\r\n--a--\r\n" +
		"--m\r\nContent-Type: image/png; name=mine.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--m--\r\n",
	"nothing": "To: b@example.org\r\n\r\n",
	"file":    "To: b@example.org\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=mine.pdf\r\n\r\n%PDF",
}

// check proves what holds for every message that is put together.
func check(t testing.TB, client []byte, o *Original, opt Options, out []byte) {
	t.Helper()
	again, err := Smart(client, o, opt)
	if err != nil || !bytes.Equal(again, out) {
		t.Fatal("not the same bytes each time")
	}
	for i, c := range out {
		if c == '\n' && (i == 0 || out[i-1] != '\r') && !bytes.ContainsRune(client, '\n') {
			t.Fatalf("a bare LF at %d", i)
		}
	}
	was, is := message.Parse(wire.CRLF(client)), message.Parse(out)
	if sealed(was) {
		if !bytes.HasSuffix(out, wire.CRLF(client)) {
			t.Fatal("a sealed message was changed")
		}
		return
	}
	if opt.Kind != Forward || opt.Replace || sealed(o.Index) {
		return
	}
	// All attachments of the original are there, with the same content.
	var contents []string
	for i := range is.Parts {
		contents = append(contents, content(is, i, out))
	}
	for _, i := range o.Index.Attachments() {
		if pt := &o.Index.Parts[i]; o.Index.IsMultipart(i) || strings.HasPrefix(pt.Type, "message/") || pt.ContentID != "" {
			continue
		}
		want := content(o.Index, i, o.Raw)
		if !slices.ContainsFunc(contents, func(c string) bool { return c == want }) {
			t.Fatalf("attachment %d, %q of %d bytes, is missing in\n%.3000s", i, o.Index.AttachmentName(i), len(want), out)
		}
	}
}

// content is a part's content, line ends aside.
func content(ix *message.Index, part int, raw []byte) string {
	b, err := io.ReadAll(ix.Open(part, message.Bytes(raw)))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(wire.CRLF(b)))
}

func TestRealMailsAreAnsweredAndForwardedWhole(t *testing.T) {
	for _, f := range corpus.Mail(t) {
		o := original(f.Raw)
		for kind, client := range clients {
			for _, opt := range []Options{{Kind: Reply, Now: now}, {Kind: Forward, Now: now}, {Kind: Forward, Replace: true, Now: now}} {
				t.Run(fmt.Sprintf("%s/%s/%d", path.Base(f.Name), kind, opt.Kind), func(t *testing.T) {
					out, err := Smart([]byte(client), o, opt)
					if err != nil {
						t.Fatal(err)
					}
					check(t, []byte(client), o, opt, out)
					ix := message.Parse(out)
					text := bodies(ix, out)
					if strings.Contains(client, "Mine") && !strings.Contains(text, "Mine") {
						t.Errorf("the user's own text is gone:\n%s", text)
					}
					if !opt.Replace && !sealed(o.Index) && !strings.Contains(text, "Subject:") {
						t.Errorf("nothing is quoted:\n%s", text)
					}
					if strings.Contains(client, "mine.") && !strings.Contains(string(out), "mine.") {
						t.Error("the user's own file is gone")
					}
				})
			}
		}
	}
}

func bodies(ix *message.Index, raw []byte) string {
	var b strings.Builder
	for _, p := range ix.Body() {
		for _, part := range []int{p.Plain, p.HTML} {
			if part >= 0 {
				text, _, _, _ := ix.ReadText(part, message.Bytes(raw), -1)
				b.WriteString(text)
			}
		}
	}
	return b.String()
}

func TestALimitIsKept(t *testing.T) {
	o := original([]byte("Subject: big\r\n\r\n" + strings.Repeat("long line of text\r\n", 10000)))
	for _, limit := range []int64{10, 1000, 100_000} {
		if _, err := Smart([]byte(clients["plain"]), o, Options{Kind: Forward, Now: now, Limit: limit}); err != ErrTooLarge {
			t.Errorf("%d: %v", limit, err)
		}
	}
	out, err := Smart([]byte(clients["plain"]), o, Options{Kind: Forward, Now: now, Limit: 300_000})
	if err != nil || len(out) > 300_000 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// MS-ASCMD_R545: what is too long to be quoted whole is forwarded as a message.
func TestATextTooLongToQuoteIsAttached(t *testing.T) {
	o := original([]byte("Subject: long\r\n\r\n" + strings.Repeat("one more line of a text that does not end\r\n", maxQuote/40)))
	out, err := Smart([]byte(clients["plain"]), o, Options{Kind: Forward, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ix := message.Parse(out)
	if len(ix.Parts) != 3 || ix.Parts[2].Type != "message/rfc822" || ix.Parts[2].End-ix.Parts[2].Body < int64(len(o.Raw)) {
		t.Errorf("%+v", ix.Parts)
	}
	if out, err = Smart([]byte(clients["plain"]), o, Options{Kind: Reply, Now: now}); err != nil || len(out) < maxQuote {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestNestedMessagesCostLinearTime(t *testing.T) {
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000)
	for _, raw := range []string{deep, strings.Repeat("<div ", 200_000), "Content-Type: text/html\r\n\r\n" + strings.Repeat("<style>", 100_000)} {
		for _, kind := range []Kind{Reply, Forward} {
			if _, err := Smart([]byte(raw), original([]byte(raw)), Options{Kind: kind, Now: now}); err != nil {
				t.Error(err)
			}
		}
	}
}

func FuzzSmart(f *testing.F) {
	for _, c := range clients {
		for _, o := range clients {
			f.Add([]byte(c), []byte(o), true, false)
		}
	}
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data, a.Files[1].Data, true, false)
		f.Add(a.Files[1].Data, a.Files[0].Data, false, false)
	}
	f.Fuzz(func(t *testing.T, client, raw []byte, forward, replace bool) {
		opt := Options{Kind: Reply, Replace: replace, Now: now, Limit: 10 << 20}
		if forward {
			opt.Kind = Forward
		}
		o := original(raw)
		out, err := Smart(client, o, opt)
		if err != nil {
			t.Skip(err)
		}
		check(t, client, o, opt, out)
	})
}

func BenchmarkSmart(b *testing.B) {
	text := strings.Repeat("<p>A line of text that somebody wrote</p>\r\n", 500)
	o := original([]byte("From: x@example.org\r\nMessage-ID: <1@example.org>\r\nContent-Type: text/html\r\n\r\n<html><body>" + text + "</body></html>"))
	client := []byte(clients["html"])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Smart(client, o, Options{Kind: Reply, Now: now}); err != nil {
			b.Fatal(err)
		}
	}
}
