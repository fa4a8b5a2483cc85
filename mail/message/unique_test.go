package message

import (
	"strings"
	"testing"
)

// What phones, web mails and desktops put below an answer, and above it.
func TestWhatIsNewInAnHTMLText(t *testing.T) {
	const answer = "<p>Yes, at noon.</p>"
	for name, c := range map[string]struct{ in, want string }{
		"nothing quoted": {answer, answer},
		"Gmail": {`<div dir="ltr">Yes, at noon.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, 23 Nov 2026 at 09:00, Bob &lt;<a href="mailto:bob@example.org">bob@example.org</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0"><div>Lunch?</div></blockquote></div>`,
			`<div dir="ltr">Yes, at noon.`},
		"Apple": {`<html><body>Yes, at noon.<br><div><br><blockquote type="cite"><div>On 23 Nov 2026, at 09:00, Bob &lt;bob@example.org&gt; wrote:</div><br><div>Lunch?</div></blockquote></div></body></html>`,
			`<html><body>Yes, at noon.</body></html>`},
		"Apple, introduced outside": {`<html><body><div>Yes, at noon.</div><div><br></div><div>On 23 Nov 2026, at 09:00, Bob &lt;bob@example.org&gt; wrote:</div><br><blockquote type="cite"><div>Lunch?</div></blockquote></body></html>`,
			`<html><body><div>Yes, at noon.</div></body></html>`},
		"Thunderbird": {`<html><body><p>Yes, at noon.</p><div class="moz-cite-prefix">Am 23.11.26 um 09:00 schrieb Bob:<br></div><blockquote type="cite" cite="mid:1@example.org"><p>Lunch?</p></blockquote></body></html>`,
			`<html><body><p>Yes, at noon.</p></body></html>`},
		"Outlook": {`<html><body><div class="WordSection1"><p class="MsoNormal">Yes, at noon.<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal"><b>From:</b> Bob &lt;bob@example.org&gt;<br><b>Sent:</b> Monday, November 23, 2026 9:00 AM<br><b>To:</b> Anna<br><b>Subject:</b> Lunch</p></div></div><p>Lunch?</p></div></body></html>`,
			`<html><body><div class="WordSection1"><p class="MsoNormal">Yes, at noon.</p></div></body></html>`},
		"Outlook in German": {`<div>Ja, um zwölf.</div><hr><p><b>Von:</b> Bob<br><b>Gesendet:</b> Montag<br><b>An:</b> Anna<br><b>Betreff:</b> Essen</p><p>Essen?</p>`,
			`<div>Ja, um zwölf.</div>`},
		"Outlook on the web": {`<div>Yes, at noon.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Bob</div><div>Lunch?</div>`,
			`<div>Yes, at noon.</div>`},
		"answer below": {`<html><body><div class="moz-cite-prefix">On 23.11.26 09:00, Bob wrote:<br></div><blockquote type="cite"><p>Lunch?</p></blockquote><p>Yes, at noon.</p></body></html>`,
			`<html><body><div class="moz-cite-prefix"><br></div><blockquote type="cite"><p></p></blockquote><p>Yes, at noon.</p></body></html>`},
		"answers between": {`<blockquote type="cite">Lunch?</blockquote><p>Yes.</p><blockquote type="cite">Noon?</blockquote><p>Yes.</p>`,
			`<blockquote type="cite">Lunch?</blockquote><p>Yes.</p><blockquote type="cite">Noon?</blockquote><p>Yes.</p>`},
		"lines between and after":     {"<p>Yes, at noon.</p>\r\n<div class=\"moz-cite-prefix\">Am 23.11.26 um 09:00 schrieb Bob:<br></div>\r\n<blockquote type=\"cite\">\r\nLunch?\r\n</blockquote>\r\n", `<p>Yes, at noon.</p>`},
		"only quoted":                 {`<div class="gmail_quote">Lunch?</div>`, `<div class="gmail_quote">Lunch?</div>`},
		"a picture is an answer":      {`<img src="cid:1"><blockquote type="cite">Lunch?</blockquote>`, `<img src="cid:1">`},
		"style is not shown":          {`<style>p{}</style>` + answer + `<div class="yahoo_quoted"><p>Lunch?</p></div>`, `<style>p{}</style><p>Yes, at noon.</p>`},
		"a list of words with colons": {`<p>From: here</p><p>Then: there</p>`, `<p>From: here</p><p>Then: there</p>`},
	} {
		got := UniqueHTML(c.in)
		if name == "Gmail" || name == "Outlook on the web" || name == "Outlook in German" || name == "a picture is an answer" || name == "style is not shown" {
			if !strings.HasPrefix(got, c.want) || strings.Contains(got, "Lunch") || strings.Contains(got, "Essen?") || strings.Contains(got, "wrote") || strings.Contains(got, "From") {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
		if again := UniqueHTML(got); HTMLToText(again) != HTMLToText(got) {
			t.Errorf("%s: cut again:\n%s\n%s", name, got, again)
		}
	}
}

func TestWhatIsNewInAPlainText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing quoted":   {"Yes.\r\n", "Yes.\r\n"},
		"quoted below":     {"Yes.\r\n\r\nOn Mon, Bob <bob@example.org> wrote:\r\n> Lunch?\r\n>\r\n> Bob\r\n", "Yes.\r\n"},
		"a long line":      {"Yes.\r\n\r\nOn Monday, the 23rd of November,\r\nBob Baker wrote:\r\n\r\n> Lunch?\r\n", "Yes.\r\n"},
		"quoted above":     {"On Mon, Bob wrote:\r\n> Lunch?\r\n\r\nYes.\r\n", "Yes.\r\n"},
		"answers between":  {"> Lunch?\r\nYes.\r\n> Noon?\r\nYes.\r\n", "> Lunch?\r\nYes.\r\n> Noon?\r\nYes.\r\n"},
		"Outlook":          {"Yes.\r\n\r\n-----Original Message-----\r\nFrom: Bob\r\nSent: Monday\r\nTo: Anna\r\nSubject: Lunch\r\n\r\nLunch?\r\n", "Yes.\r\n"},
		"Outlook in Czech": {"Ano.\r\n\r\n________________________________\r\nOd: Bob\r\nOdesláno: pondělí\r\nKomu: Anna\r\nPředmět: Oběd\r\n\r\nOběd?\r\n", "Ano.\r\n"},
		"a header alone":   {"From: Bob\r\nSent: Monday\r\nSubject: Lunch\r\n\r\nLunch?", "From: Bob\r\nSent: Monday\r\nSubject: Lunch\r\n\r\nLunch?"},
		"empty":            {"", ""},
		"a colon":          {"The list:\r\n- one\r\n", "The list:\r\n- one\r\n"},
	} {
		if got := UniqueText(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestForwardsAreKnownByTheirSubject(t *testing.T) {
	for subject, want := range map[string]bool{"FW: Lunch": true, "Fwd: Re: x": true, "WG: Essen": true, "Re: Fwd: x": false, "Lunch": false, "Note: x": false, "Fw[2]: x": true} {
		if got := IsForward(subject); got != want {
			t.Errorf("%q: %v", subject, got)
		}
	}
}

func FuzzUniqueHTML(f *testing.F) {
	f.Add(`<div>Yes.</div><div class="gmail_quote"><blockquote>Lunch?</blockquote></div>`)
	f.Add(`<p>x<p>y<blockquote type=cite>z<table><tr><td>a`)
	f.Add(`<b>From:</b>a<br>Sent: b<br>To: c<br>Subject: d<br>e<!-- <style> -->`)
	f.Fuzz(func(t *testing.T, in string) {
		out := UniqueHTML(in)
		if len(out) > len(in)+20*maxOpen*4+64 {
			t.Fatalf("%d bytes of %d", len(out), len(in))
		}
		UniqueText(in)
	})
}

func BenchmarkUniqueHTML(b *testing.B) {
	text := strings.Repeat("<p class=\"MsoNormal\">Some words of a paragraph that are new.</p>\r\n", 100) +
		`<div class="gmail_quote">` + strings.Repeat("<blockquote class=\"gmail_quote\"><p>And some that are not.</p></blockquote>", 100) + "</div>"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		UniqueHTML(text)
	}
}
