package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/store"
)

// maxGuesses is how often directory/lockout lets one address be wrong at once.
const maxGuesses = 20

// door is a server that answers 200 to whoever is who he says.
func door(t *testing.T) (*Server, http.Handler) {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := directory.New(directory.Config{Store: st, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(ctx, directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"anna@example.org", "bob@example.org", "carol@example.org"} {
		if _, err := d.AddUser(ctx, directory.Account{Login: login, ActiveSync: true}, "right"); err != nil {
			t.Fatal(err)
		}
	}
	s := &Server{c: Config{Directory: d, Store: st}, log: slog.New(slog.DiscardHandler), guard: lockout.New(lockout.Config{Store: st, Directory: d})}
	return s, s.authenticated(directory.ProtocolActiveSync, func(w http.ResponseWriter, _ *http.Request, _ directory.Account) { bare(w, http.StatusOK) }, forbidden)
}

func knock(h http.Handler, from, login, password string) int {
	r := httptest.NewRequest(http.MethodPost, "/Microsoft-Server-ActiveSync", nil)
	r.RemoteAddr = from
	r.SetBasicAuth(login, password)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		return -1
	}
	return w.Code
}

func TestAnAddressThatGuessesIsAskedToComeBack(t *testing.T) {
	_, h := door(t)
	const bad, good = "198.51.100.7:1", "198.51.100.8:1"
	if got := knock(h, bad, "anna@example.org", "right"); got != 200 {
		t.Fatalf("HTTP %d", got)
	}
	for i := range maxGuesses {
		if got := knock(h, bad, "anna@example.org", fmt.Sprint("wrong", i)); got != 401 {
			t.Fatalf("guess %d: HTTP %d", i, got)
		}
	}
	for name, c := range map[string]struct {
		from, login, password string
		want                  int
	}{
		"one guess more":                   {bad, "anna@example.org", "another", 503},
		"another login":                    {bad, "nobody@example.org", "another", 503},
		"the right password, not yet seen": {bad, "bob@example.org", "right", 503},
		"a phone that was here before":     {bad, "anna@example.org", "right", 200},
		"a guess made before":              {bad, "anna@example.org", "wrong3", 401},
		"another address":                  {good, "carol@example.org", "right", 200},
		"another address, wrong":           {good, "bob@example.org", "wrong", 401},
	} {
		if got := knock(h, c.from, c.login, c.password); got != c.want {
			t.Errorf("%s: HTTP %d, want %d", name, got, c.want)
		}
	}
}

// A phone with an old password asks again and again: that is no guessing.
func TestAnOldPasswordIsNoGuessing(t *testing.T) {
	_, h := door(t)
	for range 3 * maxGuesses {
		if got := knock(h, "198.51.100.7:1", "anna@example.org", "old"); got != 401 {
			t.Fatalf("HTTP %d", got)
		}
	}
	if got := knock(h, "198.51.100.7:1", "anna@example.org", "right"); got != 200 {
		t.Errorf("HTTP %d", got)
	}
}

// Outlook on a phone comes from Microsoft's addresses, others from behind one
// router: who guesses there does not keep out those whom the address has let in,
// however long they were held, and does not get further by it.
func TestPhonesBehindOneAddressAreNotKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, h := door(t)
		const shared = "198.51.100.7:1"
		if got := knock(h, shared, "anna@example.org", "right"); got != 200 {
			t.Fatalf("HTTP %d", got)
		}
		time.Sleep(time.Hour) // as long as a Ping is held
		for i := range maxGuesses {
			knock(h, shared, "bob@example.org", fmt.Sprint("wrong", i))
		}
		if got := knock(h, shared, "carol@example.org", "right"); got != 503 {
			t.Errorf("who was never here: HTTP %d", got)
		}
		if got := knock(h, shared, "Anna@example.org", "right"); got != 200 {
			t.Errorf("a phone that was held: HTTP %d", got)
		}
		tried := 0
		for i := range 3 * maxGuesses {
			if knock(h, shared, "anna@example.org", fmt.Sprint("wrong", i)) == 401 {
				tried++
			}
		}
		if tried != maxGuesses {
			t.Errorf("%d passwords of one who was let in are tried", tried)
		}
	})
}

func TestWhoGuesses(t *testing.T) {
	for _, c := range []struct{ remote, forwarded, want string }{
		{"198.51.100.7:1", "", "198.51.100.7"},
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"}, // it may say what it likes
		{"127.0.0.1:1", "", "127.0.0.1"},
		{"127.0.0.1:1", "203.0.113.1, 203.0.113.9", "203.0.113.9"},
		{"10.0.0.2:1", "2001:db8:1:2:3::4", "2001:db8:1:2:3::4"},
		{"[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2:3:4:5:6"},
		{"[::ffff:198.51.100.7]:1", "", "198.51.100.7"},
		{"[fe80::1%eth0]:1", "", "fe80::1"},
		{"@", "", "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := remoteOf(r).String(); got != c.want {
			t.Errorf("%v: %s", c, got)
		}
	}
}
