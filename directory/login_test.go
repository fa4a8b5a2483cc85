package directory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoginsInEveryForm(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, _ := ids(t, d)
	for _, c := range []struct {
		login, password string
		id              AccountID
		err             error
	}{
		{"ada", "first programmer", ada, nil},
		{"ADA", "first programmer", ada, nil},
		{" ada ", "first programmer", ada, nil},
		{"ada@example.org", "first programmer", ada, nil},
		{"countess@example.org", "first programmer", ada, nil},
		{`EXAMPLE\ada`, "first programmer", ada, nil},
		{`example.org\ada`, "first programmer", ada, nil},
		{`WORKGROUP\ada`, "first programmer", ada, nil},
		{`\ada`, "first programmer", ada, nil},
		{`EXAMPLE\ada@example.org`, "first programmer", ada, nil},
		{"bob", "hunter2 hunter2", bob, nil},
		{"stra\xdfe", "first programmer", ada, nil}, // ISO-8859-1
		{"straße@bücher.example", "first programmer", ada, nil},
		{"stra\xdfe@b\xfccher.example", "first programmer", ada, nil},
		{`other.example\ada`, "first programmer", 0, ErrBadCredentials},
		{`bücher.example\ada`, "first programmer", 0, ErrBadCredentials},
		{"ada", "First programmer", 0, ErrBadCredentials},
		{"ada", "", 0, ErrBadCredentials},
		{"nobody", "first programmer", 0, ErrBadCredentials},
		{"all@example.org", "first programmer", 0, ErrBadCredentials},
		{"ada+x@example.org", "first programmer", 0, ErrBadCredentials},
		{"", "x", 0, ErrBadCredentials},
		{strings.Repeat("a", 1000), "x", 0, ErrBadCredentials},
		{"ada", strings.Repeat("a", 2000), 0, ErrBadCredentials},
		{"eve", "käse", 0, ErrDisabled},
		{"eve", "k\xe4se", 0, ErrDisabled},    // ISO-8859-1
		{"eve", "ka\u0308se", 0, ErrDisabled}, // decomposed
		{"eve", "kase", 0, ErrBadCredentials},
	} {
		for range 2 { // the second time from the cache
			a, err := d.Authenticate(t.Context(), c.login, c.password)
			if !errors.Is(err, c.err) || a.ID != c.id {
				t.Errorf("%q, %q: account %d, %v; want %d, %v", c.login, c.password, a.ID, err, c.id, c.err)
			}
		}
	}
}

func TestALoginThatCouldBeTwoIsNone(t *testing.T) {
	d := open(t)
	apply(t, d, house+`
[[user]]
login = "ada@bücher.example"
password = "first programmer"
`)
	if _, err := d.Authenticate(t.Context(), "ada", "first programmer"); !errors.Is(err, ErrBadCredentials) {
		t.Errorf("a login of two accounts gives %v", err)
	}
	for _, login := range []string{"ada@example.org", `EXAMPLE\ada`, `xn--bcher-kva\ada`, `bücher.example\ada`} {
		if _, err := d.Authenticate(t.Context(), login, "first programmer"); err != nil {
			t.Errorf("%s: %v", login, err)
		}
	}
}

func TestChangedCredentialsCountAtOnce(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, _, _ := ids(t, d)
	try := func(password string, want error) {
		t.Helper()
		if _, err := d.Authenticate(t.Context(), "ada", password); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", password, err, want)
		}
	}
	try("first programmer", nil)
	try("second programmer", ErrBadCredentials)
	if err := d.SetPassword(t.Context(), ada, "second programmer"); err != nil {
		t.Fatal(err)
	}
	try("first programmer", ErrBadCredentials)
	try("second programmer", nil)
	if err := d.SetDisabled(t.Context(), ada, true); err != nil {
		t.Fatal(err)
	}
	try("second programmer", ErrDisabled)
	if err := d.SetDisabled(t.Context(), ada, false); err != nil {
		t.Fatal(err)
	}
	try("second programmer", nil)
	apply(t, d, "[[user]]\nlogin = 'ada@example.org'\npassword = 'third'\n")
	try("second programmer", ErrBadCredentials)
	try("third", nil)
	if err := d.RemoveUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	try("third", ErrBadCredentials)
	if err := d.SetPassword(t.Context(), ada, "x"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("password of a removed account: %v", err)
	}
}

// A credential that was being verified while the account changed must not be
// remembered.
func TestAVerificationThatRacesWithAChangeIsNotRemembered(t *testing.T) {
	c := newCache(0, 0)
	k, now := c.credential("ada", "old"), time.Now()
	epoch := c.now()
	c.drop(7)
	c.put(k, 7, epoch, now)
	c.refuse(k, ErrBadCredentials, epoch, now)
	if _, known, refused := c.find(k, now); known || refused != nil {
		t.Error("what was read before the change is believed after it")
	}
}

func TestTheCacheForgetsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Minute, 100)
		const a = AccountID(1)
		k := c.credential("ada", "x")
		c.put(k, a, 0, time.Now())
		c.refuse(c.credential("bob", "x"), ErrBadCredentials, 0, time.Now())
		time.Sleep(time.Minute - 1)
		if got, _, _ := c.find(k, time.Now()); got != a {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if _, known, _ := c.find(k, time.Now()); known {
			t.Error("remembered too long")
		}
		if _, _, refused := c.find(c.credential("bob", "x"), time.Now()); refused != nil {
			t.Error("a refusal is remembered too long")
		}
		for i := range 10_000 {
			k := c.credential("ada", strings.Repeat("x", i%700)+string(rune('0'+i%10)))
			c.put(k, a, 0, time.Now())
			c.refuse(c.credential("ada", strings.Repeat("y", i)), ErrBadCredentials, 0, time.Now())
			if got, _, _ := c.find(k, time.Now()); got != a {
				t.Fatal("the newest entry was evicted")
			}
		}
		if len(c.verified) > 100 || len(c.refused) > refusalSize {
			t.Errorf("%d verified and %d refused credentials are kept", len(c.verified), len(c.refused))
		}
	})
	if c := newCache(0, 0); c.credential("ab", "c") == c.credential("a", "bc") {
		t.Error("login and password run into each other")
	}
}

func TestWaitingForAHashEndsWithTheContext(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	for range cap(d.hasher.slots) {
		if err := d.hasher.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Authenticate(ctx, "ada", "first programmer"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ended with %v", err)
	}
	for range cap(d.hasher.slots) {
		d.hasher.leave()
	}
	// Many at once with the same credential: all of them get in.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := d.Authenticate(t.Context(), "ada", "first programmer"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
