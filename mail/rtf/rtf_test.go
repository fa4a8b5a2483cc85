package rtf

import (
	"bytes"
	"encoding/base64"
	"errors"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// MS-OXRTFCP 3.1.1, 3.1.2.
var examples = []struct{ doc, packed string }{
	{"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", "-\x00\x00\x00+\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\n\x00rcpg125B2\n\xf3 hel\t\x00 bw\x05\xb0ld}\n\x80\x0f\xa0"},
	{"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}", "\x1a\x00\x00\x00\x1c\x00\x00\x00LZFu\xe2\xd4KQA\x00\x04 WXYZ\rn}\x01\x0e\xb0"},
}

func TestThePublishedExamplesAreDecompressed(t *testing.T) {
	for _, e := range examples {
		got, err := Decompress([]byte(e.packed))
		if err != nil || string(got) != e.doc {
			t.Errorf("%q, %v, want %q", got, err, e.doc)
		}
		if again, err := Decompress(Compress([]byte(e.doc))); err != nil || string(again) != e.doc {
			t.Errorf("compressed again: %q, %v", again, err)
		}
	}
	if got := Compress([]byte(examples[1].doc)); string(got) != examples[1].packed {
		t.Errorf("%q, want %q", got, examples[1].packed)
	}
	raw := "\x1a\x00\x00\x00\x0e\x00\x00\x00MELA\x00\x00\x00\x00{\\rtf1 hello}\n"
	if got, err := Decompress([]byte(raw)); err != nil || string(got) != "{\\rtf1 hello}\n" {
		t.Errorf("uncompressed: %q, %v", got, err)
	}
}

// What Exchange 2010 sent as the body of a calendar item (MS-ASAIRS 2.2.2.41,
// Type 3).
const fromExchange = "/wAAAH0BAABMWkZ10GIXb2EACmZiaWQEAABjY8BwZzEyNTIA9AH3JwKkA+MCAGNoCsBzZXh0MCAHbQKDAFAQHTJ/BgAGwwKDDsAD1AqBEIlhtmgDcQKAfQqACMg7CWL8MTkOwAnDFzIKMhcxFuN3CawCgBYiKgmwCfAEkGFOdAWyDlADYHNvAYAgtEV4EJFuGiAGUnYEkKsZpgIQcgDAdAhQbhwhmnQEkCAFoB1UZCADUrAgaHRtAnEKgXYIkOR3awuAZDUfQwTwB0ANGDAwCnEZ4mJrbWsGcwGQACAgQk1fQmBFR0lOfQr5FBNsfHRyEJAI0BQzAdAhoE8YRFkzFgIkwA=="

func TestABodyOfExchangeIsRead(t *testing.T) {
	b, err := base64.StdEncoding.DecodeString(fromExchange)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Decompress(b)
	if err != nil || !bytes.HasPrefix(doc, []byte(`{\rtf1\ansi\fbidis\ansicpg1252`)) || len(doc) != 0x17d {
		t.Fatalf("%d bytes, %v: %s", len(doc), err, doc)
	}
	if FormOf(doc) != Plain || ToText(doc) != "BODY3\r\n" {
		t.Errorf("form %d: %q", FormOf(doc), ToText(doc))
	}
}

func TestDamagedDataIsReadAsFarAsItGoes(t *testing.T) {
	packed := Compress([]byte(`{\rtf1\ansi\pard a text that is long enough for it, a text that is long enough}`))
	packed[12] ^= 1
	if got, err := Decompress(packed); !errors.Is(err, ErrChecksum) || !bytes.HasPrefix(got, []byte(`{\rtf1`)) {
		t.Errorf("%q, %v", got, err)
	}
	for i := range packed {
		Decompress(packed[:i])
	}
	if _, err := Decompress([]byte("no compressed text at all")); !errors.Is(err, ErrNotCompressed) {
		t.Error(err)
	}
}

func TestCompressedTextIsSmall(t *testing.T) {
	doc := FromHTML("<html><body>" + strings.Repeat("<p>The same words again and again.</p>\r\n", 500) + "</body></html>")
	packed := Compress(doc)
	if got, err := Decompress(packed); err != nil || !bytes.Equal(got, doc) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(doc), err)
	}
	if len(packed) > len(doc)/4 {
		t.Errorf("%d bytes of %d", len(packed), len(doc))
	}
}

// MS-OXRTFEX 4.1: what is HTML, what is for other readers, what is neither.
func TestEncapsulatedHTMLComesOut(t *testing.T) {
	doc := `{\rtf1\ANSI\ansicpg1251\fromhtml1 \deff0
{\fonttbl {\f0\fmodern Courier New;}{\f1\fswiss Arial;}{\f2\fswiss\fcharset0 Arial;}}
{\colortbl\red0\green0\blue0;\red0\green0\blue255;}
{\*\htmltag64}
\uc1\pard\plain\deftab360 \f0\fs24
{\*\htmltag <HTML><head>\par
<style>\par
<!--\par
 /* Style Definitions */\par
p.MsoNormal, li.MsoNormal \{font-family:Arial;\}\par
-->\par
</style>\par
\tab <!-- This is a HTML comment.\par
There is a horizontal tab (%x09) character before the comment, \par
and some new line inside the comment. -->\par
</head>\par
<body>\par
<p
 class="MsoNormal">}
{\htmlrtf \f1 \htmlrtf0 Note the line break inside a P tag. {\*\htmltag <b>}{\htmlrtf \b \htmlrtf0 This is {\*\htmltag </b>} bold text{\*\htmltag <BR>}} \htmlrtf\par\htmlrtf0}
\htmlrtf \par \htmlrtf0
{\*\htmltag </p>\par
<p class="MsoNormal">\par}
{\htmlrtf \f1 \htmlrtf0 This is a normal text with a character references:
{\*\htmltag &nbsp;}\htmlrtf \'a0\htmlrtf0  {\*\htmltag &lt;}\htmlrtf <\htmlrtf0  {\*\htmltag &uml;}\htmlrtf {\f2\'a8}\htmlrtf0{\*\htmltag <br>\par}\htmlrtf\line\htmlrtf0
characters which have special meaning in RTF: \{\}\\{\*\htmltag <br>\par}\htmlrtf\line\htmlrtf0\htmlrtf\par\htmlrtf0}
{\*\mhtmltag <img src="cid:rewritten">}
{\*\htmltag </p>\par
<ol>\par
    <li class="MsoNormal">}{\htmlrtf {{\*\pn\pnlvlbody\pndec\pnstart1\pnindent360{\pntxta.}}\li360\fi-360{\pntext 1.\tab} \f1 \htmlrtf0 This is a list item}\htmlrtf\par\htmlrtf0}
{\*\htmltag \par
</ol>\par
</body>\par
</HTML>\par }}`
	if FormOf([]byte(doc)) != HTML {
		t.Fatal("not recognized")
	}
	got := ToHTML([]byte(doc))
	for _, want := range []string{
		"<HTML><head>\r\n<style>\r\n<!--\r\n /* Style Definitions */\r\np.MsoNormal, li.MsoNormal {font-family:Arial;}\r\n-->",
		"\t<!-- This is a HTML comment.", "<p class=\"MsoNormal\">Note the line break inside a P tag. <b>This is </b> bold text<BR>",
		"references:&nbsp; &lt; &uml;<br>\r\ncharacters which have special meaning in RTF: {}\\<br>", "<li class=\"MsoNormal\">This is a list item", "</ol>\r\n</body>\r\n</HTML>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "cid:rewritten") || strings.Contains(got, "Courier") || strings.Contains(got, "1.") {
		t.Errorf("what is for other readers is there:\n%s", got)
	}
}

func TestRTFIsShown(t *testing.T) {
	for name, c := range map[string]struct{ doc, text, html string }{
		"words":      {`{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 Hello \b world\b0 !\par Second line.\par}`, "Hello world!\r\nSecond line.\r\n", "<p>Hello <b>world</b>!</p>\r\n<p>Second line.</p>\r\n"},
		"code pages": {`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset128 MS;}{\f2 Arial;}}\f0 \'cf\'f0\'e8\'e2\'e5\'f2 \f1 \'93\'fa\'96\'7b \f2 \'e9}`, "Привет 日本 é\r\n", "<p>Привет 日本 é</p>\r\n"},
		"Unicode":    {`{\rtf1\uc1 \u8364? \u-10179?\u-8704? \uc2\u233\'c3\'a9x\uc0\u233 y}`, "€ 😀 éxéy\r\n", "<p>€ 😀 éxéy</p>\r\n"},
		"hidden":     {`{\rtf1 a{\v hidden}{\*\unknown x{y}}{\info{\title T}}{\pict\bin3 {}}}b}`, "ab\r\n", "<p>ab</p>\r\n"},
		"a link":     {`{\rtf1 See {\field{\*\fldinst{HYPERLINK "http://example.org/?a&b"}}{\fldrslt{\ul here}}} now.}`, "See here now.\r\n", `<p>See <a href="http://example.org/?a&amp;b"><u>here</u></a> now.</p>` + "\r\n"},
		"a script":   {`{\rtf1 {\field{\*\fldinst{HYPERLINK "javascript:x"}}{\fldrslt here}} <b>}`, "here <b>\r\n", "<p>here &lt;b&gt;</p>\r\n"},
		"colours":    {`{\rtf1{\colortbl;\red255\green0\blue16;}\cf1\fs40 x}`, "x\r\n", `<p><span style="font-size:20.0pt;color:#ff0010;">x</span></p>` + "\r\n"},
		"a table":    {`{\rtf1\trowd a\cell b\cell\row c}`, "a\tb\t\r\nc\r\n", "<p>a&nbsp;&nbsp;&nbsp; b&nbsp;&nbsp;&nbsp; </p>\r\n<p>c</p>\r\n"},
		"quotes":     {`{\rtf1\ldblquote a\rdblquote\~\emdash\bullet}`, "“a”\u00a0—•\r\n", "<p>“a”\u00a0—•</p>\r\n"},
		"fromtext":   {`{\rtf1\ansi\ansicpg1252\fromtext \deff0{\fonttbl{\f0\fmodern Courier New;}}\uc1\pard\plain\f0\fs20 a \{b\}\par` + "\r\n" + `c\par}`, "a {b}\r\nc\r\n", ""},
		"nothing":    {``, "\r\n", ""},
		"not RTF":    {`hello`, "hello\r\n", "<p>hello</p>\r\n"},
	} {
		if got := ToText([]byte(c.doc)); got != c.text {
			t.Errorf("%s: %q, want %q", name, got, c.text)
		}
		if got := ToHTML([]byte(c.doc)); c.html != "" && got != htmlHead+c.html+htmlTail {
			t.Errorf("%s: %q, want %q", name, got, c.html)
		}
	}
}

func TestWhatIsWrittenComesBack(t *testing.T) {
	for _, text := range []string{"a\r\nb {c} \\d\r\n", "Grüße aus 東京 😀\r\n", "\tx\u00a0y\r\n"} {
		doc := FromText(text)
		if FormOf(doc) != Text {
			t.Errorf("%q is of form %d", text, FormOf(doc))
		}
		if got := ToText(doc); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	for _, text := range []string{
		"<html><head><title>x</title><style>p{color:red}</style></head><body><p>Grüße &amp; <b>mehr</b>&nbsp;aus 東京 😀</p>\r\n<pre>a\r\nb</pre><!-- {c} --></body></html>",
		"a < b & c &lt; d; <br/>", "<p title=\"a>b\">x", "<p", "&", "",
	} {
		doc := FromHTML(text)
		if FormOf(doc) != HTML {
			t.Errorf("%q is of form %d", text, FormOf(doc))
		}
		if got := ToHTML(doc); got != text {
			t.Errorf("\n got %q\nwant %q\nof %s", got, text, doc)
		}
	}
}

// Another reader sees the words, too.
func TestUnrtfReadsWhatIsWritten(t *testing.T) {
	unrtf, err := exec.LookPath("unrtf")
	if err != nil {
		t.Skip("unrtf is not installed")
	}
	for name, doc := range map[string][]byte{"text": FromText("Guten Tag,\r\nschöne Grüße\r\n"), "html": FromHTML("<html><head><style>x{}</style></head><body><p>Guten Tag,</p>\r\n<p>sch&ouml;ne Gr&#252;&szlig;e</p></body></html>")} {
		file := filepath.Join(t.TempDir(), "x.rtf")
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(unrtf, "--html", file).Output()
		out = []byte(html.UnescapeString(regexp.MustCompile("</?font[^>]*>").ReplaceAllString(string(out), "")))
		if err != nil || !bytes.Contains(out, []byte("Guten Tag,<br>")) || !bytes.Contains(out, []byte("schöne Grüße")) || bytes.Contains(out, []byte("x{}")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func FuzzRTF(f *testing.F) {
	f.Add([]byte(examples[0].doc))
	f.Add([]byte(examples[0].packed))
	f.Add(FromHTML("<p>a &amp; b</p>"))
	f.Add([]byte(`{\rtf1{\fonttbl{\f0\fcharset128 x;}}{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt y}}\u-10179?\'e9\bin2 ab\par}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if doc, err := Decompress(b); err == nil && len(doc) > len(b)*16 {
			t.Fatalf("%d bytes of %d", len(doc), len(b))
		}
		ToText(b)
		ToHTML(b)
		if got, err := Decompress(Compress(b)); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%q became %q, %v", b, got, err)
		}
	})
}

func FuzzWriter(f *testing.F) {
	f.Add("<p>a &amp; b</p>\r\n<!-- x -->")
	f.Add("a < b \\ {")
	f.Fuzz(func(t *testing.T, s string) {
		FromText(s)
		doc := FromHTML(s)
		if !bytes.HasSuffix(doc, []byte("}\r\n")) {
			t.Fatalf("%q", doc)
		}
		ToHTML(doc)
	})
}

func BenchmarkToHTML(b *testing.B) {
	doc := FromHTML("<html><body>" + strings.Repeat("<p>The same words again and again.</p>\r\n", 500) + "</body></html>")
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		ToHTML(doc)
	}
}

func BenchmarkCompress(b *testing.B) {
	doc := FromHTML("<html><body>" + strings.Repeat("<p>The same words again and again.</p>\r\n", 500) + "</body></html>")
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		Compress(doc)
	}
}

// What is made of a document is not many times as large.
func TestHostileDocumentsStaySmall(t *testing.T) {
	for name, doc := range map[string]string{
		"a link over many paragraphs": `{\rtf1{\field{\*\fldinst HYPERLINK "http://` + strings.Repeat("x", 2000) + `"}{\fldrslt ` + strings.Repeat(`a\par`+"\n", 20000) + `}}}`,
		"looks that change":           `{\rtf1 ` + strings.Repeat(`\b\i\ul a\plain b`, 10000) + `}`,
		"groups without end":          `{\rtf1 ` + strings.Repeat(`{`, 100000) + `a`,
		"groups that only end":        `{\rtf1 ` + strings.Repeat(`}`, 100000) + `a`,
		"destinations":                strings.Repeat(`{\*\x{\fonttbl{\f0`, 10000),
		"characters to skip":          `{\rtf1\uc16 ` + strings.Repeat(`\u65\u66`, 10000) + `}`,
		"raw bytes that are not":      `{\rtf1\bin999999999 `,
	} {
		if got := ToHTML([]byte(doc)); len(got) > maxGrowth*len(doc)+4096 {
			t.Errorf("%s: %d bytes of %d", name, len(got), len(doc))
		}
		if got := ToText([]byte(doc)); len(got) > 4*len(doc)+4096 {
			t.Errorf("%s: %d bytes of text of %d", name, len(got), len(doc))
		}
	}
}
