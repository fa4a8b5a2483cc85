package sasl_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	xdg "github.com/xdg-go/scram"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/mail/sasl"
	"martlet/store"
)

const people = `
[[domain]]
name = "example.org"
[[user]]
login = "ada@example.org"
aliases = ["lovelace@example.org"]
password = "correct hörse"
[[user]]
login = "gone@example.org"
disabled = true
password = "correct hörse"
`

// house is a directory with a guard before it.
type house struct {
	t         *testing.T
	directory *directory.Directory
	guard     *lockout.Guard
	ada       directory.AccountID
}

func newHouse(t *testing.T) *house {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store"), Logger: log})
	check(err)
	t.Cleanup(func() { check(s.Close()) })
	h := &house{t: t}
	h.directory, err = directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	check(err)
	h.guard = lockout.New(lockout.Config{Store: s, Directory: h.directory})
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	check(err)
	_, err = h.directory.Apply(t.Context(), file, false)
	check(err)
	a, err := h.directory.AccountByLogin(t.Context(), "ada@example.org")
	check(err)
	h.ada = a.ID
	return h
}

// visitor is somebody who comes over TLS of which nothing is known.
func visitor(addr string) sasl.Visitor {
	return sasl.Visitor{Protocol: directory.ProtocolIMAP, Addr: netip.MustParseAddr(addr), TLS: &tls.ConnectionState{}}
}

// plain logs in with PLAIN.
func (h *house) plain(v *sasl.Visit, login, password string) (sasl.Verdict, directory.AccountID) {
	h.t.Helper()
	m, err := v.New("PLAIN")
	if err != nil {
		h.t.Fatal(err)
	}
	err = sasl.Converse(h.t.Context(), m, []byte("\x00"+login+"\x00"+password), nil)
	return sasl.Judge(err), m.Account().ID
}

// scram logs in with SCRAM-SHA-256.
func (h *house) scram(v *sasl.Visit, login, password string) (sasl.Verdict, directory.AccountID) {
	h.t.Helper()
	c, err := xdg.SHA256.NewClient(login, password, "")
	if err != nil {
		h.t.Fatal(err)
	}
	talk := c.NewConversation()
	first, err := talk.Step("")
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := v.New("SCRAM-SHA-256")
	if err != nil {
		h.t.Fatal(err)
	}
	err = sasl.Converse(h.t.Context(), m, []byte(first), func(challenge []byte) ([]byte, error) {
		said, err := talk.Step(string(challenge))
		return []byte(said), err
	})
	return sasl.Judge(err), m.Account().ID
}

func TestAccountsLogInAtTheGate(t *testing.T) {
	h := newHouse(t)
	for name, gate := range map[string]*sasl.Gate{
		"guarded": {Directory: h.directory, Guard: h.guard, Secret: []byte("secret")},
		"alone":   sasl.NewGate(h.directory),
	} {
		v := gate.Visit(visitor("192.0.2.1"))
		for how, login := range map[string]func(*sasl.Visit, string, string) (sasl.Verdict, directory.AccountID){"PLAIN": h.plain, "SCRAM": h.scram} {
			for _, c := range []struct {
				login, password string
				want            sasl.Verdict
			}{
				{"ada@example.org", "correct hörse", sasl.Accepted},
				{"lovelace@example.org", "correct hörse", sasl.Accepted},
				{"ada", "correct hörse", sasl.Accepted},
				{"ada@example.org", "wrong", sasl.Wrong},
				{"nobody@example.org", "correct hörse", sasl.Wrong},
				{"gone@example.org", "correct hörse", sasl.Wrong},
			} {
				got, id := login(v, c.login, c.password)
				if got != c.want || (got == sasl.Accepted) != (id == h.ada) {
					t.Errorf("%s %s %s %s: verdict %d, account %d", name, how, c.login, c.password, got, id)
				}
			}
		}
	}
}

func TestAppPasswordsAreForTheirProtocols(t *testing.T) {
	h := newHouse(t)
	only, err := directory.ParseProtocols([]string{"imap"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := h.directory.AddAppPassword(t.Context(), h.ada, "laptop", only)
	if err != nil {
		t.Fatal(err)
	}
	gate := &sasl.Gate{Directory: h.directory, Guard: h.guard}
	for protocol, want := range map[directory.Protocol]sasl.Verdict{directory.ProtocolIMAP: sasl.Accepted, directory.ProtocolSMTP: sasl.Wrong, directory.ProtocolPOP3: sasl.Wrong} {
		v := visitor("192.0.2.1")
		v.Protocol = protocol
		if got, _ := h.plain(gate.Visit(v), "ada@example.org", secret); got != want {
			t.Errorf("%v: verdict %d, want %d", protocol, got, want)
		}
	}
}

// Guesses by SCRAM count like those by PLAIN, and who guesses is refused without
// a look; a known password gets in from there all the same.
func TestGuessesCountWhicheverTheMechanism(t *testing.T) {
	h := newHouse(t)
	gate := &sasl.Gate{Directory: h.directory, Guard: h.guard, Secret: []byte("secret")}
	v := gate.Visit(visitor("192.0.2.66"))
	refused := false
	for range 200 {
		if got, _ := h.scram(v, "nobody@example.org", "guess"); got == sasl.Refused {
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("guessing goes on and on")
	}
	if got, _ := h.plain(v, "nobody@example.org", "guess"); got != sasl.Refused {
		t.Errorf("PLAIN: verdict %d", got)
	}
	if got, _ := h.scram(gate.Visit(visitor("198.51.100.7")), "ada@example.org", "correct hörse"); got != sasl.Accepted {
		t.Errorf("from elsewhere: verdict %d", got)
	}
}

// Without a guard the door counts; what was right lately gets in all the same.
func TestABlockedNetworkRecallsWhoWasRight(t *testing.T) {
	h := newHouse(t)
	gate, blocked := sasl.NewGate(h.directory), false
	who := visitor("192.0.2.1")
	who.Blocked = func() bool { return blocked }
	v := gate.Visit(who)
	if got, _ := h.plain(v, "ada@example.org", "correct hörse"); got != sasl.Accepted {
		t.Fatalf("verdict %d", got)
	}
	blocked = true
	if got, _ := h.plain(v, "ada@example.org", "correct hörse"); got != sasl.Accepted {
		t.Errorf("known: verdict %d", got)
	}
	if got, _ := h.plain(v, "ada@example.org", "guess"); got != sasl.Refused {
		t.Errorf("a guess: verdict %d", got)
	}
	if got, _ := h.scram(v, "ada@example.org", "correct hörse"); got != sasl.Refused {
		t.Errorf("SCRAM: verdict %d", got)
	}
}

func TestTokensAreOfferedWhereTheyAreRead(t *testing.T) {
	h := newHouse(t)
	h.directory.ReadTokens(func(_ context.Context, token string) (directory.Identity, error) {
		switch token {
		case "ada's":
			return directory.Identity{Login: "ada@example.org"}, nil
		case "later":
			return directory.Identity{}, errors.New("nobody answers")
		}
		return directory.Identity{}, directory.ErrBadCredentials
	})
	if _, err := sasl.NewGate(h.directory).Visit(visitor("192.0.2.1")).New("XOAUTH2"); sasl.Judge(err) != sasl.Unknown {
		t.Errorf("not offered: %v", err)
	}
	gate := &sasl.Gate{Directory: h.directory, Guard: h.guard, Tokens: true}
	for token, want := range map[string]sasl.Verdict{"ada's": sasl.Accepted, "other": sasl.Wrong, "later": sasl.Unavailable} {
		for _, login := range []string{"ada@example.org", "lovelace@example.org"} {
			for mechanism, response := range map[string]string{
				"XOAUTH2":     "user=" + login + "\x01auth=Bearer " + token + "\x01\x01",
				"OAUTHBEARER": "n,a=" + login + ",\x01auth=Bearer " + token + "\x01\x01",
			} {
				m, err := gate.Visit(visitor("192.0.2.1")).New(mechanism)
				if err != nil {
					t.Fatal(err)
				}
				err = sasl.Converse(t.Context(), m, []byte(response), func([]byte) ([]byte, error) { return []byte{1}, nil })
				if got := sasl.Judge(err); got != want {
					t.Errorf("%s %s %s: verdict %d, want %d", mechanism, token, login, got, want)
				}
			}
		}
	}
	if got, _ := h.plain(gate.Visit(visitor("192.0.2.1")), "gone@example.org", "ada's"); got != sasl.Wrong {
		t.Errorf("a token as a password: verdict %d", got)
	}
}
