package lockout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/directory"
	"martlet/store"
)

type house struct {
	*Guard
	store *store.Store
	dir   *directory.Directory
	log   bytes.Buffer
	keys  [][directory.KeySize]byte
}

func (h *house) start(t testing.TB) {
	t.Helper()
	d, err := directory.New(directory.Config{
		Store: h.store, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1},
		Keys: func() [][directory.KeySize]byte { return h.keys },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.dir = d
	h.Guard = New(Config{Store: h.store, Directory: d, Logger: slog.New(slog.NewTextHandler(&h.log, nil))})
}

func open(t testing.TB) *house {
	t.Helper()
	st, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{store: st, keys: [][directory.KeySize]byte{{1}}}
	h.start(t)
	t.Cleanup(func() {
		if err := h.Check(context.Background(), func(p store.Problem) { t.Error(p) }); err != nil {
			t.Error(err)
		}
		if err := h.dir.Check(context.Background(), func(p store.Problem) { t.Error(p) }); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx := context.Background()
	if err := h.dir.AddDomain(ctx, directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"ada@example.org", "bob@example.org"} {
		if _, err := h.dir.AddUser(ctx, directory.Account{Login: login}, "right"); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func from(addr string) Caller {
	return Caller{Addr: netip.MustParseAddr(addr), Protocol: directory.ProtocolIMAP}
}

// outcome is an answer in a word.
func (h *house) outcome(c Caller, login, password string) string {
	_, err := h.Authenticate(context.Background(), c, login, password)
	var refused *Refused
	switch {
	case err == nil:
		return "in"
	case errors.As(err, &refused):
		if refused.After <= 0 {
			return "refused for no time"
		}
		return "refused"
	case errors.Is(err, directory.ErrBadCredentials):
		return "wrong"
	}
	return err.Error()
}

// guess fails n times with passwords never tried before.
func (h *house) guess(t *testing.T, c Caller, login string, n int) (last string) {
	t.Helper()
	for range n {
		guesses++
		last = h.outcome(c, login, fmt.Sprint("guess ", guesses))
	}
	return last
}

var guesses int

func TestOneAddressThatGuessesIsRefusedAndNobodyElseIs(t *testing.T) {
	h := open(t)
	if got := h.guess(t, from("198.51.100.7"), "ada@example.org", 20); got != "wrong" {
		t.Fatalf("the twentieth guess: %s", got)
	}
	for _, c := range []struct{ name, addr, login, password, want string }{
		{"one more", "198.51.100.7", "ada@example.org", "x", "refused"},
		{"at another login", "198.51.100.7", "bob@example.org", "right", "refused"},
		{"a neighbour", "198.51.100.8", "bob@example.org", "right", "in"},
	} {
		if got := h.outcome(from(c.addr), c.login, c.password); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	h.guess(t, from("2001:db8::1"), "ada@example.org", 20)
	if got := h.outcome(from("2001:db8::ffff:1"), "bob@example.org", "x"); got != "refused" {
		t.Errorf("the same /64: %s", got)
	}
	if got := h.outcome(from("2001:db8:0:1::1"), "bob@example.org", "x"); got != "wrong" {
		t.Errorf("another /64: %s", got)
	}
}

func TestAWideNetworkRunsOutOfGuesses(t *testing.T) {
	h := open(t)
	refused := false
	for i := range 60 { // of 20 guesses in each /64
		login := fmt.Sprint("nobody", i, "@example.org")
		refused = h.guess(t, from(fmt.Sprintf("2001:db8:1:%x::1", i)), login, 5) == "refused"
	}
	if !refused {
		t.Error("a /48 guesses for ever")
	}
	if got := h.outcome(from("2001:db8:2::1"), "bob@example.org", "right"); got != "in" {
		t.Errorf("another /48: %s", got)
	}
}

// A botnet guesses at an account from everywhere: who is not known to it waits,
// and its phones and its own networks notice nothing, not after a restart either.
func TestAnAttackOnAnAccountKeepsItsPhonesIn(t *testing.T) {
	h := open(t)
	phone := Caller{Addr: netip.MustParseAddr("192.0.2.1"), Protocol: directory.ProtocolActiveSync, Device: "IPHONE1"}
	if got := h.outcome(phone, "ada@example.org", "right"); got != "in" {
		t.Fatal(got)
	}
	attack := func() {
		for i := range 30 {
			h.guess(t, from(fmt.Sprintf("203.0.%d.1", i)), "ada@example.org", 5)
		}
	}
	attack()
	if got := h.outcome(from("198.18.0.1"), "ada@example.org", "right, changed"); got != "refused" {
		t.Fatalf("a stranger: %s", got)
	}
	if got := h.outcome(from("198.18.0.1"), "bob@example.org", "right"); got != "in" {
		t.Errorf("another account: %s", got)
	}
	if got := h.outcome(from("198.18.0.1"), "ada@example.org", "right"); got != "in" {
		t.Errorf("a credential that was right before: %s", got)
	}
	a, err := h.dir.AccountByLogin(context.Background(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.dir.SetPassword(context.Background(), a.ID, "changed"); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	attack()
	moved := phone
	moved.Addr = netip.MustParseAddr("198.18.7.7")
	stranger := from("198.18.9.9")
	stranger.Device = "ANDROID2"
	for _, c := range []struct {
		name           string
		from           Caller
		password, want string
	}{
		{"the phone, with an old password", moved, "right", "wrong"},
		{"a phone that was never here", stranger, "changed", "refused"},
		{"the phone, from elsewhere", moved, "changed", "in"},
	} {
		if got := h.outcome(c.from, "ADA@example.org", c.password); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if err := h.dir.SetPassword(context.Background(), a.ID, "changed again"); err != nil {
		t.Fatal(err)
	}
	home := from("192.0.2.1")
	if got := h.outcome(home, "ada@example.org", "changed again"); got != "in" {
		t.Errorf("a program in the phone's network: %s", got)
	}
}

func TestWhoIsKnownHasGuessesToo(t *testing.T) {
	h := open(t)
	home := from("192.0.2.1")
	if got := h.outcome(home, "ada@example.org", "right"); got != "in" {
		t.Fatal(got)
	}
	if got := h.guess(t, home, "ada@example.org", 21); got != "refused" {
		t.Errorf("after 21 guesses at home: %s", got)
	}
	if got := h.guess(t, home, "bob@example.org", 1); got != "refused" {
		t.Errorf("guesses at a known login are none of the address: %s", got)
	}
}

func TestFailuresAreForgivenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts tallies
		ts.init()
		n := counted{near: subject{kindNear, "n"}, account: subject{kindAccount, "a"}}
		now := time.Now()
		var delays []time.Duration
		for range 20 {
			delays = append(delays, ts.failed(n, now))
		}
		if delays[0] != time.Second || delays[5] != 2*time.Second || delays[19] != 8*time.Second {
			t.Errorf("%v", delays)
		}
		after := ts.refusedFor(n, now)
		if after <= 0 || after > 10*time.Second {
			t.Fatalf("refused for %v", after)
		}
		if ts.refusedFor(n, now.Add(after-time.Second)) == 0 {
			t.Error("let in before its time")
		}
		if got := ts.refusedFor(n, now.Add(after)); got != 0 {
			t.Errorf("%v left when it is over", got)
		}
		for range 100 {
			ts.failed(n, now)
		}
		if got := ts.refusedFor(n, now); got > time.Minute+40*time.Minute {
			t.Errorf("refused for %v", got)
		}
	})
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var ts tallies
	ts.init()
	now := time.Now()
	bad := counted{near: subject{kindNear, "bad"}}
	for range 20 {
		ts.failed(bad, now)
	}
	for i := range maxSubjects + 5_000 {
		ts.failed(counted{near: subject{kindNear, fmt.Sprint(i)}}, now)
	}
	if n := len(ts.of[kindNear]); n > maxSubjects {
		t.Errorf("%d networks remembered", n)
	}
	if ts.refusedFor(bad, now) == 0 {
		t.Error("who guesses is forgotten when many others have guessed once")
	}
}

func TestPlacesOfAnAccountAreBoundedAndGoWithIt(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	a, err := h.dir.AccountByLogin(ctx, "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxPlaces + 20 {
		h.Succeeded(ctx, from(fmt.Sprintf("10.0.%d.%d", i/250, i%250)), "ada")
	}
	rows := func() (n int) {
		err := h.store.View(ctx, func(tx *store.Tx) error {
			n = 0
			for _, err := range placeTable.Keys(tx, of(a.ID)) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := rows(); n != maxPlaces {
		t.Errorf("%d places", n)
	}
	if err := h.dir.RemoveUser(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 0 {
		t.Errorf("%d places of an account that is gone", n)
	}
}

func TestAnAppPasswordIsNeverRefused(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	a, err := h.dir.AccountByLogin(ctx, "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := h.dir.AddAppPassword(ctx, a.ID, "phone", 0)
	if err != nil {
		t.Fatal(err)
	}
	bad := from("198.51.100.7")
	h.guess(t, bad, "ada@example.org", 25)
	if got := h.outcome(bad, "ada@example.org", secret); got != "in" {
		t.Errorf("%s", got)
	}
}

func TestAnAdministratorSeesAndReleases(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	bad := from("198.51.100.7")
	h.guess(t, bad, "ada@example.org", 21)
	all := h.Failures()
	if len(all) != 3 || all[0].Kind != "network" || all[0].Name != "198.51.100.7/32" || !all[0].Refused || all[0].For <= 0 {
		t.Errorf("%+v", all)
	}
	if all[1].Failures != 20 || all[1].Refused {
		t.Errorf("%+v", all)
	}
	if !h.Release(ctx, "198.51.100.7") || h.Release(ctx, "198.51.100.7") {
		t.Error("the address is not released once")
	}
	if got := h.guess(t, bad, "ada@example.org", 1); got != "wrong" {
		t.Errorf("after the release: %s", got)
	}
	if !h.Release(ctx, "ADA@example.org") || h.Release(ctx, "nobody") {
		t.Error("the account is not released once")
	}
	for _, want := range []string{`msg="login failed" door=imap remote=198.51.100.7 login=ada@example.org`, `msg="login refused" door=imap remote=198.51.100.7`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(h.log.String(), "guess") {
		t.Error("a password is in the log")
	}
}

// FuzzLogins: whatever a stranger says it is, counting it works and stays bounded.
func FuzzLogins(f *testing.F) {
	h := open(f)
	f.Add("ada@example.org", "192.0.2.1", "IPHONE")
	f.Add("?\xff\x00 \n", "fe80::1%eth0", strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, login, addr, device string) {
		a, _ := netip.ParseAddr(addr)
		c := Caller{Addr: a, Protocol: directory.ProtocolActiveSync, Device: device}
		ctx := context.Background()
		_ = h.Allow(ctx, c, login)
		if d := h.Failed(ctx, c, login); d < 0 || d > delayMost {
			t.Errorf("a delay of %v", d)
		}
		h.Succeeded(ctx, c, login)
		h.Release(ctx, login)
		for _, e := range h.Failures() {
			if len(e.Name) > 2*maxShown {
				t.Errorf("%q", e.Name)
			}
		}
	})
}

func TestWhoComesWhenTooManyWaitForAHashComesLater(t *testing.T) {
	h := open(t)
	for range maxWaiting {
		h.waiting <- struct{}{}
	}
	c := from("198.51.100.7")
	if got := h.outcome(c, "ada@example.org", "right"); got != "refused" {
		t.Errorf("%s", got)
	}
	<-h.waiting
	for range 2 { // the second one is remembered
		if got := h.outcome(c, "ada@example.org", "right"); got != "in" {
			t.Errorf("%s", got)
		}
		select {
		case h.waiting <- struct{}{}:
		default:
		}
	}
}
