// Package filter finds out who really sends what comes from elsewhere: SPF, DKIM
// and DMARC. It asks the DNS and nobody else. It must never refuse a message or
// change one: it tells what it has found, and whoever asks decides.
package filter

import (
	"context"
	"net"
	"net/netip"
	"time"

	"blitiri.com.ar/go/spf"

	"martlet/mail"
)

const (
	// defaultTimeout bounds all questions about one message together: RFC 7208 4.6.4
	// wants twenty seconds at least for SPF, and a client waits ten minutes behind DATA
	// (RFC 5321 4.5.3.2.6).
	defaultTimeout = 20 * time.Second
	// maxSignatures is how many DKIM signatures of a message are looked at.
	maxSignatures = 5
	// maxHeader bounds the header that is looked at, in bytes. A longer one proves
	// nothing.
	maxHeader = 256 << 10
)

// Resolver asks the DNS, as *net.Resolver does.
type Resolver = spf.DNSResolver

// Filter looks at messages. It is safe for concurrent use.
type Filter struct {
	resolver Resolver
	timeout  time.Duration
}

// New returns a Filter. Without a resolver it is the system's.
func New(r Resolver) *Filter {
	if r == nil {
		r = &net.Resolver{PreferGo: true}
	}
	return &Filter{resolver: r, timeout: defaultTimeout}
}

// Connect refuses nobody.
func (f *Filter) Connect(context.Context, *mail.Client) mail.Refusal { return mail.Refusal{} }

// Recipient refuses nobody.
func (f *Filter) Recipient(context.Context, *mail.Client, *mail.Envelope, *mail.Recipient) mail.Refusal {
	return mail.Refusal{}
}

// Message tells what a message proves of its sender.
func (f *Filter) Message(ctx context.Context, _ *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
	return mail.Verdict{Results: f.Results(ctx, env, raw)}
}

// Results tells what the message proves of its sender, as Authentication-Results
// has it behind the name of who says it (RFC 8601 2.2). It is empty for what comes
// from this machine or a private network: it is relayed there, or made there, and
// what SPF would say of it is wrong.
func (f *Filter) Results(ctx context.Context, env *mail.Envelope, raw []byte) string {
	t := &env.Trace
	if !t.Remote.IsValid() || isInside(t.Remote) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	header, whole := cutHeader(raw)
	s := f.spf(ctx, t.Remote, t.Helo, env.From)
	var signatures []signature
	if whole {
		signatures = f.dkim(ctx, raw)
	}
	d := f.dmarc(ctx, header, whole, s, signatures)
	return report(s, signatures, d)
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
func (f *Filter) lookupTXT(ctx context.Context) func(string) ([]string, error) {
	return func(name string) ([]string, error) { return f.resolver.LookupTXT(ctx, name) }
}
