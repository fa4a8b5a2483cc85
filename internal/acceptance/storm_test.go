package acceptance

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// storm is phones that come back at the same moment.
type storm struct {
	address string
	phones  []*stormPhone

	resumed, again, failed atomic.Int64
}

// stormPhone keeps what a phone keeps over a restart: its password and its TLS
// session.
type stormPhone struct {
	login string
	tls   *tls.Config
}

func newStorm(users, each int) *storm {
	s := &storm{}
	for i := range users {
		for range each {
			s.phones = append(s.phones, &stormPhone{
				login: fmt.Sprintf("user%d@storm.example", i),
				tls:   &tls.Config{InsecureSkipVerify: true, ServerName: "mail.process.example", ClientSessionCache: tls.NewLRUClientSessionCache(1)}, // self-signed
			})
		}
	}
	return s
}

// ask connects anew and asks, and comes back when it is asked to.
func (s *storm) ask(p *stormPhone) error {
	for range 50 {
		code, err := s.once(p)
		if err != nil {
			return err
		}
		switch code {
		case http.StatusOK:
			return nil
		case http.StatusServiceUnavailable:
			s.again.Add(1)
			<-time.After(100 * time.Millisecond) // what it is told, made shorter
		default:
			return fmt.Errorf("HTTP %d", code)
		}
	}
	return fmt.Errorf("sent away again and again")
}

func (s *storm) once(p *stormPhone) (int, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", s.address, p.tls)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if conn.ConnectionState().DidResume {
		s.resumed.Add(1)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(p.login + ":" + password))
	if _, err := fmt.Fprintf(conn, "OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: mail.process.example\r\nAuthorization: Basic %s\r\n\r\n", basic); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		return 0, fmt.Errorf("503 without Retry-After")
	}
	return resp.StatusCode, nil
}

// all has every phone ask, at most so many at once.
func (s *storm) all(t *testing.T, atOnce int) {
	t.Helper()
	places := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, p := range s.phones {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if err := s.ask(p); err != nil && s.failed.Add(1) < 10 {
				t.Errorf("%s: %v", p.login, err)
			}
		})
	}
	wg.Wait()
}

// sealed stops the server and gives it an empty store with a key.
func (h *house) sealed() {
	h.t.Helper()
	h.stop()
	key := filepath.Join(h.Dir, "store.key")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.edit("path = \"data\"", "path = \"sealed\"\nkey_file = \"store.key\"")
	if err := os.Mkdir(filepath.Join(h.Dir, "sealed"), 0o700); err != nil {
		h.t.Fatal(err)
	}
}

// Two thousand phones come back at the same moment after a restart: all are
// served, none is told that its password is wrong, no password is hashed, no
// session is agreed on anew, and memory stays bounded.
func TestAllPhonesComeBackAtOnce(t *testing.T) {
	thorough(t)
	h := newHouse(t, "[https]\nlisten = \"127.0.0.1:0\"\n")
	h.sealed()
	const users, each = 20, 100
	var people strings.Builder
	people.WriteString("[[domain]]\nname = \"storm.example\"\n")
	for i := range users {
		fmt.Fprintf(&people, "[[user]]\nlogin = \"user%d@storm.example\"\npassword = %q\n", i, password)
	}
	file := filepath.Join(h.Dir, "people.toml")
	if err := os.WriteFile(file, []byte(people.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Run("", "directory", "apply", file)
	h.start()
	s := newStorm(users, each)
	s.address = h.doors["https"]
	s.all(t, 64) // a day like any other
	hashes := func() (st struct {
		Hashes int64 `json:"password_hashes"`
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(h.Run("", "status", "--json")), &st); err != nil {
			t.Fatal(err)
		}
		return st
	}
	if n := hashes().Hashes; n < users || n > 2*users {
		t.Errorf("%d hashes for %d users before", n, users)
	}
	h.stop()
	h.start()
	s.address = h.doors["https"]
	s.resumed.Store(0)
	before := h.memory("VmRSS:")
	start := time.Now()
	s.all(t, len(s.phones))
	t.Logf("%d phones in %v, %d sent away for a while, memory %d MiB before and %d MiB at most",
		len(s.phones), time.Since(start).Round(time.Millisecond), s.again.Load(), before, h.memory("VmHWM:"))
	if n := hashes().Hashes; n != 0 {
		t.Errorf("%d password hashes after the restart", n)
	}
	if n := s.resumed.Load(); n < int64(len(s.phones)) {
		t.Errorf("%d of %d sessions were resumed", n, len(s.phones))
	}
	if peak := h.memory("VmHWM:"); peak > before+200 {
		t.Errorf("memory rose from %d to %d MiB", before, peak)
	}
}
