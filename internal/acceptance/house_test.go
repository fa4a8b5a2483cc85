package acceptance

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/internal/process"
	"martlet/protocol/eas"
)

const (
	robin    = "robin@acceptance.example"
	password = "a nest of twigs"
)

// house is a running server with one user.
type house struct {
	*process.Installation
	t      *testing.T
	server *process.Server
	log    *lines
	doors  map[string]string // addresses by the name of the listener
}

// newHouse starts a server, whose configuration gets these further lines, with
// its store in data or, without one, in the installation's own folder. At the
// end of the test it must stop in good order and have logged no error.
func newHouse(t *testing.T, config string, data ...string) *house {
	t.Helper()
	h := &house{Installation: process.Install(t), t: t, log: &lines{}}
	h.Installation.Log = h.log
	h.Configure(config)
	for _, folder := range data {
		own := filepath.Join(h.Dir, "data")
		if err := errors.Join(os.Remove(own), os.Symlink(folder, own)); err != nil {
			t.Fatal(err)
		}
	}
	h.Run(password+"\n", "user", "add", robin, "--new-domain", "--password-stdin", "--name", "Robin Swift")
	h.start()
	t.Cleanup(func() {
		h.stop()
		for i, line := range h.log.errors() {
			if i < 10 {
				t.Errorf("the server logged: %.2000s", line)
			}
		}
	})
	return h
}

func (h *house) start() {
	h.t.Helper()
	h.server = h.Start(h.t.Context())
	var status struct{ Listen map[string]string }
	if out := h.Run("", "status", "--json"); json.Unmarshal([]byte(out), &status) != nil {
		h.t.Fatalf("martlet status: %s", out)
	}
	h.doors = status.Listen
}

func (h *house) stop() {
	h.t.Helper()
	if h.server == nil {
		return
	}
	if err := h.server.Stop(); err != nil {
		h.t.Errorf("SIGTERM: %v\n%s", err, h.server.Log())
	}
	h.server = nil
}

// edit changes the configuration, for the next start.
func (h *house) edit(from, to string) {
	h.t.Helper()
	name := filepath.Join(h.Dir, "martlet.toml")
	text, err := os.ReadFile(name)
	if err == nil && !bytes.Contains(text, []byte(from)) {
		err = fmt.Errorf("%s has no %s", name, from)
	}
	if err == nil {
		err = os.WriteFile(name, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// rss is the memory that the process occupies, in MiB.
func (h *house) rss() int {
	h.t.Helper()
	return h.memory("VmRSS:")
}

// memory reads a line of the process's status in /proc, in MiB.
func (h *house) memory(line string) int {
	h.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.server.PID()))
	if err != nil {
		h.t.Skip("no /proc to tell the memory of a process: ", err)
	}
	_, after, _ := bytes.Cut(b, []byte(line))
	kib, err := strconv.Atoi(string(bytes.Fields(after)[0]))
	if err != nil {
		h.t.Fatal(err)
	}
	return kib >> 10
}

// lines keeps what the server logs. Errors and panics must not be there unless
// a test forgives them.
type lines struct {
	mu  sync.Mutex // guards all
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) errors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.all.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || !strings.HasPrefix(line, "{") {
			out = append(out, line)
		}
	}
	return out
}

// text is everything logged so far.
func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// forgive forgets what was logged so far and returns the errors in it.
func (l *lines) forgive() []string {
	out := l.errors()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Reset()
	return out
}

// client is an HTTP client that goes to the house whatever the URL names.
func (h *house) client() *http.Client {
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // self-signed
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, h.HTTP)
	}
	h.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 2 * time.Minute}
}

// newPhone makes a phone of Robin's that knows nothing yet.
func (h *house) newPhone(device string, edit func(*phone.Config)) *phone.Phone {
	h.t.Helper()
	cfg := phone.Config{URL: "http://mail.acceptance.example", User: robin, Password: password, DeviceID: device, HTTPClient: h.client()}
	if edit != nil {
		edit(&cfg)
	}
	p, err := phone.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		for _, odd := range p.Odd() {
			h.t.Errorf("phone %s: %s", device, odd)
		}
	})
	return p
}

// settle provisions a phone, fetches its folders and returns the Inbox's id.
func (h *house) settle(p *phone.Phone) string {
	h.t.Helper()
	if _, err := p.Provision(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if _, err := p.FolderSync(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return h.folder(p, eas.FolderInbox)
}

func (h *house) folder(p *phone.Phone, kind eas.FolderType) string {
	h.t.Helper()
	f, err := p.Folder(kind)
	if err != nil {
		h.t.Fatal(err)
	}
	return f.ServerID
}

// settled is a phone of a version that has its folders.
func (h *house) settled(device string, version eas.Version) (p *phone.Phone, inbox string) {
	h.t.Helper()
	p = h.newPhone(device, func(c *phone.Config) { c.Version = version })
	return p, h.settle(p)
}

// sync brings everything that is new.
func (h *house) sync(p *phone.Phone, collection string, opt phone.SyncOptions) *phone.SyncResult {
	h.t.Helper()
	opt.All = true
	if opt.Window == 0 {
		opt.Window = 512
	}
	got, err := p.Sync(h.t.Context(), collection, opt)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

// well sees that the server still does its work: a message goes in and a phone
// gets it.
func (h *house) well(p *phone.Phone, inbox, subject string) {
	h.t.Helper()
	h.deliver(letter(subject, "All is well."))
	for _, m := range h.sync(p, inbox, phone.SyncOptions{}).Added {
		if m.Email.Subject != nil && *m.Email.Subject == subject {
			return
		}
	}
	h.t.Errorf("%q went in and did not come out", subject)
}

func (h *house) fsck() {
	h.t.Helper()
	if out, err := h.Try("", "fsck", "--deep"); err != nil {
		h.t.Errorf("fsck --deep: %v\n%s", err, out)
	}
}

func letter(subject, text string) string {
	return "From: Wren <wren@elsewhere.example>\r\nTo: " + robin + "\r\nSubject: " + subject +
		"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n"
}

// thorough skips what takes long.
func thorough(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out with -short")
	}
}
