package smtp

import (
	"log/slog"
	"time"

	"martlet/mail/sasl"
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

	maxErrors  = 10  // commands that make no sense, in one session
	maxRefused = 100 // recipients and senders refused, in one session

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
	commandTimeout = 5 * time.Minute
	dataTimeout    = 3 * time.Minute  // between two blocks of a message
	messageTimeout = 30 * time.Minute // for all blocks of a message
	memoryTimeout  = 20 * time.Second
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
