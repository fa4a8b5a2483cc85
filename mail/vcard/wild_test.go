package vcard_test

import (
	"strings"
	"testing"

	"martlet/mail/vcard"
)

// In 2.1 a semicolon of a text is escaped, encoded or not.
func TestAnEscapedSemicolonIsNoSeparator(t *testing.T) {
	for _, line := range []string{
		`N;ENCODING=QUOTED-PRINTABLE:Ash\;Birch;J=C3=B6rg;;;`,
		`N;ENCODING=QUOTED-PRINTABLE:Ash=3BBirch;J=C3=B6rg;;;`,
		`N;CHARSET=UTF-8:Ash\;Birch;Jörg;;;`,
		`N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Ash=5C;Birch;J=F6rg;;;`,
	} {
		c, err := vcard.Parse([]byte("BEGIN:VCARD\r\nVERSION:2.1\r\n" + line + "\r\nEND:VCARD\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		want := vcard.Name{Family: "Ash;Birch", Given: "Jörg"}
		if strings.Contains(line, "=5C;") { // a backslash that is text
			want = vcard.Name{Family: `Ash\`, Given: "Birch", Additional: "Jörg"}
		}
		if got := c.Name(); got != want {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

// What takes many times its length is bounded.
func TestParametersAreBounded(t *testing.T) {
	line := "X" + strings.Repeat(";A="+strings.Repeat(",", 190), 64) + ":\r\n"
	if _, err := vcard.Parse([]byte("BEGIN:VCARD\r\n" + strings.Repeat(line, 1900) + "END:VCARD\r\n")); err == nil {
		t.Error("read")
	}
}

// In 2.1 a comma was text, but in lists nobody kept to that.
func TestACommaOfTheOldVersion(t *testing.T) {
	c, err := vcard.Parse([]byte("BEGIN:VCARD\r\nVERSION:2.1\r\nCATEGORIES:Work,Friends\r\nNICKNAME:Ann,Anni\r\nORG:Ash, Birch & Co;Roots\r\nTITLE:Head\\, Tail\r\nEND:VCARD\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Get("CATEGORIES").List()) + len(c.Get("NICKNAME").List()); got != 4 {
		t.Errorf("%d values of lists", got)
	}
	if got := c.Get("ORG").Component(0); got != "Ash, Birch & Co" {
		t.Error(got)
	}
	if got := c.Text("TITLE"); got != "Head, Tail" {
		t.Error(got)
	}
}

// A program of 3.0 is given what 3.0 must have, and nothing that only 4.0 knows.
func TestACardForOldPrograms(t *testing.T) {
	c, err := vcard.Parse([]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nORG:Ash\r\nEMAIL;ALTID=1;PID=1.1;PREF=1;TYPE=work:a@example.org\r\nCLIENTPIDMAP:1;urn:x\r\nEND:VCARD\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "BEGIN:VCARD\r\nVERSION:3.0\r\nORG:Ash\r\nEMAIL;TYPE=work,pref:a@example.org\r\nN:Ash;;;;\r\nFN:Ash\r\nEND:VCARD\r\n"
	if got := string(c.As30().Bytes()); got != want {
		t.Errorf("%s", got)
	}
}
