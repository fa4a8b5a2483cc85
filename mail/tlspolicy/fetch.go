package tlspolicy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"martlet/mail/dns"
)

// fetchTimeout bounds the fetching of a policy (RFC 8461 3.3) and the posting of a
// report.
const fetchTimeout = 60 * time.Second

var (
	errInside   = errors.New("the host is not on the Internet")
	errStatus   = errors.New("the web server says no")
	errTooLong  = errors.New("more than a policy may have")
	errNotPlain = errors.New("not text/plain")
)

// client speaks HTTPS with hosts that others name: no proxy, no redirects (RFC 8461
// 3.3), nothing compressed, nothing inside our own network.
func (p *Policies) newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            p.dialWeb,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.cfg.Roots},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 32 << 10,
			TLSHandshakeTimeout:    fetchTimeout / 2,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialWeb connects to port 443 of a host on the Internet.
func (p *Policies) dialWeb(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port != "443" {
		return nil, errInside
	}
	found, err := p.cfg.DNS.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	err = errInside
	for _, a := range found.Records {
		if !p.cfg.Private && !isPublic(a) {
			continue
		}
		var c net.Conn
		if c, err = p.cfg.Dial(ctx, network, netip.AddrPortFrom(a, 443).String()); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// isPublic tells whether an address is one of the Internet (RFC 6890).
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !reserved(a)
}

// reserved are networks that IsGlobalUnicast and IsPrivate let through.
func reserved(a netip.Addr) bool {
	for _, p := range [...]string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}

// fetch gets the policy of a domain from its web server.
func (p *Policies) fetch(ctx context.Context, domain string) (STS, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return STS{}, err
	}
	req.Header.Set("User-Agent", "martlet")
	resp, err := p.web.Do(req)
	if err != nil {
		return STS{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return STS{}, fmt.Errorf("%w: %d", errStatus, resp.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return STS{}, errNotPlain
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicy+1))
	switch {
	case err != nil:
		return STS{}, err
	case len(b) > maxPolicy:
		return STS{}, errTooLong
	}
	return ParseSTS(string(b))
}

// fetchFailure is the result type of what kept a policy from being fetched (RFC
// 8460 4.3.2.2).
func fetchFailure(err error) string {
	switch {
	case errors.Is(err, errPolicy), errors.Is(err, errTooLong), errors.Is(err, errNotPlain):
		return "sts-policy-invalid"
	case isCertificateError(err):
		return "sts-webpki-invalid"
	}
	return "sts-policy-fetch-error"
}

func isCertificateError(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

func isNotFound(err error) bool { return errors.Is(err, dns.ErrNotFound) }

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// isDomain tells whether a name can have policies: not a literal address (RFC 5321
// 4.1.3), nor a name without a dot.
func isDomain(s string) bool { return isHost(s) && strings.Contains(s, ".") }
