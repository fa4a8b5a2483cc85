package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"martlet/mail/dns"
)

// Limits of one attempt.
const (
	maxHosts     = 20 // of a domain that are looked at
	maxAddresses = 5  // of one host
	maxTargets   = 10 // that are tried
)

// target is one address of a host, and how to speak with it.
type target struct {
	host   Host
	addr   netip.AddrPort
	policy Policy // nil: a relay of ours, for which tls counts
	domain string // whose policy it is
	relay  *relayHost
}

func (t *target) String() string {
	if t.host.Name == "" {
		return t.addr.String()
	}
	return t.host.Name + " [" + t.addr.String() + "]"
}

// destError is why a destination cannot be delivered to, before any host is asked.
type destError struct {
	status, text string
	down         bool // by no fault of the message
}

func (e *destError) Error() string { return e.text }

// mailHosts finds the hosts of a domain in the order in which they are tried
// (RFC 5321 5.1).
func (r *Relay) mailHosts(ctx context.Context, domain string) ([]Host, error) {
	answer, err := r.cfg.DNS.MX(ctx, domain)
	switch {
	case errors.Is(err, dns.ErrNotFound):
		// The domain's own address will do; that it has no MX must be as proved as
		// a record would be.
		if r.isSelf(domain) {
			return nil, &destError{status: "5.4.6", text: "mail for the domain comes back to this server"}
		}
		return []Host{{Name: domain, Port: r.cfg.Port, Authentic: answer.Authentic, Implicit: true}}, nil
	case err != nil:
		return nil, &destError{status: "4.4.3", text: "the name servers do not tell where mail for the domain goes", down: true}
	}
	records := slices.Clone(answer.Records)
	if len(records) == 1 && records[0].Host == "" { // RFC 7505
		return nil, &destError{status: "5.1.10", text: "the domain takes no mail"}
	}
	records = slices.DeleteFunc(records, func(m dns.MX) bool { return m.Host == "" })
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	slices.SortStableFunc(records, func(a, b dns.MX) int { return int(a.Preference) - int(b.Preference) })
	var hosts []Host
	for i, m := range records {
		if r.isSelf(m.Host) { // those behind us would only send it here again
			worse := slices.IndexFunc(records, func(o dns.MX) bool { return o.Preference == m.Preference })
			hosts = hosts[:min(worse, len(hosts))]
			break
		}
		if i < maxHosts {
			hosts = append(hosts, Host{Name: strings.ToLower(m.Host), Port: r.cfg.Port, Authentic: answer.Authentic})
		}
	}
	if len(hosts) == 0 {
		return nil, &destError{status: "5.4.6", text: "mail for the domain comes back to this server"}
	}
	return hosts, nil
}

// isSelf tells whether a name is ours.
func (r *Relay) isSelf(host string) bool {
	return slices.ContainsFunc(r.cfg.Names, func(n string) bool { return strings.EqualFold(strings.TrimSuffix(n, "."), host) })
}

// errSelf: the address is one where we listen ourselves.
var errSelf = errors.New("relay: the host is this server")

// addresses finds where a host is reached, both families in turn, so that one
// which leads nowhere costs little. errSelf: it is us.
func (r *Relay) addresses(ctx context.Context, host string, port uint16) ([]netip.AddrPort, bool, error) {
	var all []netip.Addr
	authentic := false
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		all = []netip.Addr{a}
	} else {
		answer, err := r.cfg.DNS.Addresses(ctx, host)
		if err != nil {
			return nil, false, err
		}
		all, authentic = slices.Clone(answer.Records), answer.Authentic
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var six, four []netip.AddrPort
	for _, a := range all {
		p := netip.AddrPortFrom(a.Unmap(), port)
		switch {
		case r.cfg.Self != nil && r.cfg.Self(p):
			return nil, authentic, errSelf
		case !r.suits(p.Addr()):
		case p.Addr().Is4():
			four = append(four, p)
		default:
			six = append(six, p)
		}
	}
	var out []netip.AddrPort
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out[:min(len(out), maxAddresses)], authentic, nil
}

// suits tells whether mail may go to an address at all: not to nobody or many, and
// from a source address only within its family.
func (r *Relay) suits(a netip.Addr) bool {
	if a.IsUnspecified() || a.IsMulticast() || !a.IsValid() {
		return false
	}
	return !(a.Is4() && r.cfg.NoIPv4 || a.Is6() && r.cfg.NoIPv6)
}

// literal reads an address literal (RFC 5321 4.1.3).
func literal(domain string) (netip.Addr, bool) {
	inner, ok := strings.CutPrefix(domain, "[")
	if !ok {
		return netip.Addr{}, false
	}
	inner, ok = strings.CutSuffix(inner, "]")
	if !ok {
		return netip.Addr{}, false
	}
	if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
		inner = inner[5:]
	}
	a, err := netip.ParseAddr(inner)
	return a, err == nil
}

func isNotFound(err error) bool { return errors.Is(err, dns.ErrNotFound) }

// dial opens a connection within the time for it.
func (r *Relay) dial(ctx context.Context, t *target) (net.Conn, *hostError) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeouts.Connect)
	defer cancel()
	conn, err := r.cfg.Dial(ctx, "tcp", t.addr.String())
	if err != nil {
		text := "the host does not take connections"
		if ctx.Err() != nil {
			text = "the host did not answer"
		}
		return nil, &hostError{temporary: true, status: "4.4.1", text: text, target: t, err: err}
	}
	return conn, nil
}
