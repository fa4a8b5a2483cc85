package directory

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCertificatesComeInThreeForms(t *testing.T) {
	der := testFile(t, "robin.der")
	for _, name := range []string{"robin.pem", "robin.der", "robin.p7b"} {
		got, err := ParseCertificates(testFile(t, name))
		if err != nil || len(got) != 1 || !bytes.Equal(got[0], der) {
			t.Errorf("%s: %d certificates, %v; want the person's alone", name, len(got), err)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "a broken block": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "too much": make([]byte, maxCertificateFile+1)} {
		if _, err := ParseCertificates(b); !errors.Is(err, ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func robin(t *testing.T) (*Directory, Account) {
	t.Helper()
	d := open(t)
	ctx := context.Background()
	if err := d.AddDomain(ctx, Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	a, err := d.AddUser(ctx, Account{Login: "robin@example.org", Aliases: []string{"r.swift@example.org"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return d, a
}

func TestAnAccountHasCertificates(t *testing.T) {
	d, a := robin(t)
	ctx := context.Background()
	der := testFile(t, "robin.der")
	old, err := ParseCertificates(testFile(t, "old.pem"))
	if err != nil {
		t.Fatal(err)
	}
	// The second names an alias, in its subject as older ones do.
	for _, ders := range [][][]byte{{der}, {der, old[0]}} {
		if err := d.AddCertificates(ctx, a.ID, ders); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := d.Certificates(ctx, a.ID); err != nil || len(all) != 2 {
		t.Fatalf("%d certificates, %v", len(all), err)
	}
	if err := d.RemoveCertificate(ctx, a.ID, "ff00"); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("an unknown one: %v", err)
	}
	if err := d.RemoveCertificate(ctx, a.ID, ""); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("no fingerprint: %v", err)
	}
	if err := d.RemoveCertificate(ctx, a.ID, strings.ToUpper(Fingerprint(der)[:12])); err != nil {
		t.Error(err)
	}
	if all, _ := d.Certificates(ctx, a.ID); len(all) != 1 || !bytes.Equal(all[0], old[0]) {
		t.Errorf("%d are left", len(all))
	}
	if err := d.RemoveUser(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if all, _ := d.Certificates(ctx, a.ID); len(all) != 0 {
		t.Error("the certificates outlive their account")
	}
}

func TestACertificateMustNameItsAccount(t *testing.T) {
	d, _ := robin(t)
	ctx := context.Background()
	b, err := d.AddUser(ctx, Account{Login: "bob@example.org"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddCertificates(ctx, b.ID, [][]byte{testFile(t, "robin.der")}); !errors.Is(err, ErrBadValue) {
		t.Errorf("another's certificate: %v", err)
	}
	if err := d.AddCertificates(ctx, b.ID, [][]byte{[]byte("no certificate")}); !errors.Is(err, ErrBadValue) {
		t.Errorf("no certificate: %v", err)
	}
	if err := d.AddCertificates(ctx, 99, [][]byte{testFile(t, "robin.der")}); !errors.Is(err, ErrNoAccount) {
		t.Errorf("nobody: %v", err)
	}
}

func TestADirectoryFileBringsCertificates(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	apply := func(user string) []Edit {
		t.Helper()
		text := "[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"robin@example.org\"\n" + user
		f, err := ParseFile(strings.NewReader(text), "testdata/people.toml")
		if err != nil {
			t.Fatal(err)
		}
		edits, err := d.Apply(ctx, f, false)
		if err != nil {
			t.Fatal(err)
		}
		return edits
	}
	apply(`certificates = ["robin.pem"]`)
	a, err := d.AccountByLogin(ctx, "robin@example.org")
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		all, err := d.Certificates(ctx, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if count() != 1 {
		t.Fatalf("%d certificates", count())
	}
	if edits := apply(`certificates = ["robin.p7b"]`); len(edits) != 0 {
		t.Errorf("the same again is %+v", edits)
	}
	f, err := d.Export(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if edits, err := d.Apply(ctx, f, false); err != nil || len(edits) != 0 {
		t.Errorf("an export applied is %+v, %v", edits, err)
	}
	apply("name = \"Robin\"")
	if count() != 1 {
		t.Error("a file that says nothing of certificates took them away")
	}
	if edits := apply("certificates = []"); len(edits) != 1 || count() != 0 {
		t.Errorf("an empty list is %+v and leaves %d", edits, count())
	}
	apply(`certificates_base64 = ["` + base64.StdEncoding.EncodeToString(testFile(t, "robin.der")) + `"]`)
	if count() != 1 {
		t.Errorf("%d certificates", count())
	}
}

func TestAWrongCertificateIsToldWithItsLine(t *testing.T) {
	d := open(t)
	for name, tc := range map[string]struct{ user, want string }{
		"no such file":   {`certificates = ["nothing.pem"]`, "people.toml:5"},
		"no certificate": {`certificates_base64 = ["AAAA"]`, "people.toml:5"},
		"no base64":      {`certificates_base64 = ["?"]`, "people.toml:5"},
		"both":           {"certificates = [\"robin.pem\"]\ncertificates_base64 = [\"AAAA\"]", "people.toml:5"},
		"another's":      {`certificates = ["old.pem"]`, "people.toml:3"},
	} {
		text := "[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"robin@example.org\"\n" + tc.user
		f, err := ParseFile(strings.NewReader(text), "testdata/people.toml")
		if err == nil {
			_, err = d.Apply(context.Background(), f, false)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: the error is %v, want one at %s", name, err, tc.want)
		}
	}
}

func FuzzParseCertificates(f *testing.F) {
	for _, name := range []string{"robin.pem", "robin.der", "robin.p7b", "old.pem"} {
		f.Add(testFile(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ders, err := ParseCertificates(b)
		if err != nil {
			return
		}
		for _, der := range ders {
			if _, err := checkCertificate(der); err != nil && len(der) <= MaxCertificate {
				t.Fatalf("a certificate of the file is none: %v", err)
			}
		}
	})
}
