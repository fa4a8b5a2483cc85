package relay

import (
	"context"
	"crypto/tls"
	"net/netip"
)

// Policies knows what domains demand of the way to them: DANE (RFC 7672),
// MTA-STS (RFC 8461). It is safe for concurrent use.
type Policies interface {
	// For returns what holds for mail to a domain, in ASCII form. An error means
	// that it cannot be known now: the mail is put off.
	For(ctx context.Context, domain string) (Policy, error)
	// Report notes how TLS with one host went (RFC 8460). It must not wait.
	Report(r Result)
}

// Policy is what one domain demands. It is good for one attempt.
type Policy interface {
	// AllowsMX tells whether mail may go to a host at all.
	AllowsMX(host Host) bool
	// TLS returns how to speak with a host. An error means that this cannot be
	// known now: the host is left out of this attempt.
	TLS(ctx context.Context, host Host) (TLS, error)
}

// Host is a mail host of a domain.
type Host struct {
	Name      string // in ASCII form, without a final dot
	Port      uint16 // whose TLSA records count
	Authentic bool   // DNSSEC vouches for the MX records that name it
	Implicit  bool   // there are no MX records: the domain's own address
}

// TLS is how to speak with a host.
type TLS struct {
	// Required: no mail without TLS that Config accepts. Else TLS is tried, and
	// where it fails mail goes in plain text.
	Required bool
	// Config holds what to verify. Nil: encrypt and verify nothing. ServerName is
	// set to the host's name where it is empty.
	Config *tls.Config
	// Kind names the policy in logs and in the reasons of failures: "dane", "sts",
	// "requiretls"; empty: none.
	Kind string
	// Verified tells that a session by this Config has shown who the host is, as
	// REQUIRETLS needs (RFC 8689 4.2.1).
	Verified bool
}

// Result is how TLS with one host went.
type Result struct {
	Domain  string // whose policy it was
	Policy  Policy
	Host    Host
	Addr    netip.Addr // zero: no connection came about
	Local   netip.Addr // our side's
	Offered bool       // STARTTLS was offered
	State   *tls.ConnectionState
	// Err is why there is no session that the policy accepts. ErrNotAllowed: the
	// policy does not allow the host; ErrNoSTARTTLS; else of the handshake.
	Err error
}

// Opportunistic demands nothing: TLS where it is offered, whoever offers it.
type Opportunistic struct{}

// For returns the policy of domains that say nothing.
func (Opportunistic) For(context.Context, string) (Policy, error) { return anything{}, nil }

// Report forgets the result.
func (Opportunistic) Report(Result) {}

type anything struct{}

func (anything) AllowsMX(Host) bool                     { return true }
func (anything) TLS(context.Context, Host) (TLS, error) { return TLS{}, nil }
