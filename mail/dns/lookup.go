package dns

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Answer is what a name has of one type. With ErrNotFound it has no records, and
// Authentic says whether their absence is proved.
type Answer[T any] struct {
	Records []T
	// Name is the one that has the records, in ASCII and without the last dot: the
	// end of the chain of CNAMEs, or the name that was asked for.
	Name string
	// Authentic says that DNSSEC proves the whole answer, the chain with it.
	Authentic bool
	TTL       time.Duration // how long it may be relied upon
}

// MX is a mail host of a domain.
type MX struct {
	Preference uint16
	Host       string // in ASCII, without the last dot; empty: the domain takes no mail (RFC 7505)
}

// TLSA binds a TLS server to its certificate (RFC 6698 2.1).
type TLSA struct {
	Usage, Selector, MatchingType uint8
	Data                          []byte
}

// TXT asks for texts. The strings of a record are put together (RFC 7208 3.3).
func (r *Resolver) TXT(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, r, name, dns.TypeTXT, func(rr dns.RR) (string, bool) {
		t, ok := rr.(*dns.TXT)
		if !ok {
			return "", false
		}
		return joinTexts(t.Txt), true
	})
}

// MX asks for the mail hosts of a domain, in order of preference. Hosts that are
// no host names are left out; a domain with no others cannot be reached, but has
// records: that is not ErrNotFound.
func (r *Resolver) MX(ctx context.Context, domain string) (Answer[MX], error) {
	odd := 0
	a, err := lookup(ctx, r, domain, dns.TypeMX, func(rr dns.RR) (MX, bool) {
		m, ok := rr.(*dns.MX)
		if !ok {
			return MX{}, false
		}
		host, ok := hostOf(m.Mx)
		if !ok {
			odd++
		}
		return MX{m.Preference, host}, ok
	})
	if odd > 0 && len(a.Records) == 0 {
		return a, &Error{domain, "MX", fmt.Errorf("%w: no record names a host", ErrTemporary)}
	}
	slices.SortStableFunc(a.Records, func(x, y MX) int { return cmp.Compare(x.Preference, y.Preference) })
	return a, err
}

// CNAME asks what a name is an alias of, one step.
func (r *Resolver) CNAME(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, r, name, dns.TypeCNAME, func(rr dns.RR) (string, bool) {
		c, ok := rr.(*dns.CNAME)
		if !ok {
			return "", false
		}
		return hostOf(c.Target)
	})
}

// TLSA asks for the TLSA records of a name such as _25._tcp.mx.example.org.
func (r *Resolver) TLSA(ctx context.Context, name string) (Answer[TLSA], error) {
	return lookup(ctx, r, name, dns.TypeTLSA, func(rr dns.RR) (TLSA, bool) {
		t, ok := rr.(*dns.TLSA)
		if !ok {
			return TLSA{}, false
		}
		data, err := hex.DecodeString(t.Certificate)
		return TLSA{t.Usage, t.Selector, t.MatchingType, data}, err == nil
	})
}

// PTR asks for the names of an address. What is no host name is left out.
func (r *Resolver) PTR(ctx context.Context, a netip.Addr) (Answer[string], error) {
	name, err := dns.ReverseAddr(a.Unmap().WithZone("").String())
	if err != nil {
		return Answer[string]{}, &Error{a.String(), "PTR", ErrNotFound}
	}
	return lookup(ctx, r, name, dns.TypePTR, func(rr dns.RR) (string, bool) {
		p, ok := rr.(*dns.PTR)
		if !ok {
			return "", false
		}
		host, ok := hostOf(p.Ptr)
		return host, ok && host != ""
	})
}

// Addresses asks for the IPv4 and IPv6 addresses of a host, IPv4 first. Of two
// questions one may fail: then what the other found is the answer, and if that is
// nothing, the answer is ErrTemporary.
func (r *Resolver) Addresses(ctx context.Context, host string) (Answer[netip.Addr], error) {
	if a, ok := ownAddresses(host); ok {
		return a, nil
	}
	type half struct {
		a   Answer[netip.Addr]
		err error
	}
	six := make(chan half, 1)
	go func() {
		a, err := lookup(ctx, r, host, dns.TypeAAAA, func(rr dns.RR) (netip.Addr, bool) {
			a, ok := rr.(*dns.AAAA)
			if !ok {
				return netip.Addr{}, false
			}
			return addressOf(a.AAAA.To16())
		})
		six <- half{a, err}
	}()
	a4, err4 := lookup(ctx, r, host, dns.TypeA, func(rr dns.RR) (netip.Addr, bool) {
		a, ok := rr.(*dns.A)
		if !ok {
			return netip.Addr{}, false
		}
		return addressOf(a.A.To4())
	})
	h := <-six
	return mergeAddresses(a4, err4, h.a, h.err)
}

func mergeAddresses(a4 Answer[netip.Addr], err4 error, a6 Answer[netip.Addr], err6 error) (Answer[netip.Addr], error) {
	failed4, failed6 := err4 != nil && !errors.Is(err4, ErrNotFound), err6 != nil && !errors.Is(err6, ErrNotFound)
	switch {
	case err4 != nil && err6 != nil && failed6:
		return Answer[netip.Addr]{}, err6
	case failed4 && err6 != nil:
		return Answer[netip.Addr]{}, err4
	case failed4:
		return a6, nil
	case failed6:
		return a4, nil
	}
	all := a4
	if err4 != nil {
		all.Name = a6.Name
		all.TTL = a6.TTL
	} else if err6 == nil {
		all.TTL = min(a4.TTL, a6.TTL)
	}
	all.Records = slices.Concat(a4.Records, a6.Records)
	all.Authentic = a4.Authentic && a6.Authentic
	if err4 != nil && err6 != nil {
		return all, err4
	}
	return all, nil
}

// ownAddresses answers for localhost, which no name server is asked for (RFC 6761
// 6.3).
func ownAddresses(host string) (Answer[netip.Addr], bool) {
	name, err := canonical(host)
	if err != nil || name != "localhost." {
		return Answer[netip.Addr]{}, false
	}
	return Answer[netip.Addr]{Records: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, Name: "localhost", TTL: maxTTL}, true
}

func addressOf(b net.IP) (netip.Addr, bool) { return netip.AddrFromSlice(b) }

// lookup asks for the records of a type and reads each.
func lookup[T any](ctx context.Context, r *Resolver, name string, kind uint16, read func(dns.RR) (T, bool)) (Answer[T], error) {
	var out Answer[T]
	fqdn, err := canonical(name)
	if err != nil {
		return out, &Error{name, dns.TypeToString[kind], err}
	}
	a, err := r.answer(ctx, question{fqdn, kind})
	if err != nil {
		return out, &Error{name, dns.TypeToString[kind], err}
	}
	out.Name, out.Authentic, out.TTL = trimDot(a.name), a.authentic, max(0, time.Until(a.expires))
	for _, rr := range a.records {
		if v, ok := read(rr); ok {
			out.Records = append(out.Records, v)
		}
	}
	if len(out.Records) == 0 {
		return out, &Error{name, dns.TypeToString[kind], ErrNotFound}
	}
	return out, nil
}
