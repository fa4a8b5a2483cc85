package main

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"martlet/mail/dns"
)

// DNSConfig says which name servers are asked about mail.
type DNSConfig struct {
	Servers []string // host:port; none: those of /etc/resolv.conf
	TrustAD bool     // what they say of DNSSEC is believed though they are elsewhere
}

// dnsFile is [dns].
type dnsFile struct {
	Servers []string `toml:"servers"`
	TrustAD bool     `toml:"trust_ad"`
}

func (r *configReader) dns(f *dnsFile) DNSConfig {
	c := DNSConfig{TrustAD: f.TrustAD}
	for _, s := range f.Servers {
		address, ok := dnsServer(s)
		if !ok {
			r.fail("dns", "servers", "%q is not the address of a name server, such as 192.0.2.53 or 127.0.0.1:5353", s)
			continue
		}
		c.Servers = append(c.Servers, address)
	}
	return c
}

// dnsServer takes an address with or without a port. A name would need a name
// server to be found.
func dnsServer(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(a.String(), strconv.Itoa(53)), true
	}
	a, err := netip.ParseAddrPort(s)
	return a.String(), err == nil && a.Port() != 0
}

func (c *DNSConfig) resolver(log *slog.Logger) *dns.Resolver {
	return dns.New(dns.Config{Servers: c.Servers, TrustAD: c.TrustAD, Logger: log})
}
