package imap

import (
	"log/slog"
	"time"

	"martlet/mail/sasl"
)

// Limits on what a client may send. They hold before anything is parsed.
const (
	// maxEarly is the longest command, literals included, before a login: that of
	// AUTHENTICATE with its response.
	maxEarly = 16 << 10
	// maxCommand is the longest command, literals included but for the message of
	// APPEND. RFC 7162 4 asks for lines of 8,192 octets; sets of numbers get longer.
	maxCommand = 128 << 10
	// maxLiterals is how many literals one command may have.
	maxLiterals = 100

	minBuffer = 512 // of reading, while a session is idle: most commands are shorter
	outBuffer = 32 << 10

	maxEarlyCommands = 30 // before a login
	maxErrors        = 30 // commands that make no sense, in one session

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
	idleTimeout    = 31 * time.Minute
	earlyTimeout   = 3 * time.Minute  // from the greeting to the login
	literalTimeout = 3 * time.Minute  // between two blocks of a literal
	messageTimeout = 30 * time.Minute // for all blocks of a message
	// linger is how long a session keeps its goroutine for the next command.
	linger        = 500 * time.Millisecond
	memoryTimeout = 20 * time.Second
	authTimeout   = 30 * time.Second // for a turn at the password hash

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
	if c.Gate == nil {
		c.Gate = sasl.NewGate(c.Directory)
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}
