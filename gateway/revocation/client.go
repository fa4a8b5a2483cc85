package revocation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errPlace means that an address is one that must not be connected to.
var errPlace = errors.New("revocation: the server is on this machine or in a private network")

const maxRedirects = 3

// newClient makes a client that goes nowhere but to public addresses, unless
// private ones are allowed. The check is on the address that is connected to,
// after the name was looked up, for each redirect anew.
func newClient(private bool) *http.Client {
	d := &net.Dialer{Timeout: fetchTime / 2}
	if !private {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			if at, err := netip.ParseAddrPort(address); err != nil || !public(at.Addr()) {
				return fmt.Errorf("%w: %s", errPlace, address)
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy:                  nil, // what is behind one cannot be checked
			DialContext:            d.DialContext,
			TLSHandshakeTimeout:    fetchTime / 2,
			ResponseHeaderTimeout:  fetchTime,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           maxAtOnce,
			IdleConnTimeout:        time.Minute,
			DisableCompression:     true, // a small answer must not become a large one
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || !usable(r.URL.String()) {
				return errors.New("revocation: redirected too often, or to where lists are not")
			}
			return nil
		},
	}
}

// special are networks that are neither private nor loopback by their own
// numbers, but lead there or nowhere (RFC 6890).
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("64:ff9b::/96"),
		netip.MustParsePrefix("64:ff9b:1::/48"),
		netip.MustParsePrefix("100::/64"),
		netip.MustParsePrefix("2001::/23"),
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"),
	}
}

// public tells whether an address is one of the Internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
