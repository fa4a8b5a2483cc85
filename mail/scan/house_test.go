package scan

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/filter"
	"martlet/mail/message"
)

const letterText = "From: a@example.com\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: hello\r\n\r\nfirst line\r\nsecond line\r\n"

// asked is a message as a filter shows it.
func asked(raw string) *filter.Message {
	return &filter.Message{
		Client: &mail.Client{Addr: netip.MustParseAddr("192.0.2.7"), Helo: "mx.example.com"},
		Env: &mail.Envelope{From: "a@example.com", To: []mail.Recipient{
			{Address: "b@example.org", Local: true, Accounts: []directory.AccountID{1}},
			{Address: "c@example.org", Local: true, Accounts: []directory.AccountID{2}},
		}, Trace: mail.Trace{ID: "ABC123"}},
		Raw: []byte(raw), Index: message.Parse([]byte(raw)), Auth: filter.Auth{Reverse: "mx.example.com"},
	}
}

// told is a finding in a line.
func told(f filter.Finding, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	if f.Score != 0 {
		out = append(out, fmt.Sprintf("score %.1f", f.Score))
	}
	if r := f.Refusal; r.Refuses() {
		out = append(out, fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text))
	}
	if f.Quarantine {
		out = append(out, "junk")
	}
	if f.Discard {
		out = append(out, "discard")
	}
	for _, a := range []directory.AccountID{1, 2} {
		if is, ok := f.Opinions[a]; ok {
			out = append(out, fmt.Sprintf("%d %t", a, is))
		}
	}
	if len(f.Reasons) > 0 {
		out = append(out, "("+strings.Join(f.Reasons, "; ")+")")
	}
	if f.Raw != nil {
		out = append(out, "changed")
	}
	return strings.Join(out, " ")
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// clock is a time that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func TestAProgramThatIsDownIsLeftAlone(t *testing.T) {
	g := newGuard(0)
	c := &clock{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	g.now = c.now
	asked := 0
	down := true
	try := func() error {
		return g.ask(t.Context(), func(context.Context) error {
			if asked++; down {
				return errProtocol
			}
			return nil
		})
	}
	var waits []int
	for range 5 {
		before := asked
		seconds := 0
		for asked == before {
			try()
			c.Time = c.Add(time.Second)
			seconds++
		}
		waits = append(waits, seconds)
	}
	if want := []int{1, 5, 10, 20, 40}; !slices.Equal(waits, want) {
		t.Errorf("asked after %v seconds, want %v", waits, want)
	}
	down = false
	c.Time = c.Add(lastRest)
	if err := try(); err != nil {
		t.Error(err)
	}
	if err := try(); err != nil {
		t.Error("it is up again, and not asked")
	}
	if s := g.Stats(); s.Asked != 7 || s.Failed != 5 || s.Down == 0 {
		t.Errorf("%+v", s)
	}
}

// Who asked and went away says nothing of the program.
func TestAnAskerWhoGoesDoesNotTakeTheProgramDown(t *testing.T) {
	g := newGuard(0)
	ctx, cancel := context.WithCancel(t.Context())
	err := g.ask(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
	if err == nil {
		t.Fatal("no error")
	}
	if err := g.ask(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}
