// Package relay is the SMTP client: it takes one message to the hosts of one
// destination and tells what became of each recipient. It must never keep a
// message, decide when to try again, or read what a server says beyond a bound.
package relay

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"martlet/mail"
	"martlet/mail/dns"
)

// Why a host was not used, as Result.Err has it.
var (
	ErrNotAllowed = errors.New("relay: the policy of the domain does not allow this host")
	ErrNoSTARTTLS = errors.New("relay: the host does not offer STARTTLS")
)

// Config holds what a Relay needs. DNS and Names are required.
type Config struct {
	DNS      *dns.Resolver
	Names    []string // what this server is called in the DNS; the first is said in EHLO
	Self     func(netip.AddrPort) bool
	Routes   []Route // the first that matches counts; none: the hosts of the domain
	Policies Policies
	Timeouts Timeouts
	Port     uint16 // of mail hosts; zero: 25
	// Roots may vouch for hosts that only a message wants verified (RFC 8689 4.2.1);
	// nil: whom the system trusts.
	Roots *x509.CertPool

	NoIPv4, NoIPv6   bool
	Source4, Source6 netip.Addr // where connections come from; zero: the system chooses

	Logger *slog.Logger // nil: slog.Default
	// Dial opens connections; nil: a net.Dialer's from Source4 or Source6.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Relay takes messages to other hosts. It is safe for concurrent use.
type Relay struct {
	cfg    Config
	log    *slog.Logger
	routes []*relayRoute
	idle   pool

	mu      sync.Mutex // guards the fields below
	sending map[*session]struct{}
	closed  bool
}

// New returns a Relay. It opens nothing.
func New(cfg Config) *Relay {
	cfg.Timeouts.setDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Policies == nil {
		cfg.Policies = Opportunistic{}
	}
	if cfg.Port == 0 {
		cfg.Port = 25
	}
	if len(cfg.Names) == 0 {
		cfg.Names = []string{"localhost"}
	}
	if cfg.Dial == nil {
		cfg.Dial = cfg.dialFromSource
	}
	r := &Relay{cfg: cfg, log: cfg.Logger, idle: pool{idle: map[string][]*session{}}, sending: map[*session]struct{}{}}
	for _, route := range cfg.Routes {
		r.routes = append(r.routes, newRoute(route))
	}
	return r
}

func (c *Config) dialFromSource(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if to, err := netip.ParseAddrPort(address); err == nil {
		from := c.Source4
		if to.Addr().Is6() {
			from = c.Source6
		}
		if from.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
	}
	return d.DialContext(ctx, network, address)
}

// Close breaks off whatever is still being sent and ends the idle sessions. Callers
// of Deliver should have ended their contexts before, and waited a while.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	for s := range r.sending {
		s.interrupt()
	}
	r.mu.Unlock()
	r.idle.close()
	return nil
}

// holdOn keeps a session from being broken off but by Close.
func (r *Relay) holdOn(s *session) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		s.interrupt()
	}
	r.sending[s] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.sending, s)
	}
}

// Deliver takes a message to its destination. When ctx ends, it breaks off, but
// for a message that is on its way already.
func (r *Relay) Deliver(ctx context.Context, out *mail.Outgoing) mail.Attempt {
	a := &attempt{relay: r, job: job{Outgoing: out, outcomes: make([]mail.Outcome, len(out.Envelope.To))}, key: out.Destination}
	switch {
	case out.Envelope.RequireTLS:
		a.key += " REQUIRETLS"
	case waivesTLS(out.Message):
		a.key += " TLS-Required: No" // nobody else may use such a session
		a.waived = true
	}
	a.run(ctx)
	return mail.Attempt{Outcomes: a.job.outcomes, Down: a.down()}
}
