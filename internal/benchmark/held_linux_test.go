package benchmark

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"martlet/directory"
	"martlet/gateway"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// phones is how many phones are held at most; those who want the figures of
// docs/benchmarks.md say -phones=19000 (make bench-hold).
var phones = flag.Int("phones", 1000, "phones that BenchmarkHeld holds")

// idleFor is how long the CPU is watched while nothing happens.
const idleFor = 5 * time.Second

// BenchmarkHeld holds Pings of as many accounts on a server in this process;
// their phones are another process. It tells what one more phone costs in
// memory, how long a wake takes from the publish to the bytes at the phone, and
// how long it takes to wake all of them.
func BenchmarkHeld(b *testing.B) {
	for _, transport := range []string{"plain", "tls", "http2"} {
		b.Run(transport, func(b *testing.B) {
			h := openHeld(b, *phones)
			for b.Loop() {
				h.measure(b, transport)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// heldHouse is a server with an account and a synced device for each phone.
type heldHouse struct {
	n         int
	hub       *push.Hub
	store     *store.Store
	directory *directory.Directory
	devices   *device.Devices
	engine    *engine.Engine
	mailboxes *mailbox.Mailboxes
	deaf      *mailbox.Mailboxes // wakes nobody
	boxes     []mail.MailboxID
	inboxes   []mail.FolderID
	server    *gateway.Server
	plain     string
	tls       string
}

func loginOf(i int) string { return fmt.Sprintf("p%05d@held.example", i) }

func openHeld(b *testing.B, n int) *heldHouse {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	dir, log, ctx := b.TempDir(), slog.New(slog.DiscardHandler), context.Background()
	h := &heldHouse{n: n, hub: push.NewHub()}
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	must(err)
	blobs, err := blob.Open(blob.Config{Store: h.store, Path: filepath.Join(dir, "blobs"), Logger: log})
	must(err)
	h.directory, err = directory.New(directory.Config{Store: h.store, Logger: log, HashCost: directory.HashCost{Memory: 8, Time: 1, Threads: 1}})
	must(err)
	h.mailboxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: blobs, Hub: h.hub, Logger: log})
	h.deaf = mailbox.New(mailbox.Config{Store: h.store, Blobs: blobs, Hub: push.NewHub(), Logger: log})
	h.devices = device.New(device.Config{Store: h.store})
	h.engine = engine.New(engine.Config{Store: h.store, Devices: h.devices, Source: h.mailboxes, Logger: log})
	router := route.New(route.Config{Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Hostname: "held.example", Logger: log,
		Queue: queue.New(queue.Config{Store: h.store, Blobs: blobs})})
	h.server, err = gateway.New(gateway.Config{Store: h.store, Directory: h.directory, Devices: h.devices, Engine: h.engine,
		Mailboxes: h.mailboxes, Router: router, Hub: h.hub, Logger: log, MaxConnections: n + 100,
		HTTP2: true, TLS: &tls.Config{Certificates: []tls.Certificate{certificate(b)}}})
	must(err)
	for _, l := range []struct {
		address *string
		serve   func(net.Listener) error
	}{{&h.plain, h.server.Serve}, {&h.tls, h.server.ServeTLS}} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(err)
		*l.address = listener.Addr().String()
		go l.serve(listener)
	}
	b.Cleanup(func() {
		_ = h.server.Shutdown(ctx)
		_ = router.Close()
		_ = blobs.Close()
		_ = h.store.Close()
	})
	must(h.directory.AddDomain(ctx, directory.Domain{Name: "held.example"}))
	h.boxes, h.inboxes = make([]mail.MailboxID, n), make([]mail.FolderID, n)
	h.each(b, func(i int) error { return h.settle(ctx, i) })
	return h
}

// each does something for every phone.
func (h *heldHouse) each(b *testing.B, do func(i int) error) {
	b.Helper()
	var all sync.WaitGroup
	next := make(chan int)
	for range 32 {
		all.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range h.n {
		next <- i
	}
	close(next)
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// settle makes an account whose phone is provisioned, has synced its inbox and
// pinged it.
func (h *heldHouse) settle(ctx context.Context, i int) error {
	a, err := h.directory.AddUser(ctx, directory.Account{Login: loginOf(i), ActiveSync: true}, password)
	if err != nil {
		return err
	}
	var inbox mail.Folder
	err = h.store.Update(ctx, func(tx *store.Tx) error {
		if err := h.mailboxes.Ensure(tx, mail.MailboxOf(a.ID)); err != nil {
			return err
		}
		inbox, err = h.mailboxes.FolderByRole(tx, mail.MailboxOf(a.ID), mail.RoleInbox)
		return err
	})
	if err != nil {
		return err
	}
	id := device.ID{Account: a.ID, Device: deviceOf(i)}
	err = h.store.Update(ctx, func(tx *store.Tx) error {
		return h.devices.Save(tx, device.Device{ID: id, Type: "BenchPhone", Version: "16.1", FirstSeen: time.Now(), LastSeen: time.Now(), PolicyKey: 7, PolicyVersion: policyVersion,
			PingHeartbeat: 3540, PingFolders: []device.PingFolder{{ID: fmt.Sprint(uint32(inbox.ID)), Class: "Email"}}})
	})
	if err != nil {
		return err
	}
	if _, err := h.engine.Hierarchy(ctx, id, mail.MailboxOf(a.ID), "0", nil); err != nil {
		return err
	}
	h.boxes[i], h.inboxes[i] = mail.MailboxOf(a.ID), inbox.ID
	return h.sync(ctx, id, inbox.ID, "0")
}

// policyVersion is that of the rules that are the default.
const policyVersion = 1

func deviceOf(i int) string { return fmt.Sprintf("HELD0000000000000000000000%06d", i) }

// sync brings the phone's inbox up to date.
func (h *heldHouse) sync(ctx context.Context, id device.ID, inbox mail.FolderID, key string) error {
	for {
		res, err := h.engine.Sync(ctx, id, []engine.Request{{Box: mail.MailboxOf(id.Account), Folder: inbox, Key: key, GetChanges: key != "0", Window: 100}}, nil)
		if err != nil {
			return err
		}
		if res[0].Err != nil {
			return res[0].Err
		}
		if res[0].Unchanged || key == res[0].Key {
			return nil
		}
		key = res[0].Key
	}
}

// mailTo puts a message into the inboxes of phones.
func (h *heldHouse) mailTo(b *testing.B, m *mailbox.Mailboxes, which []int) {
	b.Helper()
	ctx := context.Background()
	body, err := m.Prepare(ctx, []byte("From: a@held.example\r\nTo: all@held.example\r\nSubject: x\r\nMessage-ID: <"+time.Now().Format(time.RFC3339Nano)+"@held.example>\r\n\r\nx\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	for some := range slices.Chunk(which, 100) {
		err := h.store.Update(ctx, func(tx *store.Tx) error {
			for _, i := range some {
				if _, err := m.Append(tx, h.boxes[i], h.inboxes[i], mail.NewItem{Class: mail.ClassEmail, Body: body}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// memory is what the process uses after everything that can go has gone: the
// heap's live objects and stacks, and what the system counts.
func memory() (live, resident float64) {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, _ := os.ReadFile("/proc/self/statm")
	var size, rss float64
	_, _ = fmt.Sscan(string(status), &size, &rss)
	return float64(m.HeapAlloc + m.StackInuse), rss * float64(os.Getpagesize())
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// idleCPU is how much of a core the process takes while nothing happens, in per
// cent.
func idleCPU() float64 {
	before := cpuTime()
	<-time.After(idleFor)
	return 100 * (cpuTime() - before).Seconds() / idleFor.Seconds()
}

// waitHeld waits until so many are held.
func (h *heldHouse) waitHeld(b *testing.B, n int) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Minute); h.server.Held() != n; <-tick.C {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d phones are held", h.server.Held(), n)
		}
	}
}

// stamp notes when the hub is told of a change.
type stamp struct {
	waiter push.Waiter
	at     time.Time
}

func (s *stamp) Wake() { s.at = time.Now() }

// measure goes twice through the crowd: only in the first round does a phone
// bring its account's credential into the caches, and its rows.
func (h *heldHouse) measure(b *testing.B, transport string) {
	few := max(h.n*2/19, 1)
	crowd := startCrowd(b, h, transport)
	crowd.open(0, h.n)
	h.waitHeld(b, h.n)
	crowd.end()
	h.waitHeld(b, 0)

	_, _ = memory()
	alone := idleCPU()
	crowd = startCrowd(b, h, transport)
	defer crowd.end()
	crowd.open(0, few)
	h.waitHeld(b, few)
	live0, resident0 := memory()
	crowd.open(few, h.n)
	h.waitHeld(b, h.n)
	live1, resident1 := memory()
	more := float64(h.n - few)
	b.ReportMetric((live1-live0)/more, "B/phone")
	b.ReportMetric((resident1-resident0)/more, "rss-B/phone")

	// The store looks at itself 40 times a second, with and without phones.
	b.ReportMetric(max(0, idleCPU()-alone), "idle-cpu-%")

	h.wakes(b, crowd)
	h.storm(b, crowd)
}

// wakes wakes phones one by one.
func (h *heldHouse) wakes(b *testing.B, crowd *crowd) {
	var took []time.Duration
	for i := range min(1000, h.n/2) {
		s := &stamp{}
		h.hub.Add(&s.waiter, s, uint64(h.boxes[i]), push.AllFolders)
		h.mailTo(b, h.mailboxes, []int{i})
		who, at := crowd.woken()
		h.hub.Remove(&s.waiter)
		if who != i {
			b.Fatalf("phone %d was woken for phone %d", who, i)
		}
		took = append(took, at.Sub(s.at))
	}
	slices.Sort(took)
	b.ReportMetric(micros(took[len(took)/2]), "wake-p50-µs")
	b.ReportMetric(micros(took[len(took)*99/100]), "wake-p99-µs")
}

// storm wakes all phones that are left at once.
func (h *heldHouse) storm(b *testing.B, crowd *crowd) {
	var left []int
	for i := min(1000, h.n/2); i < h.n; i++ {
		left = append(left, i)
	}
	h.mailTo(b, h.deaf, left)
	start := time.Now()
	for _, i := range left {
		h.hub.Publish(uint64(h.boxes[i]), uint32(h.inboxes[i]))
	}
	published := time.Since(start)
	last := start
	for range left {
		if _, at := crowd.woken(); at.After(last) {
			last = at
		}
	}
	b.ReportMetric(published.Seconds()*1000, "storm-publish-ms")
	b.ReportMetric(last.Sub(start).Seconds()*1000*float64(h.n)/float64(len(left)), "storm-ms")
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func certificate(b *testing.B) tls.Certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(crand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// crowd is the process that plays the phones.
type crowd struct {
	b   *testing.B
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// crowdEnv tells the process that it is the crowd, and where the server is.
const crowdEnv = "MARTLET_CROWD"

func startCrowd(b *testing.B, h *heldHouse, transport string) *crowd {
	b.Helper()
	address := h.plain
	if transport != "plain" {
		address = h.tls
	}
	c := &crowd{b: b, cmd: exec.Command(os.Args[0], "-test.run=^TestCrowd$")}
	c.cmd.Env = append(os.Environ(), crowdEnv+"="+transport+" "+address)
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return c
}

// open has phones ping, from one number to below another.
func (c *crowd) open(from, to int) {
	if _, err := fmt.Fprintln(c.in, from, to); err != nil {
		c.b.Fatal(err)
	}
}

// woken waits for the next phone that has its answer.
func (c *crowd) woken() (who int, at time.Time) {
	line, err := c.out.ReadString('\n')
	var ns int64
	if err == nil {
		_, err = fmt.Sscan(line, &who, &ns)
	}
	if err != nil {
		c.b.Fatalf("the phones' process said %q: %v", line, err)
	}
	return who, time.Unix(0, ns)
}

func (c *crowd) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// TestCrowd plays the phones of BenchmarkHeld in a process of its own.
func TestCrowd(t *testing.T) {
	transport, address, ok := strings.Cut(os.Getenv(crowdEnv), " ")
	if !ok {
		t.Skip("it is the other side of BenchmarkHeld")
	}
	answers := make(chan string, 1000)
	go func() {
		out := bufio.NewWriter(os.Stdout)
		for line := range answers {
			_, _ = out.WriteString(line)
			if len(answers) == 0 {
				_ = out.Flush()
			}
		}
	}()
	dialing := make(chan struct{}, 32)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var from, to int
		if _, err := fmt.Sscan(in.Text(), &from, &to); err != nil {
			t.Fatal(err)
		}
		for i := from; i < to; i++ {
			dialing <- struct{}{}
			go func() {
				if err := pingOnce(transport, address, i, func() { <-dialing }, answers); err != nil {
					fmt.Fprintln(os.Stderr, "phone", i, err)
				}
			}()
		}
	}
	os.Exit(0)
}

// pingOnce dials and pings until it is held, as a phone does that is sent away by
// a busy server, and reports the answer.
func pingOnce(transport, address string, i int, dialed func(), answers chan<- string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	switch transport {
	case "tls":
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	case "http2":
		return pingHTTP2(conn, i, dialed, answers)
	}
	b := make([]byte, 1024)
	for n := 0; ; n++ {
		if _, err := io.WriteString(conn, pingOf(loginOf(i), deviceOf(i))); err != nil {
			return err
		}
		if n == 0 {
			dialed()
		}
		size, err := conn.Read(b)
		at := time.Now()
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(string(b[:size]), "HTTP/1.1 503"):
			<-time.After(200 * time.Millisecond)
		case strings.HasPrefix(string(b[:size]), "HTTP/1.1 200"):
			answers <- fmt.Sprintln(i, at.UnixNano())
			return nil
		default:
			return fmt.Errorf("answered %q", b[:size])
		}
	}
}

// pingHTTP2 pings over HTTP/2 on a connection of its own.
func pingHTTP2(conn net.Conn, i int, dialed func(), answers chan<- string) error {
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	time.AfterFunc(50*time.Millisecond, dialed) // its handshake is over or waits for its turn
	for {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(pingOf(loginOf(i), deviceOf(i)))))
		if err != nil {
			return err
		}
		r.URL.Scheme, r.URL.Host, r.RequestURI = "https", "localhost", ""
		resp, err := tr.RoundTrip(r)
		at := time.Now()
		if err != nil {
			return err
		}
		resp.Body.Close()
		switch {
		case resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable:
			return fmt.Errorf("answered %s %s", resp.Proto, resp.Status)
		case resp.StatusCode == http.StatusOK:
			answers <- fmt.Sprintln(i, at.UnixNano())
			return nil
		}
		<-time.After(200 * time.Millisecond)
	}
}

// pingOf is a Ping without a body, which means the same as the last one.
func pingOf(login, device string) string {
	return "POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=" + login + "&DeviceId=" + device + "&DeviceType=BenchPhone HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " +
		base64.StdEncoding.EncodeToString([]byte(login+":"+password)) + "\r\nMS-ASProtocolVersion: 16.1\r\nUser-Agent: Bench/1.0\r\nContent-Length: 0\r\n\r\n"
}
