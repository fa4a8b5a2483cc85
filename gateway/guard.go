package gateway

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of guessing. A password hash costs tens of milliseconds of a core, and
// anybody may ask for one: an address that was wrong too often, and whoever
// comes when too many wait already, is asked to come back later. A credential
// that was verified lately needs no hash and always gets in, and one that was
// refused lately costs nothing and is no new guess. Many may share an address,
// as all who have Outlook on a phone do: a login that the address has let in
// before has guesses of its own there, whatever others try.
const (
	maxGuesses  = 20              // wrong passwords of one address at once
	guessEvery  = 6 * time.Second // and one more in this time
	maxGuessers = 20_000          // addresses remembered, and logins that came in
	maxHashing  = 64              // requests that wait for a hash
)

// guesses are those that an address has left.
type guesses struct {
	left float32
	at   uint32 // Unix time in seconds
}

func allGuesses(now time.Time) guesses { return guesses{maxGuesses, uint32(now.Unix())} }

// now is how many are left by now.
func (g guesses) now(now time.Time) float32 {
	return min(maxGuesses, g.left+float32(max(0, now.Unix()-int64(g.at)))/float32(guessEvery/time.Second))
}

// less is one guess fewer.
func (g guesses) less(now time.Time) guesses {
	return guesses{max(0, g.now(now)-1), uint32(now.Unix())}
}

// caller is a login from an address.
type caller struct {
	who   netip.Prefix
	login string // in lower case
}

func callerOf(who netip.Prefix, login string) caller { return caller{who, strings.ToLower(login)} }

// known stands for a caller who came in before: a hash under a key of this
// process, as there may be one for each phone that is held.
type known uint64

func (g *guard) name(c caller) known {
	var h maphash.Hash
	h.SetSeed(g.seed)
	maphash.WriteComparable(&h, c)
	return known(h.Sum64())
}

// guard remembers who guesses.
type guard struct {
	hashing places
	seed    maphash.Seed

	mu       sync.Mutex // guards what follows
	guessers map[netip.Prefix]guesses
	known    map[known]guesses // who came in before
}

func newGuard() *guard {
	return &guard{hashing: make(places, maxHashing), seed: maphash.MakeSeed(), guessers: map[netip.Prefix]guesses{}, known: map[known]guesses{}}
}

// tired tells whether the caller has guessed too often.
func (g *guard) tired(c caller, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	left, ok := g.known[g.name(c)]
	if !ok {
		left, ok = g.guessers[c.who]
	}
	return ok && left.now(now) < 1
}

// wrong notes a wrong password. It counts against the address in any case: who
// guesses at a login that is known there is a stranger to the others.
func (g *guard) wrong(c caller, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if left, ok := g.known[g.name(c)]; ok {
		g.known[g.name(c)] = left.less(now)
	}
	left, ok := g.guessers[c.who]
	if !ok {
		if len(g.guessers) >= maxGuessers {
			g.makeRoomLocked(now)
		}
		left = allGuesses(now)
	}
	g.guessers[c.who] = left.less(now)
}

// right notes who came in.
func (g *guard) right(c caller, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.known[g.name(c)]; ok {
		return // who guessed at it before must not be forgiven
	}
	for other := range g.known {
		if len(g.known) < maxGuessers {
			break
		}
		delete(g.known, other)
	}
	g.known[g.name(c)] = allGuesses(now)
}

// makeRoomLocked forgets those that have been quiet, or some if none has.
func (g *guard) makeRoomLocked(now time.Time) {
	for who, left := range g.guessers {
		if left.now(now) >= maxGuesses {
			delete(g.guessers, who)
		}
	}
	for who := range g.guessers {
		if len(g.guessers) < maxGuessers {
			return
		}
		delete(g.guessers, who)
	}
}

// guesser is the address a request comes from: of IPv6 the network, which one
// host has all of. A proxy in front, which is near, tells whom it speaks for.
func guesser(r *http.Request) netip.Prefix {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	a := ap.Addr().Unmap()
	if a.IsLoopback() || a.IsPrivate() {
		all := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		if far, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			a = far.Unmap()
		}
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
