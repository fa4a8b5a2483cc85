// Package managesieve lets programs put their users' scripts here (RFC 5804). It
// must never let anybody log in without TLS, nor see or change what is another's.
package managesieve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"martlet/mail/door"
	"martlet/mail/rules"
	"martlet/mail/sasl"
	"martlet/mail/sieve"
)

// Limits of a session.
const (
	// maxLine is one line of a command: the longest has two names.
	maxLine = 8 << 10
	// maxCommand is a command with its literals: a script, and its name.
	maxCommand = maxLine + sieve.MaxScript
	// maxSkipped is how much of a literal that is too long is read past.
	maxSkipped = 1 << 20
	// maxArguments is how many a command has.
	maxArguments = 4
	// maxResponse is a response of SASL in base64.
	maxResponse = 24 << 10
	// maxErrors ends a session that makes no sense, maxEarly one that never logs in.
	maxErrors = 20
	maxEarly  = 50

	maxSessions           = 500
	maxSessionsPerNetwork = 20

	earlyTimeout   = 3 * time.Minute  // until somebody has logged in
	idleTimeout    = 31 * time.Minute // RFC 5804 1.2: not less than 30 minutes
	commandTimeout = 2 * time.Minute  // for the rest of a command
	authTimeout    = 30 * time.Second // for a turn at the password hash
)

// Config is what a Server stands on. Gate and Rules are needed.
type Config struct {
	Hostname string
	Gate     *sasl.Gate
	Rules    *rules.Rules
	TLS      *tls.Config  // of STARTTLS; nil: none, and nobody can log in without TLS
	Logger   *slog.Logger // nil: slog.Default
}

// Server serves any number of listeners. It is safe for concurrent use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	commands map[string]command
	door     *door.Door
}

// New returns a Server.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Server{cfg: cfg, log: cfg.Logger, commands: commands()}
	s.door = door.New(door.Config{
		Name:          "sieve",
		Start:         func(c *door.Conn) door.Session { return newSession(s, c) },
		Refuse:        refuse,
		MaxSessions:   maxSessions,
		MaxPerNetwork: maxSessionsPerNetwork,
		KeepAlive:     net.KeepAliveConfig{Enable: true, Idle: 2 * time.Minute, Interval: time.Minute, Count: 3},
		Logger:        cfg.Logger,
	})
	return s
}

// Serve accepts sessions until Shutdown, and returns door.ErrClosed then.
func (s *Server) Serve(l net.Listener) error { return s.door.Serve(l) }

// Shutdown stops accepting, lets commands under way finish, and closes what is left
// when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.door.Shutdown(ctx) }

// refuse is what a client is told that is one too many.
func refuse(why door.Refusal) string {
	if why == door.Closing {
		return "BYE (TRYLATER) \"Shutting down\"\r\n"
	}
	return "BYE (TRYLATER) \"Too many sessions, try again later\"\r\n"
}
