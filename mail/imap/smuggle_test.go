package imap_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// evil is what must never be run: it stands where a client sends data.
const evil = "z CREATE Smuggled\r\n"

// smuggled tells whether it was.
func (h *house) smuggled() bool {
	w := h.login()
	return len(w.ok(`LIST "" Smuggled`)) > 1
}

// Bytes that a client sends as data are never run as commands, whatever was
// said about their number.
func TestDataIsNeverACommand(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000-len(evil)-2) + "\r\n" + evil
	for name, input := range map[string]string{
		"a literal too long to be sent without asking": "a CREATE {5000+}\r\n" + long + "\r\n",
		"the same for a message":                       "a APPEND INBOX {5000+}\r\n" + long + "\r\n",
		"the same for the second literal":              "a RENAME {1+}\r\nb {5000+}\r\n" + long + "\r\n",
		"a number that wraps around":                   "a CREATE {4294967297+}\r\n" + evil,
		"a number of many digits":                      "a CREATE {99999999999999999999999999+}\r\n" + evil,
		"a message for a mailbox that is not there":    fmt.Sprintf("a APPEND Nowhere {%d+}\r\n%s\r\n", len(evil), evil),
		"a message with flags that cannot be":          fmt.Sprintf("a APPEND INBOX (\\What) {%d+}\r\n%s\r\n", len(evil), evil),
		"a literal to a command that is not there":     fmt.Sprintf("a FROB {%d+}\r\n%s\r\n", len(evil), evil),
		"a literal where none may be":                  fmt.Sprintf("a NOOP {%d+}\r\n%s\r\n", len(evil), evil),
		"a literal8 where none may be":                 fmt.Sprintf("a CREATE ~{%d+}\r\n%s\r\n", len(evil), evil),
		"a literal in a quoted string":                 fmt.Sprintf("a CREATE \"x{%d+}\r\n%s\r\n", len(evil), evil),
		"a literal behind a message":                   fmt.Sprintf("a APPEND INBOX {2+}\r\nxy {%d+}\r\n%s\r\n", len(evil), evil),
		"many literals":                                strings.Repeat("a LOGIN {1+}\r\nx", 1) + strings.Repeat(" {1+}\r\nx", 200) + fmt.Sprintf(" {%d+}\r\n%s\r\n", len(evil), evil),
		"a line without an end":                        "a CREATE " + strings.Repeat("x", 300<<10) + "\r\n" + evil,
		"a lone LF":                                    "a CREATE {1+}\nz CREATE Smuggled\r\n",
		"a lone CR":                                    "a NOOP\rz CREATE Smuggled\r\n",
		"too many literals in sum":                     "a SEARCH" + strings.Repeat(" TEXT {4096+}\r\n"+strings.Repeat("y", 4096), 40) + fmt.Sprintf(" TEXT {%d+}\r\n%s\r\n", len(evil), evil),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			w := h.login()
			w.ok("SELECT INBOX")
			_, _ = w.conn.Write([]byte(input)) // the server may close before all is written
			_, _ = w.conn.Write([]byte("y NOOP\r\nq LOGOUT\r\n"))
			for _, s := range w.until("q ") {
				if strings.HasPrefix(s, "z ") {
					t.Errorf("heard %q", s)
				}
			}
			if h.smuggled() {
				t.Error("data was run as a command")
			}
		})
	}
}

// A client that asks for leave is told no and sends its next command.
func TestALiteralThatIsRefusedIsNotWaitedFor(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	for _, command := range []string{"CREATE {200000}", "APPEND INBOX {99999999}", "APPEND Nowhere {10}"} {
		got := w.do("k", command)
		if last := got[len(got)-1]; !strings.HasPrefix(last, "k NO") && !strings.HasPrefix(last, "k BAD") {
			t.Errorf("%s: %q", command, got)
		}
		w.ok("NOOP")
	}
}

// RFC 9051 11.1: what came before the handshake is forgotten.
func TestNothingFollowsSTARTTLS(t *testing.T) {
	h := newHouse(t)
	w := h.dial(false)
	w.line()
	w.send("a STARTTLS\r\nb CAPABILITY\r\n")
	for _, s := range w.until("* BYE") {
		if strings.HasPrefix(s, "a OK") || strings.HasPrefix(s, "b ") {
			t.Errorf("heard %q", s)
		}
	}
}

func TestBrowsersAreSentAway(t *testing.T) {
	h := newHouse(t)
	w := h.dial(false)
	w.line()
	w.send("POST / HTTP/1.1\r\nHost: x\r\n\r\na NOOP\r\n")
	if got := w.line(); got != "* BYE This is not that protocol" {
		t.Errorf("heard %q", got)
	}
}

// Guesses are counted for the network that they come from.
func TestGuessesAreSlowedDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.dial(true)
	w.line()
	var last string
	for range 3 {
		got := w.do("k", "LOGIN alice@example.org wrong")
		last = got[0]
	}
	if last != "* BYE Too many failures" {
		t.Errorf("heard %q", last)
	}
}

// Who is behind the same address as somebody who guesses, and was let in
// before, is let in.
func TestGuessesDoNotLockOutWhoIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.login()
	// As many sessions at once as guess, so that the test does not wait for each.
	var all sync.WaitGroup
	for range 12 {
		w := h.dial(true)
		all.Go(func() {
			w.send("a LOGIN alice@example.org wrong\r\nb LOGIN alice@example.org wrong\r\n")
			w.until("b ", "* BYE")
		})
	}
	all.Wait()
	stranger := h.dial(true)
	stranger.line()
	if got := stranger.do("k", "LOGIN bob@example.org \""+password+"\""); got[0] != "* BYE Too many failures, try again later" {
		t.Errorf("who guesses heard %q", got)
	}
	h.login().ok("SELECT INBOX")
}

func TestADisabledAccountIsSentAway(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	a, err := h.directory.AccountByLogin(t.Context(), alice)
	check(t, err)
	check(t, h.directory.SetDisabled(t.Context(), a.ID, true))
	if got := w.do("k", "SELECT INBOX"); got[0] != "* BYE The account is not served here any more" {
		t.Errorf("heard %q", got)
	}
}
