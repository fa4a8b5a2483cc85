package directory

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"martlet/store"
)

// keyed is a house whose process can end: again is the directory after that.
type keyed struct {
	t     *testing.T
	store *store.Store
	keys  [][KeySize]byte
	*Directory
}

func newKeyed(t *testing.T) *keyed {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	k := &keyed{t: t, store: s, keys: [][KeySize]byte{{1}}}
	t.Cleanup(func() {
		if err := k.Check(context.Background(), func(p store.Problem) { t.Errorf("check: %+v", p) }); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	k.again()
	apply(t, k.Directory, house)
	return k
}

func (k *keyed) again() {
	k.t.Helper()
	d, err := New(Config{Store: k.store, HashCost: cheap, Keys: func() [][KeySize]byte { return k.keys }})
	if err != nil {
		k.t.Fatal(err)
	}
	k.Directory = d
}

// hashes tells how many hashes a login takes, and how it ends.
func (k *keyed) hashes(login, password string, want error) int64 {
	k.t.Helper()
	before := k.Hashes()
	if _, err := k.Authenticate(k.t.Context(), login, password); !errors.Is(err, want) {
		k.t.Errorf("%s: %v, want %v", login, err, want)
	}
	return k.Hashes() - before
}

func TestWhoWasLetInCostsNoHashAfterARestart(t *testing.T) {
	k := newKeyed(t)
	if n := k.hashes("ada", "first programmer", nil); n != 1 {
		t.Errorf("%d hashes at first", n)
	}
	k.again()
	if n := k.hashes("ADA@example.org", "first programmer", nil); n != 0 {
		t.Errorf("%d hashes after a restart", n)
	}
	k.again()
	a, known, err := k.Recall(t.Context(), "ada", "first programmer")
	if !known || err != nil || a.Login != "ada@example.org" {
		t.Errorf("Recall: %+v, %v, %v", a, known, err)
	}
	if _, known, _ := k.Recall(t.Context(), "ada", "second programmer"); known {
		t.Error("a wrong password is known")
	}
	if n := k.hashes("ada", "second programmer", ErrBadCredentials); n != 1 {
		t.Errorf("%d hashes of a wrong password", n)
	}
	if n := k.hashes("nobody", "first programmer", ErrBadCredentials); n != 1 {
		t.Errorf("%d hashes of nobody", n)
	}
}

func TestAVerifierEndsWithThePassword(t *testing.T) {
	for name, change := range map[string]func(*keyed, AccountID) error{
		"another password": func(k *keyed, id AccountID) error { return k.SetPassword(k.t.Context(), id, "second programmer") },
		"disabled":         func(k *keyed, id AccountID) error { return k.SetDisabled(k.t.Context(), id, true) },
		"disabled and enabled": func(k *keyed, id AccountID) error {
			return errors.Join(k.SetDisabled(k.t.Context(), id, true), k.SetDisabled(k.t.Context(), id, false))
		},
		"the same password": func(k *keyed, id AccountID) error { return k.SetPassword(k.t.Context(), id, "first programmer") },
		"removed":           func(k *keyed, id AccountID) error { return k.RemoveUser(k.t.Context(), id) },
		"another key":       func(k *keyed, _ AccountID) error { k.keys = [][KeySize]byte{{2}}; return nil },
		"no key":            func(k *keyed, _ AccountID) error { k.keys = nil; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t)
			ada, _, _ := ids(t, k.Directory)
			k.hashes("ada", "first programmer", nil)
			if err := change(k, ada); err != nil {
				t.Fatal(err)
			}
			k.again()
			if _, known, err := k.Recall(t.Context(), "ada", "first programmer"); known {
				t.Errorf("still known, %v", err)
			}
		})
	}
}

func TestAVerifierOutlivesTheTurnOfKeysAndEndsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeyed(t)
		k.hashes("ada", "first programmer", nil)
		k.keys = [][KeySize]byte{{2}, {1}}
		time.Sleep(verifierLife - time.Minute)
		k.again()
		if n := k.hashes("ada", "first programmer", nil); n != 0 {
			t.Errorf("%d hashes while it is good", n)
		}
		time.Sleep(verifierSpread + time.Minute)
		k.again()
		if n := k.hashes("ada", "first programmer", nil); n != 1 {
			t.Errorf("%d hashes when it has ended", n)
		}
	})
}

// A password that is changed while a hash is computed leaves nothing behind.
func TestAVerifierIsOfTheAccountAsItIs(t *testing.T) {
	k := newKeyed(t)
	ada, _, _ := ids(t, k.Directory)
	old, err := k.AccountByLogin(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.SetPassword(t.Context(), ada, "second programmer"); err != nil {
		t.Fatal(err)
	}
	k.remember(t.Context(), &old, "first programmer")
	if err := k.RemoveUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	k.remember(t.Context(), &old, "first programmer") // Check sees what is left
}

func TestAVerifierDoesNotOpenAnotherAccount(t *testing.T) {
	a := Account{ID: 1, PasswordHash: "$argon2id$x"}
	b := a
	b.ID = 2
	if string(verifierMAC([KeySize]byte{1}, &a, "p")) == string(verifierMAC([KeySize]byte{1}, &b, "p")) {
		t.Error("two accounts have the same verifier")
	}
	b = a
	b.PasswordHash, a.PasswordHash = "$argon2id$xp", "$argon2id$x"
	if string(verifierMAC([KeySize]byte{1}, &a, "pq")) == string(verifierMAC([KeySize]byte{1}, &b, "q")) {
		t.Error("hash and password run into each other")
	}
}

func BenchmarkRecollect(b *testing.B) {
	d := open(b)
	d.keys = func() [][KeySize]byte { return [][KeySize]byte{{1}, {2}, {3}} }
	apply(b, d, house)
	if _, err := d.Authenticate(b.Context(), "ada", "first programmer"); err != nil {
		b.Fatal(err)
	}
	k := d.cache.credential("ada", "first programmer")
	for b.Loop() {
		if _, known, _ := d.recollect(b.Context(), k, "ada", "first programmer"); !known {
			b.Fatal("not known")
		}
	}
}
