package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"martlet/store"
)

func TestHooksHearOfWhoCameChangedAndWentInTheSameTransaction(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	var told []Change
	var refuse error
	d.Connect(Hooks{Changed: func(tx *store.Tx, c Change) error {
		if c.Account != 0 {
			_, err := d.AccountIn(tx, c.Account)
			if gone := errors.Is(err, ErrNoAccount); gone != c.Gone {
				t.Errorf("%+v is told, the account is there: %v", c, !gone)
			}
		}
		told = append(told, c)
		return refuse
	}})
	apply := func(text string, options ...Option) {
		t.Helper()
		f, err := ParseFile(strings.NewReader(text), "directory.toml")
		if err != nil {
			t.Fatal(err)
		}
		told = nil
		if _, err := d.Apply(ctx, f, false, options...); err != nil {
			t.Fatal(err)
		}
	}
	const domain = "[[domain]]\nname = \"hooks.example.org\"\n"
	const two = domain + "[[user]]\nlogin = \"ada@hooks.example.org\"\n[[user]]\nlogin = \"bob@hooks.example.org\"\n"
	const team = "[[group]]\naddress = \"team@hooks.example.org\"\nmembers = [\"ada@hooks.example.org\"]\n"
	apply(two + team)
	ada, bob := told[0].Account, told[1].Account
	if want := []Change{{Account: ada}, {Account: bob}, {Group: "team@hooks.example.org"}}; !slices.Equal(told, want) {
		t.Errorf("told %+v, want %+v", told, want)
	}
	if err := d.SetPassword(ctx, ada, "another"); err != nil || len(told) != 3 {
		t.Errorf("a password is nobody's business: %v, %v", told, err)
	}
	if err := d.SetDisabled(ctx, ada, true); err != nil || !slices.Equal(told[3:], []Change{{Account: ada}}) {
		t.Errorf("disabled: %v, %v", told, err)
	}
	told = nil
	if err := d.RemoveUser(ctx, ada); err != nil {
		t.Fatal(err)
	}
	if want := []Change{{Group: "team@hooks.example.org"}, {Account: ada, Gone: true}}; !slices.Equal(told, want) {
		t.Errorf("removed: told %+v, want %+v", told, want)
	}
	apply(domain+"[[user]]\nlogin = \"bob@hooks.example.org\"\n", Prune)
	if !slices.Contains(told, Change{Group: "team@hooks.example.org", Gone: true}) {
		t.Errorf("a group removed: told %+v", told)
	}
	refuse = errors.New("no")
	if err := d.RemoveUser(ctx, bob); !errors.Is(err, refuse) {
		t.Errorf("a hook's error: %v", err)
	}
	if _, err := d.Account(ctx, bob); err != nil {
		t.Errorf("what a hook refuses is not done: %v", err)
	}
}

func TestWhoActsForAnOwnerMaySendOnBehalfButNotAs(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	if err := d.AddDomain(ctx, Domain{Name: "acts.example.org", PlusAddressing: true}); err != nil {
		t.Fatal(err)
	}
	var ids []AccountID
	for _, login := range []string{"boss@acts.example.org", "aide@acts.example.org", "other@acts.example.org"} {
		a, err := d.AddUser(ctx, Account{Login: login}, "")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	d.Connect(Hooks{ActsFor: func(_ *store.Tx, owner, delegate AccountID) (bool, error) {
		return owner == ids[0] && delegate == ids[1], nil
	}})
	for _, c := range []struct {
		id         AccountID
		addr       string
		behalf, as bool
	}{
		{ids[1], "boss@acts.example.org", true, false}, {ids[1], "boss+tag@acts.example.org", true, false},
		{ids[2], "boss@acts.example.org", false, false}, {ids[0], "aide@acts.example.org", false, false},
		{ids[1], "nobody@acts.example.org", false, false}, {ids[1], "boss@elsewhere.example", false, false},
	} {
		behalf, err := d.MaySendOnBehalf(ctx, c.id, c.addr)
		as, err2 := d.MaySendAs(ctx, c.id, c.addr)
		if behalf != c.behalf || as != c.as || err != nil || err2 != nil {
			t.Errorf("%d as %s: on behalf %v, as %v; want %v, %v (%v, %v)", c.id, c.addr, behalf, as, c.behalf, c.as, err, err2)
		}
	}
}
