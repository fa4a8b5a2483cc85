package filter

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Limits of what is remembered of clients.
const (
	hostMemory  = 10 * time.Minute
	maxHosts    = 8192
	hostTimeout = 15 * time.Second
)

// host is what is known of a client's address. It is read-only once it is found.
type host struct {
	found chan struct{} // closed when the rest is there
	until time.Time

	name   string // empty: none that leads back
	result string // of reverse
	hits   []hit
}

// hosts remembers clients, so that each recipient of a message need not ask the
// DNS again.
type hosts struct {
	mu  sync.Mutex // guards all
	all map[netip.Addr]*host
}

// host finds out about a client. Those who ask at the same time wait for the same
// answer, and not longer than ctx. It is nil for who has waited too long.
func (f *Filter) host(ctx context.Context, p *Policy, a netip.Addr) *host {
	h, mine := f.hosts.enter(a.Unmap(), time.Now())
	if mine {
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hostTimeout)
			defer cancel()
			var both sync.WaitGroup
			both.Go(func() { h.name, h.result = f.reverse(ctx, a) })
			both.Go(func() { h.hits = f.listed(ctx, p, false, reversed(a), a.Unmap().String()) })
			both.Wait()
			close(h.found)
		}()
	}
	select {
	case <-h.found:
		return h
	case <-ctx.Done():
		return nil
	}
}

// enter gives the entry of an address, and tells whether the caller has to fill it.
func (s *hosts) enter(a netip.Addr, now time.Time) (h *host, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h = s.all[a]; h != nil && now.Before(h.until) {
		return h, false
	}
	if s.all == nil {
		s.all = map[netip.Addr]*host{}
	}
	for k, old := range s.all { // whoever goes is asked about again, no more
		if len(s.all) < maxHosts {
			break
		}
		if k != a || !now.Before(old.until) {
			delete(s.all, k)
		}
	}
	h = &host{found: make(chan struct{}), until: now.Add(hostMemory)}
	s.all[a] = h
	return h, true
}

// forget drops what is remembered, as when the lists are others.
func (s *hosts) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// suspicious tells whether a client is one that is asked to come back: without a
// name, or on a list that speaks against it.
func (h *host) suspicious() bool {
	bad := h.result == permError || h.result == fail
	for _, hit := range h.hits {
		bad = bad || hit.list.Weight > 0
	}
	return bad
}

// wanted tells whether a list speaks for a client.
func (h *host) wanted() bool {
	for _, hit := range h.hits {
		if hit.list.Weight < 0 {
			return true
		}
	}
	return false
}
