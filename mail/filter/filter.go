// Package filter is the judge of what comes in: who brings it and how often, who
// really sends it, and what that means for it. It asks the DNS, the store and the
// scanners that it is given, and has the policy: what is refused, what comes later,
// what is junk, and the words that say why. It must never lose a message: what it
// takes is delivered, if only as junk.
package filter

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"blitiri.com.ar/go/spf"

	"martlet/mail"
	"martlet/store"
)

const (
	// defaultTimeout bounds all questions about one message together: RFC 7208 4.6.4
	// wants twenty seconds at least for SPF, and a client waits ten minutes behind DATA
	// (RFC 5321 4.5.3.2.6).
	defaultTimeout = 20 * time.Second
	// scanTimeout bounds all scanners of a message together.
	scanTimeout = 3 * time.Minute
	// maxSignatures is how many DKIM signatures of a message are looked at.
	maxSignatures = 5
	// maxHeader bounds the header that is looked at, in bytes. A longer one proves
	// nothing.
	maxHeader = 256 << 10
)

// Resolver asks the DNS, as *net.Resolver does.
type Resolver = spf.DNSResolver

// Config holds what a Filter needs.
type Config struct {
	Resolver Resolver     // nil: the system's
	Store    *store.Store // nil: nobody is greylisted
	Hostname string       // our own name
	Policy   Policy
	Scanners []Ask // asked one after the other
	// Observe is told of every message that DMARC was asked about, for reports. Nil:
	// nobody.
	Observe func(Outcome)
	// Reports is shown messages that were taken, if somebody it may concern is among
	// the recipients; nil: nobody wants to see them.
	Reports func(ctx context.Context, env *mail.Envelope, raw []byte, a Auth)
	Logger  *slog.Logger // nil: slog.Default
}

// Filter judges what comes from other servers. It is safe for concurrent use.
type Filter struct {
	resolver Resolver
	hostname string
	scanners []Ask
	observe  func(Outcome)
	reports  func(context.Context, *mail.Envelope, []byte, Auth)
	log      *slog.Logger
	timeout  time.Duration
	policy   atomic.Pointer[Policy]

	grey       *greylist // nil: there is no store
	hosts      hosts
	clients    clients
	accounts   accounts
	complaints *meter[string] // of lists that are down: one an hour
}

// New returns a Filter.
func New(c Config) *Filter {
	if c.Resolver == nil {
		c.Resolver = &net.Resolver{PreferGo: true}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	f := &Filter{
		resolver: c.Resolver, hostname: asciiDomain(c.Hostname), scanners: c.Scanners, observe: c.Observe, reports: c.Reports,
		log: c.Logger, timeout: defaultTimeout, clients: newClients(), accounts: newAccounts(), complaints: newMeter[string](time.Hour),
	}
	if c.Store != nil {
		f.grey = newGreylist(c.Store)
	}
	f.Use(c.Policy)
	return f
}

// Use has another policy from now on.
func (f *Filter) Use(p Policy) {
	f.policy.Store(&p)
	f.hosts.forget()
}

// Sweep removes what is remembered and says nothing any more. Call it now and then.
func (f *Filter) Sweep(ctx context.Context) error {
	if f.grey == nil {
		return nil
	}
	return f.grey.sweep(ctx, time.Now())
}

// Connect refuses clients that come too often.
func (f *Filter) Connect(_ context.Context, c *mail.Client) mail.Refusal {
	p := f.policy.Load()
	if f.inside(p, c.Addr) {
		return mail.Refusal{}
	}
	n, now := networkOf(c.Addr), time.Now()
	switch {
	case f.clients.unknown.full(n, p.Rates.Unknown, now):
		return tooManyUnknown
	case !f.clients.connections.take(n, 1, p.Rates.Connections, now):
		return tooManyConnections
	}
	return mail.Refusal{}
}

// Unknown counts a recipient that does not exist: who tries names wants to know
// which do.
func (f *Filter) Unknown(_ context.Context, c *mail.Client) mail.Refusal {
	p := f.policy.Load()
	if f.inside(p, c.Addr) || f.clients.unknown.take(networkOf(c.Addr), 1, p.Rates.Unknown, time.Now()) {
		return mail.Refusal{}
	}
	return tooManyUnknown
}

// Recipient refuses who brings too much, who is on a list whose entries are refused,
// and, for a time, who is not known yet.
func (f *Filter) Recipient(ctx context.Context, c *mail.Client, env *mail.Envelope, to *mail.Recipient) mail.Refusal {
	p := f.policy.Load()
	if f.inside(p, c.Addr) {
		return mail.Refusal{}
	}
	n, now := networkOf(c.Addr), time.Now()
	switch {
	case len(env.To) == 0 && !f.clients.messages.take(n, 1, p.Rates.Messages, now):
		return tooManyMessages
	case !f.clients.recipients.take(n, 1, p.Rates.Recipients, now):
		return tooManyRecipients
	case !f.asks(p):
		return mail.Refusal{}
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	h := f.host(ctx, p, c.Addr)
	if h == nil {
		return mail.Refusal{}
	}
	if no := f.refusedHost(ctx, p, c, env, h); no.Refuses() {
		return no
	}
	return f.greylisted(ctx, p, c, env, to, h)
}

// asks tells whether a recipient can be refused for what the DNS says.
func (f *Filter) asks(p *Policy) bool {
	if p.RefuseNameless || f.grey != nil && p.Greylist != GreylistNobody {
		return true
	}
	for _, l := range p.Lists {
		if l.Refuse {
			return true
		}
	}
	return false
}

// greylisted asks who is not known to come back later (RFC 6647).
func (f *Filter) greylisted(ctx context.Context, p *Policy, c *mail.Client, env *mail.Envelope, to *mail.Recipient, h *host) mail.Refusal {
	if f.grey == nil || p.Greylist == GreylistNobody || h.wanted() || p.Greylist == GreylistSuspicious && !h.suspicious() {
		return mail.Refusal{}
	}
	origin := greyOrigin(c.Addr, f.spf(ctx, c.Addr, c.Helo, env.From))
	may, err := f.grey.try(ctx, origin, env.From, to.Address, time.Now())
	if err != nil {
		f.log.Error("greylisting failed", "error", err)
		return mail.Refusal{}
	}
	if may {
		return mail.Refusal{}
	}
	return comeBack
}

// inside tells whether a client is one that nothing is held against: what it brings
// was made or relayed in our own network, and what the DNS would say of it is wrong.
func (f *Filter) inside(p *Policy, a netip.Addr) bool {
	return !a.IsValid() || isInside(a) || p.trusts(a)
}

// isInside tells whether an address is of this machine or of a network that the
// world does not see (RFC 1918, RFC 4193, RFC 6598, RFC 3927).
func isInside(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || carrier.Contains(a)
}

// carrier is what providers give out behind their own address translation.
var carrier = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)

// lookupTXT asks for the texts of a name.
func (f *Filter) lookupTXT(ctx context.Context, name string) ([]string, error) {
	return f.resolver.LookupTXT(ctx, name)
}
