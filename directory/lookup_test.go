package directory

import (
	"context"
	"errors"
	"testing"
)

func TestLookupFindsWhoHasAnAddress(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	if err := d.AddDomain(ctx, Domain{Name: "example.org", PlusAddressing: true}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []Account{
		{Login: "robin@example.org", Aliases: []string{"r.swift@example.org"}, Name: "Robin"},
		{Login: "gone@example.org", Disabled: true},
		{Login: "shy@example.org", Hidden: true},
	} {
		if _, err := d.AddUser(ctx, a, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range []string{"robin@example.org", "Robin@EXAMPLE.org", "r.swift@example.org", "robin+x@example.org"} {
		if e, err := d.Lookup(ctx, addr); err != nil || e.Name() != "Robin" || e.Address() != "robin@example.org" {
			t.Errorf("%s is %v, %v", addr, e.Account.Login, err)
		}
	}
	for _, addr := range []string{"nobody@example.org", "robin@elsewhere.example", "gone@example.org", "shy@example.org", "robin", "@", ""} {
		if _, err := d.Lookup(ctx, addr); !errors.Is(err, ErrNoAddress) {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
