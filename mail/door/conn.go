package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"martlet/internal/parking"
)

// Why a read ended before anything came, besides os.ErrDeadlineExceeded and
// io.EOF.
var (
	ErrLeaving = errors.New("door: shutting down")
	ErrWoken   = errors.New("door: woken")
	// ErrQuiet: the client has nothing to say for now, and the session may Park.
	ErrQuiet = errors.New("door: quiet")
)

const (
	writeTimeout = 5 * time.Minute
	outBuffer    = 32 << 10 // is sent when there is more
	authDelay    = time.Second
	// minLinger is that of a session that waits no longer than it must: with less
	// a read may end before it has looked for what is there.
	minLinger = 20 * time.Millisecond
	// MaxAuthFailures of one session end it.
	MaxAuthFailures = 3
)

// Conn is a client's connection. Its methods and fields belong to the session's
// goroutine but for Wake.
type Conn struct {
	Reader
	Remote netip.Addr // invalid when it has none

	// Patience is how long each wait for the client may take, and Until the time at
	// which all waits end; zero: as long as it likes.
	Patience time.Duration
	Until    time.Time
	// Busy is set while more of a command is waited for: Shutdown lets that come.
	Busy bool
	// Wakes is set while Wake breaks off a wait, with ErrWoken.
	Wakes bool
	// Parks is set while a wait that has lasted for Linger ends with ErrQuiet,
	// where the connection can be parked.
	Parks  bool
	Linger time.Duration
	// Pending sends what the session keeps itself of replies. It may be nil.
	Pending func() error

	door     *Door
	session  Session
	out      []byte // not sent yet
	err      error  // of sending: nothing more is sent
	failures uint8
	parks    bool // Park was called
	slotted  bool
	slot     int32 // on the shelf, if slotted

	mu      sync.Mutex // guards what follows
	conn    net.Conn
	idle    bool // a read waits that may be broken off
	leaving bool // Shutdown wants the session to end
	woken   bool
	asleep  bool // parked: whoever signals starts a goroutine
	poked   bool // signalled while it was not parked
	rooted  bool // cannot be parked
}

func newConn(d *Door, conn net.Conn) *Conn {
	c := &Conn{door: d, conn: conn, Remote: addrOf(conn.RemoteAddr())}
	c.Reader = NewReader(c, d.cfg.Buffer)
	_, err := parking.Socket(conn)
	c.rooted = err != nil
	return c
}

// Name says for the log who the client is.
func (c *Conn) Name() string {
	if !c.Remote.IsValid() {
		return c.conn.RemoteAddr().Network()
	}
	return c.Remote.String()
}

// Network is whom limits count.
func (c *Conn) Network() netip.Prefix { return NetworkOf(c.Remote) }

// greet runs the handshake of implicit TLS.
func (c *Conn) greet(ctx context.Context) bool {
	if conn, ok := c.conn.(*tls.Conn); ok {
		return c.handshake(ctx, conn)
	}
	return true
}

func (c *Conn) handshake(ctx context.Context, conn *tls.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	_ = conn.SetDeadline(time.Time{})
	if err := conn.HandshakeContext(ctx); err != nil {
		c.door.log.Info("handshake failed", "protocol", c.door.cfg.Name, "remote", c.Name(), "error", err)
		return false
	}
	return true
}

// StartTLS runs the handshake after what is written was sent. Commands that the
// client sent behind STARTTLS in the clear would run as if they had come under
// its protection: someone in between put them there. So a session must refuse
// when anything is Buffered. False ends the session.
func (c *Conn) StartTLS(ctx context.Context, cfg *tls.Config) bool {
	if c.Flush() != nil || c.Buffered() > 0 {
		return false
	}
	conn := tls.Server(c.conn, cfg)
	if !c.handshake(ctx, conn) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn // Shutdown may be looking at it
	return true
}

// secured is what a connection of TLS has.
type secured interface{ ConnectionState() tls.ConnectionState }

// TLS is the state of the connection's TLS, nil in the clear.
func (c *Conn) TLS() *tls.ConnectionState {
	conn, ok := c.conn.(secured)
	if !ok {
		return nil
	}
	state := conn.ConnectionState()
	return &state
}

// Secure tells whether the connection is TLS.
func (c *Conn) Secure() bool {
	_, ok := c.conn.(secured)
	return ok
}

// limit is when the next wait ends.
func (c *Conn) limit(now time.Time) time.Time {
	var limit time.Time
	if c.Patience > 0 {
		limit = now.Add(c.Patience)
	}
	if !c.Until.IsZero() && (limit.IsZero() || c.Until.Before(limit)) {
		limit = c.Until
	}
	return limit
}

// Read waits for the client: it sends what is pending first. It is the source of
// the Reader.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.Flush(); err != nil {
		return 0, err
	}
	now := time.Now()
	limit := c.limit(now)
	quiet := c.beforeRead(now, limit)
	if quiet != nil && quiet != ErrQuiet {
		return 0, quiet
	}
	n, err := c.conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = false
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		switch {
		case c.leaving && !c.Busy:
			err = ErrLeaving
		case c.woken && c.Wakes:
			err = ErrWoken
		case quiet != nil && (limit.IsZero() || time.Now().Before(limit)):
			err = ErrQuiet
		}
	}
	return n, err
}

// beforeRead sets the deadline. ErrQuiet says that it is that of lingering;
// another error that there is nothing to wait for.
func (c *Conn) beforeRead(now, limit time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Busy {
		return c.conn.SetReadDeadline(limit)
	}
	switch {
	case c.leaving:
		return ErrLeaving
	case c.Wakes && c.woken:
		return ErrWoken
	}
	c.idle = true
	if soon := now.Add(max(c.Linger, minLinger)); c.Parks && !c.rooted && (limit.IsZero() || soon.Before(limit)) {
		if err := c.conn.SetReadDeadline(soon); err != nil {
			return err
		}
		return ErrQuiet
	}
	return c.conn.SetReadDeadline(limit)
}

// Print keeps text to be sent when there is much or when the session would wait.
func (c *Conn) Print(s string) {
	if c.out = append(c.out, s...); len(c.out) >= outBuffer {
		_ = c.flushOut()
	}
}

// Printf is Print with a format.
func (c *Conn) Printf(format string, args ...any) {
	if c.out = fmt.Appendf(c.out, format, args...); len(c.out) >= outBuffer {
		_ = c.flushOut()
	}
}

// Append is Print for bytes, which are the caller's again afterwards.
func (c *Conn) Append(b []byte) {
	if c.out = append(c.out, b...); len(c.out) >= outBuffer {
		_ = c.flushOut()
	}
}

// Flush sends what is pending.
func (c *Conn) Flush() error {
	if c.Pending != nil {
		if err := c.Pending(); err != nil {
			return err
		}
	}
	return c.flushOut()
}

func (c *Conn) flushOut() error {
	if c.err != nil || len(c.out) == 0 {
		return c.err
	}
	b := c.out
	c.out = c.out[:0]
	_, err := c.Write(b)
	return err
}

// Write sends at once, before what is pending. After an error nothing more is
// sent.
func (c *Conn) Write(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	var n int
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, c.err = c.conn.Write(b)
	return n, c.err
}

// Broken is why nothing can be sent any more, or nil.
func (c *Conn) Broken() error { return c.err }

// Blocked tells whether too many logins failed from the client's network of late.
func (c *Conn) Blocked() bool { return c.door.penalties.Blocked(c.Network(), time.Now()) }

// Failed counts a failed login and waits, longer with each. It tells whether that
// was enough for one session.
func (c *Conn) Failed(ctx context.Context) (enough bool) {
	c.door.penalties.Failed(c.Network(), time.Now())
	c.failures++
	wait := time.NewTimer(time.Duration(c.failures) * authDelay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return c.failures >= MaxAuthFailures
}

// Wake breaks off the wait of a session that is idle, and has a parked one served.
// It may be called by anybody.
func (c *Conn) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = true
	if c.idle && c.Wakes {
		_ = c.conn.SetReadDeadline(longAgo)
	}
	c.pokeLocked()
}

// TakeWake tells whether there was a wake, and forgets it.
func (c *Conn) TakeWake() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.woken
	c.woken = false
	return w
}

var longAgo = time.Unix(1, 0)

// hurry makes the session end when it next waits for a command.
func (c *Conn) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	if c.idle {
		_ = c.conn.SetReadDeadline(longAgo)
	}
	c.pokeLocked()
}

// abort closes the connection under the session's feet.
func (c *Conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.Close()
	c.pokeLocked()
}

// close ends a session that nobody serves any more.
func (c *Conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slotted {
		c.door.shelf.Drop(c.slot)
		c.slotted = false
	}
	c.conn.Close()
}
