package filter

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// maxNames is how many names of an address are looked at.
const maxNames = 5

// reverse finds the name of an address that leads back to it (RFC 8601 2.7.3 and
// 3). The result is permerror if it has none, fail if none leads back.
func (f *Filter) reverse(ctx context.Context, a netip.Addr) (name, result string) {
	names, err := f.resolver.LookupAddr(ctx, a.Unmap().String())
	switch {
	case err != nil && !isNotFound(err):
		return "", tempError
	case len(names) == 0:
		return "", permError
	}
	result = fail
	for _, n := range names[:min(len(names), maxNames)] {
		n = asciiDomain(n)
		if n == "" {
			continue
		}
		found, err := f.resolver.LookupIPAddr(ctx, n)
		if err != nil && !isNotFound(err) {
			result = tempError
		}
		for _, one := range found {
			if b, ok := netip.AddrFromSlice(one.IP); ok && b.Unmap() == a.Unmap() {
				return n, pass
			}
		}
	}
	return "", result
}

// isNotFound tells whether the DNS says that there is nothing, and not that it
// cannot say.
func isNotFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// isFullName tells whether a greeting names a host as RFC 5321 4.1.1.1 wants it.
func isFullName(helo string) bool {
	return strings.HasPrefix(helo, "[") || asciiDomain(helo) != "" && strings.Contains(strings.TrimSuffix(helo, "."), ".")
}
