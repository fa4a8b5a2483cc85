package hold

import (
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// maxPacket bounds a parcel's packet; a state is a device's name and little more.
const maxPacket = 4 << 10

// Send gives parcels to the process at the other end of a socket of packets
// ("unixpacket"). Ours stay as they are, so that we can go on if it cannot;
// when it can, Release must be called. Those with TLS take a second socket each
// for as long as they are relayed: where there are not so many, the rest is left
// out, and the others are sent all the same.
func Send(to *net.UnixConn, parcels []*Parcel) error {
	var left error
	for _, p := range parcels {
		fd := int(p.conn.fd)
		if p.tls != nil {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				left = fmt.Errorf("hold: hand over: %w", err)
				continue
			}
			p.far, fd = pair[0], pair[1]
		}
		_, _, err := to.WriteMsgUnix(p.packet(), unix.UnixRights(fd), nil)
		if p.tls != nil {
			_ = unix.Close(fd)
		}
		if err != nil {
			return fmt.Errorf("hold: hand over: %w", err)
		}
	}
	return left
}

// HangUp ends the connections of parcels that were sent to a process that does not
// take them: it keeps the sockets open without knowing of them.
func HangUp(parcels []*Parcel) {
	for _, p := range parcels {
		_ = unix.Shutdown(int(p.conn.fd), unix.SHUT_RDWR)
	}
}

// Receive takes parcels until the other side closes.
func Receive(from *net.UnixConn) (parcels []*Parcel, err error) {
	b, oob := make([]byte, maxPacket), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, rights, flags, _, err := from.ReadMsgUnix(b, oob)
		if n == 0 && rights == 0 && (err == nil || errors.Is(err, io.EOF)) {
			return parcels, nil
		}
		if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			err = errors.New("a packet is too large")
		}
		var fd int
		if err == nil {
			fd, err = onlyRight(oob[:rights])
		}
		if err != nil {
			return parcels, fmt.Errorf("hold: take over: %w", err)
		}
		p, err := parseParcel(b[:n], fd)
		if err != nil {
			_ = unix.Close(fd)
			return parcels, err
		}
		parcels = append(parcels, p)
	}
}

func onlyRight(oob []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1, err
	}
	if len(messages) != 1 {
		return -1, errors.New("a packet without its socket")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	if len(fds) != 1 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return -1, errors.New("a packet with several sockets")
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}
