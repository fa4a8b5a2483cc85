package junk

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"

	"martlet/store"
)

const (
	// reputationLife is how long it takes to be worth half, in days: domains are
	// sold, and addresses given to others.
	reputationLife = 30
	// senderWeight and networkWeight are how many words a reputation counts as.
	senderWeight  = 4
	networkWeight = 2
	// reputationFaith is how many messages it takes until it says half of what they
	// were.
	reputationFaith = 3
	// reputationGone is a reputation that goes when it is met.
	reputationGone = 0.05
)

// origin is where a message came from.
type origin struct {
	domain  string       // that it was proven to be from; empty: none
	network netip.Prefix // invalid: from inside
}

// networkOf is the network of a client that reputations are kept of: those who
// have one address have those around it.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return netip.Prefix{}
	}
	size := 24
	if a.Is6() {
		size = 48
	}
	p, _ := a.Prefix(size)
	return p
}

func (r *reputation) age(today uint16) {
	f := decay(r.day, today, reputationLife)
	r.junk, r.good, r.day = r.junk*f, r.good*f, today
}

// says is how likely it is that what comes is junk. What one user alone says counts
// as one message.
func (r *reputation) says() float64 {
	junk, good := r.junk, r.good
	if bits.OnesCount8(r.inJunk) < 2 {
		junk = min(junk, 1)
	}
	if bits.OnesCount8(r.inGood) < 2 {
		good = min(good, 1)
	}
	return (reputationFaith*unknown + junk) / (reputationFaith + junk + good)
}

func (r *reputation) apply(c change) {
	r.junk = max(r.junk+float64(c.junk)/unit, 0)
	r.good = max(r.good+float64(c.good)/unit, 0)
	if c.junk > 0 {
		r.inJunk |= c.by
	}
	if c.good > 0 {
		r.inGood |= c.by
	}
}

// reputations are what the origins of a message say, each as often as it weighs.
func (f *Filter) reputations(tx *store.Tx, o origin, today uint16) (all []float64, why []string, err error) {
	if o.domain != "" {
		r, err := f.tables.senders.Get(tx, o.domain)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		r.age(today)
		if p := r.says(); p < unknown-leastSaying || p > unknown+leastSaying {
			for range senderWeight {
				all = append(all, p)
			}
			why = append(why, fmt.Sprintf("sender %s %.2f", ascii(o.domain), p))
		}
	}
	if o.network.IsValid() {
		r, err := f.tables.networks.Get(tx, o.network)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		r.age(today)
		if p := r.says(); p < unknown-leastSaying || p > unknown+leastSaying {
			for range networkWeight {
				all = append(all, p)
			}
			why = append(why, fmt.Sprintf("network %s %.2f", o.network, p))
		}
	}
	return all, why, nil
}

// note changes the reputations of where a message came from.
func (f *Filter) note(tx *store.Tx, o origin, c change, today uint16) error {
	if o.domain != "" {
		if err := noteIn(tx, f.tables.senders, o.domain, c, today); err != nil {
			return err
		}
	}
	if o.network.IsValid() {
		return noteIn(tx, f.tables.networks, o.network, c, today)
	}
	return nil
}

func noteIn[K any](tx *store.Tx, in store.Table[K, reputation], k K, c change, today uint16) error {
	r, err := in.Get(tx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	r.age(today)
	r.apply(c)
	if r.junk+r.good < reputationGone {
		return in.Delete(tx, k)
	}
	return in.Set(tx, k, r)
}

// ascii is text without what a header or a terminal would take for something else.
func ascii(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
