package relay

import (
	"crypto/x509"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mode is how a relay of ours is spoken with.
type Mode uint8

// The modes.
const (
	IfOffered   Mode = iota // STARTTLS where it is offered, of whoever offers it
	StartTLS                // STARTTLS, and a certificate that holds
	ImplicitTLS             // TLS from the start, and a certificate that holds
	Plain                   // no TLS
)

// Route takes mail to hosts that are named here, instead of those that the DNS
// names.
type Route struct {
	Name    string
	Domains []string // "example.org", "*.example.org" for what lies below; none: all
	Senders []string // addresses, or "@example.org"; none: all
	Hosts   []Smarthost
}

// Smarthost is a host that takes mail for others.
type Smarthost struct {
	Host     string // a name or an address
	Port     uint16
	TLS      Mode
	Weight   int            // its share; zero: 1
	Roots    *x509.CertPool // of its certificate; nil: the system's
	User     string         // empty: without authentication
	Password string
}

// matches tells whether mail of a sender to a domain goes this way.
func (r *Route) matches(from, domain string) bool {
	if len(r.Senders) > 0 && !slices.ContainsFunc(r.Senders, func(s string) bool {
		if strings.HasPrefix(s, "@") {
			return len(from) >= len(s) && strings.EqualFold(from[len(from)-len(s):], s)
		}
		return strings.EqualFold(from, s)
	}) {
		return false
	}
	if len(r.Domains) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Domains, func(d string) bool {
		if below, ok := strings.CutPrefix(d, "*"); ok {
			return len(domain) > len(below) && strings.EqualFold(domain[len(domain)-len(below):], below)
		}
		return strings.EqualFold(domain, d)
	})
}

// routePrefix marks the destinations that are routes. No domain has a colon.
const routePrefix = "via:"

// Destination is where mail of a sender to an address goes: the name of a route, or
// the domain in lower case ASCII. What goes to one destination can go together.
func (r *Relay) Destination(from, to string) string {
	domain := to[strings.LastIndexByte(to, '@')+1:]
	domain = strings.ToLower(asciiDomain("@" + domain)[1:])
	for _, route := range r.routes {
		if route.matches(from, domain) {
			return routePrefix + route.Name
		}
	}
	return domain
}

// Rest of a relay that failed: from minRest on, doubled each time up to maxRest.
const (
	minRest = 30 * time.Second
	maxRest = 15 * time.Minute
)

// relayRoute is a Route with what is known of its hosts by now.
type relayRoute struct {
	Route
	hosts []*relayHost
}

// relayHost is a Smarthost and how it does.
type relayHost struct {
	Smarthost
	mu       sync.Mutex // guards the fields below
	failures int
	rests    time.Time
}

func newRoute(r Route) *relayRoute {
	out := &relayRoute{Route: r}
	for _, h := range r.Hosts {
		h.Weight = max(h.Weight, 1)
		out.hosts = append(out.hosts, &relayHost{Smarthost: h})
	}
	return out
}

// failed has the host rest.
func (h *relayHost) failed(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.rests) {
		return // several found it at once
	}
	h.rests = now.Add(min(minRest<<min(h.failures, 10), maxRest))
	h.failures++
}

func (h *relayHost) worked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.rests = 0, time.Time{}
}

func (h *relayHost) restsUntil() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rests
}

// order is the order in which the hosts are tried: at random by weight, those that
// rest at the end, the one that rests longest last.
func (r *relayRoute) order(now time.Time) []*relayHost {
	type place struct {
		host *relayHost
		rest time.Time
	}
	var well, ill []place
	for _, h := range r.hosts {
		if until := h.restsUntil(); now.Before(until) {
			ill = append(ill, place{h, until})
		} else {
			well = append(well, place{h, until})
		}
	}
	slices.SortFunc(ill, func(a, b place) int { return a.rest.Compare(b.rest) })
	var out []*relayHost
	for len(well) > 0 {
		sum := 0
		for _, p := range well {
			sum += p.host.Weight
		}
		n := rand.IntN(sum)
		for i, p := range well {
			if n -= p.host.Weight; n < 0 {
				out = append(out, p.host)
				well = slices.Delete(well, i, i+1)
				break
			}
		}
	}
	for _, p := range ill {
		out = append(out, p.host)
	}
	return out
}
