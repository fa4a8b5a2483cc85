package acceptance

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// upgraded is what martlet upgrade says with --json.
type upgraded struct {
	PID    int               `json:"pid"`
	Listen map[string]string `json:"listen"`
	Failed string            `json:"upgrade_failed"`
}

// upgrade has the server replaced by the binary that is in its place.
func (h *house) upgrade() {
	h.t.Helper()
	before := h.server.PID()
	var st upgraded
	if out := h.Run("", "upgrade", "--json"); json.Unmarshal([]byte(out), &st) != nil || st.PID == 0 || st.PID == before {
		h.t.Fatalf("martlet upgrade: %s", out)
	}
	h.server.Succeeded(st.PID)
	if fmt.Sprint(st.Listen) != fmt.Sprint(h.doors) {
		h.t.Errorf("it listens on %v, before on %v", st.Listen, h.doors)
	}
}

// knocking asks the doors over new connections until stop, and counts what
// failed: nothing may.
func (h *house) knocking(ctx context.Context) (stop func() (asked int64)) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var asked atomic.Int64
	knock := func(what string, ask func() error) {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := ask(); err != nil && ctx.Err() == nil {
					h.t.Errorf("%s: %v", what, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	insecure := &tls.Config{InsecureSkipVerify: true} // self-signed
	get := func(url string) func() error {
		return func() error {
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: insecure}, Timeout: time.Minute}
			resp, err := c.Get(url)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
				err = errors.Join(err, errors.New(resp.Status))
			}
			return err
		}
	}
	knock("http", get("http://"+h.doors["http"]+"/healthz"))
	knock("https", get("https://"+h.doors["https"]+"/healthz"))
	greeted := func(network, address string) func() error {
		return func() error {
			conn, err := net.Dial(network, address)
			if err != nil {
				return err
			}
			defer conn.Close()
			b := make([]byte, 3)
			if _, err = io.ReadFull(conn, b); err == nil && string(b) != "220" && string(b) != "421" {
				err = fmt.Errorf("greeted with %q", b)
			}
			return err
		}
	}
	knock("smtp", greeted("tcp", h.doors["smtp"]))
	knock("lmtp", greeted("unix", h.doors["lmtp"]))
	return func() int64 {
		cancel()
		all.Wait()
		return asked.Load()
	}
}

// A new process takes over while people connect, mail comes in and phones wait:
// nobody is refused, the message at work is taken, all addresses stay.
func TestAnUpgradeIsNotNoticed(t *testing.T) {
	dir := t.TempDir()
	h := newHouse(t, "[https]\nlisten = \"127.0.0.1:0\"\n[lmtp]\nlisten = \"unix:"+filepath.Join(dir, "l.sock")+"\"\n")
	p, inbox := h.settled("UPGRADED", eas.V161)
	h.well(p, inbox, "before")
	stop := h.knocking(t.Context())
	for i := range 3 {
		m := h.mailer()
		for _, line := range []string{"MAIL FROM:<wren@elsewhere.example>", "RCPT TO:<" + robin + ">"} {
			if err := m.say(250, "%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.say(354, "DATA"); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.upgrade()
		}()
		time.AfterFunc(300*time.Millisecond, func() {
			fmt.Fprint(m.conn, letter(fmt.Sprint("at work ", i), "It goes on.")+".\r\n")
		})
		if _, _, err := m.text.ReadResponse(250); err != nil {
			t.Errorf("the message at work: %v", err)
		}
		<-done
		if got := h.sync(p, inbox, phone.SyncOptions{}); got.Adds != 1 {
			t.Errorf("the phone gets %d messages", got.Adds)
		}
		h.well(p, inbox, fmt.Sprint("after ", i))
	}
	if n := stop(); n < 20 {
		t.Errorf("only %d connections were tried", n)
	}
	h.fsck()
	h.stop()
	for _, left := range []string{filepath.Join(dir, "l.sock"), filepath.Join(h.Dir, "data", "admin.sock")} {
		if _, err := os.Lstat(left); err == nil {
			t.Errorf("%s is left behind", left)
		}
	}
}

// What keeps a new process from serving is said, and the old one goes on:
// whether that shows at once, or when it has the store already.
func TestAnUpgradeThatCannotBe(t *testing.T) {
	h := newHouse(t, "[https]\nlisten = \"127.0.0.1:0\"\n")
	p, inbox := h.settled("UPGRADED", eas.V161)
	name := filepath.Join(h.Dir, "martlet.toml")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	key := filepath.Join(h.Dir, "other.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pid := h.server.PID()
	for _, c := range []struct{ what, from, to, want string }{
		{"a port that is taken", "", "[submission]\nlisten = \"" + taken.Addr().String() + "\"\n", "[submission] listen"},
		{"a key that is not the store's", "path = \"data\"", "path = \"data\"\nkey_file = \"other.key\"", "was made with another key"},
	} {
		text := string(good) + c.to
		if c.from != "" {
			text = strings.Replace(string(good), c.from, c.to, 1)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.sync(p, inbox, phone.SyncOptions{})
		answer := h.pinging(t.Context(), p, inbox)
		h.held(1)
		stop := h.knockingHTTP(t.Context())
		out, err := h.Try("", "upgrade")
		if err == nil || !strings.Contains(out, "the old one goes on") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, %s", c.what, err, out)
		}
		stop()
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
		var st upgraded
		if err := json.Unmarshal([]byte(h.Run("", "status", "--json")), &st); err != nil || st.PID != pid {
			t.Errorf("%s: process %d serves, %v", c.what, st.PID, err)
		}
		h.held(1) // it has not noticed
		h.deliver(letter("to the phone that is held", "…"))
		if got, want := <-answer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
			t.Errorf("%s: the held Ping is answered %s, want %s", c.what, got, want)
		}
		h.sync(p, inbox, phone.SyncOptions{})
		h.well(p, inbox, c.what)
	}
	binary := filepath.Join(h.Dir, "martlet")
	aside := filepath.Join(h.Dir, "martlet.aside")
	h.log.forgive()
	if err := errors.Join(os.Rename(binary, aside), os.WriteFile(binary, []byte("#!/bin/sh\nexit 3\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := h.server.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	h.waitLog("nothing has changed")
	if err := os.Rename(aside, binary); err != nil {
		t.Fatal(err)
	}
	h.well(p, inbox, "a binary that is none")
	h.upgrade()
	h.well(p, inbox, "in the end")
	h.log.forgive() // failed upgrades are errors
}

// knockingHTTP asks one door until stop.
func (h *house) knockingHTTP(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
		for ctx.Err() == nil {
			resp, err := c.Get("http://" + h.doors["http"] + "/healthz")
			if err != nil {
				h.t.Errorf("while an upgrade fails: %v", err)
				return
			}
			resp.Body.Close()
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

// waitLog waits until the server has logged a text.
func (h *house) waitLog(text string) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); !bytes.Contains([]byte(h.log.text()), []byte(text)); {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("%q is not logged:\n%s", text, h.log.text())
		}
	}
}
