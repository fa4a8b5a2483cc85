package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"time"

	"martlet/mail"
)

// attempt is one Deliver.
type attempt struct {
	job
	relay  *Relay
	key    string // under which its sessions are kept
	waived bool   // policies are not asked (RFC 8689 5)
	spoken bool   // a host was ready to take a message
	tried  int    // targets
	why    *hostError
}

// run goes from host to host until nothing is open.
func (a *attempt) run(ctx context.Context) {
	for s := a.relay.idle.take(a.key); s != nil; s = a.relay.idle.take(a.key) {
		stop := s.heed(ctx)
		ok := s.usable()
		if !stop() || !ok {
			s.close()
			continue // the host may have ended it; that says nothing of the host
		}
		if a.give(ctx, s) {
			return
		}
	}
	if route := a.relay.routeOf(a.Destination); route != nil {
		a.toRoute(ctx, route)
	} else {
		a.toDomain(ctx)
	}
	a.conclude(ctx)
}

func (r *Relay) routeOf(destination string) *relayRoute {
	name, ok := strings.CutPrefix(destination, routePrefix)
	if !ok {
		return nil
	}
	for _, route := range r.routes {
		if route.Name == name {
			return route
		}
	}
	return newRoute(Route{Name: name}) // taken out of the configuration since
}

// give sends over a session, and tells whether all is decided.
func (a *attempt) give(ctx context.Context, s *session) bool {
	a.spoken = true
	if err := s.send(ctx, &a.job); err != nil {
		s.close()
		var herr *hostError
		if errors.As(err, &herr) {
			a.note(herr)
		}
		return len(a.open()) == 0
	}
	s.idleSince = time.Now()
	a.relay.idle.put(a.key, s)
	return true
}

func (a *attempt) note(err *hostError) { a.why = worst(a.why, err) }

// toRoute tries the hosts of a route.
func (a *attempt) toRoute(ctx context.Context, route *relayRoute) {
	for _, h := range route.order(time.Now()) {
		host := Host{Name: h.Host, Port: h.Port}
		addrs, _, err := a.relay.addresses(ctx, h.Host, h.Port)
		if err != nil || len(addrs) == 0 {
			a.note(addressError(host, err))
			h.failed(time.Now())
			continue
		}
		worked := false
		for _, addr := range addrs {
			if a.tried == maxTargets || ctx.Err() != nil {
				return
			}
			done, spoken := a.to(ctx, &target{host: host, addr: addr, relay: h}, h.tls())
			if worked = worked || spoken; done {
				h.worked()
				return
			}
		}
		if worked {
			h.worked()
		} else if ctx.Err() == nil {
			h.failed(time.Now())
		}
	}
}

// tls is what the configuration asks of a relay.
func (h *relayHost) tls() TLS {
	switch h.TLS {
	case StartTLS, ImplicitTLS:
		return TLS{Required: true, Config: &tls.Config{RootCAs: h.Roots, ServerName: h.Host}, Verified: true, Kind: "relay"}
	}
	return TLS{}
}

func addressError(host Host, err error) *hostError {
	e := &hostError{temporary: true, status: "4.4.3", text: "the name servers do not tell where the host is", target: &target{host: host}, err: err}
	switch {
	case errors.Is(err, errSelf):
		e.temporary, e.status, e.text = false, "5.4.6", "mail for the domain comes back to this server"
	case err == nil, isNotFound(err):
		e.status, e.text = "4.4.4", "the host has no address"
	}
	return e
}

// toDomain tries the hosts that the DNS names.
func (a *attempt) toDomain(ctx context.Context) {
	r := a.relay
	if addr, ok := literal(a.Destination); ok {
		to := netip.AddrPortFrom(addr.Unmap(), r.cfg.Port)
		t := &target{host: Host{Name: a.Destination, Port: r.cfg.Port}, addr: to, policy: anything{}, domain: a.Destination}
		switch {
		case r.cfg.Self != nil && r.cfg.Self(to):
			a.note(addressError(t.host, errSelf))
		case !r.suits(addr):
			a.note(&hostError{status: "5.1.2", text: "mail cannot go to this address", target: t})
		default:
			a.to(ctx, t, TLS{})
		}
		return
	}
	hosts, err := r.mailHosts(ctx, a.Destination)
	if err != nil {
		var no *destError
		errors.As(err, &no)
		a.note(&hostError{temporary: no.down, status: no.status, text: no.text, target: &target{}, err: err})
		return
	}
	var policies Policies = Opportunistic{}
	if !a.waived {
		policies = r.cfg.Policies
	}
	policy, err := policies.For(ctx, a.Destination)
	if err != nil {
		a.note(&hostError{temporary: true, status: "4.7.5", text: "what the domain demands of TLS cannot be found out", target: &target{}, err: err, tls: true})
		return
	}
	for _, host := range hosts {
		if a.tried == maxTargets || ctx.Err() != nil || a.toHost(ctx, policy, host) {
			return
		}
	}
}

// toHost tries one host of a domain. It tells whether the rest need not be tried.
func (a *attempt) toHost(ctx context.Context, policy Policy, host Host) bool {
	r := a.relay
	if !policy.AllowsMX(host) {
		r.cfg.Policies.Report(Result{Domain: a.Destination, Policy: policy, Host: host, Err: ErrNotAllowed})
		a.note(&hostError{temporary: true, status: "4.7.5", text: "the domain's policy does not allow the host", target: &target{host: host}, tls: true})
		return false
	}
	addrs, _, err := r.addresses(ctx, host.Name, host.Port)
	if errors.Is(err, errSelf) { // those behind us would only send it here again
		a.note(addressError(host, err))
		return true
	}
	if err != nil || len(addrs) == 0 {
		e := addressError(host, err)
		if host.Implicit && isNotFound(err) {
			e.temporary, e.status, e.text = false, "5.1.2", "the domain does not exist, or takes no mail"
		}
		a.note(e)
		return false
	}
	with, err := policy.TLS(ctx, host)
	if err != nil {
		a.note(&hostError{temporary: true, status: "4.7.5", text: "what the host's certificate must be cannot be found out", target: &target{host: host}, err: err, tls: true})
		return false
	}
	if a.Envelope.RequireTLS && !with.Verified && host.Authentic {
		// DNSSEC has shown which host it is to be: its certificate can be asked for.
		with = TLS{Required: true, Config: &tls.Config{RootCAs: r.cfg.Roots, MinVersion: tls.VersionTLS12}, Kind: "requiretls", Verified: true}
	}
	for _, addr := range addrs {
		if a.tried == maxTargets || ctx.Err() != nil {
			return true
		}
		if done, _ := a.to(ctx, &target{host: host, addr: addr, policy: policy, domain: a.Destination}, with); done {
			return true
		}
	}
	return false
}

// to tries one address.
func (a *attempt) to(ctx context.Context, t *target, with TLS) (done, spoken bool) {
	a.tried++
	s, herr := a.relay.open(ctx, t, with, !a.Envelope.RequireTLS)
	if herr != nil {
		a.relay.log.Debug("host not spoken with", "destination", a.Destination, "host", t.String(), "reason", herr.text, "reply", herr.reply)
		a.note(herr)
		return false, false
	}
	if a.Envelope.RequireTLS && !s.keepsSecret() { // another host may (RFC 8689 4.2.1)
		a.note(s.failed("5.7.30", "the sender wants the message protected by TLS all the way, and the host does not promise that (REQUIRETLS)", nil))
		s.quit()
		return false, true
	}
	return a.give(ctx, s), true
}

// conclude settles what no host has: for now, or for good.
func (a *attempt) conclude(ctx context.Context) {
	left := a.open()
	if ctx.Err() != nil || a.why != nil && errors.Is(a.why.err, errInterrupted) {
		a.why = nil // that was us
		return
	}
	if len(left) == 0 {
		return
	}
	e := a.why
	if e == nil {
		e = &hostError{temporary: true, status: "4.4.4", text: "no host takes mail for it", target: &target{}}
	}
	o := mail.Outcome{Action: mail.Failed, Status: e.status, Reply: e.reply, Text: e.text, Host: e.target.host.Name}
	if e.target.addr.IsValid() {
		o.Addr = e.target.addr.String()
	}
	if e.temporary {
		o.Action = mail.Delayed
	}
	for _, i := range left {
		a.outcomes[i] = o
	}
}

// down tells whether the next message need not try.
func (a *attempt) down() bool { return !a.spoken && a.why != nil && a.why.temporary }

// open begins a session with a host, up to where it takes messages.
func (r *Relay) open(ctx context.Context, t *target, with TLS, mayBePlain bool) (*session, *hostError) {
	mode := IfOffered
	if t.relay != nil {
		mode = t.relay.TLS
	}
	s, herr := r.begin(ctx, t, with, mode)
	if herr != nil && herr.tls && !with.Required && mode == IfOffered && mayBePlain && ctx.Err() == nil {
		// Nothing forbids plain text, which is no worse than what somebody between
		// could have brought about.
		s, herr = r.begin(ctx, t, with, Plain)
	}
	return s, herr
}

func (r *Relay) begin(ctx context.Context, t *target, with TLS, mode Mode) (_ *session, herr *hostError) {
	conn, herr := r.dial(ctx, t)
	if herr != nil {
		return nil, herr
	}
	s := newSession(r, t, conn)
	s.policy = with
	stop := s.heed(ctx)
	defer func() {
		if !stop() && herr == nil {
			herr = s.broken("", errInterrupted)
		}
		if herr != nil {
			conn.Close()
		}
	}()
	if mode == ImplicitTLS {
		if herr := s.handshake(with.config(t)); herr != nil {
			return nil, herr
		}
	}
	if herr := s.greet(); herr != nil {
		return nil, herr
	}
	if mode != Plain && mode != ImplicitTLS {
		if herr := s.secure(with); herr != nil {
			return nil, herr
		}
	}
	if t.relay != nil {
		if herr := s.authenticate(&t.relay.Smarthost); herr != nil {
			return nil, herr
		}
	}
	return s, nil
}

// secure goes over to TLS where that is offered, and tells who wants to know.
func (s *session) secure(with TLS) *hostError {
	offered := s.has("STARTTLS")
	var herr *hostError
	switch {
	case offered:
		herr = s.startTLS(with.config(s.target))
	case with.Required:
		herr = s.failed("4.7.5", "the host does not offer TLS, which is required", ErrNoSTARTTLS)
	}
	if s.target.policy != nil && (herr == nil || !errors.Is(herr.err, errInterrupted)) {
		res := Result{Domain: s.target.domain, Policy: s.target.policy, Host: s.target.host, Addr: s.target.addr.Addr(),
			Local: addrOf(s.conn.LocalAddr()), Offered: offered, State: s.state}
		switch {
		case herr != nil:
			res.Err = herr
		case !offered:
			res.Err = ErrNoSTARTTLS
		}
		s.relay.cfg.Policies.Report(res)
	}
	return herr
}

// config is what the handshake with a host is held to.
func (t TLS) config(to *target) *tls.Config {
	if t.Config == nil {
		return &tls.Config{InsecureSkipVerify: true, ServerName: to.host.Name} // encrypts for whoever is there; better than not
	}
	cfg := t.Config.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = to.host.Name
	}
	return cfg
}
