// Package gateway is the HTTP door: router, TLS, limits and life cycle around
// the endpoints below it. It must never know what a command means, and nothing
// that a client sends may take the process down.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"martlet/directory"
	"martlet/mail/mailbox"
	"martlet/mail/route"
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
	Logger    *slog.Logger

	// TLS is used by ServeTLS; nil leaves only plain HTTP.
	TLS *tls.Config
	// MaxConnections bounds open connections over all listeners; 0: 20,000.
	MaxConnections int
	// MaxInFlight bounds requests at work at once, held phones not counted;
	// more are asked to come back (503); 0: 1,024.
	MaxInFlight int
}

// Server answers HTTP. Use New.
type Server struct{}

// New makes a server that listens nowhere yet.
func New(c Config) (*Server, error) { return nil, errors.New("gateway: not built") }

// Handler is the whole door as one handler, for tests and for other servers.
func (s *Server) Handler() http.Handler { return nil }

// Serve answers plain HTTP on l until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error { return nil }

// ServeTLS answers HTTPS (HTTP/1.1 and HTTP/2) on l until Shutdown; then it
// returns nil.
func (s *Server) ServeTLS(l net.Listener) error { return nil }

// Shutdown answers held phones now, lets requests at work end, and closes.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// Held counts the phones held at this moment.
func (s *Server) Held() int { return 0 }
