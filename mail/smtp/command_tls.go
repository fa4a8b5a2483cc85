package smtp

import "context"

// startTLS answers STARTTLS (RFC 3207 4).
func (s *session) startTLS(ctx context.Context, arg string) reply {
	switch {
	case arg != "":
		return replyNoArgument
	case s.srv.cfg.TLS == nil:
		return answer(502, "5.5.1", "TLS is not offered")
	case s.conn.Secure():
		return answer(503, "5.5.1", "TLS is on")
	case s.helo == "":
		return replyHelloFirst
	case s.conn.Buffered() > 0:
		// Commands sent behind STARTTLS in the clear would run as if they had
		// come under its protection: someone in between put them there.
		return goodbye(554, "5.5.0", "Nothing may follow STARTTLS before the handshake")
	}
	s.write(answer(220, "2.0.0", "Go ahead"))
	if !s.conn.StartTLS(ctx, s.srv.cfg.TLS) {
		s.done = true
		return reply{}
	}
	// RFC 3207 4.2: what was learned in the clear is forgotten.
	s.reset()
	s.helo, s.extended = "", false
	s.authed = false
	return reply{}
}
