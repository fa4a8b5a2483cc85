package pushtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// APNs is a local Apple Push Notification service: HTTP/2 over TLS, one
// environment, any number of developer teams and apps. It takes only what the
// real one documents that it takes, and remembers it by device. All methods are
// safe for concurrent use.
//
// Sources: developer.apple.com, "Sending notification requests to APNs",
// "Establishing a token-based connection to APNs", "Handling notification
// responses from APNs".
type APNs struct {
	ca  *authority
	tls *tls.Config

	mu         sync.Mutex
	address    string
	listener   net.Listener // nil while it is down, or in memory
	memory     bool
	up         bool
	conns      map[*apnsConn]bool
	accepted   int // connections
	requests   int
	refused    int // streams, before anything was looked at
	skew       time.Duration
	maxStreams uint32
	keys       map[string]*apnsKey    // by key id
	devices    map[string]*apnsDevice // by token
	script     []Answer
	always     *Answer
	taken      int
	changed    chan struct{} // closed and replaced when something was taken
	serving    sync.WaitGroup
}

// NewAPNs starts a service on a port of the loopback.
func NewAPNs() (*APNs, error) {
	a, err := newAPNs()
	if err != nil {
		return nil, err
	}
	return a, a.Up()
}

// NewMemoryAPNs is a service that is reached by Dial alone, for tests in a
// testing/synctest bubble, where hours take a moment.
func NewMemoryAPNs() (*APNs, error) {
	a, err := newAPNs()
	if err != nil {
		return nil, err
	}
	a.memory, a.address = true, "localhost:443"
	return a, a.Up()
}

func newAPNs() (*APNs, error) {
	ca, err := newAuthority("pushtest APNs")
	if err != nil {
		return nil, err
	}
	cert, err := ca.server()
	if err != nil {
		return nil, err
	}
	a := &APNs{
		ca: ca,
		tls: &tls.Config{
			Certificates: []tls.Certificate{cert},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"h2"},
			ClientAuth:   tls.VerifyClientCertIfGiven,
			ClientCAs:    ca.pool(),
		},
		address:    "127.0.0.1:0",
		conns:      map[*apnsConn]bool{},
		maxStreams: 1000,
		keys:       map[string]*apnsKey{},
		devices:    map[string]*apnsDevice{},
		changed:    make(chan struct{}),
	}
	return a, nil
}

// HostURL is where the service is, in the form of a sender's host setting.
func (a *APNs) HostURL() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return "https://" + a.address
}

// Roots is what a sender must trust.
func (a *APNs) Roots() *x509.CertPool { return a.ca.pool() }

// RootsPEM is the same for a sender that reads it from a file.
func (a *APNs) RootsPEM() []byte { return a.ca.pem() }

// Close ends the service and waits for its connections to end.
func (a *APNs) Close() error {
	err := a.Down()
	a.serving.Wait()
	return err
}

// Down closes the port and every connection: whoever comes is refused.
func (a *APNs) Down() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up = false
	for c := range a.conns {
		c.hangUp()
	}
	if a.listener == nil {
		return nil
	}
	err := a.listener.Close()
	a.listener = nil
	return err
}

// Up begins to listen, at the address it had before.
func (a *APNs) Up() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.up || a.memory {
		a.up = true
		return nil
	}
	l, err := net.Listen("tcp", a.address)
	if err != nil {
		return fmt.Errorf("pushtest: APNs: %w", err)
	}
	a.up, a.listener, a.address = true, l, l.Addr().String()
	a.serving.Go(func() { a.accept(l) })
	return nil
}

func (a *APNs) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		if !a.serve(nc) {
			nc.Close()
		}
	}
}

// Dial connects to a service in memory.
func (a *APNs) Dial(context.Context, string, string) (net.Conn, error) {
	here, there := memoryConns()
	if !a.serve(there) {
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	}
	return here, nil
}

// serve begins to serve a connection, unless the service is down.
func (a *APNs) serve(nc net.Conn) bool {
	c := newAPNsConn(a, nc)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.up {
		return false
	}
	a.conns[c] = true
	a.accepted++
	a.serving.Go(func() {
		c.serve()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.conns, c)
	})
	return true
}

// now is the service's own clock.
func (a *APNs) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.skew)
}

// Advance sets the service's clock forward (or back): tokens grow old,
// notifications expire.
func (a *APNs) Advance(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.skew += d
}
