package hold_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"martlet/gateway/hold"
	"martlet/push"
)

// house is an HTTP server that holds what is asked of /hold/NAME, for folder 1
// of mailbox 7, and answers everything else at once.
type house struct {
	t       *testing.T
	hub     *push.Hub
	holder  *hold.Holder
	server  *http.Server
	address string
	tls     bool
	open    chan struct{}
	atWork  atomic.Int64
	timeout time.Duration
	say     func(hold.Reason) (string, bool)
	ended   chan hold.End
	also    []hold.Topic // what every request waits for besides
}

// maxConnections of a house.
const maxConnections = 600

func build(t *testing.T, c hold.Config, overTLS bool) *house {
	t.Helper()
	h := &house{t: t, hub: push.NewHub(), tls: overTLS, open: make(chan struct{}, maxConnections), timeout: time.Hour, ended: make(chan hold.End, 2*maxConnections)}
	h.say = func(why hold.Reason) (string, bool) { return fmt.Sprint("answer ", why), true }
	c.Hub = h.hub
	c.Park, c.Resume = func() { h.atWork.Add(-1) }, func() { h.atWork.Add(1) }
	h.holder = hold.New(c)
	h.server = &http.Server{ConnContext: hold.ConnContext, Handler: http.HandlerFunc(h.serve)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = l.Addr().String()
	listener := net.Listener(hold.NewListener(l, h.open))
	if overTLS {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	}
	var serving sync.WaitGroup
	for _, l := range []net.Listener{listener, h.holder.Returned()} {
		serving.Go(func() {
			if err := h.server.Serve(l); err != http.ErrServerClosed {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		h.holder.Stop()
		if err := h.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.holder.Drain(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
		h.server.Close()
		waitFor(t, "every connection to be closed", func() bool { return len(h.open) == 0 })
		if n := h.holder.Parked() + h.holder.Waiting() + h.hub.Waiting(); n != 0 {
			t.Errorf("%d are left over", n)
		}
		// A worker or a handler may have its last answer behind it, but not its end.
		waitFor(t, "every place at work to be left", func() bool { return h.atWork.Load() == 0 })
	})
	return h
}

func (h *house) serve(w http.ResponseWriter, r *http.Request) {
	h.atWork.Add(1)
	defer h.atWork.Add(-1)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/hold/")
	if !ok {
		fmt.Fprintf(w, "at once, TLS %t", r.TLS != nil)
		return
	}
	p := newPhone(name, h.say)
	p.ended = h.ended
	held := h.holder.Expect(7, push.FoldersOf(1), p, h.also...)
	defer held.Cancel()
	if a, err := held.Park(w, r, h.timeout); err == nil {
		_, _ = w.Write(a.Body)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// handset is a phone at the other end of a connection.
type handset struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) dial(maxVersion uint16) *handset {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: maxVersion})
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &handset{h.t, conn, bufio.NewReader(conn)}
}

func (p *handset) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *handset) ask(path string) {
	p.t.Helper()
	p.write("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
}

func (p *handset) read() (*http.Response, string) {
	p.t.Helper()
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(b)
}

func (p *handset) want(body string) *http.Response {
	p.t.Helper()
	resp, got := p.read()
	if got != body || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("HTTP %d %q, want %q", resp.StatusCode, got, body)
	}
	return resp
}

func (h *house) wantHeld(n int) {
	h.t.Helper()
	waitFor(h.t, fmt.Sprintf("%d to be held", n), func() bool { return h.holder.Waiting() == n })
}

// A phone's whole hour on one connection, as each transport has it.
func TestAParkedPhoneIsWokenAndAsksAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		overTLS bool
		version uint16
	}{{"plain", false, 0}, {"TLS 1.2", true, tls.VersionTLS12}, {"TLS 1.3", true, tls.VersionTLS13}} {
		t.Run(c.name, func(t *testing.T) {
			h := build(t, hold.Config{}, c.overTLS)
			p := h.dial(c.version)
			for range 3 {
				p.ask("/hold/a")
				h.wantHeld(1)
				if h.holder.Parked() != 1 {
					t.Fatal("it is held, but not parked")
				}
				waitFor(t, "its handler to end", func() bool { return h.atWork.Load() == 0 })
				h.hub.Publish(7, 1)
				resp := p.want("answer 0")
				if resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("Date") == "" || resp.Close {
					t.Errorf("header %v", resp.Header)
				}
				if e := <-h.ended; e.Gone || e.Err != nil || string(e.Answer.Body) != "answer 0" {
					t.Errorf("ended with %+v", e)
				}
				if h.holder.Parked() != 1 {
					t.Error("its connection is not parked while it thinks")
				}
				p.ask("/now")
				p.want(fmt.Sprintf("at once, TLS %t", c.overTLS))
			}
		})
	}
}

func TestAWakeWithNothingForItWritesNothing(t *testing.T) {
	h := build(t, hold.Config{}, false)
	var asked atomic.Int64
	h.say = func(hold.Reason) (string, bool) { return "at last", asked.Add(1) == 3 }
	p := h.dial(0)
	p.ask("/hold/a")
	h.wantHeld(1)
	for i := range int64(3) {
		h.hub.Publish(7, 1)
		waitFor(t, "to be asked", func() bool { return asked.Load() > i })
	}
	p.want("at last")
}

func TestTimeIsUpWithinASecond(t *testing.T) {
	h := build(t, hold.Config{}, false)
	h.timeout = time.Second
	p := h.dial(0)
	p.ask("/hold/a")
	p.want("answer 1")
	if e := <-h.ended; e.Held < time.Second {
		t.Errorf("after %v: before its time", e.Held)
	}
}

func TestANewerRequestEndsTheOneOnAnotherConnection(t *testing.T) {
	h := build(t, hold.Config{}, true)
	older, newer := h.dial(0), h.dial(0)
	older.ask("/hold/a")
	h.wantHeld(1)
	newer.ask("/hold/a")
	older.want("answer 2")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	newer.want("answer 0")
}

// The phone does not wait for the answer: both are answered, in their order.
func TestARequestBehindAHeldOneEndsIt(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		h := build(t, hold.Config{}, overTLS)
		p := h.dial(0)
		p.ask("/hold/a")
		h.wantHeld(1)
		p.ask("/now")
		p.want("answer 2")
		p.want(fmt.Sprintf("at once, TLS %t", overTLS))
	}
}

// Both came in one packet: the second is in a buffer, and its sender must be
// prepared to repeat it (RFC 9112 9.3.2).
func TestAPipelinedRequestEndsTheHeldOne(t *testing.T) {
	h := build(t, hold.Config{}, false)
	p := h.dial(0)
	one := "POST /hold/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	p.write(one + one)
	if resp := p.want("answer 2"); !resp.Close {
		t.Error("does not say that the connection ends")
	}
}

func TestStrayLineEndsDoNotEndAHeldRequest(t *testing.T) {
	h := build(t, hold.Config{}, false)
	p := h.dial(0)
	p.write("POST /hold/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n\r\n")
	h.wantHeld(1)
	p.write("\r\n\n\r\n")
	h.hub.Publish(7, 1)
	p.want("answer 0")
}

func TestHangingUpIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name    string
		overTLS bool
		version uint16
		how     func(net.Conn) error
	}{
		{"close", false, 0, net.Conn.Close},
		{"half", false, 0, func(c net.Conn) error { return c.(*net.TCPConn).CloseWrite() }},
		{"reset", false, 0, func(c net.Conn) error {
			_ = c.(*net.TCPConn).SetLinger(0)
			return c.Close()
		}},
		{"TLS 1.2", true, tls.VersionTLS12, net.Conn.Close},
		{"TLS 1.3", true, tls.VersionTLS13, net.Conn.Close},
		{"an alert alone", true, tls.VersionTLS13, func(c net.Conn) error { return c.(*tls.Conn).CloseWrite() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := build(t, hold.Config{}, c.overTLS)
			h.say = func(hold.Reason) (string, bool) { t.Error("asked for an answer nobody will read"); return "", true }
			p := h.dial(c.version)
			p.ask("/hold/a")
			h.wantHeld(1)
			if err := c.how(p.conn); err != nil {
				t.Fatal(err)
			}
			if e := <-h.ended; !e.Gone {
				t.Errorf("ended with %+v", e)
			}
			waitFor(t, "the connection to be closed", func() bool { return len(h.open) == 1 && h.hub.Waiting() == 0 }) // one is for the next to come
		})
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	h := build(t, hold.Config{IdleTimeout: time.Second}, true)
	p := h.dial(0)
	p.ask("/hold/a")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	p.want("answer 0")
	if _, err := p.in.ReadByte(); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestConnectionsThatAreNotKeptEndWithTheAnswer(t *testing.T) {
	h := build(t, hold.Config{}, false)
	for _, request := range []string{"POST /hold/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "POST /hold/a HTTP/1.0\r\n\r\n"} {
		p := h.dial(0)
		p.write(request)
		h.wantHeld(1)
		h.hub.Publish(7, 1)
		if resp := p.want("answer 0"); !resp.Close {
			t.Error("does not say that the connection ends")
		}
		if _, err := p.in.ReadByte(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	}
}

// An answer larger than any socket's buffer, to a phone that reads late.
func TestALargeAnswerIsWrittenWhole(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		h := build(t, hold.Config{}, overTLS)
		large := strings.Repeat("0123456789abcdef", 1<<20)
		h.say = func(hold.Reason) (string, bool) { return large, true }
		p, other := h.dial(0), h.dial(0)
		p.ask("/hold/a")
		h.wantHeld(1)
		h.hub.Publish(7, 1)
		waitFor(t, "the answer to be made", func() bool { return h.holder.Waiting() == 0 })
		other.ask("/now") // nobody waits for the slow one
		other.want(fmt.Sprintf("at once, TLS %t", overTLS))
		p.want(large)
		p.ask("/now")
		p.want(fmt.Sprintf("at once, TLS %t", overTLS))
	}
}

func TestAPanicOfTheAnswererIsAnAnswer(t *testing.T) {
	var caught atomic.Value
	h := build(t, hold.Config{Panicked: func(p any) { caught.Store(p) }}, false)
	h.say = func(hold.Reason) (string, bool) { panic("a bug") }
	p := h.dial(0)
	p.ask("/hold/a")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	if resp, _ := p.read(); resp.StatusCode != 500 || caught.Load() != "a bug" {
		t.Errorf("HTTP %d, caught %v", resp.StatusCode, caught.Load())
	}
}

func TestStoppingAnswersParkedPhonesAndClosesTheRest(t *testing.T) {
	h := build(t, hold.Config{}, true)
	parked, thinking := h.dial(0), h.dial(0)
	thinking.ask("/hold/b")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	thinking.want("answer 0")
	parked.ask("/hold/a")
	h.wantHeld(1)
	h.holder.Stop()
	if resp := parked.want("answer 3"); !resp.Close {
		t.Error("does not say that the connection ends")
	}
	for _, p := range []*handset{parked, thinking} {
		if _, err := p.in.ReadByte(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	}
}

func TestABodyInChunksIsParkedToo(t *testing.T) {
	h := build(t, hold.Config{}, false)
	p := h.dial(0)
	p.write("POST /hold/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	p.want("answer 0")
}

// HTTP/2 cannot be taken from net/http: its requests wait in their goroutines.
func TestHTTP2IsHeldWithoutParking(t *testing.T) {
	h := build(t, hold.Config{}, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ConnContext: hold.ConnContext, Handler: http.HandlerFunc(h.serve), TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}
	go s.ServeTLS(hold.NewListener(l, h.open), "", "")
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(func() { tr.CloseIdleConnections(); s.Close() })
	got := make(chan string, 1)
	go func() {
		resp, err := (&http.Client{Transport: tr}).Post("https://"+l.Addr().String()+"/hold/a", "text/plain", nil)
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- resp.Proto + " " + string(b)
	}()
	h.wantHeld(1)
	if h.holder.Parked() != 0 {
		t.Error("parked")
	}
	h.hub.Publish(7, 1)
	if g := <-got; g != "HTTP/2.0 answer 0" {
		t.Errorf("got %q", g)
	}
}

// Phones come, are woken, hang up and ask again while others do the same: each
// request gets one answer, and nothing is left over.
func TestManyPhonesAtOnce(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		h := build(t, hold.Config{}, overTLS)
		var phones sync.WaitGroup
		stop := make(chan struct{})
		for i := range 60 {
			phones.Go(func() {
				p := h.dial(0)
				for n := range 15 {
					p.ask(fmt.Sprintf("/hold/%d", i))
					if (i+n)%11 == 0 {
						p.conn.Close()
						p = h.dial(0)
						continue
					}
					if resp, body := p.read(); resp.StatusCode != 200 || !strings.HasPrefix(body, "answer ") {
						t.Errorf("HTTP %d %q", resp.StatusCode, body)
					}
				}
				p.conn.Close()
			})
		}
		var storm sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.hub.Publish(7, 1)
				}
			}
		})
		phones.Wait()
		close(stop)
		storm.Wait()
	}
}

// What a phone sends while it is parked may be anything.
func FuzzWhatAParkedPhoneSends(f *testing.F) {
	f.Add([]byte("\r\n"))
	f.Add([]byte("POST /hold/a HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Add([]byte{0x15, 3, 3, 0, 2, 1, 0})
	f.Add(bytes.Repeat([]byte{'\n'}, 100))
	hub := push.NewHub()
	h := &house{hub: hub, open: make(chan struct{}, maxConnections), timeout: time.Hour, ended: make(chan hold.End, 1)}
	h.say = always("x")
	h.holder = hold.New(hold.Config{Hub: hub})
	h.server = &http.Server{ConnContext: hold.ConnContext, Handler: http.HandlerFunc(h.serve)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	go h.server.Serve(hold.NewListener(l, h.open))
	go h.server.Serve(h.holder.Returned())
	f.Cleanup(func() { h.server.Close() })
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, "POST /hold/a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "to be held", func() bool { return h.holder.Waiting() == 1 })
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
		<-h.ended
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
		conn.Close()
		waitFor(t, "to be let go", func() bool { return hub.Waiting() == 0 })
	})
}
