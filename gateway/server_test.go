package gateway

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"martlet/gateway/hold"
	"martlet/push"
)

// around makes a server around a handler, without the rooms behind it.
func around(t *testing.T, c Config, h http.Handler) *Server {
	t.Helper()
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 8
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 8
	}
	s := &Server{c: c, log: slog.New(slog.DiscardHandler), places: make(places, c.MaxInFlight), open: make(chan struct{}, c.MaxConnections)}
	if s.c.Hub == nil {
		s.c.Hub = push.NewHub()
	}
	s.holder = s.newHolder()
	s.handler = s.limited(s.recovering(h))
	s.http = s.newHTTP()
	return s
}

// serve starts the server and stops it at the end of the test.
func serve(t *testing.T, s *Server, overTLS bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		if overTLS {
			done <- s.ServeTLS(l)
		} else {
			done <- s.Serve(l)
		}
	}()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
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

func TestHTTP2IsSpokenWhereItIsOffered(t *testing.T) {
	for _, offered := range []bool{false, true} {
		// As a certificate authority's library would have it.
		c := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"h2", "http/1.1", "acme-tls/1"}}
		s := around(t, Config{HTTP2: offered, TLS: c}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
		addr := serve(t, s, true)
		for _, asked := range []bool{false, true} {
			tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: asked}
			defer tr.CloseIdleConnections()
			resp, err := (&http.Client{Transport: tr}).Get("https://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[asked && offered]; string(b) != want {
				t.Errorf("offered %t, asked for %t: spoke %s, want %s", offered, asked, b, want)
			}
		}
		if conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}}); err != nil || conn.ConnectionState().NegotiatedProtocol != "acme-tls/1" {
			t.Errorf("offered %t: no challenge of a certificate authority: %v", offered, err)
		}
		if _, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
			t.Error("TLS 1.1 was accepted")
		}
	}
}

func TestTLSMustBeConfigured(t *testing.T) {
	s := around(t, Config{}, http.NotFoundHandler())
	if err := s.ServeTLS(nil); err == nil {
		t.Error("served TLS without a configuration")
	}
}

func TestAPanicIsAnAnswerAndIsCounted(t *testing.T) {
	s := around(t, Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError || s.Panics() != 1 {
		t.Errorf("HTTP %d, %d panics", w.Code, s.Panics())
	}
	if len(s.places) != 0 {
		t.Error("the panic kept its place")
	}
}

func TestAnOverloadedServerAsksToComeBack(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	s := around(t, Config{MaxInFlight: 2}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	for range 2 {
		go s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		<-entered
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("HTTP %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	close(release)
}

// stays answers with the reason, as a digit.
type stays string

func (x stays) Answer(_ context.Context, why hold.Reason) (hold.Answer, bool) {
	return hold.Answer{Body: []byte{'0' + byte(why)}}, true
}
func (x stays) Phone() (string, uint8) { return string(x), 1 }
func (x stays) State() []byte          { return nil }
func (x stays) Ended(hold.End)         {}

// holding parks every request for an hour, a phone for each path.
func holding(s **Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		held := (*s).holder.Expect(1, push.AllFolders, stays(r.URL.Path))
		defer held.Cancel()
		if a, err := held.Park(w, r, time.Hour); err == nil {
			_, _ = w.Write(a.Body)
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestHeldPhonesTakeNoPlaceAndAreAnsweredAtTheEnd(t *testing.T) {
	var s *Server
	s = around(t, Config{MaxInFlight: 2, MaxConnections: 32}, holding(&s))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	const phones = 10
	answers := make(chan string, phones)
	for i := range phones {
		go func() {
			resp, err := http.Get("http://" + l.Addr().String() + "/" + string(rune('a'+i)))
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			answers <- string(b)
		}()
		waitFor(t, "a phone to be held", func() bool { return s.Held() == i+1 })
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range phones {
		if a := <-answers; a != string(rune('0'+hold.Stopping)) {
			t.Errorf("a held phone was answered %q", a)
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestAPhoneThatHangsUpIsNoticedOverTheWire(t *testing.T) {
	hub := push.NewHub()
	var s *Server
	s = around(t, Config{Hub: hub}, holding(&s))
	addr := serve(t, s, false)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the phone to be held", func() bool { return s.Held() == 1 })
	c.Close()
	waitFor(t, "the phone to be let go", func() bool { return s.Held() == 0 && hub.Waiting() == 0 })
}

func TestConnectionsBeyondTheLimitWait(t *testing.T) {
	s := around(t, Config{MaxConnections: 1}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	addr := serve(t, s, false)
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		return err
	}
	first, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", addr) // the kernel takes it, the server does not
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	answered := make(chan error, 1)
	go func() { answered <- ask(second) }()
	select {
	case err := <-answered:
		t.Errorf("answered beyond the limit: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestALargeHeaderIsRefused(t *testing.T) {
	s := around(t, Config{}, http.NotFoundHandler())
	addr := serve(t, s, false)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("y", 64<<10)+"\r\n\r\n")
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v, %v", resp, err)
	}
}
