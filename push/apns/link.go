package apns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// A connection that says nothing is asked by PING whether it is still there.
	// An idle one costs a few small packets a minute, and stays open in the tables
	// of routers on the way.
	pingAfter   = time.Minute
	pingTimeout = 10 * time.Second
	// After a dial that failed nobody tries again for a while: Apple takes many
	// connections in a row for an attack.
	firstPause = 250 * time.Millisecond
	lastPause  = 15 * time.Second
)

var (
	errClosed = errors.New("apns: the sender is closed")
	errPaused = errors.New("apns: the service could not be reached a moment ago")
)

// link is the one connection of a credential to a host, opened when it is
// needed and opened anew when it is lost. It is the http.RoundTripper of an
// apns2.Client.
//
// A new connection carries one request until Apple has answered it: with a
// provider token Apple allows no more, and if the service hangs or refuses,
// one request finds out for all.
type link struct {
	address   string
	transport *http.Transport
	log       *slog.Logger
	answered  atomic.Int64 // when something came back last, Unix nanoseconds

	mu     sync.Mutex
	conn   *http.ClientConn // nil: none
	proven bool             // conn has brought an answer
	first  chan struct{}    // closed when the request that goes first is done; nil: none goes
	resume time.Time        // no dial before
	pause  time.Duration
	closed bool
}

func newLink(address string, roots *x509.CertPool, cert *tls.Certificate, log *slog.Logger) *link {
	conf := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: -1} // PING does that
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &link{
		address: address,
		log:     log,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSClientConfig:     conf,
			TLSHandshakeTimeout: dialTimeout,
			Protocols:           protocols,
			DisableCompression:  true, // answers are empty or a line long
			HTTP2: &http.HTTP2Config{
				SendPingTimeout:  pingAfter,
				PingTimeout:      pingTimeout,
				WriteByteTimeout: dialTimeout,
			},
		},
	}
}

// RoundTrip sends a request of this package, which carries an exchange. It may
// do so twice, if the first connection went away without looking at it.
func (l *link) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("apns: a request without an exchange")
	}
	x.prepare(req.Header)
	for again := false; ; again = true {
		conn, first, err := l.take(req.Context())
		if err != nil {
			return nil, err
		}
		start := time.Now()
		resp, err := conn.RoundTrip(req)
		if err == nil {
			err = x.read(resp)
		}
		x.conn = conn
		l.give(conn, first, err == nil)
		if err == nil {
			return resp, nil
		}
		unseen := l.failed(req.Context(), conn, start, err)
		if again || !unseen || req.GetBody == nil {
			return nil, err
		}
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
}

// take finds the connection, or makes it. The caller goes first if it is not
// proven, and must give it back.
func (l *link) take(ctx context.Context) (conn *http.ClientConn, first bool, err error) {
	for {
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return nil, false, errClosed
		case l.conn != nil && l.proven && l.conn.Err() == nil:
			conn = l.conn
			l.mu.Unlock()
			return conn, false, nil
		case l.first == nil:
			l.first = make(chan struct{})
			conn, pause := l.conn, time.Until(l.resume)
			if conn != nil && conn.Err() != nil {
				l.conn, conn = nil, nil
			}
			l.proven = false
			l.mu.Unlock()
			if conn == nil {
				if conn, err = l.dial(ctx, pause); err != nil {
					l.give(nil, true, false)
					return nil, false, err
				}
			}
			return conn, true, nil
		}
		wait := l.first
		l.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// give is called when a request is done.
func (l *link) give(conn *http.ClientConn, first, answered bool) {
	if answered {
		l.answered.Store(time.Now().UnixNano())
	}
	if !first {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.first)
	l.first = nil
	if answered && l.conn == conn {
		l.proven = true
		l.pause, l.resume = 0, time.Time{}
	}
}

// dial is called by whoever goes first.
func (l *link) dial(ctx context.Context, pause time.Duration) (*http.ClientConn, error) {
	if pause > 0 {
		return nil, errPaused
	}
	conn, err := l.transport.NewClientConn(ctx, "https", l.address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // which says nothing about the service
			l.pauseLocked()
		}
		return nil, err
	}
	if l.closed {
		conn.Close()
		return nil, errClosed
	}
	l.conn = conn
	return conn, nil
}

// pauseLocked keeps everybody from dialling for a while, longer each time.
func (l *link) pauseLocked() {
	l.pause = min(max(2*l.pause, firstPause), lastPause)
	l.resume = time.Now().Add(l.pause)
}

// failed sorts out what became of the connection that a request failed on, and
// tells whether the service has certainly not looked at the request.
func (l *link) failed(ctx context.Context, conn *http.ClientConn, start time.Time, err error) (unseen bool) {
	switch {
	case ctx.Err() != nil:
		// Nothing came back on it for as long as this request was under way: a
		// path that swallows everything looks like this.
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && l.answered.Load() < start.UnixNano() {
			l.drop(conn)
		}
		return false
	case refusedStream(err):
		return true
	case goneAway(err):
		l.retire(conn)
		return true
	case conn.Err() != nil:
		l.drop(conn)
	}
	return false
}

// retire has no further request use a connection, which ends when those under
// way are answered.
func (l *link) retire(conn *http.ClientConn) {
	if conn == nil {
		return
	}
	l.forget(conn, false)
	conn.SetStateHook(func(c *http.ClientConn) {
		if c.InFlight() == 0 {
			c.Close()
		}
	})
	if conn.InFlight() == 0 {
		conn.Close()
	}
}

// drop ends a connection that is broken.
func (l *link) drop(conn *http.ClientConn) {
	l.forget(conn, true)
	conn.Close()
}

func (l *link) forget(conn *http.ClientConn, broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != conn {
		return
	}
	if broken && !l.proven {
		l.pauseLocked() // it never brought an answer: no better than a dial that failed
	}
	l.conn, l.proven = nil, false
}

// close ends the link for good.
func (l *link) close() {
	l.mu.Lock()
	conn := l.conn
	l.conn, l.closed = nil, true
	l.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	l.transport.CloseIdleConnections()
}

// CloseIdleConnections is for apns2.Client, which asks for it.
func (l *link) CloseIdleConnections() {}
