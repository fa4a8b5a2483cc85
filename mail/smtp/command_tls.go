package smtp

import (
	"context"
	"crypto/tls"
	"time"
)

// startTLS answers STARTTLS (RFC 3207 4).
func (s *session) startTLS(ctx context.Context, arg string) reply {
	switch {
	case arg != "":
		return replyNoArgument
	case s.srv.cfg.TLS == nil:
		return answer(502, "5.5.1", "TLS is not offered")
	case s.tls != nil:
		return answer(503, "5.5.1", "TLS is on")
	case s.helo == "":
		return replyHelloFirst
	case s.in.buffered() > 0:
		// Commands sent behind STARTTLS in the clear would run as if they had
		// come under its protection: someone in between put them there.
		return goodbye(554, "5.5.0", "Nothing may follow STARTTLS before the handshake")
	}
	s.write(answer(220, "2.0.0", "Go ahead"))
	if err := s.flush(); err != nil {
		s.done = true
		return reply{}
	}
	conn := tls.Server(s.conn, s.srv.cfg.TLS)
	if !s.handshake(ctx, conn) {
		s.done = true
		return reply{}
	}
	s.in.src = conn
	s.in.drop()
	s.setConn(conn)
	// RFC 3207 4.2: what was learned in the clear is forgotten.
	s.reset()
	s.helo, s.extended = "", false
	s.authed = false
	return reply{}
}

// handshake runs the TLS handshake and notes its outcome.
func (s *session) handshake(ctx context.Context, conn *tls.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn.SetDeadline(time.Time{})
	if err := conn.HandshakeContext(ctx); err != nil {
		s.srv.log.Info("smtp handshake failed", "remote", s.remoteText, "error", err)
		return false
	}
	state := conn.ConnectionState()
	s.tls = &state
	return true
}

// setConn replaces the connection, which Shutdown may be looking at.
func (s *session) setConn(conn *tls.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}
