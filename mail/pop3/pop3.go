// Package pop3 serves inboxes to programs that fetch mail (RFC 1939). A session
// sees the inbox as it was when it logged in; what it deletes goes when it says
// QUIT, as changes in the mailbox's one log. The package must never delete what
// a client did not name, run a client's text as a command of its own making, or
// log what is in a message.
package pop3

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail/door"
	"martlet/mail/mailbox"
	"martlet/mail/sasl"
	"martlet/store"
)

// Limits on what a client may send, and what it may take.
const (
	// maxLine is the longest command. RFC 2449 4 has 255 octets; a response of AUTH
	// is longer (RFC 5034 4).
	maxLine   = 1024
	maxAuth   = 16 << 10
	maxErrors = 20 // commands that make no sense, in one session
	maxEarly  = 30 // commands before a login
	maxLines  = 1 << 30
	// maxDrop bounds the messages that a session sees: the oldest.
	maxDrop = 1_000_000
	// chunk is how many messages one transaction deletes.
	chunk = 500

	defaultMaxSessions = 1000
	defaultMaxPerIP    = 50
)

// Timeouts.
const (
	idleTimeout  = 10 * time.Minute // RFC 1939 3 asks for as much
	earlyTimeout = 3 * time.Minute  // from the greeting to the login
	authTimeout  = 30 * time.Second // for a turn at the password hash
)

// Config holds what a Server needs. Zero limits take the defaults above.
type Config struct {
	Hostname         string // in the greeting
	Directory        *directory.Directory
	Gate             *sasl.Gate // who logs in; nil: passwords and SCRAM, of the Directory
	Store            *store.Store
	Mailboxes        *mailbox.Mailboxes
	TLS              *tls.Config // of STLS; nil: none, and nobody can log in without TLS
	MaxSessions      int
	MaxSessionsPerIP int          // an IPv6 /64 counts as one; negative: no limit
	Logger           *slog.Logger // nil: slog.Default
}

// Server speaks POP3 on any number of listeners. It is safe for concurrent use.
type Server struct {
	cfg  Config
	log  *slog.Logger
	door *door.Door

	mu     sync.Mutex // guards what follows
	locked map[directory.AccountID]bool
}

// New returns a Server.
func New(cfg Config) *Server {
	if cfg.Hostname == "" {
		cfg.Hostname = "localhost"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Gate == nil {
		cfg.Gate = sasl.NewGate(cfg.Directory)
	}
	if cfg.MaxSessions <= 0 {
		cfg.MaxSessions = defaultMaxSessions
	}
	if cfg.MaxSessionsPerIP == 0 {
		cfg.MaxSessionsPerIP = defaultMaxPerIP
	}
	s := &Server{cfg: cfg, log: cfg.Logger, locked: map[directory.AccountID]bool{}}
	s.door = door.New(door.Config{
		Name:          "pop3",
		Start:         func(c *door.Conn) door.Session { return newSession(s, c) },
		Refuse:        refuse,
		MaxSessions:   cfg.MaxSessions,
		MaxPerNetwork: cfg.MaxSessionsPerIP,
		Logger:        cfg.Logger,
	})
	return s
}

// Serve accepts sessions until Shutdown, and returns door.ErrClosed then. A
// listener of TLS connections is implicit TLS (RFC 8314 3).
func (s *Server) Serve(l net.Listener) error { return s.door.Serve(l) }

// Shutdown stops accepting, tells idle clients to go, lets commands under way
// finish, and closes what is left when ctx ends. What sessions wanted to delete
// and had no QUIT for stays.
func (s *Server) Shutdown(ctx context.Context) error { return s.door.Shutdown(ctx) }

// refuse is what a client is told that is one too many (RFC 3206 4).
func refuse(why door.Refusal) string {
	switch why {
	case door.Closing:
		return "-ERR [SYS/TEMP] Shutting down\r\n"
	case door.Full:
		return "-ERR [SYS/TEMP] Too many sessions, try again later\r\n"
	}
	return "-ERR [SYS/TEMP] Too many sessions from your address, try again later\r\n"
}

// lock takes the inbox of an account for one session (RFC 1939 4): two that
// delete at once would surprise both. Phones and IMAP do not care.
func (s *Server) lock(id directory.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[id] {
		return false
	}
	s.locked[id] = true
	return true
}

func (s *Server) unlock(id directory.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locked, id)
}
