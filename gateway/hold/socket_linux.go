package hold

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNothing: a socket that is not readable after all.
var errNothing = errors.New("hold: nothing to read")

// canSleep tells whether the connection has a socket of its own.
func canSleep(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// socketOf returns another number of the connection's socket.
func socketOf(c net.Conn) (fd int, err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1, errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	if cerr := raw.Control(func(s uintptr) {
		fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 3)
	}); cerr != nil {
		return -1, cerr
	}
	return fd, err
}

// connOfSocket makes a connection of a socket, whose number is closed in any
// case: a file that is forgotten instead closes it some time later, when it may
// be somebody else's.
func connOfSocket(fd int) (net.Conn, error) {
	if fd < 0 {
		return nil, net.ErrClosed
	}
	f := os.NewFile(uintptr(fd), "")
	c, err := net.FileConn(f)
	f.Close()
	return c, err
}

func closeSocket(fd int) error { return unix.Close(fd) }

// writeNow writes what the socket must take at once.
func writeNow(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		m, err := unix.SendmsgN(fd, b[n:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return n, os.NewSyscallError("send", err)
		}
		n += m
	}
	return n, nil
}

func peek(fd int, b []byte) (int, error) {
	for {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errNothing
		default:
			return 0, err
		}
	}
}

// skip takes n bytes off that were peeked at.
func skip(fd, n int) error {
	b := make([]byte, n)
	_, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
	return err
}
