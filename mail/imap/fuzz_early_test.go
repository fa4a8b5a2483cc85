package imap_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"martlet/mail/imap"
)

// FuzzEarly sends bytes to a session before its login. It must end, must log no
// error, must not let anybody in, and what it says must be responses.
func FuzzEarly(f *testing.F) {
	for _, input := range []string{
		"a CAPABILITY\r\nb NOOP\r\nc ID NIL\r\nd SELECT INBOX\r\n",
		"a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE PLAIN =\r\nc AUTHENTICATE SCRAM-SHA-256 biws\r\n",
		"a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPWFiYw==\r\nYz1iaXdz\r\n",
		"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\n\r\nb AUTHENTICATE EXTERNAL\r\nc AUTHENTICATE SCRAM-SHA-256-PLUS\r\n",
		"a LOGIN {5+}\r\nalice {3\r\n",
		"a STARTTLS\r\nb APPEND INBOX {10+}\r\n0123456789\r\n",
	} {
		f.Add([]byte(input))
	}
	log, failures := newErrorLog()
	h := newHouse(f, func(_ *house, c *imap.Config) { c.Logger = log })
	f.Cleanup(func() { h.t = f })
	f.Fuzz(func(t *testing.T, input []byte) {
		h.t = t
		client, server := net.Pipe()
		ended := make(chan struct{})
		go func() {
			h.server.ServeSecure(server)
			close(ended)
		}()
		go func() {
			client.Write(input)
			io.WriteString(client, "\r\n*\r\nlast SELECT INBOX\r\nlast LOGOUT\r\n")
			client.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // it may wait for a literal
		}()
		out, _ := io.ReadAll(client)
		client.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the session does not end")
		}
		if said := failures(); said != "" {
			t.Fatalf("logged %s", said)
		}
		responses(t, out)
		if bytes.Contains(out, []byte("last OK [READ-WRITE]")) {
			t.Fatalf("%q lets in", input)
		}
		if all, _ := h.server.Sessions(); all > 1 {
			t.Fatalf("%d sessions are left", all)
		}
	})
}
