package message

import (
	"strings"
	"testing"
)

var htmlCases = []struct{ in, want string }{
	{"", ""},
	{"plain", "plain"},
	{"a  b\r\n c", "a b c"},
	{"<p>one</p><p>two</p>", "one\r\n\r\ntwo"},
	{"one<br>two<br/>three", "one\r\ntwo\r\nthree"},
	{"<div>one</div><div><div>two</div></div>", "one\r\ntwo"},
	{"<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\r\n- b\r\n  - c\r\n\r\nd"},
	{"<ol><li>a</li><li>b</li></ol>", "1. a\r\n2. b"},
	{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\r\nc"},
	{"<style>p { color: red }</style><script>if (a < b) { }</script><title>no</title>yes", "yes"},
	{"<STYLE type='text/css'>x</Style >yes", "yes"},
	{"<style>never closed <b>text</b>", "never closed text"},
	{"a<!-- <b>no</b> -->b<!--[if mso]><p>no</p><![endif]-->c<![if !mso]>d<![endif]>", "abcd"},
	{"a<!-- never closed <b>yes", "ayes"},
	{"&lt;b&gt; &amp;amp; &eacute;&#8364;&#x20ac; &bogus; AT&T &nbsp;x", "<b> &amp; é€€ &bogus; AT&T x"},
	{`see <a href="https://example.org/x">here</a>.`, "see here <https://example.org/x>."},
	{`<a href="https://example.org/">example.org</a>`, "example.org"},
	{`<a href="mailto:bob@example.org">bob@example.org</a>`, "bob@example.org"},
	{`<a href="javascript:alert(1)">x</a>`, "x"},
	{`<img src="x.png" alt="Logo"> text`, "[Logo] text"},
	{"<blockquote>quoted<br>more</blockquote>own", "> quoted\r\n> more\r\n\r\nown"},
	{"<pre>a\r\n  b</pre>c", "a\r\n  b\r\n\r\nc"},
	{`<p title="a > b">text</p>`, "text"},
	{`<p title="unclosed>text</p>`, "text"},
	{"1 < 2 and 3 > 2", "1 < 2 and 3 > 2"},
	{"a&#8203;b\u200bc&zwnj;", "abc\u200c"},
	{"<p>one<p>two", "one\r\n\r\ntwo"},
	{"x<o:p></o:p>y", "xy"},
	{"<", "<"},
	{"</", "</"},
	{"<a href=", ""},
	{"end&", "end&"},
}

func TestHTMLBecomesReadableText(t *testing.T) {
	for _, c := range htmlCases {
		if got := HTMLToText(c.in); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestBareTextHasNoLinksAndNoImages(t *testing.T) {
	got := HTMLToBareText(`<img alt="Logo" src="cid:1"><p>Read <a href="https://example.org/track?1">this</a> now</p>`, 0)
	if got != "Read this now" {
		t.Errorf("%q", got)
	}
	if got := HTMLToBareText(strings.Repeat("<p>word</p>", 1000), 100); len(got) < 100 || len(got) > 120 {
		t.Errorf("%d bytes, though 100 were enough", len(got))
	}
}

func TestPlainTextBecomesHTML(t *testing.T) {
	got := TextToHTML("a <b> & \"c\"\r\n  two  blanks\nsee https://example.org/x?a=1&b=2.\r\n")
	for _, want := range []string{"a &lt;b&gt; &amp; &quot;c&quot;<br>\r\n", "&nbsp;two &nbsp;blanks<br>",
		`<a href="https://example.org/x?a=1&amp;b=2">https://example.org/x?a=1&amp;b=2</a>.`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestPreviewSaysWhatTheMessageSays(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Hello  Bob,\r\n\r\nhow are\tyou?", "Hello Bob, how are you?"},
		{"> old\r\n> older\r\nNew words\r\n> more", "New words"},
		{"> only\r\n> quoted", "> only > quoted"},
		{"Read this <https://example.org/a?b> now", "Read this now"},
		{"[image: Logo] [cid:image001.png@01D] Hi (https://example.org)", "Hi"},
		{"this<https://example.org/x>that", "this that"},
		{"https://example.org/only", "https://example.org/only"},
		{"Hi\r\n----------\r\nBob", "Hi Bob"},
		{"Yes.\r\n-----Original Message-----\r\nFrom: x", "Yes."},
		{"Ja.\r\nOn Monday, Bob wrote:\r\n> x", "Ja."},
		{"a\u00a0\u200b \u034f b", "a b"},
		{"", ""},
	} {
		if got := Preview(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
	if got := []rune(Preview(strings.Repeat("ä", 1000))); len(got) != maxPreview {
		t.Errorf("%d characters", len(got))
	}
}

func TestStripLinksKeepsEverythingElse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Read this <https://example.org/a?b> now\r\n[image: Logo]\r\nx (www.example.org)", "Read this now\r\n\r\nx"},
		{"a <b> [c] (d) <http://never.closed\r\ne>", "a <b> [c] (d) <http://never.closed\r\ne>"},
		{"https://example.org/x", "https://example.org/x"},
	} {
		if got := StripLinks(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}
