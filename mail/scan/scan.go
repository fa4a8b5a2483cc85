// Package scan asks other programs about messages: rspamd, clamd and milters. Each
// is a filter.Scanner; mail/filter decides what its word is worth. It must never
// believe what they answer further than the protocol goes: answers are bounded, a
// program that is down is not asked again for a while, and what it changes in a
// message stays a message.
package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"martlet/mail"
	"martlet/mail/filter"
)

// Direction is which mail a scanner is asked about.
type Direction uint8

// The directions.
const (
	Both     Direction = iota
	Incoming           // what comes from other servers
	Outgoing           // what our own users send
)

func (d Direction) wants(m *filter.Message) bool {
	switch d {
	case Incoming:
		return !m.Auth.Submission
	case Outgoing:
		return m.Auth.Submission
	}
	return true
}

// Common is what all scanners have. Zero values take the defaults.
type Common struct {
	Timeout   time.Duration // of one message; 0: 10 s
	MaxBytes  int64         // larger messages are not shown; 0: the scanner's default
	Direction Direction
}

const (
	defaultTimeout = 10 * time.Second
	// A program that fails is not asked again for firstRest, and each time that it
	// fails on for twice as long, up to lastRest: its timeout must not be added to
	// every message.
	firstRest = 5 * time.Second
	lastRest  = time.Minute
)

// ErrDown means that a program did not answer lately and is not asked.
var ErrDown = errors.New("scan: it is down, and not asked for some seconds")

// errProtocol is an answer that the protocol does not know.
var errProtocol = errors.New("scan: the answer is not of the protocol")

// Stats are counters since the start.
type Stats struct {
	Asked   uint64        // messages that were shown
	Skipped uint64        // too large
	Failed  uint64        // asked without an answer
	Down    uint64        // not asked since it was down
	Junk    uint64        // what it found to be junk
	Refused uint64        // what it wants refused or thrown away
	Took    time.Duration // all answers together
}

// guard asks one program, and leaves it alone while it is down.
type guard struct {
	timeout time.Duration
	now     func() time.Time

	mu    sync.Mutex
	stats Stats         // guarded by mu
	until time.Time     // guarded by mu: when it may be asked again
	rest  time.Duration // guarded by mu: how long it rests when it fails the next time
}

func newGuard(timeout time.Duration) *guard {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &guard{timeout: timeout, now: time.Now, rest: firstRest}
}

// ask runs fn unless the program is down.
func (g *guard) ask(ctx context.Context, fn func(ctx context.Context) error) error {
	g.mu.Lock()
	start := g.now()
	if start.Before(g.until) {
		g.stats.Down++
		g.mu.Unlock()
		return ErrDown
	}
	g.stats.Asked++
	g.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	err := fn(limited)
	if err != nil && ctx.Err() != nil { // the asker has gone: that says nothing of the program
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stats.Took += g.now().Sub(start)
	if err == nil {
		g.until, g.rest = time.Time{}, firstRest
		return nil
	}
	g.stats.Failed++
	g.until = g.now().Add(g.rest)
	g.rest = min(2*g.rest, lastRest)
	return err
}

// found counts what was found.
func (g *guard) found(f *filter.Finding) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case f.Refusal.Refuses() || f.Discard:
		g.stats.Refused++
	case f.Quarantine:
		g.stats.Junk++
	}
}

func (g *guard) skip() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stats.Skipped++
}

// Stats returns the counters.
func (g *guard) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// dial opens a connection to "host:port" or "unix:/path". It is closed when ctx
// ends, so that nothing waits for longer.
func dial(ctx context.Context, address string) (net.Conn, func(), error) {
	var d net.Dialer
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, nil, fmt.Errorf("scan: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, nil, fmt.Errorf("scan: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// refusal is what a program wants the client to be told, made fit for a reply.
func refusal(code int, enhanced, text string) mail.Refusal {
	return mail.Refusal{Code: code, Enhanced: enhanced, Text: plain(text, maxText)}
}

// maxText is how much of a program's words a client or a header is shown, in bytes.
const maxText = 200

// plain is one line of ASCII of a text.
func plain(s string, limit int) string {
	b := make([]byte, 0, min(len(s), limit))
	for _, c := range []byte(s) {
		if len(b) == limit {
			break
		}
		switch {
		case c == '\r' || c == '\n' || c == '\t':
			c = ' '
		case c < ' ' || c > '~':
			c = '?'
		}
		b = append(b, c)
	}
	return strings.TrimSpace(string(b))
}
