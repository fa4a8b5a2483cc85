package imap

import (
	"crypto/tls"
	"net"
)

// ServeSecure serves a connection as if it had come with TLS. It returns when
// the session ends.
func (s *Server) ServeSecure(conn net.Conn) {
	c := &secureConn{Conn: conn, closed: make(chan struct{})}
	s.door.Admit(c)
	<-c.closed
}

// secureConn says that it is TLS.
type secureConn struct {
	net.Conn
	closed chan struct{}
}

func (c *secureConn) ConnectionState() tls.ConnectionState { return tls.ConnectionState{} }

// NetConn is the socket, so that it can be parked.
func (c *secureConn) NetConn() net.Conn { return c.Conn }

func (c *secureConn) Close() error {
	close(c.closed)
	return c.Conn.Close()
}
