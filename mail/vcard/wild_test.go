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
