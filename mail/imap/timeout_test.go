package imap_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 9051 5.4: 30 minutes of silence at least, in IDLE too, whatever others do
// in the meantime.
func TestSilentClientsAreLoggedOut(t *testing.T) {
	for _, idle := range []bool{false, true} {
		t.Run(fmt.Sprint("idle ", idle), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := openHouse(t, true)
				defer h.close()
				w := h.pipe()
				w.line()
				w.ok(`LOGIN alice@example.org "` + password + `"`)
				w.ok("SELECT INBOX")
				if idle {
					w.idle()
				}
				began := time.Now()
				for range 3 {
					time.Sleep(5 * time.Minute)
					h.deliver(letter, time.Now())
					if idle {
						w.line()
					}
				}
				last := ""
				for s := w.line(); s != ""; s = w.line() {
					last = s
				}
				if d := time.Since(began); last != "* BYE Silent for too long" || d < 30*time.Minute || d > 32*time.Minute {
					t.Errorf("%q after %v", last, d)
				}
			})
		})
	}
}

func TestAClientThatDoesNotLogInIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, true)
		defer h.close()
		w := h.pipe()
		w.line()
		began := time.Now()
		done := make(chan struct{})
		go func() { // talking does not help
			defer close(done)
			for {
				time.Sleep(30 * time.Second)
				if _, err := w.conn.Write([]byte("a NOOP\r\n")); err != nil {
					return
				}
			}
		}()
		last := ""
		for s := w.line(); s != ""; s = w.line() {
			last = s
		}
		if d := time.Since(began); last != "* BYE Silent for too long" || d > 5*time.Minute {
			t.Errorf("%q after %v", last, d)
		}
		<-done
	})
}

// A literal that is promised and never comes.
func TestALiteralThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, true)
		defer h.close()
		w := h.pipe()
		w.line()
		w.ok(`LOGIN alice@example.org "` + password + `"`)
		w.send("a APPEND INBOX {1000}\r\n")
		w.hears("+ Ready")
		w.send("Subject: x\r\n")
		began := time.Now()
		w.hears("* BYE Silent for too long")
		if d := time.Since(began); d > 5*time.Minute {
			t.Errorf("waited for %v", d)
		}
	})
}

func TestTooManyCommandsBeforeALogin(t *testing.T) {
	h := newHouse(t)
	w := h.dial(true)
	w.line()
	for range 100 {
		if got := w.do("a", "NOOP"); strings.HasPrefix(got[0], "* BYE") {
			return
		}
	}
	t.Error("100 commands were answered")
}

func TestSessionsOfOneAddressAreLimited(t *testing.T) {
	h := newHouse(t, func(_ *house, c *imapConfig) { c.MaxSessionsPerIP = 2 })
	one, two := h.login(), h.login()
	three := h.dial(false)
	if got := three.line(); !strings.HasPrefix(got, "* BYE [UNAVAILABLE]") {
		t.Errorf("heard %q", got)
	}
	one.do("k", "LOGOUT")
	two.ok("NOOP")
}
