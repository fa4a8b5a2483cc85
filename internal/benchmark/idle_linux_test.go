package benchmark

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/imap"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// sessions is how many IMAP sessions idle at most; those who want the figures of
// docs/benchmarks.md say -sessions=5000 (make bench-idle).
var sessions = flag.Int("sessions", 500, "IMAP sessions that BenchmarkIdleIMAP has")

// perAccount is how many of them are of one account, as a person's programs are.
const perAccount = 10

// BenchmarkIdleIMAP has sessions in IDLE on a server in this process; their
// programs are another process. It tells what one more costs in memory, what the
// process takes in all, and how long a wake takes. Plain sessions say that they
// are TLS, for nobody can log in without it.
func BenchmarkIdleIMAP(b *testing.B) {
	for _, transport := range []string{"plain", "tls"} {
		b.Run(transport, func(b *testing.B) {
			for b.Loop() {
				measureIdle(b, transport, *sessions)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// idleHouse is a mail core with accounts for the sessions.
type idleHouse struct {
	mailboxes *mailbox.Mailboxes
	store     *store.Store
	boxes     []mail.MailboxID
	server    *imap.Server
	address   string
}

func openIdle(b *testing.B, transport string, n int) *idleHouse {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	dir, log, ctx := b.TempDir(), slog.New(slog.DiscardHandler), context.Background()
	h, hub := &idleHouse{}, push.NewHub()
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	must(err)
	blobs, err := blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: log})
	must(err)
	accounts, err := directory.New(directory.Config{Store: h.store, Logger: log, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	must(err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: blobs, Hub: hub, Logger: log})
	must(accounts.AddDomain(ctx, directory.Domain{Name: "bench.example"}))
	for i := range (n + perAccount - 1) / perAccount {
		a, err := accounts.AddUser(ctx, directory.Account{Login: login(i)}, password)
		must(err)
		h.boxes = append(h.boxes, mail.MailboxOf(a.ID))
		must(h.mailboxes.Create(ctx, mail.MailboxOf(a.ID)))
	}
	h.server = imap.New(imap.Config{Hostname: "bench.example", Directory: accounts, Store: h.store, Mailboxes: h.mailboxes, Hub: hub,
		MaxSessionsPerIP: -1, Logger: log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	h.address = l.Addr().String()
	if transport == "tls" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate(b)}})
	} else {
		l = claimed{l}
	}
	go h.server.Serve(l)
	b.Cleanup(func() {
		ended, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		must(h.server.Shutdown(ended))
		must(blobs.Close())
		must(h.store.Close())
	})
	return h
}

// claimed is a listener of connections that say they are TLS.
type claimed struct{ net.Listener }

func (l claimed) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return claimedConn{c}, err
}

type claimedConn struct{ net.Conn }

func (c claimedConn) ConnectionState() tls.ConnectionState { return tls.ConnectionState{} }
func (c claimedConn) NetConn() net.Conn                    { return c.Conn }

func measureIdle(b *testing.B, transport string, n int) {
	h := openIdle(b, transport, n)
	p := startPrograms(b, transport, h.address)
	defer p.end()
	few := n / 10
	p.open(0, few)
	h.waitParked(b, few)
	live0, resident0 := memory()
	p.open(few, n)
	h.waitParked(b, n)
	live1, resident1 := memory()
	more := float64(n - few)
	b.ReportMetric((live1-live0)/more, "B/session")
	b.ReportMetric((resident1-resident0)/more, "rss-B/session")
	b.ReportMetric(resident1/1e6, "rss-MB")
	b.ReportMetric(idleCPU(), "idle-cpu-%")
	h.wake(b, p, n)
}

// waitParked waits until so many sessions have no goroutine.
func (h *idleHouse) waitParked(b *testing.B, n int) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Minute); ; <-tick.C {
		all, parked := h.server.Sessions()
		if all == n && parked == n {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("of %d sessions there are %d, %d of them parked", n, all, parked)
		}
	}
}

// wake delivers to each account, and waits until all of its programs know.
func (h *idleHouse) wake(b *testing.B, p *programs, n int) {
	body, err := h.mailboxes.Prepare(b.Context(), []byte("From: a@bench.example\r\nSubject: x\r\n\r\nx\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	var last time.Time
	start := time.Now()
	err = h.store.Update(b.Context(), func(tx *store.Tx) error {
		start = time.Now()
		for _, box := range h.boxes {
			inbox, err := h.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
			if err != nil {
				return err
			}
			if _, err := h.mailboxes.Append(tx, box, inbox.ID, mail.NewItem{Class: mail.ClassEmail, Body: body}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		last = p.told(b)
	}
	b.ReportMetric(last.Sub(start).Seconds()*1000, "storm-ms")
	h.waitParked(b, n)
}

// programs is the process that plays the mail programs.
type programs struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const programsEnv = "MARTLET_PROGRAMS"

func startPrograms(b *testing.B, transport, address string) *programs {
	b.Helper()
	p := &programs{cmd: exec.Command(os.Args[0], "-test.run=^TestPrograms$")}
	p.cmd.Env = append(os.Environ(), programsEnv+"="+transport+" "+address)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p *programs) open(from, to int) { fmt.Fprintln(p.in, from, to) }

func (p *programs) told(b *testing.B) time.Time {
	line, err := p.out.ReadString('\n')
	var ns int64
	if err == nil {
		_, err = fmt.Sscan(line, &ns)
	}
	if err != nil {
		b.Fatalf("the programs' process said %q: %v", line, err)
	}
	return time.Unix(0, ns)
}

func (p *programs) end() {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// TestPrograms plays the mail programs of BenchmarkIdleIMAP in a process of its
// own.
func TestPrograms(t *testing.T) {
	transport, address, ok := strings.Cut(os.Getenv(programsEnv), " ")
	if !ok {
		t.Skip("it is the other side of BenchmarkIdleIMAP")
	}
	dialing := make(chan struct{}, 16)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var from, to int
		if _, err := fmt.Sscan(in.Text(), &from, &to); err != nil {
			t.Fatal(err)
		}
		for i := from; i < to; i++ {
			dialing <- struct{}{}
			go func() {
				if err := idleOnce(transport, address, i, func() { <-dialing }); err != nil {
					fmt.Fprintln(os.Stderr, "program", i, err)
				}
			}()
		}
	}
	os.Exit(0)
}

// idleOnce is a program that waits for news, and says when they came.
func idleOnce(transport, address string, i int, waits func()) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	if transport == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	in := bufio.NewReaderSize(conn, 512)
	for _, step := range []struct{ say, until string }{
		{"", "* OK"}, {"a LOGIN " + login(i/perAccount) + " \"" + password + "\"", "a OK"}, {"b SELECT INBOX", "b OK"}, {"c IDLE", "+"},
	} {
		if step.say != "" {
			if _, err := io.WriteString(conn, step.say+"\r\n"); err != nil {
				return err
			}
		}
		if err := await(in, step.until); err != nil {
			return err
		}
	}
	waits()
	if err := await(in, "* 1 EXISTS"); err != nil {
		return err
	}
	_, err = fmt.Println(time.Now().UnixNano())
	return err
}

func await(in *bufio.Reader, begin string) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, begin) {
			return nil
		}
	}
}
