package gateway

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func shaken(t *testing.T, places int) (*Server, string, *tls.Config) {
	t.Helper()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	c := Config{MaxHandshakes: places, MaxConnections: 1000, MaxInFlight: 1000, TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}
	s := around(t, c, ok)
	return s, serve(t, s, true), &tls.Config{InsecureSkipVerify: true}
}

func TestAHandshakeBeyondTheLimitWaitsAndIsServed(t *testing.T) {
	s, addr, client := shaken(t, 2)
	var silent []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	waitFor(t, "both places are taken", func() bool { return len(s.shaking.places) == 2 })
	done := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", addr, client)
		if err == nil {
			c.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("a third handshake came to an end: %v", err)
	case <-time.After(50 * time.Millisecond): // nothing must happen
	}
	silent[0].Close()
	if err := <-done; err != nil {
		t.Errorf("when there is room: %v", err)
	}
}

func TestAPhoneThatHasShakenHandsLeavesItsPlace(t *testing.T) {
	s, addr, client := shaken(t, 1)
	for range 3 { // they stay, and say nothing
		c, err := tls.Dial("tcp", addr, client)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for range 2 { // and so does who fails
		if c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "localhost"}); err == nil {
			c.Close()
			t.Fatal("an unknown authority is believed")
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
	waitFor(t, "no handshake is remembered", func() bool {
		s.shaking.mu.Lock()
		defer s.shaking.mu.Unlock()
		return len(s.shaking.begun) == 0
	})
}

func TestAStormOfHandshakesIsServed(t *testing.T) {
	_, addr, client := shaken(t, 4)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			h := &http.Client{Transport: &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}}
			resp, err := h.Get("https://" + addr)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("HTTP %d", resp.StatusCode)
			}
		})
	}
	all.Wait()
}

// pipes is a listener of connections that say nothing.
type pipes struct{ far chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	near, far := net.Pipe()
	p.far <- far
	return near, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestWhoSaysNothingIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandshakes(1)
		l := h.listener(pipes{make(chan net.Conn, 10)})
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != handshakeTime {
			t.Errorf("the next one came in after %v", got)
		}
		stopped := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			stopped <- err
		}()
		synctest.Wait()
		l.Close()
		if err := <-stopped; err != net.ErrClosed {
			t.Errorf("Accept that waits for a place ends with %v", err)
		}
		time.Sleep(handshakeTime)
	})
}

func TestThoseSentAwayComeBackAtDifferentTimes(t *testing.T) {
	s := around(t, Config{MaxInFlight: 1}, http.NotFoundHandler())
	s.places.enter()
	defer s.places.leave()
	times := map[string]bool{}
	for range 200 {
		w := answerOf(s, "/")
		seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusServiceUnavailable || err != nil || seconds < retryAfter || seconds >= retryAfter+retrySpread {
			t.Fatalf("HTTP %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		times[w.Header().Get("Retry-After")] = true
	}
	if len(times) < 20 {
		t.Errorf("only %d different times", len(times))
	}
}

func answerOf(s *Server, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}
