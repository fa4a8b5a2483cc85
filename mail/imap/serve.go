package imap

import (
	"context"
	"net"

	"martlet/mail/door"
)

// Serve accepts sessions until Shutdown, and returns door.ErrClosed then. A
// listener of TLS connections is implicit TLS (RFC 8314 3).
func (s *Server) Serve(l net.Listener) error { return s.door.Serve(l) }

// Shutdown stops accepting, tells idle clients to go, lets commands under way
// finish, and closes what is left when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.door.Shutdown(ctx) }

// Sessions counts the sessions, and those of them that are parked.
func (s *Server) Sessions() (all, parked int) { return s.door.Sessions() }

// refuse is what a client is told that is one too many.
func refuse(why door.Refusal) string {
	switch why {
	case door.Closing:
		return "* BYE [UNAVAILABLE] Shutting down\r\n"
	case door.Full:
		return "* BYE [UNAVAILABLE] Too many sessions, try again later\r\n"
	}
	return "* BYE [UNAVAILABLE] Too many sessions from your address, try again later\r\n"
}
