package webpush

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// maxEndpoint is in bytes. UnifiedPush allows 1,000; browsers' services use
	// up to some 500.
	maxEndpoint = 1000
	maxHost     = 253 // RFC 1035 2.3.4
	maxLabel    = 63

	resolveTimeout = 5 * time.Second
)

// Why an endpoint is not taken.
var (
	ErrEndpoint   = errors.New("webpush: an endpoint is an https URL of at most 1000 characters, with a host and no user")
	ErrPort       = errors.New("webpush: the endpoint's port is not one of push services")
	ErrAddress    = errors.New("webpush: the endpoint is not on the Internet")
	ErrUnresolved = errors.New("webpush: the endpoint's host is not found")
)

// Guard keeps endpoints away from networks that are not the Internet.
type Guard struct {
	Allow    []netip.Prefix // networks that are allowed nevertheless
	Resolver *net.Resolver  // nil: that of the system
}

// CheckEndpoint tells whether an endpoint may be registered, with no network
// allowed but the Internet.
func CheckEndpoint(ctx context.Context, endpoint string) error {
	return (&Guard{}).CheckEndpoint(ctx, endpoint)
}

// CheckEndpoint tells whether an endpoint may be registered: by its form, and by
// every address that its name has now. What it has later is checked when it is
// dialed. ErrUnresolved may pass; the other errors are for good.
func (g *Guard) CheckEndpoint(ctx context.Context, endpoint string) error {
	u, err := g.parse(endpoint)
	if err != nil {
		return err
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return nil // parse has looked at it
	}
	resolver := g.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return ErrUnresolved
	}
	for _, a := range addrs {
		if !g.allowed(a) {
			return ErrAddress
		}
	}
	return nil
}

// parse checks the form of an endpoint: what can be told without asking anybody.
func (g *Guard) parse(endpoint string) (*url.URL, error) {
	if len(endpoint) > maxEndpoint || !plain(endpoint) {
		return nil, ErrEndpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return nil, ErrEndpoint
	}
	if err := checkPort(u); err != nil {
		return nil, err
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") || strings.Contains(host, ":") {
		a, err := netip.ParseAddr(host)
		if err != nil || a.Zone() != "" {
			return nil, ErrEndpoint
		}
		if a.Is4In6() || !g.allowed(a) { // nobody writes an IPv4 address so who means well
			return nil, ErrAddress
		}
		return u, nil
	}
	return u, g.checkHost(host)
}

// plain tells whether a text has nothing but the characters of a URL: those that
// parsers read in different ways (blanks, controls, backslashes, what is not
// ASCII) are not for endpoints.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

// checkPort takes 443 and the ports that anybody may listen on, but for those
// where browsers refuse to speak HTTP (https://fetch.spec.whatwg.org/#port-blocking).
func checkPort(u *url.URL) error {
	if strings.HasSuffix(u.Host, ":") {
		return ErrEndpoint
	}
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || strconv.FormatUint(port, 10) != u.Port() {
		return ErrEndpoint
	}
	blocked := [...]uint64{1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
	if port == 443 || port >= 1024 && !slices.Contains(blocked[:], port) {
		return nil
	}
	return ErrPort
}

// checkHost looks at a host that is not in brackets: a name, or an IPv4 address
// in the one form that everybody reads alike.
func (g *Guard) checkHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if !g.allowed(a) {
			return ErrAddress
		}
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	if name == "" || len(name) > maxHost {
		return ErrEndpoint
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > maxLabel || strings.Trim(l, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return ErrEndpoint
		}
	}
	// 127.1, 2130706433, 0x7f.0.0.1, 0177.0.0.1: resolvers of C read them as
	// addresses. No name ends in a number (https://url.spec.whatwg.org/#ends-in-a-number-checker).
	last := strings.ToLower(labels[len(labels)-1])
	if strings.Trim(last, "0123456789") == "" {
		return ErrAddress
	}
	if hex, ok := strings.CutPrefix(last, "0x"); ok && strings.Trim(hex, "0123456789abcdef") == "" {
		return ErrAddress
	}
	return nil
}

// control is called with the address that is about to be dialed, so that it
// does not matter what a name had when it was checked.
func (g *Guard) control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !g.allowed(ap.Addr()) {
		return fmt.Errorf("dial: %w", ErrAddress)
	}
	return nil
}

// allowed tells whether an address may be spoken to.
func (g *Guard) allowed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return public(a)
}
