package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A listener that is given is the one that was open: who connected in between is
// still in its queue.
func TestAGivenListenerHasItsQueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.sock")
	for _, address := range []string{"127.0.0.1:0", "unix:" + path} {
		before := &doorways{}
		l, err := before.listen(t.Context(), "lmtp", address)
		if err != nil {
			t.Fatal(err)
		}
		given, err := before.give()
		if err != nil || len(given) != 1 {
			t.Fatal(given, err)
		}
		where := l.Addr()
		before.keepPaths()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		waiting, err := net.Dial(where.Network(), where.String())
		if err != nil {
			t.Fatalf("%s: nobody listens in between: %v", address, err)
		}
		defer waiting.Close()
		after := &doorways{given: given}
		next, err := after.listen(t.Context(), "lmtp", address)
		if err != nil {
			t.Fatal(err)
		}
		if next.Addr().String() != where.String() {
			t.Errorf("%s is now at %s, was at %s", address, next.Addr(), where)
		}
		conn, err := next.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket's name is left behind")
	}
}

// Doors that a new configuration has are opened before the old process leaves,
// those that it no longer has are closed.
func TestDoorsOfAChangedConfiguration(t *testing.T) {
	before := &doorways{}
	for _, name := range []string{"http", "smtp"} {
		if _, err := before.listen(t.Context(), name, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	given, err := before.give()
	if err != nil {
		t.Fatal(err)
	}
	smtp := before.open[1].listener.Addr().String()
	for _, o := range before.open {
		o.listener.Close()
	}
	after := &doorways{given: given}
	c := &Config{HTTP: []string{"127.0.0.1:0", "127.0.0.1:0"}, LMTP: []string{"127.0.0.1:0"}}
	if err := after.prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(after.given) != 4 {
		t.Errorf("%d listeners are there, want the two of before, a second of HTTP and one of LMTP", len(after.given))
	}
	for _, name := range []string{"http", "http", "lmtp"} {
		if l, err := after.listen(t.Context(), name, "127.0.0.1:0"); err != nil {
			t.Error(err)
		} else {
			defer l.Close()
		}
	}
	after.drop()
	if conn, err := net.Dial("tcp", smtp); err == nil {
		conn.Close()
		t.Error("a door that is no longer configured is open")
	}
	c.SMTP = []string{after.open[0].listener.Addr().String()}
	if err := (&doorways{}).prepare(t.Context(), c); err == nil || !strings.Contains(err.Error(), "[smtp] listen") {
		t.Errorf("a port that is taken: %v", err)
	}
}
