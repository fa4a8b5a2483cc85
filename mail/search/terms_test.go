package search

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail/message"
)

// extract returns the terms of a message and their fields.
func extract(tb testing.TB, raw string) map[string]Field {
	tb.Helper()
	terms, err := Extract(message.Parse([]byte(raw)), message.Bytes(raw))
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string]Field{}
	for term, f := range terms.All() {
		if _, twice := all[string(term)]; twice {
			tb.Errorf("%q twice", term)
		}
		all[string(term)] = f
	}
	return all
}

const letter = "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\r\n" +
	"To: Ann <ann@example.com>\r\nCc: carol@example.net\r\nBcc: dan@example.net\r\n" +
	"Subject: =?iso-8859-1?q?Gr=FC=DFe?= from the lake\r\nImportance: high\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=m\r\n\r\n" +
	"--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain\r\n\r\nonlyplain\r\n" +
	"--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"<style>p { hidden: 1 }</style><p>Sch=C3=B6ne <b>Fe</b>rien &amp; lake</p><script>evil()</script>\r\n--a--\r\n" +
	"--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''Reise%20Pl%C3%A4ne.pdf\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n--m--\r\n"

func TestExtractFindsWordsWithTheirFields(t *testing.T) {
	got := extract(t, letter)
	for term, want := range map[string]Field{
		"jurgen": From, "muller": From, "juergen@example.org": From, "ann@example.com": To, "ann": To,
		"carol": Cc, "dan": Cc, "grusse": Subject, "lake": Subject | Body, "schone": Body, "ferien": Body,
		"reise": Attachment, "plane": Attachment, "pdf": Attachment,
		termAttachment: Attachment, termHigh: Subject,
		"example": From | To | Cc,
	} {
		if got[term] != want {
			t.Errorf("%q: fields %b, want %b", term, got[term], want)
		}
	}
	for _, term := range []string{"onlyplain", "hidden", "evil", "secret", "b", "p", termLow} {
		if f, ok := got[term]; ok {
			t.Errorf("%q is found in %b", term, f)
		}
	}
}

func TestAPictureInTheTextIsNoAttachment(t *testing.T) {
	got := extract(t, "Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n<img src=cid:x>text\r\n"+
		"--r\r\nContent-Type: image/png\r\nContent-ID: <x>\r\n\r\npng\r\n--r--\r\n")
	if _, ok := got[termAttachment]; ok || got["text"] != Body {
		t.Errorf("%v", got)
	}
}

func TestHTMLWithoutTextFallsBackToPlainText(t *testing.T) {
	got := extract(t, "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n"+
		"--a\r\nContent-Type: text/html\r\n\r\n<img src=x>\r\n--a--\r\n")
	if got["plain"] != Body {
		t.Errorf("%v", got)
	}
}

func TestCharsetsAreRead(t *testing.T) {
	for name, c := range map[string]struct{ head, body, want string }{
		"windows-1251": {"Content-Type: text/plain; charset=windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "привет"},
		"iso-2022-jp":  {"Content-Type: text/plain; charset=iso-2022-jp", "\x1b$B%\"\x1b(B", "ア"},
		"gb18030":      {"Content-Type: text/plain; charset=gb18030", "\xd6\xd0\xce\xc4", "中文"},
		"euc-kr":       {"Content-Type: text/plain; charset=euc-kr", "\xc7\xd1\xb1\xdb", "한글"},
		"base64":       {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte("שלום")), "שלום"},
	} {
		if got := extract(t, c.head+"\r\n\r\n"+c.body+"\r\n"); got[c.want] != Body {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAHugeMessageHasBoundedWords(t *testing.T) {
	var b strings.Builder
	b.WriteString("Subject: huge\r\n\r\n")
	for i := range 200000 {
		fmt.Fprintf(&b, "w%d ", i)
	}
	got := extract(t, b.String())
	if len(got) > maxTerms || len(got) < maxTerms/2 || got["huge"] != Subject {
		t.Errorf("%d terms", len(got))
	}
	long := extract(t, "Subject: x\r\n\r\n"+strings.Repeat("same ", 400000)+"end")
	if _, beyond := long["end"]; beyond || len(long) > 3 { // the last word may be cut
		t.Errorf("%d terms: %v", len(long), long)
	}
}

func TestAnErrorOfReadingIsReturned(t *testing.T) {
	raw := "Subject: x\r\n\r\nbody\r\n"
	if _, err := Extract(message.Parse([]byte(raw)), broken{}); err == nil {
		t.Error("no error")
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRealMessagesAreExtracted(t *testing.T) {
	all, none := corpus.Mail(t), 0
	for _, f := range all {
		if len(extract(t, string(f.Raw))) == 0 {
			none++
		}
	}
	if none > len(all)/20 {
		t.Errorf("%d of %d messages have no words", none, len(all))
	}
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte(letter))
	f.Add([]byte("Subject: a@b@c@d 中文\u0e01\r\n\r\n<@>@"))
	f.Add([]byte("From: \xff\xfe@\x80\r\nContent-Type: text/html\r\n\r\n<p>&#x4e2d;&zwj;"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		terms, err := Extract(message.Parse(raw), message.Bytes(raw))
		if err != nil {
			t.Fatal(err)
		}
		n, size := 0, 0
		for term, fields := range terms.All() {
			n++
			size += 2 + len(term)
			if len(term) == 0 || len(term) > maxTerm || fields == 0 || fields&^allFields != 0 {
				t.Errorf("%q in %b", term, fields)
			}
		}
		if n > maxTerms || size != len(terms) {
			t.Errorf("%d terms, %d of %d bytes", n, size, len(terms))
		}
	})
}

// bench10K is a message of 10 KB with plain text and HTML.
func bench10K() []byte {
	var b bytes.Buffer
	b.WriteString("From: \"A. Sender\" <a@example.org>\r\nTo: b@example.org\r\nSubject: a letter\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n")
	words := strings.Fields("Some plain words that a person might write to another one about all the things which happened since they last met in town")
	for i := 0; b.Len() < 4<<10; i++ {
		fmt.Fprintf(&b, "%s%d %s\r\n", words[i%len(words)], i%40, words[(i*7)%len(words)])
	}
	b.WriteString("--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>")
	for i := 0; b.Len() < 10<<10; i++ {
		fmt.Fprintf(&b, "<p>%s%d <b>%s</b> %s</p>\r\n", words[i%len(words)], i%40, words[(i*7)%len(words)], words[(i*5)%len(words)])
	}
	b.WriteString("</body></html>\r\n--x--\r\n")
	return b.Bytes()
}

func BenchmarkExtract(b *testing.B) {
	raw := bench10K()
	ix := message.Parse(raw)
	var terms Terms
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if terms, err = Extract(ix, message.Bytes(raw)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(terms)), "bytes")
}

func BenchmarkExtractCyrillic(b *testing.B) {
	raw := []byte("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("Привет, как твои дела? Всё хорошо и ёлка стоит. ", 100))
	ix := message.Parse(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Extract(ix, message.Bytes(raw)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	raw := bench10K()
	terms, err := Extract(message.Parse(raw), message.Bytes(raw))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		builder := NewBuilder()
		for d := range Doc(128) {
			builder.Add(d+1, slices.Clone(terms))
		}
		w := Writer{Emit: func(Block) error { return nil }}
		if err := builder.Write(&w); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/message")
}
