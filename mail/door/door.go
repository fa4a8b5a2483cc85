// Package door keeps the life of connections for the protocols of mail
// programs: it accepts them, counts them in all and for each network, runs a
// session on each, survives the panic of one, slows down who guesses passwords,
// and lets them end in order. A session that waits for its client may be parked
// without a goroutine. It reads lines and sends replies, but must never know
// what they say.
package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"martlet/internal/parking"
)

// ErrClosed is what Serve returns after Shutdown.
var ErrClosed = errors.New("door: closed")

// Session is what a protocol does on one connection.
type Session interface {
	// Serve speaks with the client until the session is over, or until Conn.Park,
	// which is the last thing it calls then: it is called again when there is
	// something to do. Its TLS handshake is done when the listener was one of TLS.
	Serve(ctx context.Context)
	// Ended is called once, when the session is over, also after a panic.
	Ended()
}

// Refusal is why a client is turned away.
type Refusal uint8

// The refusals.
const (
	Closing    Refusal = iota + 1 // Shutdown was called
	Full                          // too many sessions
	FullFromIt                    // too many sessions from the client's network
)

// Config says whose door it is. Name, Start and Refuse are required.
type Config struct {
	Name  string // of the protocol, for the log: "imap"
	Start func(*Conn) Session
	// Refuse is what a client is told that is turned away, with its line end.
	Refuse        func(Refusal) string
	MaxSessions   int
	MaxPerNetwork int // an IPv6 /64 counts as one; zero or negative: no limit
	KeepAlive     net.KeepAliveConfig
	Buffer        int          // bytes of a session's reading, at first; zero: few
	Penalties     *Penalties   // shared with other doors; nil: the door has its own
	Logger        *slog.Logger // nil: slog.Default
}

const (
	handshakeTimeout = time.Minute
	refuseTimeout    = time.Second // to tell a client that it is one too many
)

// Door serves any number of listeners. Use New. It is safe for concurrent use.
type Door struct {
	cfg       Config
	log       *slog.Logger
	penalties *Penalties
	shelf     *parking.Shelf
	asleep    atomic.Int64

	// ctx ends when Shutdown gives up waiting.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex // guards what follows
	closing   bool
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	networks  map[netip.Prefix]int
	ended     sync.WaitGroup
}

// New returns a door that nobody has come through.
func New(cfg Config) *Door {
	d := &Door{
		cfg:       cfg,
		log:       cfg.Logger,
		penalties: cfg.Penalties,
		shelf:     parking.NewShelf(),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*Conn]struct{}{},
		networks:  map[netip.Prefix]int{},
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.penalties == nil {
		d.penalties = NewPenalties()
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Serve accepts sessions until Shutdown, and returns ErrClosed then. A listener
// of TLS connections is implicit TLS (RFC 8314 3).
func (d *Door) Serve(l net.Listener) error {
	defer l.Close()
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		return ErrClosed
	}
	d.listeners[l] = struct{}{}
	d.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err == nil {
			d.Admit(conn)
			continue
		}
		if d.isClosing() {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("%s: accept: %w", d.cfg.Name, err)
		}
		// Out of descriptors, most likely: sessions that end will free some.
		d.log.Warn("accept failed", "protocol", d.cfg.Name, "error", err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-d.ctx.Done():
		}
	}
}

func (d *Door) isClosing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closing
}

// Sessions counts the sessions, and those of them that are parked.
func (d *Door) Sessions() (all, parked int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns), int(d.asleep.Load())
}

// Admit starts a session, or tells the client that it is one too many.
func (d *Door) Admit(conn net.Conn) {
	d.keepAlive(conn)
	c := newConn(d, conn)
	refusal := d.register(c)
	if refusal == 0 {
		go d.run(c)
		return
	}
	text := d.cfg.Refuse(refusal)
	d.log.Info("session refused", "protocol", d.cfg.Name, "remote", c.Name(), "reply", strings.TrimSpace(text))
	if _, isTLS := conn.(*tls.Conn); !isTLS { // a write would wait for a handshake
		conn.SetWriteDeadline(time.Now().Add(refuseTimeout))
		_, _ = conn.Write([]byte(text))
	}
	conn.Close()
}

func (d *Door) keepAlive(conn net.Conn) {
	if !d.cfg.KeepAlive.Enable {
		return
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(d.cfg.KeepAlive)
	}
}

// register counts the client in, or returns the reason that refuses it.
func (d *Door) register(c *Conn) Refusal {
	network := c.Network()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closing:
		return Closing
	case d.cfg.MaxSessions > 0 && len(d.conns) >= d.cfg.MaxSessions:
		return Full
	case network.IsValid() && d.cfg.MaxPerNetwork > 0 && d.networks[network] >= d.cfg.MaxPerNetwork:
		return FullFromIt
	}
	d.conns[c] = struct{}{}
	d.networks[network]++
	d.ended.Add(1)
	return 0
}

func (d *Door) unregister(c *Conn) {
	network := c.Network()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
	if d.networks[network]--; d.networks[network] <= 0 {
		delete(d.networks, network)
	}
	d.ended.Done()
}

// run serves a session until it is over or parked. A programmer's error ends
// that session alone.
func (d *Door) run(c *Conn) {
	parked := false
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("session panicked", "protocol", d.cfg.Name, "remote", c.Name(), "panic", p, "stack", string(debug.Stack()))
		}
		if !parked {
			d.end(c)
		}
	}()
	if c.session == nil {
		if !c.greet(d.ctx) {
			return
		}
		c.session = d.cfg.Start(c)
	}
	for c.begin(); ; c.begin() {
		c.session.Serve(d.ctx)
		if !c.parks {
			return
		}
		if c.sleep() {
			parked = true // somebody else may be at it by now
			return
		}
	}
}

// end lets go of a session that is over.
func (d *Door) end(c *Conn) {
	defer d.unregister(c)
	defer c.close()
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("session panicked", "protocol", d.cfg.Name, "remote", c.Name(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if c.session != nil {
		c.session.Ended()
	}
}

// Shutdown stops accepting, tells idle clients to go, lets what is under way
// finish, and closes what is left when ctx ends.
func (d *Door) Shutdown(ctx context.Context) error {
	d.mu.Lock()
	d.closing = true
	for l := range d.listeners {
		l.Close()
	}
	for c := range d.conns {
		c.hurry()
	}
	d.mu.Unlock()

	done := make(chan struct{})
	go func() {
		d.ended.Wait()
		d.shelf.Close()
		close(done)
	}()
	defer d.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	d.cancel()
	d.mu.Lock()
	for c := range d.conns {
		c.abort()
	}
	d.mu.Unlock()
	return ctx.Err()
}
