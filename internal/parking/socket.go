package parking

import (
	"errors"
	"net"
	"syscall"
)

// errNoSocket: a connection in memory, or one that somebody relays.
var errNoSocket = errors.New("parking: no socket")

// Socket is the socket below a connection, TLS or not: what Put and Again want is
// its number, which is only sure within Control. It is an error where there is
// none.
func Socket(c net.Conn) (syscall.RawConn, error) {
	for {
		switch below := c.(type) {
		case *net.TCPConn:
			return below.SyscallConn()
		case *net.UnixConn:
			return below.SyscallConn()
		case interface{ NetConn() net.Conn }: // tls.Conn
			c = below.NetConn()
		default:
			return nil, errNoSocket
		}
	}
}
