package scan

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// clamd is a fake that holds to the protocol of clamd(8): commands end with a zero
// byte, streams are chunks of a length, and one that is too long is answered at once
// and hung up on.
type clamd struct{ limit int }

func (c clamd) handle(conn net.Conn) {
	r := bufio.NewReader(conn)
	command, err := r.ReadString(0)
	if err != nil {
		return
	}
	switch command {
	case "zPING\x00":
		io.WriteString(conn, "PONG\x00")
	case "zVERSION\x00":
		io.WriteString(conn, "ClamAV 1.4.3/27800/Sun Mar  1 08:00:00 2026\x00")
	case "zINSTREAM\x00":
		var all []byte
		for {
			var size [4]byte
			if _, err := io.ReadFull(r, size[:]); err != nil {
				return
			}
			n := int(binary.BigEndian.Uint32(size[:]))
			if n == 0 {
				break
			}
			if len(all)+n > c.limit {
				io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
				return
			}
			chunk := make([]byte, n)
			if _, err := io.ReadFull(r, chunk); err != nil {
				return
			}
			all = append(all, chunk...)
		}
		switch text := string(all); {
		case strings.Contains(text, "EICAR"):
			io.WriteString(conn, "stream: Eicar-Test-Signature FOUND\x00")
		case strings.Contains(text, "nested"):
			io.WriteString(conn, "stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\x00")
		case strings.Contains(text, "broken"):
			io.WriteString(conn, "stream: Can't allocate memory ERROR\x00")
		case strings.Contains(text, "cut"):
			io.WriteString(conn, "stream: O")
		case strings.Contains(text, "talks"):
			io.WriteString(conn, strings.Repeat("x", 100_000))
		default:
			io.WriteString(conn, "stream: OK\x00")
		}
	default:
		io.WriteString(conn, "UNKNOWN COMMAND\x00")
	}
}

func TestClamdFindsViruses(t *testing.T) {
	address := serve(t, clamd{1 << 20}.handle)
	for name, tc := range map[string]struct {
		raw  string
		junk bool
		want string
	}{
		"nothing":        {"a letter", false, ""},
		"empty":          {"", false, ""},
		"a virus":        {"EICAR", false, "550 5.7.1 The message contains a virus: Eicar-Test-Signature (Eicar-Test-Signature)"},
		"a virus, kept":  {"EICAR", true, "junk (Eicar-Test-Signature)"},
		"long":           {strings.Repeat("x", 300_000) + "EICAR", true, "junk (Eicar-Test-Signature)"},
		"nested":         {"nested", false, "score 3.0 (Heuristics.Limits.Exceeded.MaxRecursion)"},
		"over its limit": {strings.Repeat("x", 1<<21), false, "(too large for clamd)"},
		"over ours":      {strings.Repeat("x", 5<<20), false, "(too large to be looked at)"},
	} {
		c := NewClamd(ClamdConfig{Addresses: []string{address}, Junk: tc.junk, Common: Common{MaxBytes: 4 << 20}})
		if got := told(c.Scan(t.Context(), asked(tc.raw))); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	for _, bad := range []string{"broken", "cut", "talks"} {
		c := NewClamd(ClamdConfig{Addresses: []string{address}})
		if got := told(c.Scan(t.Context(), asked(bad))); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: %q", bad, got)
		}
	}
}

func TestTheNextClamdIsAskedWhenOneIsDown(t *testing.T) {
	hang := make(chan struct{})
	silent := serve(t, func(net.Conn) { <-hang })
	defer close(hang)
	c := NewClamd(ClamdConfig{Addresses: []string{silent, serve(t, clamd{1 << 20}.handle)}, Common: Common{Timeout: 50 * time.Millisecond}})
	for range 3 {
		if got := told(c.Scan(t.Context(), asked("EICAR"))); !strings.HasPrefix(got, "550") {
			t.Errorf("%q", got)
		}
	}
	if s := c.guards[0].Stats(); s.Asked != 1 || s.Failed != 1 || s.Down != 2 {
		t.Errorf("the silent one: %+v", s)
	}
	if s := c.Stats(); s.Refused != 3 {
		t.Errorf("all: %+v", s)
	}
	down := NewClamd(ClamdConfig{Addresses: []string{silent}, Common: Common{Timeout: 20 * time.Millisecond}})
	if got := told(down.Scan(t.Context(), asked("x"))); !strings.HasPrefix(got, "error: ") {
		t.Errorf("%q", got)
	}
}

func TestClamdTellsItsVersion(t *testing.T) {
	address := serve(t, clamd{}.handle)
	versions, err := NewClamd(ClamdConfig{Addresses: []string{address}}).Version(t.Context())
	if err != nil || !strings.HasPrefix(versions[address], "ClamAV 1.4.3") {
		t.Errorf("%q %v", versions, err)
	}
	other := serve(t, func(conn net.Conn) { io.WriteString(conn, "220 mx.example.org ESMTP\r\n\x00") })
	if _, err := NewClamd(ClamdConfig{Addresses: []string{other}}).Version(t.Context()); err == nil {
		t.Error("a mail server passes for clamd")
	}
}
