package imap

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Limits on what a client may send. They hold before anything is parsed.
const (
	// maxEarly is the longest command, literals included, before a login: that of
	// AUTHENTICATE with its response.
	maxEarly = 16 << 10
	// maxCommand is the longest command, literals included but for the message of
	// APPEND. RFC 7162 4 asks for lines of 8,192 octets; sets of numbers get longer.
	maxCommand = 128 << 10
	// maxNonSync is the longest literal that a client may send without asking (RFC
	// 7888 5). After a longer one the connection is closed: its bytes are on their
	// way and must not be read as commands.
	maxNonSync = 4096
	// maxLiterals is how many literals one command may have.
	maxLiterals = 100

	minBuffer = 512 // of reading, while a session is idle: most commands are shorter
	outBuffer = 32 << 10

	maxEarlyCommands = 30 // before a login
	maxErrors        = 30 // commands that make no sense, in one session
	maxAuthFailures  = 3  // in one session

	maxTag         = 64
	maxDepth       = 20   // of brackets in a search
	maxKeys        = 2000 // of one search
	maxItems       = 200  // of one FETCH
	maxRanges      = 20_000
	maxPatterns    = 50  // of one LIST
	maxKeyword     = 100 // bytes
	maxKeywords    = 50  // of one command
	maxTold        = 300 // keywords a session is told of with FLAGS
	maxName        = 2048
	maxSubscribed  = 1000   // bytes of a name whose subscription is kept: it is part of a key
	maxUserFolders = 10_000 // names with a subscription of their own, of one mailbox

	// chunk is how many messages one transaction changes, or one look reads.
	chunk = 100
	// maxNested is the largest attached message whose structure is shown.
	maxNested = 32 << 20
	// maxNesting is how deep messages within messages are looked into.
	maxNesting = 8
)

// Defaults of the configuration.
const (
	defaultMaxMessage  = 50 << 20
	defaultMaxInFlight = 256 << 20
	defaultMaxSessions = 10_000
	defaultMaxPerIP    = 200
)

// Timeouts.
const (
	// idleTimeout is when a silent client is logged out: 30 minutes at least (RFC
	// 9051 5.4).
	idleTimeout      = 31 * time.Minute
	earlyTimeout     = 3 * time.Minute  // from the greeting to the login
	literalTimeout   = 3 * time.Minute  // between two blocks of a literal
	messageTimeout   = 30 * time.Minute // for all blocks of a message
	writeTimeout     = 5 * time.Minute
	handshakeTimeout = time.Minute
	refuseTimeout    = time.Second // to tell a client that it is one too many
	memoryTimeout    = 20 * time.Second
	authTimeout      = 30 * time.Second // for a turn at the password hash
	authDelay        = time.Second      // after the first failure; grows with each

	// A phone that idles should not be woken by what its network layer asks.
	keepAliveIdle     = 10 * time.Minute
	keepAliveInterval = time.Minute
	keepAliveCount    = 5
)

func (c *Config) setDefaults() {
	if c.MaxMessageBytes <= 0 {
		c.MaxMessageBytes = defaultMaxMessage
	}
	if c.MaxInFlightBytes <= 0 {
		c.MaxInFlightBytes = defaultMaxInFlight
	}
	// One message of the greatest size must fit, or it could never come in.
	c.MaxInFlightBytes = max(c.MaxInFlightBytes, c.MaxMessageBytes, maxNested)
	if c.MaxSessions <= 0 {
		c.MaxSessions = defaultMaxSessions
	}
	if c.MaxSessionsPerIP == 0 {
		c.MaxSessionsPerIP = defaultMaxPerIP
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// clientOf is whom a limit per address counts: an IPv4 address, or the /64
// that one IPv6 customer has to himself.
func clientOf(a netip.Addr) netip.Prefix {
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

// Failed authentications of one client beyond penaltyLimit are refused
// unheard; one is forgiven every penaltyForgiven.
const (
	penaltyLimit    = 20
	penaltyForgiven = 15 * time.Second
	maxPenalties    = 10_000 // clients remembered
)

// penalties remembers who failed to authenticate.
type penalties struct {
	mu      sync.Mutex
	clients map[netip.Prefix]penalty
}

type penalty struct {
	count int
	since time.Time // the count was true then
}

func newPenalties() *penalties { return &penalties{clients: map[netip.Prefix]penalty{}} }

func (p penalty) at(now time.Time) penalty {
	forgiven := int(now.Sub(p.since) / penaltyForgiven)
	if forgiven <= 0 {
		return p
	}
	p.count = max(0, p.count-forgiven)
	p.since = p.since.Add(time.Duration(forgiven) * penaltyForgiven)
	return p
}

// blocked tells whether the client has failed too often of late.
func (ps *penalties) blocked(c netip.Prefix, now time.Time) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.clients[c].at(now).count >= penaltyLimit
}

// failed counts a failure.
func (ps *penalties) failed(c netip.Prefix, now time.Time) {
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
func (ps *penalties) forgetLocked(now time.Time) {
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
