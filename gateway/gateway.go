// Package gateway is the HTTP door: router, TLS, limits, authentication and
// life cycle around the endpoints below it. It must never know what a command
// means, and nothing that a client sends may take the process down.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/documents"
	"martlet/gateway/activesync"
	"martlet/gateway/autodiscover"
	"martlet/gateway/dav"
	"martlet/gateway/hold"
	"martlet/gateway/registration"
	"martlet/gateway/revocation"
	"martlet/internal/tracing"
	"martlet/mail/mailbox"
	"martlet/mail/route"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// Config is what a gateway needs. Store, Directory, Devices, Engine, Mailboxes,
// Router and Hub are required.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Devices   *device.Devices
	Engine    *engine.Engine
	Mailboxes *mailbox.Mailboxes
	Router    *route.Router
	Hub       *push.Hub
	Logger    *slog.Logger   // nil: nothing is logged
	Tracer    tracing.Tracer // nil: nothing is traced

	Documents *documents.Library  // nil: no documents are published
	Schedule  *schedule.Scheduler // nil: nobody is told of meetings, nobody is known to be busy
	Shares    *share.Shares       // nil: nothing is shared
	FileBytes int64               // how much each user may keep in files (WebDAV); 0: there are none

	// Guard says who somebody is, and turns away who guesses; nil: one of its own.
	Guard *lockout.Guard
	// Bearer is what asks clients for a token, as it stands in WWW-Authenticate (RFC
	// 6750 3), "" while it cannot be said; nil: none is taken.
	Bearer func() string
	// ClientCertificates has those log in by their certificate who show one and
	// nothing else.
	ClientCertificates bool

	// TLS is used by ServeTLS; nil leaves only plain HTTP.
	TLS *tls.Config
	// HTTP2 offers HTTP/2 with TLS. A phone that holds its request over it costs
	// 20 times as much: net/http has no way to park it.
	HTTP2 bool
	// PublicURL is where phones reach us, "https://mail.example.org"; empty: as
	// the request was addressed.
	PublicURL string
	// MaxConnections bounds open connections over all listeners; 0: 20,000.
	MaxConnections int
	// MaxInFlight bounds requests at work at once, held phones not counted;
	// more are asked to come back (503); 0: 1,024.
	MaxInFlight int
	// MaxHandshakes bounds TLS handshakes at once; more wait in the kernel's queue;
	// 0: 1,024.
	MaxHandshakes int
	// MaxMessageBytes bounds a message that a phone sends; 0: 50 MiB.
	MaxMessageBytes int64
	// Roots and Revocation decide on the certificates of senders; nil: those of
	// the system, and lists in public networks.
	Roots      *x509.CertPool
	Revocation *revocation.Lists
	// Mail are the ways to mail besides ActiveSync, for Autodiscover.
	Mail []autodiscover.MailServer
	// STSPolicy is what other mail servers are told of TLS with our mail hosts
	// (MTA-STS, RFC 8461 3.2); empty: nothing.
	STSPolicy string
	// Rules are what an administrator decides for all phones.
	Rules activesync.Rules
	// Answered is told of each held request that is answered because something
	// changed; nil: nobody is.
	Answered func(mailbox uint64, device string)
	// Registration is where apps register to be woken; nil: nowhere.
	Registration *registration.Handler
}

// Limits of the door that no client has a reason to exceed.
const (
	maxHeaderBytes    = 32 << 10
	readHeaderTimeout = 20 * time.Second
	// idleTimeout is for connections between requests. A phone asks again at
	// once after a Ping is answered, so a longer silence means that it is gone.
	idleTimeout = 10 * time.Minute
	// maxStreams bounds the requests of one HTTP/2 connection.
	maxStreams = 64
)

// Server answers HTTP. Use New.
type Server struct {
	c        Config
	log      *slog.Logger
	http     *http.Server
	handler  http.Handler
	eas      *activesync.Handler
	holder   *hold.Holder
	places   places
	guard    *lockout.Guard
	shaking  *handshakes
	arriving *arrivals
	open     chan struct{} // one for each open connection
	again    sync.Once     // serves the connections that come back from the holder
	panics   atomic.Int64
	stopping atomic.Bool
}

// New makes a server that listens nowhere yet.
func New(c Config) (*Server, error) {
	if c.Store == nil || c.Directory == nil || c.Devices == nil || c.Engine == nil || c.Mailboxes == nil || c.Router == nil || c.Hub == nil {
		return nil, errors.New("gateway: something that is required is not configured")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Guard == nil {
		c.Guard = lockout.New(lockout.Config{Store: c.Store, Directory: c.Directory, Logger: c.Logger})
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 20_000
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 1_024
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = 50 << 20
	}
	s := &Server{c: c, log: c.Logger, places: make(places, c.MaxInFlight), guard: c.Guard, open: make(chan struct{}, c.MaxConnections)}
	s.holder = s.newHolder()
	eas, err := activesync.New(activesync.Config{
		Store: c.Store, Directory: c.Directory, Devices: c.Devices, Engine: c.Engine, Mailboxes: c.Mailboxes,
		Router: c.Router, Hub: c.Hub, Holder: s.holder, Logger: c.Logger, Documents: c.Documents, Authenticate: s.confirm, MaxMessageBytes: c.MaxMessageBytes,
		Schedule: c.Schedule, Rules: c.Rules, Roots: c.Roots, Revocation: c.Revocation, Answered: c.Answered, Shares: c.Shares, Tracer: c.Tracer,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	s.eas = eas
	disco := autodiscover.New(autodiscover.Config{Directory: c.Directory, Logger: c.Logger, PublicURL: c.PublicURL, Mail: c.Mail})
	programs, err := dav.New(dav.Config{
		Store: c.Store, Directory: c.Directory, Mailboxes: c.Mailboxes, Shares: c.Shares, Schedule: c.Schedule, Logger: c.Logger, FileBytes: c.FileBytes, Tracer: c.Tracer,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	s.handler = moving(s.limited(s.recovering(s.routes(eas, disco, programs))))
	s.http = s.newHTTP()
	return s, nil
}

func (s *Server) newHTTP() *http.Server {
	s.shaking, s.arriving = newHandshakes(cmp.Or(s.c.MaxHandshakes, maxHandshakes)), newArrivals()
	h := &http.Server{
		Handler:           arriving(s.handler),
		ConnState:         s.connState,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		ConnContext:       hold.ConnContext,
		// What goes wrong before there is a request (a scanner's handshake) is not
		// worth more.
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(s.c.HTTP2)
	if s.c.TLS != nil {
		h.TLSConfig = s.c.TLS.Clone()
		s.shaking.watch(h.TLSConfig)
		if h.TLSConfig.MinVersion == 0 {
			h.TLSConfig.MinVersion = tls.VersionTLS12
		}
		h.TLSConfig.NextProtos = s.offered(h.TLSConfig.NextProtos)
	}
	return h
}

// offered are the protocols for ALPN (RFC 7301): ours, and what the certificates
// need. net/http prepares HTTP/2 once, for Serve or for ServeTLS, whichever is
// first; Serve leaves it out unless it is named here, and ServeTLS would then
// agree on h2 with clients and hang up.
func (s *Server) offered(also []string) []string {
	all := []string{"http/1.1"}
	if s.c.HTTP2 {
		all = []string{"h2", "http/1.1"}
	}
	for _, proto := range also {
		if proto != "h2" && !slices.Contains(all, proto) {
			all = append(all, proto)
		}
	}
	return all
}

// Handler is the whole door as one handler, for tests and for other servers.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers plain HTTP on l until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.takeBack()
	return s.served(s.arriving.serve(hold.NewListener(l, s.open), s.http.Serve))
}

// ServeTLS answers HTTPS (HTTP/1.1 and, if it is offered, HTTP/2) on l until Shutdown; then it
// returns nil.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.http.TLSConfig == nil {
		return errors.New("gateway: no TLS is configured")
	}
	s.takeBack()
	return s.served(s.arriving.serve(s.shaking.listener(hold.NewListener(l, s.open)), func(l net.Listener) error {
		return s.http.ServeTLS(l, "", "")
	}))
}

// takeBack serves connections whose phone asks again after a held request. They
// are as they left: TLS is agreed on.
func (s *Server) takeBack() {
	s.again.Do(func() {
		go func() {
			if err := s.served(s.arriving.serve(s.holder.Returned(), s.http.Serve)); err != nil {
				s.log.Error("cannot serve phones that ask again", "error", err)
			}
		}()
	})
}

func (s *Server) newHolder() *hold.Holder {
	return hold.New(hold.Config{
		Hub: s.c.Hub, Park: s.places.leave, Resume: s.places.wait, IdleTimeout: idleTimeout,
		Panicked: func(p any) { s.panicked(p, "a held request") },
	})
}

// connState hears of the connections' fates.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.shaking.state(c, state)
	s.arriving.state(c, state)
}

func (s *Server) served(err error) error {
	if errors.Is(err, http.ErrServerClosed) || s.stopping.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("gateway: serve: %w", err)
}

// Shutdown answers held phones now, lets requests at work end, and closes.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.arriving.stop(ctx)
	s.holder.Stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("gateway: shutdown: %w", err), s.http.Close())
	}
	if err := s.holder.Drain(ctx); err != nil {
		return fmt.Errorf("gateway: shutdown: %w", err)
	}
	return nil
}

// Held counts the phones held at this moment.
func (s *Server) Held() int { return s.holder.Waiting() }

// Holding tells whether a phone of the mailbox waits at this moment.
func (s *Server) Holding(mailbox uint64, device string) bool {
	return s.holder.Holding(mailbox, device)
}

// Panics counts the panics that were recovered from. Each is a bug of ours.
func (s *Server) Panics() int64 { return s.panics.Load() }
