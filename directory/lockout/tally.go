package lockout

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of guessing. A password hash costs tens of milliseconds of a core, and
// anybody may ask for one.
const (
	// maxWaiting bounds who waits for a password hash at once.
	maxWaiting = 64
	busyAfter  = 20 * time.Second
	// maxSubjects bounds what is remembered of each kind.
	maxSubjects = 20_000
	// maxShown bounds what a stranger can write into the log and into memory at
	// once: the longest address there is.
	maxShown = 254
	// A failure costs a wait that doubles every delayDoubles failures.
	delayFirst   = time.Second
	delayDoubles = 5
	delayMost    = 15 * time.Second
)

// kind is what failures are counted of.
type kind uint8

const (
	kindNear    kind = iota // one IPv4 address, or the /64 that one customer has
	kindWide                // the networks around it, which somebody may have all of
	kindAccount             // from wherever it has not logged in before
	kindPlace               // an account by a device or from a network where it has
	kinds
)

// allowance is how many failures a subject has, and how fast they are forgiven.
type allowance struct {
	most  float64
	every time.Duration
}

func allowances() [kinds]allowance {
	return [kinds]allowance{
		kindNear:    {20, 6 * time.Second},
		kindWide:    {200, time.Second},
		kindAccount: {60, time.Minute},
		kindPlace:   {20, 30 * time.Second},
	}
}

func (k kind) String() string {
	return [kinds]string{"network", "wide network", "account", "place"}[k]
}

// subject is who failures are counted of. The zero subject is nobody.
type subject struct {
	kind kind
	name string
}

// counted is what one attempt counts against.
type counted struct {
	near, wide, account subject
	place               subject // known; what is left here decides alone
}

func (n *counted) deciding() []subject {
	if n.place.name != "" {
		return []subject{n.place}
	}
	return []subject{n.near, n.wide, n.account}
}

func (n *counted) charged() []subject {
	if n.place.name != "" {
		// It counts against the address in any case: who guesses at a login that is
		// known there is a stranger to the others.
		return []subject{n.place, n.near}
	}
	return []subject{n.near, n.wide, n.account}
}

// Entry is who has failed of late.
type Entry struct {
	Kind     string        `json:"kind"` // "network", "wide network", "account" or "place"
	Name     string        `json:"name"`
	Failures int           `json:"failures"`
	Refused  bool          `json:"refused"`
	For      time.Duration `json:"for"` // until the next attempt is looked at, if it is refused
}

// tally counts down by itself.
type tally struct {
	failures float64
	at       time.Time
}

func (t tally) now(a allowance, now time.Time) float64 {
	return max(0, t.failures-float64(max(0, now.Sub(t.at)))/float64(a.every))
}

// tallies are all that is counted.
type tallies struct {
	limits [kinds]allowance

	mu sync.Mutex // guards what follows
	of [kinds]map[string]tally
}

func (ts *tallies) init() {
	ts.limits = allowances()
	for k := range ts.of {
		ts.of[k] = map[string]tally{}
	}
}

// refusedFor tells how long attempts are refused, 0 if they are not.
func (ts *tallies) refusedFor(n counted, now time.Time) (after time.Duration) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, s := range n.deciding() {
		after = max(after, ts.leftLocked(s, now))
	}
	return after
}

// leftLocked is how long until a subject may try again.
func (ts *tallies) leftLocked(s subject, now time.Time) time.Duration {
	t, ok := ts.of[s.kind][s.name]
	if !ok || s.name == "" {
		return 0
	}
	a := ts.limits[s.kind]
	if over := t.now(a, now) - (a.most - 1); over > 0 {
		return max(time.Second, time.Duration(over*float64(a.every)))
	}
	return 0
}

// failed counts a failure and tells how long its answer should wait.
func (ts *tallies) failed(n counted, now time.Time) time.Duration {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	most := 0.0
	for _, s := range n.charged() {
		if s.name == "" {
			continue
		}
		a := ts.limits[s.kind]
		t, ok := ts.of[s.kind][s.name]
		if !ok && len(ts.of[s.kind]) >= maxSubjects {
			ts.makeRoomLocked(s.kind, now)
		}
		t = tally{min(a.most, t.now(a, now)+1), now}
		ts.of[s.kind][s.name] = t
		if s.kind == kindNear || s.kind == kindPlace {
			most = max(most, t.failures)
		}
	}
	if most == 0 { // not over the network
		return 0
	}
	return min(delayMost, delayFirst<<min(uint(most-1)/delayDoubles, 8))
}

// makeRoomLocked forgets those that have been quiet, else who has failed least of
// a few that chance picks: nobody gets rid of what is counted against them by
// having many others counted once.
func (ts *tallies) makeRoomLocked(k kind, now time.Time) {
	const looks = 64
	a, n := ts.limits[k], 0
	var least string
	fewest := -1.0
	for name, t := range ts.of[k] {
		f := t.now(a, now)
		if f == 0 {
			delete(ts.of[k], name)
			fewest = 0
		} else if fewest < 0 || fewest > 0 && f < fewest {
			least, fewest = name, f
		}
		if n++; n == looks {
			break
		}
	}
	if fewest > 0 {
		delete(ts.of[k], least)
	}
}

// Failures lists who has failed of late, the worst first.
func (g *Guard) Failures() []Entry {
	ts, now := &g.tallies, time.Now()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var all []Entry
	for k := range ts.of {
		for name, t := range ts.of[k] {
			if f := t.now(ts.limits[k], now); f > 0 {
				left := ts.leftLocked(subject{kind(k), name}, now)
				all = append(all, Entry{kind(k).String(), strings.TrimPrefix(name, "?"), int(f + 0.999), left > 0, left.Round(time.Second)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(b.Failures, a.Failures), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Release forgets the failures of an address, of a network, or of a login and of
// its places. It tells whether there were any.
func (g *Guard) Release(ctx context.Context, name string) bool {
	gone := map[subject]bool{}
	if addr, err := netip.ParseAddr(name); err == nil {
		near, wide := networks(addr)
		gone[near], gone[wide] = true, true
	} else if p, err := netip.ParsePrefix(name); err == nil {
		gone[subject{kindNear, p.Masked().String()}], gone[subject{kindWide, p.Masked().String()}] = true, true
	}
	gone[subject{kindAccount, "?" + fold(name)}] = true
	places := "\x00"
	if a, err := g.c.Directory.AccountByLogin(ctx, name); err == nil {
		gone[subject{kindAccount, a.Login}] = true
		places = fmt.Sprint(uint64(a.ID), " ")
	}
	ts, found := &g.tallies, false
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for s := range gone {
		if _, ok := ts.of[s.kind][s.name]; ok {
			delete(ts.of[s.kind], s.name)
			found = true
		}
	}
	for p := range ts.of[kindPlace] {
		if strings.HasPrefix(p, places) {
			delete(ts.of[kindPlace], p)
			found = true
		}
	}
	return found
}

// networks are those that an address counts in. An attacker has a /48 of IPv6 for
// nothing, and a provider's /24 of IPv4 with a little more.
func networks(a netip.Addr) (near, wide subject) {
	if !a.IsValid() {
		return subject{}, subject{}
	}
	a = a.Unmap().WithZone("")
	n, w := 32, 24
	if a.Is6() {
		n, w = 64, 48
	}
	of := func(k kind, bits int) subject {
		p, err := a.Prefix(bits)
		if err != nil {
			return subject{}
		}
		return subject{k, p.String()}
	}
	return of(kindNear, n), of(kindWide, w)
}

// fold is a login as it is counted: strangers must not get more by its case.
func fold(login string) string {
	return strings.ToLower(shown(login))
}

// shown is a login as the log has it.
func shown(login string) string {
	return strings.ToValidUTF8(login[:min(len(login), maxShown)], "?")
}

func remote(c Caller) string {
	if !c.Addr.IsValid() {
		return ""
	}
	return c.Addr.Unmap().String()
}
