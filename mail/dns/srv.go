package dns

import (
	"context"

	"github.com/miekg/dns"
)

// SRV is where a service of a domain is (RFC 2782).
type SRV struct {
	Priority, Weight, Port uint16
	Host                   string // in ASCII, without the last dot; empty: the service is not there
}

// SRV asks for the SRV records of a name such as _imaps._tcp.example.org. Hosts that
// are no host names are left out.
func (r *Resolver) SRV(ctx context.Context, name string) (Answer[SRV], error) {
	return lookup(ctx, r, name, dns.TypeSRV, func(rr dns.RR) (SRV, bool) {
		s, ok := rr.(*dns.SRV)
		if !ok {
			return SRV{}, false
		}
		host, ok := hostOf(s.Target)
		return SRV{s.Priority, s.Weight, s.Port, host}, ok || s.Target == "."
	})
}
