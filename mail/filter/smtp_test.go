package filter_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/dns/dnstest"
	"martlet/mail/filter"
	"martlet/mail/smtp"
	"martlet/store"
)

// street is a DNS with an honest host, one without a name, and a list.
const street = `
1.2.0.192.in-addr.arpa. PTR mx.example.com.
mx.example.com. A 192.0.2.1
example.com. TXT "v=spf1 ip4:192.0.2.0/28 -all"
_dmarc.example.com. TXT "v=DMARC1; p=reject"
_dmarc.shelf.example. TXT "v=DMARC1; p=quarantine"
9.2.0.192.bad.list.example. A 127.0.0.2
9.2.0.192.in-addr.arpa. PTR bad.example.
bad.example. A 192.0.2.9
`

// taken is where accepted messages go.
type taken struct {
	mu  sync.Mutex
	all []mail.Envelope
}

func (t *taken) Deliver(_ context.Context, env mail.Envelope, _ []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, env)
	return nil
}

func (t *taken) Relay(ctx context.Context, _ directory.AccountID, env mail.Envelope, raw []byte) error {
	return t.Deliver(ctx, env, raw)
}

// from is a connection that comes from an address of the world.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.addr), Port: 4711} }

// line is a listener whose callers are let in by the test.
type line struct {
	calls chan net.Conn
	once  sync.Once
}

func (l *line) Accept() (net.Conn, error) {
	c, ok := <-l.calls
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *line) Close() error   { l.once.Do(func() { close(l.calls) }); return nil }
func (l *line) Addr() net.Addr { return &net.TCPAddr{} }

type mx struct {
	t *testing.T
	l *line
	*taken
}

func newMX(t *testing.T) *mx {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(t.Context(), directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddUser(t.Context(), directory.Account{Login: "robin@example.org", Name: "Robin"}, "correct horse"); err != nil {
		t.Fatal(err)
	}
	p := filter.DefaultPolicy()
	p.Lists = []filter.List{{Zone: "bad.list.example", Weight: 4, Refuse: true}}
	p.Rates.Unknown = filter.Rate{PerHour: 2}
	m := &mx{t: t, l: &line{calls: make(chan net.Conn)}, taken: &taken{}}
	server := smtp.New(smtp.Config{
		Mode: smtp.MX, Hostname: "mx.example.org", Directory: d, Transport: m.taken, Logger: slog.New(slog.DiscardHandler),
		Filter: filter.New(filter.Config{Resolver: dnstest.Serve(t, street), Store: s, Hostname: "mx.example.org", Policy: p, Logger: slog.New(slog.DiscardHandler)}),
	})
	done := make(chan error, 1)
	go func() { done <- server.Serve(m.l) }()
	t.Cleanup(func() {
		m.l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(ctx)
		<-done
		s.Close()
	})
	return m
}

// talk has a client say lines and returns the replies, the greeting first.
func (m *mx) talk(addr string, lines ...string) string {
	m.t.Helper()
	here, there := net.Pipe()
	m.l.calls <- from{there, addr}
	defer here.Close()
	here.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(here)
	var out []string
	reply := func() bool {
		for {
			text, err := r.ReadString('\n')
			if err != nil {
				if err != io.EOF {
					m.t.Errorf("%s: %v", addr, err)
				}
				return false
			}
			if len(text) > 3 && text[3] == ' ' {
				out = append(out, strings.TrimRight(text, "\r\n"))
				return !strings.HasPrefix(text, "421")
			}
		}
	}
	if !reply() {
		return strings.Join(out, "\n")
	}
	for _, text := range lines {
		if _, err := fmt.Fprintf(here, "%s\r\n", text); err != nil {
			break
		}
		if !reply() {
			break
		}
	}
	return strings.Join(out[1:], "\n")
}

func message(from string) []string {
	return []string{"EHLO mx.example.com", "MAIL FROM:<" + from + ">", "RCPT TO:<robin@example.org>", "DATA",
		"From: " + from + "\r\nTo: robin@example.org\r\nSubject: Planning\r\n\r\nTomorrow at nine.\r\n."}
}

func TestWhatClientsAreTold(t *testing.T) {
	m := newMX(t)
	for _, tc := range []struct {
		name, addr string
		lines      []string
		reply      int // of which line
		want       string
	}{
		{"an honest host", "192.0.2.1", message("anna@example.com"), 4, "250 2.0.0 "},
		{"a From that nothing speaks for", "192.0.2.1", append(message("anna@example.net")[:4], "From: anna@example.com\r\n\r\nx\r\n."), 4, "550 5.7.1 The message is not from example.com"},
		{"a host that is not known", "203.0.113.1", message("anna@example.com"), 2, "451 4.7.1 "},
		{"on a list", "192.0.2.9", message("anna@example.com")[:3], 2, "550 5.7.1 192.0.2.9 is on the list bad.list.example"},
		{"without a name", "192.0.2.5", message("anna@example.com")[:3], 2, "451 4.7.1 "},
	} {
		got := m.talk(tc.addr, tc.lines...)
		if replies := strings.Split(got, "\n"); len(replies) <= tc.reply || !strings.HasPrefix(replies[tc.reply], tc.want) {
			t.Errorf("%s: %s", tc.name, got)
		}
	}
	if got := m.talk("192.0.2.1", message("anna@shelf.example")...); !strings.Contains(got, "250 2.0.0") {
		t.Errorf("what is to be shelved is not taken: %s", got)
	}
	if len(m.all) != 2 || m.all[0].Verdict.Junk || !m.all[1].Verdict.Junk || !strings.Contains(m.all[0].Trace.Results, "dmarc=pass") {
		t.Fatalf("%d taken: %+v", len(m.all), m.all)
	}
}

func TestWhoTriesNamesIsSentAway(t *testing.T) {
	m := newMX(t)
	got := m.talk("192.0.2.1", "EHLO mx.example.com", "MAIL FROM:<anna@example.com>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>", "NOOP")
	replies := strings.Split(got, "\n")
	if len(replies) != 5 || !strings.HasPrefix(replies[2], "550 5.1.1") || !strings.HasPrefix(replies[3], "550 5.1.1") || !strings.HasPrefix(replies[4], "421 4.7.1 Too many recipients that do not exist") {
		t.Errorf("%s", got)
	}
	if got := m.talk("192.0.2.1"); !strings.HasPrefix(got, "421 4.7.1") {
		t.Errorf("again: %s", got)
	}
	if got := m.talk("192.0.2.2", "EHLO x"); !strings.HasPrefix(got, "250") {
		t.Errorf("a neighbour: %s", got)
	}
}
