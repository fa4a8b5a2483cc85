package webpush

import "net/netip"

// closed4 are the networks of IPv4 that are not the Internet (RFC 6890 and the
// IANA registry of special addresses), and one that is not in it.
func closed4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",        // this network (RFC 791)
		"10.0.0.0/8",       // private (RFC 1918)
		"100.64.0.0/10",    // behind a carrier's NAT (RFC 6598); metadata of Alibaba's cloud
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's host, seen from its machines
		"169.254.0.0/16",   // link-local (RFC 3927); metadata of most clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; metadata of Oracle's cloud
		"192.0.2.0/24",     // documentation (RFC 5737)
		"192.88.99.0/24",   // relays to 6to4 (RFC 7526)
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks (RFC 2544)
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and the broadcast
	)
}

// open6 is what is given out of IPv6 (RFC 4291 2.4): everything else, such as
// loopback, link-local, unique local, multicast, IPv4-mapped, NAT64, is closed.
func open6() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// closed6 are networks within open6 that lead elsewhere.
func closed6() []netip.Prefix {
	return prefixes(
		"2001::/23",     // Teredo, which has an IPv4 address inside, and other protocols
		"2001:db8::/32", // documentation (RFC 3849)
		"2002::/16",     // 6to4, the same
		"3fff::/20",     // documentation (RFC 9637)
	)
}

func prefixes(s ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(s))
	for i := range s {
		list[i] = netip.MustParsePrefix(s[i])
	}
	return list
}

// public tells whether an address is one of the Internet.
func public(a netip.Addr) bool {
	closed := closed4()
	if a.Is6() {
		if !open6().Contains(a) {
			return false
		}
		closed = closed6()
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}
