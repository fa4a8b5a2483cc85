package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a server needs of its machine.
const (
	littleSpace = 512 << 20 // bytes; the store keeps a reserve below which it takes no mail
	scarceSpace = 4 << 30
	fewPhones   = 10_000
	shortQueue  = 1024 // connections that wait to be accepted
	goodQueue   = 4096
)

// disk looks at the room for mail.
func (d *doctor) disk() {
	var st unix.Statfs_t
	if err := unix.Statfs(d.c.StorePath, &st); err != nil {
		return // that it is not there was said
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	switch text := fmt.Sprintf("%s free at %s", bytesText(free), d.c.StorePath); {
	case free < littleSpace:
		d.find("disk", problem, "free some: below a reserve no mail is taken, so that nothing is damaged", "%s", text)
	case free < scarceSpace:
		d.find("disk", warning, "see that it does not get less", "%s", text)
	default:
		d.find("disk", fine, "", "%s", text)
	}
}

// listeners looks whether the doors are open, or could be.
func (d *doctor) listeners() {
	if !d.c.listens() {
		d.find("listeners", problem, "add [https] listen = \":443\" and the like", "no listener is configured: nobody reaches the server")
		return
	}
	for _, door := range doors() {
		for _, address := range d.c.listeners(door) {
			d.listener(door, address)
		}
	}
}

func (d *doctor) listener(door, address string) {
	check := "[" + door + "]"
	if d.status != nil {
		where := strings.Fields(d.status.Listen[door])
		if len(where) == 0 {
			d.find(check, problem, "martlet upgrade, or restart it", "the running server does not listen on %s: it was started before that was configured", address)
			return
		}
		for _, at := range where {
			d.reach(check, door, at)
		}
		return
	}
	if strings.HasPrefix(address, "unix:") {
		d.find(check, fine, "", "%s, when the server runs", address)
		return
	}
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		l.Close()
		d.find(check, fine, "", "%s is free", address)
	case isPermission(err):
		d.find(check, problem, "run the server by its systemd unit, which gives it CAP_NET_BIND_SERVICE", "%v", err)
	default:
		d.find(check, problem, "stop what uses the port, or listen on another", "%v", err)
	}
}

func isPermission(err error) bool {
	return err != nil && strings.Contains(err.Error(), "permission denied")
}

// reach connects to a door of the running server.
func (d *doctor) reach(check, door, at string) {
	network := "tcp"
	if strings.HasPrefix(at, "/") || strings.HasPrefix(at, "unix:") {
		network, at = "unix", strings.TrimPrefix(at, "unix:")
	}
	conn, err := (&net.Dialer{Timeout: lookTime}).DialContext(d.ctx, network, at)
	if err != nil {
		d.find(check, problem, "look into the log: the server may have too many connections, see the limit of open files", "cannot connect to %s: %v", at, err)
		return
	}
	defer conn.Close()
	d.answers(check, door, at, conn)
}

// files tells how many phones the limit of open files allows: that of the
// server, or of a process that is started here.
func (d *doctor) files() {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return
	}
	n, whose := int(min(l.Max, 1<<24)), "a process started here" // Go raises it to the hard limit
	if d.status != nil {
		if limit, ok := limitOf(d.status.PID); ok {
			n, whose = limit, "the server"
		}
	}
	if phones := heldPhones(n); phones < fewPhones {
		d.find("open files", warning, "raise it: LimitNOFILE=1048576 in the systemd unit, ulimit -n in a shell, ulimits.nofile in a container",
			"%s may open %d files: %d phones can be held", whose, n, phones)
	} else {
		d.find("open files", fine, "", "%s may open %d files: %d phones can be held", whose, n, phones)
	}
}

// limitOf reads another process's limit of open files.
func limitOf(pid int) (int, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, false
	}
	_, after, ok := bytes.Cut(b, []byte("Max open files"))
	fields := bytes.Fields(after)
	if !ok || len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(fields[0]))
	return n, err == nil
}

// queue looks at the kernel's queue of connections that are not accepted yet: in
// it phones wait that come back all at once.
func (d *doctor) queue() {
	b, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return
	}
	if n < shortQueue {
		d.find("accept queue", warning, fmt.Sprintf("sysctl net.core.somaxconn=%d", goodQueue), "%d connections can wait to be accepted: few when all phones come back at once", n)
	} else {
		d.find("accept queue", fine, "", "%d connections can wait to be accepted", n)
	}
}
