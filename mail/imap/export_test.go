package imap

import (
	"crypto/tls"
	"net"
)

// ServeSecure serves a connection as if it had come with TLS. It returns when
// the session ends.
func (s *Server) ServeSecure(conn net.Conn) {
	sess := newSession(s, conn)
	sess.tls = &tls.ConnectionState{}
	if s.register(sess) == "" {
		s.run(sess)
	}
}
