package draft

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail/message"
)

var update = flag.Bool("update", false, "write the golden files")

func text(s string) *string { return &s }

func level(v int8) *int8 { return &v }

// outlook is a draft of another program: with a picture in its text, a file,
// and fields that we do not know.
const outlook = `Subject: Plan
Message-ID: <1@desk>
References: <0@desk>
X-Own: keep
 me
From: Anna <anna@example.org>
To: bob@example.org
Content-Language: de
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/related; boundary="inner"; type="multipart/alternative"

--inner
Content-Type: multipart/alternative; boundary="alt"

--alt
Content-Type: text/plain

old words
--alt
Content-Type: text/html

<p>old words <img src="cid:pic@desk"></p>
--alt--
--inner
Content-Type: image/png; name=pic.png
Content-ID: <pic@desk>
Content-Disposition: inline; filename=pic.png
Content-Transfer-Encoding: base64

AAAA
--inner--
--outer
Content-Type: application/pdf; name=plan.pdf
Content-Disposition: attachment; filename=plan.pdf
Content-Transfer-Encoding: base64
X-Part: keep

cGRm
--outer--
epilogue
`

// whole is a draft as phones send it: a message, with whatever line ends.
const whole = "Subject: Plan B\nTo: dora@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\nnew words\rand more\n"

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// partOf is the number of a file in the index.
func partOf(t testing.TB, raw []byte, name string) int {
	t.Helper()
	ix := message.Parse(raw)
	for _, i := range ix.Attachments() {
		if ix.AttachmentName(i) == name {
			return i
		}
	}
	t.Fatalf("no file %s", name)
	return 0
}

func TestGoldens(t *testing.T) {
	file := File{Name: "Größe; 1.txt", Type: "text/plain; charset=utf-8", Content: []byte("content")}
	picture := File{Name: "new.png", Type: "image/png", ContentID: "new@phone", Inline: true, Content: []byte{1, 2, 3}}
	old := crlf(outlook)
	for name, c := range map[string]struct {
		raw  []byte
		edit Edit
	}{
		"new": {nil, Edit{MessageID: "1@here", From: text(`Anna Ash <anna@example.org>`), To: text(`Jörg Müller <joerg@example.org>; "Doe, John" <john@example.org>, unfinished`),
			Cc: text("c@example.org"), Bcc: text("secret@example.org"), Subject: text("Grüße\r\nBcc: nobody@example.org"), Importance: level(2),
			Text: &Text{Data: "Guten Tag\nund tschüss"}}},
		"new_html":      {nil, Edit{Subject: text("a"), Text: &Text{HTML: true, Data: "<p>Hello <b>world</b></p>"}, Add: []File{picture, file}}},
		"new_empty":     {nil, Edit{}},
		"header_only":   {old, Edit{Subject: text("Plan B"), To: text(""), Cc: text("c@example.org"), Importance: level(0)}},
		"text_plain":    {old, Edit{Text: &Text{Data: "new words"}}},
		"text_html":     {old, Edit{Text: &Text{HTML: true, Data: `<p>new <img src="cid:pic@desk"></p>`}}},
		"add_file":      {old, Edit{Add: []File{file}}},
		"add_picture":   {old, Edit{Add: []File{picture}}},
		"add_message":   {nil, Edit{Text: &Text{Data: "see"}, Add: []File{{Name: "a.eml", Message: true, Content: []byte("Subject: in\n\nside")}}}},
		"remove_file":   {old, Edit{Remove: []int{partOf(t, old, "plan.pdf")}}},
		"remove_both":   {old, Edit{Remove: []int{partOf(t, old, "plan.pdf"), partOf(t, old, "pic.png")}}},
		"exchange_file": {old, Edit{Remove: []int{partOf(t, old, "plan.pdf")}, Add: []File{file}}},
		"whole":         {old, Edit{Whole: []byte(whole), Add: []File{file}}},
		"whole_files":   {old, Edit{Whole: old, Add: []File{{Name: "plan.pdf"}, file}}},
		"long_subject":  {nil, Edit{Subject: text(strings.Repeat("word ", 40) + "=?utf-8?q?not_encoded?=")}},
		"long_subject2": {nil, Edit{Subject: text(strings.Repeat("word ", 40))}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Apply(c.raw, &c.edit)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Apply(c.raw, &c.edit)
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("the same edit gives other bytes: %v", err)
			}
			golden := filepath.Join("testdata", name+".eml")
			shown := bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
			if bytes.ContainsRune(shown, '\r') {
				t.Errorf("a carriage return stands alone: %q", shown)
			}
			if *update {
				if err := os.WriteFile(golden, shown, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(shown), "\n")); d != "" {
				t.Errorf("it differs:\n%s", d)
			}
		})
	}
}

func TestAnEditThatNamesNothingChangesNothing(t *testing.T) {
	old := crlf(outlook)
	got, err := Apply(old, &Edit{Subject: text("Plan")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Apply(got, &Edit{Subject: text("Plan")})
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("%v:\n%s", err, again)
	}
	if i, j := bytes.Index(old, []byte("--outer")), bytes.Index(got, []byte("--outer")); !bytes.Equal(old[i:], got[j:]) {
		t.Errorf("the content has changed:\n%s", got)
	}
}

func TestAWholeMessageKeepsTheDraftsFilesAndWhatItAnswers(t *testing.T) {
	got, err := Apply(crlf(outlook), &Edit{Whole: []byte(whole)})
	if err != nil {
		t.Fatal(err)
	}
	ix := message.Parse(got)
	if ix.Subject != "Plan B" || ix.MessageID != "1@desk" || len(ix.References) != 1 || len(ix.From) != 0 {
		t.Errorf("%+v", ix)
	}
	if names := fileNames(ix); !slices.Equal(names, []string{"plan.pdf"}) {
		t.Errorf("files %v", names)
	}
	if words := words(t, got); words != "new words\nand more\n" {
		t.Errorf("text %q", words)
	}
}

func TestTheTextOfASignedDraftReplacesTheSignature(t *testing.T) {
	signed := crlf(`Subject: a
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s

--s
Content-Type: text/plain

signed
--s
Content-Type: application/pkcs7-signature; name=smime.p7s
Content-Transfer-Encoding: base64

AAAA
--s--
`)
	got, err := Apply(signed, &Edit{Text: &Text{Data: "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	ix := message.Parse(got)
	if names := fileNames(ix); len(names) != 0 || ix.IsSigned() || words(t, got) != "mine" {
		t.Errorf("files %v in:\n%s", names, got)
	}
}

func TestTooManyFilesAreRefused(t *testing.T) {
	e := Edit{Add: make([]File, maxFiles+1)}
	if _, err := Apply(nil, &e); !errors.Is(err, ErrTooManyFiles) {
		t.Errorf("got %v", err)
	}
}

func TestADraftIsDatedWhenItIsSent(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("", 3600))
	for _, raw := range []string{"Subject: a\r\n\r\nx", "Date: yesterday\r\nSubject: a\r\n\r\nx", "Subject: a", "", "\r\nx"} {
		got := Dated([]byte(raw), now)
		if ix := message.Parse(got); !ix.Date.Equal(now) || strings.Count(string(got), "Date:") != 1 {
			t.Errorf("%q became %q", raw, got)
		}
		if strings.HasSuffix(raw, "x") != bytes.HasSuffix(got, []byte("\r\n\r\nx")) {
			t.Errorf("%q became %q", raw, got)
		}
	}
}

// BenchmarkApply replaces the text of a draft with a file of a megabyte.
func BenchmarkApply(b *testing.B) {
	old, err := Apply(nil, &Edit{Subject: text("a"), Text: &Text{HTML: true, Data: "<p>one</p>"}, Add: []File{{Name: "f", Content: make([]byte, 1<<20)}}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(old)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(old, &Edit{Text: &Text{HTML: true, Data: "<p>two</p>"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func fileNames(ix *message.Index) (names []string) {
	for _, i := range ix.Attachments() {
		names = append(names, ix.AttachmentName(i))
	}
	return names
}

func words(t testing.TB, raw []byte) string {
	t.Helper()
	ix := message.Parse(raw)
	plain, _ := ix.Text()
	if plain < 0 {
		return ""
	}
	s, _, _, err := ix.ReadText(plain, message.Bytes(raw), -1)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(s, "\r\n", "\n")
}

// FuzzApply edits anything at all. The fields and the text are then as they
// were written, no file that was to stay is lost or different, and nothing gets
// into the header that was not meant for it.
func FuzzApply(f *testing.F) {
	f.Add(crlf(outlook), "subject", "to@example.org", "text", "a.txt", []byte("content"), true, uint8(1))
	f.Add([]byte(nil), "Ä\r\nBcc: x@example.org", "\"Ö, ü\" <a@b>; x", "a\rb\n.\n--outer\n", "../../\"x\".txt\r\n", []byte{0, 1}, false, uint8(0))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--x--"), "", "", "", "", []byte(nil), true, uint8(0))
	f.Add([]byte(whole), "=?utf-8?q?a?=", "<>", "<p>", "n", []byte("x"), true, uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, subject, to, body, name string, content []byte, html bool, gone uint8) {
		before := message.Parse(raw)
		files := before.Attachments()
		if len(raw) == 0 {
			files = nil
		}
		e := Edit{Subject: &subject, To: &to, Bcc: new(string), Add: []File{{Name: name, Content: content, Inline: gone%2 == 0, ContentID: name, Message: gone%3 == 0}}}
		if int(gone) < len(files) {
			e.Remove = []int{files[gone]}
		}
		got, err := Apply(raw, &e)
		if errors.Is(err, ErrTooManyFiles) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		after := message.Parse(got)
		if len(after.Bcc) > 0 && len(raw) < 1<<19 {
			t.Errorf("Bcc %v in %q", after.Bcc, got)
		}
		if clean := oneLine(subject); len(clean) < 500 && after.Subject != strings.Join(strings.Fields(clean), " ") && strings.Join(strings.Fields(after.Subject), " ") != strings.Join(strings.Fields(clean), " ") {
			t.Errorf("subject %q, want %q in:\n%s", after.Subject, clean, got)
		}
		e = Edit{Text: &Text{HTML: html, Data: body}}
		if got, err = Apply(got, &e); err != nil && !errors.Is(err, ErrTooManyFiles) {
			t.Fatal(err)
		}
		if got, err = Apply(got, &Edit{Whole: raw, Remove: []int{int(gone)}}); err != nil && !errors.Is(err, ErrTooManyFiles) {
			t.Fatal(err)
		}
		_ = Dated(got, time.Unix(0, 0))
	})
}
