// Package imap serves mailboxes to mail programs: IMAP4rev1 and IMAP4rev2 (RFC
// 3501, RFC 9051). Every change is a change in the mailbox's one log, and what
// others change is read from there; an idle session is woken by the hub. The
// package must never run a client's text as a command of its own making, keep a
// message longer than it is being sent, or log what is in one.
package imap

import (
	"crypto/tls"
	"log/slog"
	"net"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"martlet/directory"
	"martlet/internal/tracing"
	"martlet/mail/announce"
	"martlet/mail/door"
	"martlet/mail/mailbox"
	"martlet/mail/sasl"
	"martlet/mail/share"
	"martlet/push"
	"martlet/store"
)

// Config holds what a Server needs. Zero limits take the defaults of limits.go.
type Config struct {
	Hostname  string // in the greeting
	Directory *directory.Directory
	Gate      *sasl.Gate // who logs in; nil: passwords and SCRAM, of the Directory
	Store     *store.Store
	Mailboxes *mailbox.Mailboxes
	Hub       *push.Hub
	Shares    *share.Shares // nil: nothing is shared
	TLS       *tls.Config   // of STARTTLS; nil: none, and nobody can log in without TLS
	Apple     *Apple        // nil: XAPPLEPUSHSERVICE is not offered

	MaxMessageBytes  int64 // of one message that is appended
	MaxInFlightBytes int64 // of all messages in memory at once
	MaxSessions      int
	MaxSessionsPerIP int            // an IPv6 /64 counts as one; negative: no limit
	Logger           *slog.Logger   // nil: slog.Default
	Tracer           tracing.Tracer // nil: nothing is traced
}

// Apple wakes Apple's Mail app (XAPPLEPUSHSERVICE), for sites that own such a
// certificate.
type Apple struct {
	Book    *announce.Book
	App     string // the administrator's name for the certificate
	Topic   string // that the certificate is for: com.apple.mail.XServer and an id
	Sandbox bool
}

// Server speaks IMAP on any number of listeners. It is safe for concurrent use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	inFlight *semaphore.Weighted
	names    subscriptions
	notes    annotations
	commands map[string]command
	apple    atomic.Pointer[Apple]
	door     *door.Door
}

// New returns a Server.
func New(cfg Config) *Server {
	cfg.setDefaults()
	s := &Server{
		cfg:      cfg,
		log:      cfg.Logger,
		inFlight: semaphore.NewWeighted(cfg.MaxInFlightBytes),
		names:    newSubscriptions(),
		notes:    newAnnotations(),
		commands: commands(),
	}
	s.apple.Store(cfg.Apple)
	s.door = door.New(door.Config{
		Name:          "imap",
		Start:         func(c *door.Conn) door.Session { return newSession(s, c) },
		Refuse:        refuse,
		MaxSessions:   cfg.MaxSessions,
		MaxPerNetwork: cfg.MaxSessionsPerIP,
		KeepAlive:     net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount},
		Logger:        cfg.Logger,
	})
	return s
}

// Offer has sessions offer XAPPLEPUSHSERVICE with another certificate from now
// on, or not any more if it is nil.
func (s *Server) Offer(a *Apple) { s.apple.Store(a) }
