package filter

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// listTimeout bounds what all lists together take. One that has not answered by
// then does not count.
const listTimeout = 5 * time.Second

// hit is a list that somebody is on.
type hit struct {
	list *List
	what string // an address, or a domain
}

// listed asks all lists of a kind, side by side, about things that are reversed or
// put in front of their zones.
func (f *Filter) listed(ctx context.Context, p *Policy, domains bool, question, what string) []hit {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	on := make([]bool, len(p.Lists))
	var all sync.WaitGroup
	for i := range p.Lists {
		if p.Lists[i].Domains == domains {
			all.Go(func() { on[i] = f.isListed(ctx, &p.Lists[i], question) })
		}
	}
	all.Wait()
	var hits []hit
	for i, is := range on {
		if is {
			hits = append(hits, hit{&p.Lists[i], what})
		}
	}
	return hits
}

// isListed asks one list. One that is down lists nobody.
func (f *Filter) isListed(ctx context.Context, l *List, question string) bool {
	answers, err := f.resolver.LookupIPAddr(ctx, question+"."+asciiDomain(l.Zone))
	if err != nil {
		if !isNotFound(err) && f.complaints.take(l.Zone, 1, 1, time.Now()) {
			f.log.Warn("a list does not answer", "list", l.Zone, "error", err)
		}
		return false
	}
	for _, one := range answers {
		if a, ok := netip.AddrFromSlice(one.IP); ok && l.counts(a.Unmap()) {
			return true
		}
	}
	return false
}

// listNetwork is where lists answer from (RFC 5782 2.1). A zone whose owner has
// gone often answers with something else, for every name.
var listNetwork = netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)

// refusedNetwork is where some lists say that they do not want to be asked.
var refusedNetwork = netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 255, 255}), 24)

func (l *List) counts(a netip.Addr) bool {
	if !listNetwork.Contains(a) {
		return false
	}
	for _, c := range l.Codes {
		if c.Contains(a) {
			return true
		}
	}
	return len(l.Codes) == 0 && !refusedNetwork.Contains(a)
}

// reversed is an address as lists are asked for it (RFC 5782 2.1 and 2.4).
func reversed(a netip.Addr) string {
	var b strings.Builder
	a = a.Unmap()
	if a.Is4() {
		v := a.As4()
		for i := 3; i >= 0; i-- {
			b.WriteString(strconv.Itoa(int(v[i])))
			if i > 0 {
				b.WriteByte('.')
			}
		}
		return b.String()
	}
	const hex = "0123456789abcdef"
	v := a.As16()
	for i := 15; i >= 0; i-- {
		b.WriteByte(hex[v[i]&15])
		b.WriteByte('.')
		b.WriteByte(hex[v[i]>>4])
		if i > 0 {
			b.WriteByte('.')
		}
	}
	return b.String()
}
