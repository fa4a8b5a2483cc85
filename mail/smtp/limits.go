package smtp

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Limits on what a client may send. They hold before anything is parsed.
const (
	// maxCommandLine counts the CRLF. RFC 5321 4.5.3.1.4 asks for 512 octets,
	// and every extension adds to it.
	maxCommandLine = 4096
	// maxAuthLine is the longest line of an AUTH exchange (RFC 4954 4).
	maxAuthLine = 12288 + 2
	// readBuffer holds any line whole, which the line reader relies on.
	readBuffer = 16 << 10
	// maxSkippedLine is how much of an over-long line is read to find its end.
	maxSkippedLine = 64 << 10

	maxErrors       = 10  // commands that make no sense, in one session
	maxRefused      = 100 // recipients and senders refused, in one session
	maxAuthFailures = 3   // in one session

	maxHelo        = 255
	maxParameters  = 16 // of one MAIL or RCPT
	maxORcpt       = 500
	maxEnvID       = 100 // RFC 3461 4.4
	maxChunkDigits = 18  // of BDAT's and SIZE's numbers
)

// Defaults of the configuration.
const (
	defaultMaxMessage    = 50 << 20
	defaultMaxInFlight   = 256 << 20
	defaultMaxRecipients = 1000
	defaultMaxSessions   = 1000
	defaultMaxPerIP      = 50
)

// Timeouts of RFC 5321 4.5.3.2, and ours where it has none.
const (
	commandTimeout   = 5 * time.Minute
	dataTimeout      = 3 * time.Minute  // between two blocks of a message
	messageTimeout   = 30 * time.Minute // for all blocks of a message
	writeTimeout     = 5 * time.Minute
	handshakeTimeout = time.Minute
	refuseTimeout    = time.Second // to tell a client that it is one too many
	memoryTimeout    = 20 * time.Second
	authDelay        = time.Second // after the first failure; grows with each
)

func (c *Config) setDefaults() {
	if c.MaxMessageBytes <= 0 {
		c.MaxMessageBytes = defaultMaxMessage
	}
	if c.MaxInFlightBytes <= 0 {
		c.MaxInFlightBytes = defaultMaxInFlight
	}
	// One message of the greatest size must fit, or it could never come in.
	c.MaxInFlightBytes = max(c.MaxInFlightBytes, copies*c.MaxMessageBytes+firstBuffer)
	if c.MaxRecipients <= 0 {
		c.MaxRecipients = defaultMaxRecipients
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = defaultMaxSessions
	}
	if c.MaxSessionsPerIP == 0 && c.Mode == LMTP {
		c.MaxSessionsPerIP = -1 // all of them come from the server in front
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
