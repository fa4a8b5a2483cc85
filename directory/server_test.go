package directory

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestAMailboxOnAnotherServer(t *testing.T) {
	d := open(t)
	file := func(server string) string {
		return "[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"ada@example.org\"\nserver = \"" + server + "\"\n"
	}
	for server, want := range map[string]error{
		"https://mail2.example.org": nil, "https://mail2.example.org:8443": nil, "http://127.0.0.1:8080": nil, "https://[::1]:1": nil, "": nil,
		"mail2.example.org": ErrBadValue, "https://mail2.example.org/": ErrBadValue, "https://u:p@mail2.example.org": ErrBadValue,
		"https://mail2.example.org?x": ErrBadValue, "ftp://mail2.example.org": ErrBadValue, "https://": ErrBadValue, "https://a b": ErrBadValue,
	} {
		_, err := ParseFile(strings.NewReader(file(server)), "people.toml")
		if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), "server") {
			t.Errorf("%q: %v", server, err)
		}
	}
	f, err := ParseFile(strings.NewReader(file("https://mail2.example.org")), "people.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(t.Context(), f, false); err != nil {
		t.Fatal(err)
	}
	a, err := d.AccountByLogin(t.Context(), "ada")
	if err != nil || a.Server != "https://mail2.example.org" {
		t.Fatalf("%+v, %v", a, err)
	}
	out, err := d.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := out.WriteTOML(&b); err != nil || !strings.Contains(b.String(), "server = 'https://mail2.example.org'") {
		t.Errorf("%v:\n%s", err, b.String())
	}
	if err := d.SetServer(t.Context(), a.ID, "elsewhere"); !errors.Is(err, ErrBadValue) {
		t.Error(err)
	}
	if err := d.SetServer(t.Context(), a.ID, ""); err != nil {
		t.Error(err)
	}
	if a, _ = d.Account(t.Context(), a.ID); a.Server != "" {
		t.Errorf("%+v", a)
	}
}
