package pushtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// listener serves HTTPS, with HTTP/2, on a port of the loopback, with a
// certificate of its own authority. It can be gone for a while and come back at
// the same address.
type listener struct {
	address   string
	authority *authority
	roots     *x509.CertPool // the authority alone
	tls       *tls.Config
	handler   http.Handler

	mu     sync.Mutex
	server *http.Server // nil while it is gone
	socket net.Listener // of the server
}

// connection is the key of a request's net.Conn in its context.
type connection struct{}

func listen(h http.Handler) (*listener, error) {
	a, err := newAuthority("Martlet pushtest")
	if err != nil {
		return nil, err
	}
	cert, err := a.server()
	if err != nil {
		return nil, err
	}
	l := &listener{
		address:   "127.0.0.1:0",
		authority: a,
		roots:     a.pool(),
		tls:       &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		handler:   h,
	}
	return l, l.start()
}

// url is where the server is, without a slash at the end.
func (l *listener) url() string { return "https://" + l.address }

// start begins to serve, at the address it had before.
func (l *listener) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return nil
	}
	socket, err := net.Listen("tcp", l.address)
	if err != nil {
		return fmt.Errorf("pushtest: listen: %w", err)
	}
	l.address, l.socket = socket.Addr().String(), socket
	l.server = &http.Server{
		Handler:           l.handler,
		TLSConfig:         l.tls.Clone(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that hang up are the point
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connection{}, c)
		},
	}
	go l.server.ServeTLS(socket, "", "")
	return nil
}

// stop closes the port and every connection: whoever comes is refused.
func (l *listener) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		l.socket.Close() // the server does not know it yet, if nobody has come
		l.server.Close()
		l.server = nil
	}
}

// hangUp resets the connection that a request came on, with all that is under
// way on it.
func hangUp(r *http.Request) {
	c, _ := r.Context().Value(connection{}).(net.Conn)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	if c != nil {
		c.Close()
	}
	panic(http.ErrAbortHandler)
}
