package parking

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Poller watches sleeping sockets with an epoll set, which Go's own poller
// watches: nobody sits in a system call.
type Poller struct {
	fd   int
	file *os.File
	raw  syscall.RawConn
}

// The events of a socket that is spoken to or hung up on, told once until the
// socket is armed again.
const pollEvents = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT

// NewPoller calls readable with the slots of sockets that are.
func NewPoller(readable func(slots []int32)) (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	p := &Poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	go p.run(readable)
	return p, nil
}

func (p *Poller) run(readable func([]int32)) {
	events, slots := make([]unix.EpollEvent, 256), make([]int32, 0, 256)
	for {
		err := p.raw.Read(func(fd uintptr) bool {
			slots = slots[:0]
			n, _ := unix.EpollWait(int(fd), events, 0)
			for _, e := range events[:max(n, 0)] {
				slots = append(slots, e.Fd)
			}
			return len(slots) > 0
		})
		if err != nil {
			return // closed
		}
		readable(slots)
	}
}

// Add watches a socket, which is told of by its slot.
func (p *Poller) Add(fd int, slot int32) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: pollEvents, Fd: slot})
}

// Rearm watches it once more after it was readable.
func (p *Poller) Rearm(fd int, slot int32) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: pollEvents, Fd: slot})
}

// Remove must come before the socket gets other numbers: the set would keep it.
func (p *Poller) Remove(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// Close ends the watch of all.
func (p *Poller) Close() { _ = p.file.Close() }
