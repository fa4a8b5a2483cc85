package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// doorways opens the listeners of a server, or takes those that are open already:
// of the process that it follows, or of a server that was closed in this one.
// An open listener outlives both, and whoever connects meanwhile waits in its
// queue.
type doorways struct {
	given []givenDoor // to be taken
	open  []openDoor
}

// givenDoor is a listener as a file. It is named by its place in the
// configuration: the name of the door, and the address as it is written there.
type givenDoor struct {
	name, address string
	file          *os.File
}

type openDoor struct {
	name, address string
	listener      net.Listener
}

// listen opens a listener or takes the one that is given.
func (d *doorways) listen(ctx context.Context, name, address string) (net.Listener, error) {
	l, err := d.take(name, address)
	if l == nil && err == nil {
		l, err = openListener(ctx, address)
	}
	if err != nil {
		return nil, fmt.Errorf("[%s] listen: %w", name, err)
	}
	d.open = append(d.open, openDoor{name, address, l})
	return l, nil
}

func (d *doorways) take(name, address string) (net.Listener, error) {
	for i, g := range d.given {
		if g.name != name || g.address != address {
			continue
		}
		d.given = append(d.given[:i:i], d.given[i+1:]...)
		l, err := net.FileListener(g.file)
		if err != nil {
			return nil, err
		}
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(true)
		}
		return l, g.file.Close()
	}
	return nil, nil
}

// prepare opens now what listen would find neither given nor free later.
func (d *doorways) prepare(ctx context.Context, c *Config) error {
	for _, name := range doors() {
		var have []string
		for _, g := range d.given {
			if g.name == name {
				have = append(have, g.address)
			}
		}
		for _, address := range c.listeners(name) {
			if i := slices.Index(have, address); i >= 0 {
				have = append(have[:i], have[i+1:]...)
				continue
			}
			l, err := openListener(ctx, address)
			if err != nil {
				return fmt.Errorf("[%s] listen: %w", name, err)
			}
			f, err := fileOf(l)
			if u, ok := l.(*net.UnixListener); ok {
				u.SetUnlinkOnClose(false)
			}
			if err = errors.Join(err, l.Close()); err != nil {
				return err
			}
			d.given = append(d.given, givenDoor{name, address, f})
		}
	}
	return nil
}

// drop closes what is given and was not taken: doors that the configuration no
// longer has.
func (d *doorways) drop() {
	for _, g := range d.given {
		g.file.Close()
	}
	d.given = nil
}

// give makes files of the open listeners, for another process or another server
// in this one. The listeners stay as they are.
func (d *doorways) give() (all []givenDoor, err error) {
	for _, o := range d.open {
		f, err := fileOf(o.listener)
		if err != nil {
			for _, g := range all {
				g.file.Close()
			}
			return nil, fmt.Errorf("[%s] %s: %w", o.name, o.address, err)
		}
		all = append(all, givenDoor{o.name, o.address, f})
	}
	return all, nil
}

// keepPaths has sockets with a name in a folder keep it when they are closed:
// somebody else listens on them.
func (d *doorways) keepPaths() {
	for _, o := range d.open {
		if u, ok := o.listener.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
	}
}

// fileOf is the listener under another number. Its own File would do, were it
// not that passing that on makes the listener block, and Accept with it.
func fileOf(l net.Listener) (*os.File, error) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a listener of %T cannot be handed over", l)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var number int
	var failed error
	err = raw.Control(func(fd uintptr) { number, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) })
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(number), l.Addr().String()), nil
}
