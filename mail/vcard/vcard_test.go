package vcard_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"martlet/mail/vcard"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

const whole = `BEGIN:VCARD
VERSION:4.0
FN:Robin Swift\, M.A.
N:Swift\;Martin;Robin;J.,K.;Dr.;M.A.
ORG:Feather\; Sons,Inc;Flight
EMAIL;TYPE=home:robin@home.example
EMAIL;TYPE=work;PREF=1:robin@work.example
item1.TEL;VALUE=uri;TYPE="voice,cell":tel:+49-30-1
item1.X-ABLABEL:_$!<Other>!$_
NOTE:two\nlines\, and \\ more
X-STRANGE;X-P=a,"b;c",d^ne:anything ; at, all
KEY:data:application/pkix-cert;base64,AAEC
PHOTO;ENCODING=b;TYPE=JPEG:/9j/
END:VCARD
`

func TestACardSaysWhatItSays(t *testing.T) {
	c, err := vcard.Parse([]byte(crlf(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.FormattedName(), "Robin Swift, M.A."; got != want {
		t.Errorf("FN is %q, want %q", got, want)
	}
	want := vcard.Name{Family: "Swift;Martin", Given: "Robin", Additional: "J. K.", Prefix: "Dr.", Suffix: "M.A."}
	if got := c.Name(); got != want {
		t.Errorf("N is %+v, want %+v", got, want)
	}
	if got, want := c.Get("ORG").Components(), [][]string{{"Feather; Sons", "Inc"}, {"Flight"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("ORG is %q, want %q", got, want)
	}
	if got, want := c.Emails(), []string{"robin@work.example", "robin@home.example"}; !reflect.DeepEqual(got, want) {
		t.Errorf("addresses are %q, want %q: the preferred one first", got, want)
	}
	if got, want := c.Text("NOTE"), "two\nlines, and \\ more"; got != want {
		t.Errorf("NOTE is %q, want %q", got, want)
	}
	tel := c.Get("TEL")
	if tel.Group != "item1" || !reflect.DeepEqual(tel.Types(), []string{"voice", "cell"}) {
		t.Errorf("TEL is %+v", tel)
	}
	if got, want := c.Get("X-STRANGE").Param("X-P"), []string{"a", "b;c", "d\ne"}; !reflect.DeepEqual(got, want) {
		t.Errorf("a parameter is %q, want %q", got, want)
	}
	if got := c.Certificates(); len(got) != 1 || string(got[0]) != "\x00\x01\x02" {
		t.Errorf("KEY is %x", got)
	}
	if got := c.Photo(); string(got) != "\xff\xd8\xff" {
		t.Errorf("PHOTO is %x", got)
	}
}

// Law of the house: a round trip loses nothing, known or not.
func TestACardIsWrittenAsItWasRead(t *testing.T) {
	c, err := vcard.Parse([]byte(crlf(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(crlf(whole), string(c.Bytes())); d != "" {
		t.Error(d)
	}
}

func TestOldCards(t *testing.T) {
	for _, tc := range []struct{ name, text, property, want string }{
		{"quoted-printable in Latin-1", "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=FCrgen\nEND:VCARD\n", "N", "Müller;Jürgen"},
		{"quoted-printable over lines", "BEGIN:VCARD\nVERSION:2.1\nNOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0A=\ntwo=3Bx\nEND:VCARD\n", "NOTE", `one\ntwo\;x`},
		{"bare types", "BEGIN:VCARD\nVERSION:2.1\nTEL;HOME;VOICE:1\nEND:VCARD\n", "TEL", "1"},
		{"a comma in a name", "BEGIN:VCARD\nVERSION:2.1\nN:Swift, Jr.;Robin\nEND:VCARD\n", "N", `Swift\, Jr.;Robin`},
		{"folded base64", "BEGIN:VCARD\nVERSION:2.1\nPHOTO;JPEG;BASE64:\n /9\n j/\n\nEND:VCARD\n", "PHOTO", "/9j/"},
		{"a byte order mark", "\xef\xbb\xbfBEGIN:VCARD\nFN:x\nEND:VCARD", "FN", "x"},
		{"bytes that are no UTF-8", "BEGIN:VCARD\nFN:a\xffb\nEND:VCARD", "FN", "aÿb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := vcard.Parse([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			p := c.Get(tc.property)
			if p == nil || p.Value != tc.want {
				t.Fatalf("%s is %+v, want %q", tc.property, p, tc.want)
			}
			if c.Version != vcard.Version30 {
				t.Errorf("version %q", c.Version)
			}
		})
	}
}

func TestWhatIsNoCardIsRefused(t *testing.T) {
	many := strings.Repeat("X:1\n", 2001)
	for name, text := range map[string]string{
		"something else":         "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
		"no end":                 "BEGIN:VCARD\nFN:x\n",
		"a card in a card":       "BEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD\n",
		"too many properties":    "BEGIN:VCARD\n" + many + "END:VCARD\n",
		"too many parameters":    "BEGIN:VCARD\nX" + strings.Repeat(";A=1", 65) + ":1\nEND:VCARD\n",
		"too many values":        "BEGIN:VCARD\nX;A=" + strings.Repeat("1,", 201) + "1:1\nEND:VCARD\n",
		"more bytes than may be": "BEGIN:VCARD\nNOTE:" + strings.Repeat("x", vcard.MaxBytes) + "\nEND:VCARD\n",
	} {
		if _, err := vcard.Parse([]byte(text)); !errors.Is(err, vcard.ErrMalformed) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestCardsFollowEachOther(t *testing.T) {
	rest := []byte("\nBEGIN:VCARD\nFN:one\nEND:VCARD\n\n\nBEGIN:VCARD\nFN:two\nEND:VCARD\n\n")
	var names []string
	for {
		c, more, err := vcard.Next(rest)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names, rest = append(names, c.FormattedName()), more
	}
	if !reflect.DeepEqual(names, []string{"one", "two"}) {
		t.Errorf("read %q", names)
	}
}

// go-vcard loses a semicolon in N; whatever a name holds, it comes back.
func TestWhateverIsWrittenComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äß€\n😀]{0,120}`)
		n := vcard.Name{Family: text.Draw(t, "family"), Given: text.Draw(t, "given"), Suffix: text.Draw(t, "suffix")}
		list := rapid.SliceOfN(rapid.StringMatching(`[ -~ä\n]{0,20}`), 1, 5).Draw(t, "list")
		param := text.Draw(t, "param")
		c := vcard.New()
		c.SetName(n)
		c.Add(vcard.ListProperty("CATEGORIES", list...))
		note := vcard.TextProperty("NOTE", n.Given)
		note.SetParam("X-LABEL", param)
		c.Set(note)
		again, err := vcard.Parse(c.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if again.Name() != n {
			t.Fatalf("the name came back as %+v, was %+v", again.Name(), n)
		}
		if got := again.Get("CATEGORIES").List(); !reflect.DeepEqual(got, list) {
			t.Fatalf("the list came back as %q, was %q", got, list)
		}
		if p := again.Get("NOTE"); p.Text() != n.Given || p.Param("X-LABEL")[0] != param {
			t.Fatalf("the note came back as %+v", p)
		}
		for line := range strings.Lines(string(c.Bytes())) {
			if len(line) > 77 {
				t.Fatalf("a line has %d octets", len(line))
			}
		}
	})
}

func TestSetReplacesAllOfAName(t *testing.T) {
	c := vcard.New()
	c.Add(vcard.TextProperty("EMAIL", "a@example.org"))
	c.Add(vcard.TextProperty("FN", "A"))
	c.Add(vcard.TextProperty("EMAIL", "b@example.org"))
	c.Set(vcard.TextProperty("EMAIL", "c@example.org"))
	if got := c.Emails(); !reflect.DeepEqual(got, []string{"c@example.org"}) || c.Properties[0].Name != "EMAIL" {
		t.Errorf("addresses are %q", got)
	}
	c.Remove("EMAIL")
	if c.Get("EMAIL") != nil || c.FormattedName() != "A" {
		t.Errorf("the card is %+v", c)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=\n=FCrgen\nPHOTO;BASE64:AA\n\nEND:VCARD\n"))
	f.Add([]byte("BEGIN:VCARD\n0;QUOTED-PRINTABLE:\x7f\nEND:"))
	f.Add([]byte("BEGIN:VCARD\nX;A=\"^n^^^'\";B=1,2:\\\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := vcard.Parse(text)
		if err != nil {
			return
		}
		c.FormattedName()
		c.Emails()
		c.Certificates()
		c.Photo()
		for i := range c.Properties {
			c.Properties[i].Components()
			c.Properties[i].List()
		}
		again, err := vcard.Parse(c.Bytes())
		if err != nil {
			t.Fatalf("%v: what was written cannot be read:\n%q", err, c.Bytes())
		}
		if d := cmp.Diff(c, again); d != "" {
			t.Fatalf("what was written reads differently: %s", d)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(crlf(whole))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := vcard.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
