package gateway

import (
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// What an overloaded server asks for: long enough to recover, short enough that
// nobody waits for mail (MS-ASHTTP 3.1.5.2.3), and another time for each, so
// that those who came together do not come together again.
const (
	retryAfter  = 20 // seconds
	retrySpread = 40
)

// comeBackLater asks a client to.
func comeBackLater(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter+rand.IntN(retrySpread)))
	bare(w, http.StatusServiceUnavailable)
}

// places holds one element for each request at work.
type places chan struct{}

// enter takes a place if there is one.
func (p places) enter() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a place as soon as there is one.
func (p places) wait() { p <- struct{}{} }

func (p places) leave() { <-p }

// limited refuses requests when as many are at work as may be.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.places.enter() {
			comeBackLater(w)
			return
		}
		defer s.places.leave()
		next.ServeHTTP(w, r)
	})
}

// recovering turns a panic into a logged, counted 500. None should ever come.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.panics.Add(1)
			s.log.Error("request panicked", "panic", p, "path", r.URL.Path, "stack", string(debug.Stack()))
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// keepAlive is rare on purpose: each probe wakes a phone's radio, and the
// default of 15 seconds would drain its battery while a Ping is held.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 20 * time.Minute, Interval: time.Minute, Count: 3}
}

// listener bounds open connections: beyond the limit new ones wait in the
// kernel's queue.
type listener struct {
	net.Listener
	open   chan struct{} // shared by all listeners
	closed chan struct{}
	once   sync.Once
}

func newListener(l net.Listener, open chan struct{}) *listener {
	return &listener{Listener: l, open: open, closed: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.open <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(keepAlive()) // a connection without it is as good
	}
	return &conn{Conn: c, open: l.open}, nil
}

// Close stops Accept, also one that waits for a place.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn gives its place back when it closes.
type conn struct {
	net.Conn
	open chan struct{}
	once sync.Once
}

// Close closes the connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.open })
	return err
}
