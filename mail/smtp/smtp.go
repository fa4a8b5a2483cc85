// Package smtp receives mail: from other servers (MX), from our own users
// (submission) and from a server in front of us (LMTP). It must never relay
// for strangers, answer 250 before the message is durable, or let one
// sender's bytes be read as another's commands.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"martlet/directory"
	"martlet/mail"
)

// Mode is what a listener is for.
type Mode uint8

// The modes.
const (
	MX         Mode = iota // port 25: anyone may send to our users (RFC 5321)
	Submission             // 587 and 465: our users send to anyone (RFC 6409)
	LMTP                   // a trusted server in front hands over mail (RFC 2033)
)

// Transport takes accepted messages. A nil error means durable.
type Transport interface {
	// Deliver takes a message for local recipients, whose accounts are resolved.
	Deliver(ctx context.Context, env mail.Envelope, raw []byte) error
	// Relay takes a message that an authenticated account sends to anyone.
	Relay(ctx context.Context, account directory.AccountID, env mail.Envelope, raw []byte) error
}

// Config holds what a Server needs. Zero limits take the defaults below.
type Config struct {
	Mode             Mode
	Hostname         string // in the greeting and in Received
	Directory        *directory.Directory
	Transport        Transport
	TLS              *tls.Config // nil: no STARTTLS, and then no AUTH
	MaxMessageBytes  int64       // of one message
	MaxInFlightBytes int64       // of all messages being received at once
	MaxRecipients    int         // of one message
	MaxSessions      int
	MaxSessionsPerIP int          // an IPv6 /64 counts as one
	Logger           *slog.Logger // nil: slog.Default
}

// Server speaks SMTP or LMTP on any number of listeners.
type Server struct {
	cfg Config
	log *slog.Logger
}

// New returns a Server.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("smtp: server closed")

// Serve accepts sessions until Shutdown. A listener of TLS connections is
// implicit TLS (RFC 8314 3).
func (s *Server) Serve(l net.Listener) error { return errors.ErrUnsupported }

// Shutdown stops accepting, lets messages under way finish, and closes what is
// left when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return errors.ErrUnsupported }
