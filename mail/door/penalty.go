package door

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Failed authentications of one network beyond penaltyLimit are refused
// unheard; one is forgiven every penaltyForgiven.
const (
	penaltyLimit    = 20
	penaltyForgiven = 15 * time.Second
	maxPenalties    = 10_000 // networks remembered
)

// Penalties remember from where logins failed of late. Doors may share them. All
// methods are safe for concurrent use.
type Penalties struct {
	mu      sync.Mutex // guards what follows
	clients map[netip.Prefix]penalty
}

type penalty struct {
	count int
	since time.Time // the count was true then
}

// NewPenalties returns penalties of nobody.
func NewPenalties() *Penalties { return &Penalties{clients: map[netip.Prefix]penalty{}} }

func (p penalty) at(now time.Time) penalty {
	forgiven := int(now.Sub(p.since) / penaltyForgiven)
	if forgiven <= 0 {
		return p
	}
	p.count = max(0, p.count-forgiven)
	p.since = p.since.Add(time.Duration(forgiven) * penaltyForgiven)
	return p
}

// Blocked tells whether too many logins failed from there of late.
func (ps *Penalties) Blocked(c netip.Prefix, now time.Time) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.clients[c].at(now).count >= penaltyLimit
}

// Failed counts a failure.
func (ps *Penalties) Failed(c netip.Prefix, now time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, known := ps.clients[c]
	if !known && len(ps.clients) >= maxPenalties {
		ps.forgetLocked(now)
	}
	p = p.at(now)
	if p.count == 0 {
		p.since = now
	}
	p.count++
	ps.clients[c] = p
}

// forgetLocked makes room: everyone forgiven goes, or else anyone.
func (ps *Penalties) forgetLocked(now time.Time) {
	for c, p := range ps.clients {
		if p.at(now).count == 0 {
			delete(ps.clients, c)
		}
	}
	for c := range ps.clients {
		if len(ps.clients) < maxPenalties {
			return
		}
		delete(ps.clients, c)
	}
}

// NetworkOf is whom a limit counts as one: an IPv4 address, or the /64 that one
// IPv6 customer has to himself.
func NetworkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// addrOf returns the IP address of a peer, invalid if it has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
