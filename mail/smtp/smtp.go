// Package smtp receives mail: from other servers (MX), from our own users
// (submission) and from a server in front of us (LMTP). It must never relay
// for strangers, answer 250 before the message is durable, or let one
// sender's bytes be read as another's commands.
package smtp

import (
	"context"
	"crypto/tls"
	"log/slog"

	"golang.org/x/sync/semaphore"

	"martlet/directory"
	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/door"
	"martlet/mail/sasl"
	"martlet/mail/trace"
)

// Mode is what a listener is for.
type Mode uint8

// The modes.
const (
	MX         Mode = iota // port 25: anyone may send to our users (RFC 5321)
	Submission             // 587 and 465: our users send to anyone (RFC 6409)
	LMTP                   // a trusted server in front hands over mail (RFC 2033)
)

// Transport takes accepted messages. A nil error means durable. The raw bytes
// are the caller's again when the call returns.
type Transport interface {
	// Deliver takes a message for local recipients, whose accounts are resolved.
	Deliver(ctx context.Context, env mail.Envelope, raw []byte) error
	// Relay takes a message that an authenticated account sends to anyone.
	Relay(ctx context.Context, account directory.AccountID, env mail.Envelope, raw []byte) error
}

// Filter judges clients and what they bring. Its answers may take as long as ctx.
type Filter interface {
	// Connect is asked before the greeting.
	Connect(ctx context.Context, c *mail.Client) mail.Refusal
	// Recipient is asked for each recipient that is known to exist.
	Recipient(ctx context.Context, c *mail.Client, env *mail.Envelope, to *mail.Recipient) mail.Refusal
	// Message is asked when a whole message has come, whose Trace is complete.
	Message(ctx context.Context, c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict
}

// Counter is a Filter that is told of recipients that do not exist. Where it
// refuses, that is the answer.
type Counter interface {
	Unknown(ctx context.Context, c *mail.Client) mail.Refusal
}

// Config holds what a Server needs. Zero limits take the defaults of limits.go.
type Config struct {
	Mode      Mode
	Hostname  string // in the greeting and in Received
	Directory *directory.Directory
	Gate      *sasl.Gate // who logs in; nil: passwords and SCRAM, of the Directory
	Transport Transport
	Filter    Filter         // nil: nobody is judged
	Trace     *trace.Log     // what became of messages that are not taken; nil: nobody remembers
	Tracer    tracing.Tracer // nil: nothing is traced
	// Back gives the address that one of ours stands for, which was made to pass mail
	// on (SRS); an error: it stands for none. Nil: none does.
	Back func(address string) (string, error)
	// Full tells what a sender is told whose recipient's mailbox is full; nil: none
	// ever is.
	Full             func(ctx context.Context, to *mail.Recipient) mail.Refusal
	TLS              *tls.Config // nil: no STARTTLS, and then no AUTH
	MaxMessageBytes  int64       // of one message
	MaxInFlightBytes int64       // of all messages in memory at once
	SpoolDir         string      // for large messages under way; empty: the system's folder for temporary files
	MaxRecipients    int         // of one message
	MaxSessions      int
	MaxSessionsPerIP int          // an IPv6 /64 counts as one; negative: no limit, as is LMTP's default
	Logger           *slog.Logger // nil: slog.Default
}

// Server speaks SMTP or LMTP on any number of listeners. It is safe for
// concurrent use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	inFlight *semaphore.Weighted
	door     *door.Door
}

// New returns a Server.
func New(cfg Config) *Server {
	cfg.setDefaults()
	s := &Server{cfg: cfg, log: cfg.Logger, inFlight: semaphore.NewWeighted(cfg.MaxInFlightBytes)}
	s.door = door.New(door.Config{
		Name:          "smtp",
		Start:         func(c *door.Conn) door.Session { return newSession(s, c) },
		Refuse:        s.refuse,
		MaxSessions:   cfg.MaxSessions,
		MaxPerNetwork: cfg.MaxSessionsPerIP,
		Buffer:        readBuffer,
		Logger:        cfg.Logger,
	})
	return s
}
