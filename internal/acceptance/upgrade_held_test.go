package acceptance

import (
	"context"
	"crypto/tls"
	"errors"
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

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// flock is many phones of many people, half of them with TLS.
type flock struct {
	h      *house
	users  int
	phones []*bird
	dialed atomic.Int64
	tls    *tls.Config
}

type bird struct {
	*phone.Phone
	inbox string
	over  string // the transport
}

func (f *flock) people() string {
	var b strings.Builder
	b.WriteString("[[domain]]\nname = \"flock.example\"\n")
	var all []string
	for i := range f.users {
		login := fmt.Sprintf("bird%d@flock.example", i)
		fmt.Fprintf(&b, "[[user]]\nlogin = %q\npassword = %q\n", login, password)
		all = append(all, fmt.Sprintf("%q", login))
	}
	fmt.Fprintf(&b, "[[group]]\naddress = \"all@flock.example\"\nmembers = [%s]\n", strings.Join(all, ", "))
	return b.String()
}

func (f *flock) transport(overTLS bool, address string) *http.Client {
	t := &http.Transport{MaxIdleConnsPerHost: 2000, TLSClientConfig: f.tls}
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		f.dialed.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	f.h.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 5 * time.Minute}
}

// settle brings so many phones of each user to where they ping.
func (f *flock) settle(ctx context.Context, each int) error {
	plain, secure := f.transport(false, f.h.doors["http"]), f.transport(true, f.h.doors["https"])
	var all sync.WaitGroup
	places, failed := make(chan struct{}, 16), make(chan error, f.users*each)
	f.phones = make([]*bird, f.users*each)
	for i := range f.phones {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			cfg := phone.Config{URL: "http://mail.process.example", HTTPClient: plain, User: fmt.Sprintf("bird%d@flock.example", i%f.users), Password: password, DeviceID: fmt.Sprintf("BIRD%d", i)}
			over := "plain"
			if i/f.users%2 == 1 {
				cfg.URL, cfg.HTTPClient, over = "https://mail.process.example", secure, "TLS"
			}
			p, err := phone.New(cfg)
			if err == nil {
				_, err = p.Provision(ctx)
			}
			if err == nil {
				_, err = p.FolderSync(ctx)
			}
			if err == nil {
				b := &bird{Phone: p, over: over}
				f.phones[i] = b
				err = b.begin(ctx)
			}
			if err != nil {
				failed <- fmt.Errorf("phone %d: %w", i, err)
			}
		})
	}
	all.Wait()
	close(failed)
	return errors.Join(<-failed)
}

// begin syncs the Inbox for the first time.
func (b *bird) begin(ctx context.Context) error {
	folder, err := b.Folder(eas.FolderInbox)
	if err != nil {
		return err
	}
	b.inbox = folder.ServerID
	_, err = b.Sync(ctx, b.inbox, phone.SyncOptions{All: true})
	return err
}

// A thousand phones are held, half of them over TLS, while the server is replaced
// twice: none of them notices, and all are woken by the process they never spoke
// to. Those whose TLS ends in the process before come back to the new one, which
// resumes their session, and the old process ends.
func TestAThousandHeldPhonesOutliveAnUpgrade(t *testing.T) {
	thorough(t)
	h := newHouse(t, "[https]\nlisten = \"127.0.0.1:0\"\n")
	f := &flock{h: h, users: 50, tls: &tls.Config{InsecureSkipVerify: true, ServerName: "mail.process.example", ClientSessionCache: tls.NewLRUClientSessionCache(1000)}} // self-signed
	file := filepath.Join(h.Dir, "flock.toml")
	if err := os.WriteFile(file, []byte(f.people()), 0o600); err != nil {
		t.Fatal(err)
	}
	h.sealed() // so that passwords need no hash afterwards
	h.Run("", "directory", "apply", file)
	h.start()
	if err := f.settle(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		answers := make(chan string, len(f.phones))
		for _, p := range f.phones {
			go func() {
				got, err := p.Ping(t.Context(), 10*time.Minute, p.inbox)
				answers <- fmt.Sprintln(got.Status, len(got.Folders), err)
			}()
		}
		h.held(len(f.phones))
		before, dialed := h.server.PID(), f.dialed.Load()
		h.upgrade()
		h.held(len(f.phones))
		if n := len(answers); n != 0 {
			t.Fatalf("round %d: %d phones have an answer, the first: %s", round, n, <-answers)
		}
		if n := f.dialed.Load() - dialed; n != 0 {
			t.Errorf("round %d: %d phones had to connect anew", round, n)
		}
		m := h.mailer()
		if err := m.send("all@flock.example", []byte(letter(fmt.Sprint("to all ", round), "Fly."))); err != nil {
			t.Fatal(err)
		}
		m.conn.Close()
		want := fmt.Sprintln(eas.PingStatusChanges, 1, error(nil))
		for range f.phones {
			if got := <-answers; got != want {
				t.Errorf("round %d: a phone was told %s", round, got)
			}
		}
		var all sync.WaitGroup
		for _, p := range f.phones {
			all.Go(func() {
				if got, err := p.Sync(t.Context(), p.inbox, phone.SyncOptions{All: true}); err != nil || len(got.Added) != 1 {
					t.Errorf("round %d: over %s: %d messages, %v", round, p.over, len(got.Added), err)
				}
			})
		}
		all.Wait()
		h.ended(before)
	}
}

// ended waits until a process has.
func (h *house) ended(pid int) {
	h.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(status), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Errorf("process %d lives on", pid)
			return
		}
	}
}
