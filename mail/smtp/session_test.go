package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/smtp"
	"martlet/mail/trace"
)

// client is a plain SMTP client of a test.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	return talkOver(t, conn)
}

func talkOver(t testing.TB, conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// say sends lines at once.
func (c *client) say(lines ...string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n")
	check(c.t, err)
}

// hear reads replies and compares the beginnings of their last lines.
func (c *client) hear(want ...string) {
	c.t.Helper()
	for _, w := range want {
		line, err := c.in.ReadString('\n')
		for err == nil && len(line) > 3 && line[3] == '-' {
			line, err = c.in.ReadString('\n')
		}
		if err != nil || !strings.HasPrefix(line, w) {
			c.t.Fatalf("the server says %q, %v; want %q", line, err, w)
		}
	}
}

// hearEnd waits until the server hangs up.
func (c *client) hearEnd() {
	c.t.Helper()
	if line, err := c.in.ReadString('\n'); !errors.Is(err, io.EOF) {
		c.t.Fatalf("the server says %q, %v; want the end", line, err)
	}
}

// closedDoor is a transport that says no, or waits to be told what to say.
type closedDoor struct {
	err     error
	entered chan struct{} // nil, or receives when a message has arrived
	leave   chan struct{} // then the answer waits for this
}

func (d *closedDoor) Deliver(context.Context, mail.Envelope, []byte) error {
	if d.entered != nil {
		d.entered <- struct{}{}
		<-d.leave
	}
	return d.err
}

func (d *closedDoor) Relay(ctx context.Context, _ directory.AccountID, env mail.Envelope, raw []byte) error {
	return d.Deliver(ctx, env, raw)
}

func TestFailuresOfTheTransportBecomeReplies(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("deep inside: %w", mail.ErrNoSpace), "452 4.3.1"},
		{mail.ErrLoop, "554 5.4.6"},
		{mail.ErrNotSender, "550 5.7.1"},
		{mail.ErrTooManyTo, "452 4.5.3"},
		{context.DeadlineExceeded, "451 4.3.0"},
		{errors.New("secret path /var/lib"), "451 4.3.0 Temporary failure, try again later\r\n"},
	} {
		addr, _ := h.serve(smtp.Config{Transport: &closedDoor{err: c.err}})
		cl := dial(t, addr)
		cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x", ".", "QUIT")
		cl.hear("220", "250", "250", "250", "354", c.want, "221")
	}
}

// judge is a filter that says what it is told to.
type judge struct {
	connect, recipient mail.Refusal
	message            func(c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict
}

func (j judge) Connect(context.Context, *mail.Client) mail.Refusal { return j.connect }
func (j judge) Recipient(context.Context, *mail.Client, *mail.Envelope, *mail.Recipient) mail.Refusal {
	return j.recipient
}
func (j judge) Message(_ context.Context, c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
	return j.message(c, env, raw)
}

// What is found out about a sender stands in the message, on top of what the
// sender says of itself.
func TestWhatTheFilterFindsOutStandsInTheMessage(t *testing.T) {
	h := newHouse(t)
	addr, _ := h.serve(smtp.Config{Filter: judge{message: func(c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
		if c.Helo != "c" || !c.Addr.IsLoopback() || c.Account != 0 || env.From != "a@b.example" || !env.Trace.Remote.IsLoopback() || !strings.HasPrefix(string(raw), "Subject: x\r\n") {
			t.Errorf("asked about %+v of %+v: %s", env, c, raw)
		}
		return mail.Verdict{Results: "spf=pass smtp.mailfrom=b.example; dmarc=none", Raw: []byte("Subject: changed\r\n\r\n")}
	}}})
	cl := dial(t, addr)
	cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x", ".", "QUIT")
	cl.hear("220", "250", "250", "250", "354", "250", "221")
	all := h.messages("bob@example.org", mail.RoleInbox)
	if len(all) != 1 || !strings.Contains(all[0], "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=b.example; dmarc=none\r\n") ||
		!strings.HasSuffix(all[0], "\r\nSubject: changed\r\n\r\n") {
		t.Errorf("delivered: %q", all)
	}
}

func TestWhomTheFilterRefusesIsToldSo(t *testing.T) {
	h := newHouse(t)
	fine := func(*mail.Client, *mail.Envelope, []byte) mail.Verdict { return mail.Verdict{} }
	no := mail.Refusal{Code: 550, Enhanced: "5.7.1", Text: "Not you"}
	refuse := func(*mail.Client, *mail.Envelope, []byte) mail.Verdict { return mail.Verdict{Refusal: no} }
	discard := func(*mail.Client, *mail.Envelope, []byte) mail.Verdict { return mail.Verdict{Discard: true} }
	say := []string{"HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x", ".", "QUIT"}
	for _, c := range []struct {
		name   string
		judge  judge
		say    []string
		hear   []string
		traced string
	}{
		{"connect", judge{connect: mail.Refusal{Code: 421, Enhanced: "4.7.0", Text: "Too fast"}}, nil, []string{"421 4.7.0 Too fast"}, ""},
		{"recipient", judge{recipient: no, message: fine}, []string{"HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "QUIT"}, []string{"220", "250", "250", "550 5.7.1 Not you", "221"}, "a@b.example bob@example.org refused 550 5.7.1 Not you"},
		{"message", judge{message: refuse}, say, []string{"220", "250", "250", "250", "354", "550 5.7.1 Not you", "221"}, "a@b.example bob@example.org refused 550 5.7.1 Not you"},
		{"discarded", judge{message: discard}, say, []string{"220", "250", "250", "250", "354", "250", "221"}, "a@b.example bob@example.org discarded by a filter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := trace.New(trace.Config{Store: h.store})
			before, _, err := log.Find(t.Context(), trace.Query{})
			check(t, err)
			addr, _ := h.serve(smtp.Config{Filter: c.judge, Trace: log})
			cl := dial(t, addr)
			cl.say(c.say...)
			cl.hear(c.hear...)
			found, _, err := log.Find(t.Context(), trace.Query{})
			check(t, err)
			var got string
			if found = found[:len(found)-len(before)]; len(found) == 1 {
				o := found[0].Outcomes[0]
				got = fmt.Sprint(found[0].From, " ", o.To, " ", o.Step, " ", o.Detail)
			}
			if got != c.traced || len(found) > 1 {
				t.Errorf("remembered %+v, want %q", found, c.traced)
			}
		})
	}
	if all := h.messages("bob@example.org", mail.RoleInbox); len(all) != 0 {
		t.Errorf("delivered: %q", all)
	}
}

func TestFullDiskAnswers452AndKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir, 0)
	h.populate()
	check(t, h.mailboxes.Create(t.Context(), mail.MailboxOf(h.people["bob@example.org"])))
	people := h.people
	h.close()

	h = openHouse(t, dir, 1<<60) // more than any disk has free
	h.people = people
	t.Run("full", func(t *testing.T) {
		full := *h
		full.t = t
		addr, _ := full.serve(smtp.Config{})
		cl := dial(t, addr)
		cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x", ".", "NOOP")
		cl.hear("220", "250", "250", "250", "354", "452 4.3.1", "250")
	})
	h.close()

	h = openHouse(t, dir, 0)
	h.people = people
	defer func() { h.checkAll(); h.close() }()
	if got := h.messages("bob@example.org", mail.RoleInbox); len(got) != 0 {
		t.Errorf("a message refused is there all the same: %q", got)
	}
	t.Run("room again", func(t *testing.T) {
		empty := *h
		empty.t = t
		addr, _ := empty.serve(smtp.Config{})
		cl := dial(t, addr)
		cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x", ".")
		cl.hear("220", "250", "250", "250", "354", "250")
	})
	if got := h.messages("bob@example.org", mail.RoleInbox); len(got) != 1 {
		t.Errorf("%d messages after the disk has room again, want 1", len(got))
	}
}

func TestSessionsAreLimitedInTotalAndByAddress(t *testing.T) {
	h := newHouse(t)
	addr, _ := h.serve(smtp.Config{MaxSessions: 2})
	first, second := dial(t, addr), dial(t, addr)
	first.hear("220")
	second.hear("220")
	third := dial(t, addr)
	third.hear("421 4.3.2")
	third.hearEnd()

	addr, _ = h.serve(smtp.Config{MaxSessionsPerIP: 1})
	first = dial(t, addr)
	first.hear("220")
	dial(t, addr).hear("421 4.7.0")
	first.say("QUIT")
	first.hear("221")
	first.hearEnd()
	// The place is free once the session is counted out.
	for deadline := time.Now().Add(10 * time.Second); ; {
		next := dial(t, addr)
		line, err := next.in.ReadString('\n')
		check(t, err)
		if strings.HasPrefix(line, "220") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is never free: %q", line)
		}
	}
}

func TestMessagesUnderWayShareOneBudget(t *testing.T) {
	for name, size := range map[string]int{"in buffers": 90_000, "spooled": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			door := &closedDoor{entered: make(chan struct{}), leave: make(chan struct{})}
			// Room for two buffers of the greatest size or one spooled message with
			// its copy, and the beginning of another.
			addr, _ := h.serve(smtp.Config{MaxMessageBytes: int64(size) + 10_000, MaxInFlightBytes: 1, Transport: door})
			big := strings.Repeat("0123456789abcdef\r\n", size/18)
			send := func() *client {
				cl := dial(t, addr)
				cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA")
				cl.hear("220", "250", "250", "250", "354")
				cl.say(big + ".")
				return cl
			}
			first := send()
			<-door.entered
			if size < 1<<20 {
				second := send()
				<-door.entered
				defer second.hear("250")
			}
			last := send() // waits for room
			door.leave <- struct{}{}
			<-door.entered // the last one, or it never comes
			door.leave <- struct{}{}
			if size < 1<<20 {
				door.leave <- struct{}{}
			}
			first.hear("250")
			last.hear("250")
		})
	}
}

func TestASlowLargeMessageHoldsNoMemory(t *testing.T) {
	h := newHouse(t)
	door := &closedDoor{entered: make(chan struct{}), leave: make(chan struct{}, 1)}
	addr, _ := h.serve(smtp.Config{MaxMessageBytes: 4 << 20, MaxInFlightBytes: 1, Transport: door})
	block := strings.Repeat("0123456789abcdef\r\n", 100_000)
	var slow []*client
	for range 20 { // far more than the budget, each stuck in its middle
		cl := dial(t, addr)
		cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA")
		cl.hear("220", "250", "250", "250", "354")
		cl.say(block)
		slow = append(slow, cl)
	}
	for _, cl := range slow {
		door.leave <- struct{}{}
		cl.say(".")
		<-door.entered
		cl.hear("250")
	}
}

func TestShutdownLetsAMessageFinishAndTellsTheIdle(t *testing.T) {
	h := newHouse(t)
	door := &closedDoor{entered: make(chan struct{}), leave: make(chan struct{})}
	addr, srv := h.serve(smtp.Config{Transport: door})
	idle, busy := dial(t, addr), dial(t, addr)
	idle.hear("220")
	busy.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA")
	busy.hear("220", "250", "250", "250", "354")
	busy.say("Subject: x", ".")
	<-door.entered
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(context.Background()) }()
	idle.hear("421 4.3.2")
	idle.hearEnd()
	select {
	case err := <-done:
		t.Fatalf("shutdown did not wait for the message: %v", err)
	default:
	}
	door.leave <- struct{}{}
	busy.hear("250", "421 4.3.2")
	busy.hearEnd()
	check(t, <-done)
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still accepts sessions")
	}
}

func TestLogHasOneLineAMessageAndNeitherSubjectNorPassword(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return buf.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	serverTLS, _ := certificate(t)
	addr, _ := h.serve(smtp.Config{Logger: log, TLS: serverTLS})
	cl := dial(t, addr)
	cl.say("HELO c", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA", "Subject: hush-hush", ".", "QUIT")
	cl.hear("220", "250", "250", "250", "354", "250", "221")
	cl.hearEnd()
	mu.Lock()
	defer mu.Unlock()
	text := buf.String()
	if n := strings.Count(text, "smtp message accepted"); n != 1 {
		t.Errorf("%d lines for one message:\n%s", n, text)
	}
	for _, secret := range []string{"hush", password} {
		if strings.Contains(text, secret) {
			t.Errorf("the log tells %q:\n%s", secret, text)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSwaksDelivers(t *testing.T) {
	swaks, err := exec.LookPath("swaks")
	if err != nil {
		t.Skip("swaks is not installed")
	}
	h := newHouse(t)
	serverTLS, _ := certificate(t)
	mx, _ := h.serve(smtp.Config{TLS: serverTLS})
	submission, _ := h.serve(smtp.Config{TLS: serverTLS, Mode: smtp.Submission})
	lmtp, _ := h.serve(smtp.Config{Mode: smtp.LMTP})
	for _, c := range []struct {
		name string
		args []string
	}{
		{"plain", []string{"--server", mx, "--from", "dora@client.example.com"}},
		{"starttls", []string{"--server", mx, "--from", "dora@client.example.com", "--tls"}},
		{"pipelined", []string{"--server", mx, "--from", "<>", "--pipeline"}},
		{"submission", []string{"--server", submission, "--from", "alice@example.org", "--tls",
			"--auth", "PLAIN", "--auth-user", "alice@example.org", "--auth-password", password}},
		{"login", []string{"--server", submission, "--from", "alice@example.org", "--tls",
			"--auth", "LOGIN", "--auth-user", "alice", "--auth-password", password}},
		{"lmtp", []string{"--server", lmtp, "--protocol", "LMTP", "--from", "dora@client.example.com"}},
	} {
		before := len(h.messages("bob@example.org", mail.RoleInbox))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		args := append(c.args, "--to", "bob@example.org", "--header", "Subject: by swaks "+c.name, "--body", ".a dot first\nand more", "--timeout", "20")
		out, err := exec.CommandContext(ctx, swaks, args...).CombinedOutput()
		cancel()
		if err != nil {
			if bytes.Contains(out, []byte("not available")) {
				t.Logf("%s: swaks lacks a module here", c.name)
				continue
			}
			t.Errorf("%s: %v\n%s", c.name, err, out)
			continue
		}
		got := h.messages("bob@example.org", mail.RoleInbox)
		if len(got) != before+1 {
			t.Errorf("%s: %d messages arrived, want 1", c.name, len(got)-before)
			continue
		}
		last := got[len(got)-1]
		if !strings.Contains(last, "Subject: by swaks "+c.name+"\r\n") || !strings.Contains(last, "\r\n.a dot first\r\nand more\r\n") {
			t.Errorf("%s: what arrived is not what was sent:\n%s", c.name, last)
		}
	}
}
