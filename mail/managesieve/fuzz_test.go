package managesieve_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzSession sends anything to a session in each of its states: whatever comes is
// answered or ends it, and nothing makes a script active.
func FuzzSession(f *testing.F) {
	h := newHouse(f)
	check(f, h.rules.Put(f.Context(), h.alice, "quiet", "keep;"))
	for _, s := range []string{
		"NOOP\r\nCAPABILITY\r\n", "PUTSCRIPT \"a\" {5+}\r\nkeep;\r\n", "AUTHENTICATE \"PLAIN\"\r\n\"AGEAYg==\"\r\n", "HAVESPACE \"a\" 99999999999999999999\r\n",
		"GETSCRIPT {5+}\r\nquiet\r\n", "CHECKSCRIPT \"if true {\"\r\n", "RENAMESCRIPT \"quiet\" \"quiet\"\r\n", "LISTSCRIPTS {0+}\r\n\r\n", "STARTTLS\r\n\x16\x03",
		"UNAUTHENTICATE\r\nSETACTIVE \"\"\r\n", "AUTHENTICATE \"SCRAM-SHA-256\" \"biws\"\r\n{3+}\r\n***\r\n",
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, state uint8) {
		if upper := strings.ToUpper(text); strings.Contains(upper, "SETACTIVE") || strings.Contains(upper, "AUTHENTICATE") && state%3 == 1 {
			return // guesses are slowed down, which takes seconds
		}
		h := &house{t: t, directory: h.directory, rules: h.rules, alice: h.alice, client: h.client, addr: h.addr}
		var w *wire
		switch state % 3 {
		case 0:
			w = h.dial()
		case 1:
			w = h.secure()
		default:
			w = h.login()
		}
		check(t, w.conn.SetDeadline(time.Now().Add(20*time.Second)))
		go func() {
			_, _ = io.WriteString(w.conn, text+"\r\nLOGOUT\r\n")
			if c, ok := w.conn.(interface{ CloseWrite() error }); ok {
				_ = c.CloseWrite()
			}
		}()
		_, err := io.Copy(io.Discard, w.in)
		var timeout net.Error
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("no end after %q", text)
		}
		w.conn.Close()
	})
}
