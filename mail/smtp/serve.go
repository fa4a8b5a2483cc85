package smtp

import (
	"context"
	"net"

	"martlet/mail/door"
)

// Serve accepts sessions until Shutdown, and returns door.ErrClosed then. A
// listener of TLS connections is implicit TLS (RFC 8314 3).
func (s *Server) Serve(l net.Listener) error { return s.door.Serve(l) }

// Shutdown stops accepting, tells idle clients to go, lets messages under way
// finish, and closes what is left when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.door.Shutdown(ctx) }

// refuse is what a client is told that is one too many.
func (s *Server) refuse(why door.Refusal) string {
	host := s.cfg.Hostname
	switch why {
	case door.Closing:
		return "421 4.3.2 " + host + " is shutting down\r\n"
	case door.Full:
		return "421 4.3.2 " + host + " has too many sessions, try again later\r\n"
	}
	return "421 4.7.0 " + host + " has too many sessions from your address, try again later\r\n"
}
