package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// The methods below are those of *net.Resolver, with its errors: libraries ask for
// them by these names and look into a *net.DNSError.

// LookupTXT gives the texts of a name.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := r.TXT(ctx, name)
	return a.Records, netError(err)
}

// LookupMX gives the mail hosts of a domain, with their last dots.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := r.MX(ctx, name)
	var list []*net.MX
	for _, m := range a.Records {
		list = append(list, &net.MX{Host: m.Host + ".", Pref: m.Preference})
	}
	return list, netError(err)
}

// LookupIPAddr gives the addresses of a host; those of an address are itself.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	list, err := r.LookupNetIP(ctx, "ip", host)
	var out []net.IPAddr
	for _, a := range list {
		out = append(out, net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()})
	}
	return out, err
}

// LookupNetIP gives the addresses of a host, of the network "ip", "ip4" or "ip6".
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{a}
	} else {
		found, err := r.Addresses(ctx, host)
		if err != nil {
			return nil, netError(err)
		}
		all = found.Records
	}
	var out []netip.Addr
	for _, a := range all {
		if network == "ip" || network == "ip4" && a.Unmap().Is4() || network == "ip6" && !a.Unmap().Is4() {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, netError(&Error{host, "A", ErrNotFound})
	}
	return out, nil
}

// LookupAddr gives the names of an address, with their last dots.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "unrecognized address", Name: addr}
	}
	found, err := r.PTR(ctx, a)
	var out []string
	for _, n := range found.Records {
		out = append(out, n+".")
	}
	return out, netError(err)
}

// netError says it in the standard library's way. It is nil for nil.
func netError(err error) error {
	if err == nil {
		return nil
	}
	d := &net.DNSError{UnwrapErr: err, Err: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		d.Name, d.Err = e.Name, e.Err.Error()
		d.IsNotFound, d.IsTemporary, d.IsTimeout = !e.Temporary(), e.Temporary(), e.Timeout()
	}
	return d
}
