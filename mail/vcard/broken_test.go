package vcard_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/internal/corpus"
	"martlet/mail/vcard"
)

var update = flag.Bool("update", false, "write the golden files")

// Each fixture is one way in which cards from the wild are broken; its golden
// file is what is made of it.
func TestBrokenCardsAreReadAsTheyWereMeant(t *testing.T) {
	files, err := filepath.Glob("testdata/*.vcf")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, rest, err := vcard.Next(raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(bytes.TrimSpace(rest)) > 0 {
				t.Errorf("left over: %q", rest)
			}
			got := strings.ReplaceAll(string(c.Bytes()), "\r\n", "\n")
			golden := strings.TrimSuffix(file, ".vcf") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
			again, err := vcard.Parse(c.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c, again); d != "" {
				t.Errorf("what was written reads differently: %s", d)
			}
		})
	}
}

// One card that is broken keeps nobody from those after it.
func TestABrokenCardDoesNotHideTheNext(t *testing.T) {
	rest := []byte("BEGIN:VCARD\nFN:one\nBEGIN:VCARD\nFN:two\nEND:VCARD\n" +
		"BEGIN:VCARD\nX" + strings.Repeat(";A=1", 65) + ":1\nEND:VCARD\nbetween\nBEGIN:VCARD\nFN:three\nEND:VCARD\nBEGIN:VCARD\nFN:cut o")
	var names []string
	refused := 0
	for range 10 {
		c, more, err := vcard.Next(rest)
		rest = more
		switch {
		case errors.Is(err, io.EOF):
			if d := cmp.Diff([]string{"two", "three"}, names); d != "" || refused != 3 {
				t.Errorf("%d refused, read: %s", refused, d)
			}
			return
		case err != nil:
			refused++
		default:
			names = append(names, c.FormattedName())
		}
	}
	t.Fatal("it does not end")
}

// Whatever stands in a group, a name, a parameter or a value, it makes no line.
func TestNothingThatIsWrittenMakesALineOfItsOwn(t *testing.T) {
	const bad = "x\r\nEND:VCARD\r\nBEGIN:VCARD\n\rFN:other\u0085\u2028"
	c := vcard.New()
	c.Version = bad
	c.Add(vcard.TextProperty("FN", bad))
	c.Add(vcard.ListProperty("CATEGORIES", bad, "b"))
	c.Add(vcard.StructuredProperty("N", []string{bad}, []string{"b", bad}))
	c.Add(vcard.Property{Group: bad, Name: "TEL", Value: bad})
	c.Add(vcard.Property{Name: bad, Value: "gone"})
	c.Add(vcard.Property{Name: "EMAIL", Params: []vcard.Param{{Name: bad, Values: []string{"1"}}, {Name: "TYPE", Values: []string{bad, `"` + bad}}}, Value: "a@example.org"})
	c.AddLabelled(vcard.TextProperty("URL", bad), bad)
	photo := vcard.Property{Name: "PHOTO"}
	photo.SetBinary([]byte{1}, "image/"+bad, vcard.Version30)
	c.Add(photo)
	text := c.Bytes()
	if n := bytes.Count(bytes.ToUpper(text), []byte("\nEND:VCARD")); n != 1 {
		t.Errorf("the card ends %d times:\n%s", n, text)
	}
	again, rest, err := vcard.Next(text)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%v, left over %q", err, rest)
	}
	if again.Get("FN").Text() != strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(bad, "\r\n", "\n"), "\n\r", "\n\n"), "\r", "\n") {
		t.Errorf("FN is %q", again.Text("FN"))
	}
	if again.Get("TEL").Group != "" || again.Get("EMAIL") == nil || len(again.All("FN")) != 1 {
		t.Errorf("read as %+v", again)
	}
}

func TestDatesAreReadHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string]vcard.Date{
		"19850412": {Year: 1985, Month: 4, Day: 12}, "1985-04-12": {Year: 1985, Month: 4, Day: 12}, "1985-4-2": {Year: 1985, Month: 4, Day: 2},
		"1985-04-12T23:20:50Z": {Year: 1985, Month: 4, Day: 12}, "19531015T231000Z": {Year: 1953, Month: 10, Day: 15}, "1985-04-12 00:00:00": {Year: 1985, Month: 4, Day: 12},
		"--0412": {Month: 4, Day: 12}, "--04-12": {Month: 4, Day: 12}, "--04": {Month: 4}, "---12": {Day: 12}, "1985": {Year: 1985}, "1985-04": {Year: 1985, Month: 4},
		"1604-02-29": {Year: 1604, Month: 2, Day: 29}, "--0229": {Month: 2, Day: 29},
	} {
		if got, ok := vcard.ParseDate(text); !ok || got != want {
			t.Errorf("%s: %+v, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "circa 1800", "19851", "1985-13-01", "1985-02-29", "1985-04-31", "12.04.1985", "-", "--", "---", "1985-04-12-1", "T10", "99999999"} {
		if got, ok := vcard.ParseDate(text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestADayWithoutAYearIsWrittenAsTheVersionHasIt(t *testing.T) {
	for version, want := range map[string]string{vcard.Version30: "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12", vcard.Version40: "BDAY:--0412"} {
		c := &vcard.Card{Version: version}
		p := vcard.Property{Name: "BDAY"}
		p.SetDate(vcard.Date{Month: 4, Day: 12}, version)
		c.Add(p)
		if !strings.Contains(string(c.Bytes()), want+"\r\n") {
			t.Errorf("%s: %s", version, c.Bytes())
		}
		if d, ok := c.Get("BDAY").Date(); !ok || d != (vcard.Date{Month: 4, Day: 12}) {
			t.Errorf("%s: read as %+v", version, d)
		}
	}
}

func TestPhotosAreWrittenAsTheVersionHasThem(t *testing.T) {
	for version, want := range map[string]string{vcard.Version30: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/", vcard.Version40: "PHOTO:data:image/jpeg;base64,/9j/"} {
		c := &vcard.Card{Version: version}
		p := vcard.Property{Name: "PHOTO"}
		p.SetBinary([]byte("\xff\xd8\xff"), "image/jpeg", version)
		c.Add(p)
		if !strings.Contains(string(c.Bytes()), want+"\r\n") {
			t.Errorf("%s: %s", version, c.Bytes())
		}
		again, err := vcard.Parse(c.Bytes())
		if err != nil || string(again.Photo()) != "\xff\xd8\xff" {
			t.Errorf("%s: %v, %x", version, err, again.Photo())
		}
	}
}

func TestAPropertyGoesWithItsLabel(t *testing.T) {
	c := vcard.New()
	c.Add(vcard.Property{Group: "item3", Name: "URL", Value: "https://example.org"})
	at := c.AddLabelled(vcard.TextProperty("X-ABRELATEDNAMES", "Ada"), "Spouse")
	if got := c.Label(&c.Properties[at]); got != "spouse" || c.Properties[at].Group != "item4" {
		t.Errorf("%s.%s", c.Properties[at].Group, got)
	}
	c.Properties[at].Name = ""
	c.Sweep()
	if len(c.Properties) != 1 || c.Properties[0].Name != "URL" {
		t.Errorf("%+v", c.Properties)
	}
}

// Everything in the collection of real cards goes in and comes out.
func TestRealCardsComeOutAsTheyWentIn(t *testing.T) {
	n := 0
	for _, file := range corpus.Contacts(t) {
		rest := file.Raw
		for {
			c, more, err := vcard.Next(rest)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", file.Name, err)
				break
			}
			n++
			again, err := vcard.Parse(c.Bytes())
			if err != nil {
				t.Fatalf("%s: %v", file.Name, err)
			}
			if d := cmp.Diff(c, again); d != "" {
				t.Errorf("%s: %s", file.Name, d)
			}
			rest = more
		}
	}
	t.Log(n, "cards")
}

// A large value that is not folded, or in many soft lines, is put together in a
// time that grows with its size only.
func TestManyLinesOfOneValueCostNoMoreThanTheirBytes(t *testing.T) {
	for name, text := range map[string]string{
		"unfolded":         "BEGIN:VCARD\nPHOTO;ENCODING=b:\n" + strings.Repeat(strings.Repeat("A", 76)+"\n", 200_000) + "END:VCARD\n",
		"quoted-printable": "BEGIN:VCARD\nVERSION:2.1\nNOTE;ENCODING=QUOTED-PRINTABLE:" + strings.Repeat(strings.Repeat("A", 75)+"=\n", 200_000) + "\nEND:VCARD\n",
		"folded":           "BEGIN:VCARD\nPHOTO;ENCODING=b:\n" + strings.Repeat(" "+strings.Repeat("A", 75)+"\n", 200_000) + "END:VCARD\n",
		"unescaped":        "BEGIN:VCARD\nNOTE:x\n" + strings.Repeat("one two three\n", 1_000_000) + "END:VCARD\n",
	} {
		c, err := vcard.Parse([]byte(text))
		if err != nil || len(c.Properties) != 1 || len(c.Properties[0].Value) < 10<<20 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
