// Package tlspolicy knows how mail to other domains must be protected on its way:
// by DANE (RFC 7672) and MTA-STS (RFC 8461). It counts how that goes and reports it
// (RFC 8460). It must never send mail itself, nor let a failure of the DNS or of a
// web server take away a protection that is known.
package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"martlet/mail/dns"
	"martlet/mail/relay"
	"martlet/store"
)

// Config is what Policies need.
type Config struct {
	Store    *store.Store
	DNS      *dns.Resolver
	Hostname string         // of this server, which reports name
	Contact  string         // an address for questions about reports
	Roots    *x509.CertPool // who may vouch for mail hosts and web servers; nil: whom the system trusts
	Logger   *slog.Logger   // nil: slog.Default

	// Send sends a report as mail. Nil: reports go to web servers alone.
	Send func(ctx context.Context, to string, raw []byte) error
	// Silent: nothing is counted and reported.
	Silent bool

	// Private lets policies be fetched from networks that are not the Internet.
	Private bool
	// Dial opens connections to web servers. Nil: a net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Policies are what is known of other domains. They are safe for concurrent use.
type Policies struct {
	cfg      Config
	web      *http.Client
	sts      store.Table[string, known]
	tallies  store.Table[tallyKey, tally]
	reports  store.Table[reportKey, Received]
	fetching singleflight.Group
	failures failures
	counted  counted
	fetches  sync.WaitGroup // in the background
	life     context.Context
	end      context.CancelFunc // of life, and of what is being fetched
}

// New returns the policies of a store. Run must run for them to be reported on.
func New(cfg Config) *Policies {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	p := &Policies{
		cfg:     cfg,
		sts:     store.NewTable("sts policy", store.PrefixSTS, store.StringKey[string](), knownRows),
		tallies: store.NewTable("tls tally", store.PrefixTLSTally, tallyKeys, tallyRows),
		reports: store.NewTable("tls report", store.PrefixTLSReport, reportKeys, receivedRows),
		counted: counted{some: make(chan struct{}, 1)},
	}
	p.web = p.newClient()
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// For returns what holds for mail to a domain (relay.Policies). Only the end of ctx
// makes it fail: where there is no policy, or none that can be found out, TLS is
// tried (RFC 8461 3.1).
func (p *Policies) For(ctx context.Context, domain string) (relay.Policy, error) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	at := &policy{of: p, domain: domain, hosts: map[relay.Host]*danePolicy{}}
	if !isDomain(domain) {
		return at, nil
	}
	var err error
	at.sts, at.problem, err = p.stsFor(ctx, domain)
	return at, err
}

// policy is what holds for one attempt.
type policy struct {
	of      *Policies
	domain  string
	sts     *known // nil: there is none
	problem string // why it could not be fetched, as a result type (RFC 8460 4.3)

	mu    sync.Mutex
	hosts map[relay.Host]*danePolicy // what was found of each
}

// enforced tells whether MTA-STS forbids what does not fit.
func (at *policy) enforced() bool { return at.sts != nil && at.sts.Mode == ModeEnforce }

// AllowsMX tells whether mail may go to a host at all.
func (at *policy) AllowsMX(host relay.Host) bool { return !at.enforced() || at.sts.Matches(host.Name) }

// TLS returns how to speak with a host. What DANE says comes first: MTA-STS must
// not let pass what it refuses (RFC 8461 2).
func (at *policy) TLS(ctx context.Context, host relay.Host) (relay.TLS, error) {
	d, err := at.of.daneFor(ctx, at.domain, host)
	at.mu.Lock()
	at.hosts[host] = d
	at.mu.Unlock()
	switch {
	case err != nil:
		if ctx.Err() == nil {
			at.of.count(at, kindDANE, &tally{Hosts: []string{host.Name}}, relay.Result{Host: host, Err: err}, "dnssec-invalid")
		}
		return relay.TLS{}, err
	case d.usable():
		return relay.TLS{Required: true, Config: d.config(), Kind: "dane", Verified: true}, nil
	case at.enforced():
		return relay.TLS{Required: true, Config: at.of.webPKI(host.Name), Kind: "sts", Verified: true}, nil
	case d.present(): // records that nobody can use: TLS, whoever it is (RFC 7672 2.2)
		return relay.TLS{Required: true, Kind: "dane"}, nil
	}
	return relay.TLS{}, nil
}

// webPKI verifies a host as web servers are verified (RFC 8461 4.2).
func (p *Policies) webPKI(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: p.cfg.Roots, MinVersion: tls.VersionTLS12}
}

// dane is what was found of a host; nil: nobody has asked.
func (at *policy) dane(host relay.Host) *danePolicy {
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.hosts[host]
}
