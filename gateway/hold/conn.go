package hold

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection that can sleep: while it does, it is a file descriptor
// and nothing else, writes must not block, and nobody reads. It is used by one
// goroutine at a time, as connections are.
type Conn struct {
	awake net.Conn      // nil while it sleeps
	fd    int32         // while it sleeps
	state atomic.Uint32 // bits below
	open  chan struct{} // gives its place back when it closes; nil: it has none
}

// Bits of a connection's state.
const (
	connClosed  = 1
	connRelayed = 2 // its TLS ends in another process
)

func (c *Conn) relayed() bool { return c.state.Load()&connRelayed != 0 }

// errAsleep is the answer to what a sleeping connection does not do.
var errAsleep = errors.New("hold: the connection sleeps")

// Read reads from a connection that is awake.
func (c *Conn) Read(b []byte) (int, error) {
	if c.awake == nil {
		return 0, errAsleep
	}
	return c.awake.Read(b)
}

// Write writes. While the connection sleeps, what the socket does not take at
// once is an error.
func (c *Conn) Write(b []byte) (int, error) {
	if c.awake == nil {
		return writeNow(int(c.fd), b)
	}
	return c.awake.Write(b)
}

// Close closes the connection.
func (c *Conn) Close() error {
	if c.state.Or(connClosed)&connClosed != 0 {
		return net.ErrClosed
	}
	if c.open != nil {
		defer func() { <-c.open }()
	}
	switch {
	case c.awake != nil:
		return c.awake.Close()
	case c.fd < 0:
		return net.ErrClosed
	}
	return closeSocket(int(c.fd))
}

// LocalAddr is the address the phone reached; a sleeping connection has none.
func (c *Conn) LocalAddr() net.Addr {
	if c.awake == nil {
		return nil
	}
	return c.awake.LocalAddr()
}

// RemoteAddr is the phone's address; a sleeping connection has none.
func (c *Conn) RemoteAddr() net.Addr {
	if c.awake == nil {
		return nil
	}
	return c.awake.RemoteAddr()
}

// SetDeadline is for connections that are awake, like the next two.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.awake == nil {
		return nil
	}
	return c.awake.SetDeadline(t)
}

// SetReadDeadline limits reading.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.awake == nil {
		return nil
	}
	return c.awake.SetReadDeadline(t)
}

// SetWriteDeadline limits writing.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.awake == nil {
		return nil
	}
	return c.awake.SetWriteDeadline(t)
}

// sleep gives up everything but the socket.
func (c *Conn) sleep() error {
	fd, err := socketOf(c.awake)
	if err != nil {
		return err
	}
	_ = c.awake.Close() // the socket stays open under its other number
	c.awake, c.fd = nil, int32(fd)
	return nil
}

// wake makes it an ordinary connection again. One that is awake stays so.
func (c *Conn) wake() error {
	if c.awake != nil {
		return nil
	}
	awake, err := connOfSocket(int(c.fd))
	c.fd = -1 // what fails is closed
	if err != nil {
		return err
	}
	c.awake = awake
	quiet(awake)
	return nil
}

// quiet sends no keep-alives: each would wake a phone's radio, and every wait
// has a deadline of its own.
func quiet(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAlive(false)
	}
}

// look tells what a sleeping connection that is readable has to say. Over TLS a
// record of an alert's size is the end: it is shorter than any request.
func (c *Conn) look(overTLS bool) sign {
	if c.awake != nil {
		return silent
	}
	var b [peekSize]byte
	n, err := peek(int(c.fd), b[:])
	switch {
	case errors.Is(err, errNothing):
		return silent
	case err != nil || n == 0:
		return hungUp
	case overTLS && isAlert(b[:n]):
		return hungUp
	case !overTLS && onlyLineEnds(b[:n]):
		if skip(int(c.fd), n) != nil {
			return hungUp
		}
		return silent
	}
	return spoke
}

// sign is what a readable connection shows.
type sign uint8

const (
	silent sign = iota
	hungUp
	spoke
)

// peekSize is enough for the header of a TLS record and for stray line ends.
const peekSize = 16

// isAlert tells an alert by its outside (RFC 5246 7.2, RFC 8446 5.2): TLS 1.3
// hides the type, but an alert is two bytes, its type and a tag of 16.
func isAlert(b []byte) bool {
	const alert, applicationData = 21, 23
	if len(b) < 5 {
		return false
	}
	size := int(b[3])<<8 | int(b[4])
	return b[0] == alert || b[0] == applicationData && size == 2+1+16
}

// Listener accepts connections that can be parked, and bounds how many are open.
type Listener struct {
	net.Listener
	open   chan struct{} // one for each open connection of all listeners
	closed chan struct{}
	once   sync.Once
}

// NewListener wraps a listener. Beyond cap(open) connections, which listeners
// may share, new ones wait in the kernel's queue.
func NewListener(l net.Listener, open chan struct{}) *Listener {
	return &Listener{Listener: l, open: open, closed: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (l *Listener) Accept() (net.Conn, error) {
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
	quiet(c)
	return &Conn{awake: c, fd: -1, open: l.open}, nil
}

// Close stops Accept, also one that waits for a place.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// connKey is where ConnContext leaves the connection.
type connKey struct{}

// ConnContext tells a request its connection: http.Server.ConnContext. Requests
// without it are held in their goroutines.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if sleeper(c) == nil {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, sleeper(c))
}

// Relayed tells whether the request came through the process before this one: it
// should be the last on its connection.
func Relayed(r *http.Request) bool {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	return c != nil && c.relayed()
}

// sleeper is the connection that can sleep below c, or nil.
func sleeper(c net.Conn) *Conn {
	for {
		switch below := c.(type) {
		case *Conn:
			return below
		case interface{ NetConn() net.Conn }: // tls.Conn
			c = below.NetConn()
		default:
			return nil
		}
	}
}

// connOf is the request's connection if it can sleep.
func connOf(r *http.Request) *Conn {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	if c == nil || !canSleep(c.awake) {
		return nil
	}
	return c
}

// returned is a listener for connections that come back.
type returned struct {
	c    chan net.Conn
	stop chan struct{}
	once sync.Once
}

func newReturned() *returned {
	return &returned{c: make(chan net.Conn), stop: make(chan struct{})}
}

// put hands over a connection, unless nobody takes them any more.
func (l *returned) put(c net.Conn) bool {
	select {
	case l.c <- c:
		return true
	case <-l.stop:
		return false
	}
}

// Accept waits for a connection.
func (l *returned) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}

// Close stops Accept.
func (l *returned) Close() error {
	l.once.Do(func() { close(l.stop) })
	return nil
}

// Addr is no address.
func (l *returned) Addr() net.Addr { return &net.TCPAddr{} }
