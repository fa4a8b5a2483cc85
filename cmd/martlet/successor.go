package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"martlet/gateway/hold"
)

// The old process and its successor speak in lines of JSON over a socket pair:
//
//	successor  prepared: the configuration is right, all listeners are open
//	old        go: the store is closed, the held phones come as parcels
//	successor  ready: phones are served
//
// Instead of its next word the successor may say why it failed, or just end.
const (
	statePrepared = "prepared"
	stateGo       = "go"
	stateReady    = "ready"
	stateFailed   = "failed"
)

// Times of an upgrade.
const (
	prepareTime = time.Minute
	// openTime is for opening the store, which takes a moment after a clean end
	// and longer when a new version makes something of what is there.
	openTime = 10 * time.Minute
	// parcelsTime is for closing a socket; it is done when we look.
	parcelsTime = 100 * time.Millisecond
)

// successorEnv names what the successor is given: the numbers of files and what
// they are.
const successorEnv = "MARTLET_SUCCESSOR"

type legacy struct {
	Control int          `json:"control"`
	Parcels int          `json:"parcels"` // a socket of packets: see hold.Send
	Doors   []legacyDoor `json:"doors"`
}

type legacyDoor struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	File    int    `json:"file"`
}

// word is one line.
type word struct {
	State   string `json:"state"`
	PID     int    `json:"pid,omitempty"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}

// talk is one end of the socket pair.
type talk struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

func newTalk(c net.Conn) *talk { return &talk{c, json.NewDecoder(c), json.NewEncoder(c)} }

func (t *talk) say(w word) error { return t.out.Encode(w) }

// hear waits for a word of this state.
func (t *talk) hear(ctx context.Context, state string) (w word, err error) {
	stop := context.AfterFunc(ctx, func() { _ = t.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err = t.in.Decode(&w)
	switch {
	case ctx.Err() != nil:
		return w, ctx.Err()
	case err != nil:
		return w, errors.New("it ended without a word; see the log")
	case w.State == stateFailed:
		return w, errors.New(w.Error)
	case w.State != state:
		return w, fmt.Errorf("it says %q where %q is due", w.State, state)
	}
	return w, nil
}

// successor is the new process as the old one sees it.
type successor struct {
	*talk
	parcels *net.UnixConn
	cmd     *exec.Cmd
	exited  chan struct{}
}

// startSuccessor runs the binary that is now where ours was, with our arguments.
func startSuccessor(given []givenDoor) (*successor, error) {
	binary, err := exec.LookPath(os.Args[0])
	if err != nil {
		if binary, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	conn, theirs, err := socketPair(unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	parcels, takes, err := socketPair(unix.SOCK_SEQPACKET)
	if err != nil {
		conn.Close()
		return nil, err
	}
	defer takes.Close()
	const first = 3 // after standard input, output and errors
	l := legacy{Control: first, Parcels: first + 1}
	cmd := exec.Command(binary, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{theirs, takes}
	for _, g := range given {
		l.Doors = append(l.Doors, legacyDoor{g.name, g.address, first + len(cmd.ExtraFiles)})
		cmd.ExtraFiles = append(cmd.ExtraFiles, g.file)
	}
	b, err := json.Marshal(l)
	if err == nil {
		cmd.Env = append(os.Environ(), successorEnv+"="+string(b))
		err = cmd.Start()
	}
	if err != nil {
		conn.Close()
		parcels.Close()
		return nil, err
	}
	n := &successor{talk: newTalk(conn), parcels: parcels, cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended it has logged
		close(n.exited)
	}()
	return n, nil
}

// end ends a successor that is not to serve.
func (n *successor) end() {
	_ = n.cmd.Process.Kill()
	<-n.exited
	n.conn.Close()
	n.parcels.Close()
}

// socketPair is our end of a pair and the other as a file.
func socketPair(kind int) (ours *net.UnixConn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	theirs = os.NewFile(uintptr(fds[1]), "upgrade")
	if ours, err = unixConn(fds[0]); err != nil {
		theirs.Close()
	}
	return ours, theirs, err
}

// unixConn makes a connection of a file, which it closes.
func unixConn(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "upgrade")
	conn, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T where a socket of this machine is due", conn), conn.Close())
	}
	return u, nil
}

// heir is the side of the new process. A nil heir follows nobody.
type heir struct {
	*talk
	doors   *doorways
	parcels *net.UnixConn
}

// inherit takes what an old process left for us, nil if none did.
func inherit() (*heir, error) {
	text := os.Getenv(successorEnv)
	if text == "" {
		return nil, nil
	}
	// Whatever we start must not believe that it was meant.
	if err := os.Unsetenv(successorEnv); err != nil {
		return nil, err
	}
	var l legacy
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("%s: %w", successorEnv, err)
	}
	conn, err := unixConn(l.Control)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", successorEnv, err)
	}
	parcels, err := unixConn(l.Parcels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", successorEnv, err)
	}
	h := &heir{newTalk(conn), &doorways{}, parcels}
	for _, d := range l.Doors {
		unix.CloseOnExec(d.File)
		h.doors.given = append(h.doors.given, givenDoor{d.Name, d.Address, os.NewFile(uintptr(d.File), d.Name)})
	}
	return h, nil
}

// await tells the old process that we can, and returns when we may.
func (h *heir) await(ctx context.Context, c *Config) error {
	if err := h.prepare(ctx, c); err != nil {
		return h.failed(err)
	}
	if err := h.say(word{State: statePrepared, PID: os.Getpid(), Version: version()}); err != nil {
		return err
	}
	if _, err := h.hear(ctx, stateGo); err != nil {
		return fmt.Errorf("the process before this one did not hand over: %w", err)
	}
	return nil
}

// prepare finds what would keep us from serving, as far as it can be found while
// another process does.
func (h *heir) prepare(ctx context.Context, c *Config) error {
	if err := ownerIsUs(c.StorePath); err != nil {
		return err
	}
	if c.TLS.Mode == tlsFiles {
		p := &pair{cert: c.TLS.Cert, key: c.TLS.Key, log: discard()}
		if err := p.usable(time.Now()); err != nil {
			return err
		}
	}
	return h.doors.prepare(ctx, c)
}

// failed tells the old process why we do not serve, if there is one, and returns
// the error.
func (h *heir) failed(err error) error {
	if h != nil && err != nil {
		_ = h.say(word{State: stateFailed, Error: plainError(err)}) // or it sees us end
	}
	return err
}

// adopt goes on with the phones that the old process held.
func (h *heir) adopt(ctx context.Context, s *server) {
	defer h.parcels.Close()
	parcels, err := hold.Receive(h.parcels)
	if err != nil { // the others ask again
		s.log.Error("not all held phones come over", "error", err)
	}
	s.gateway.Adopt(ctx, parcels)
}

// ready tells the old process that it is no longer needed.
func (h *heir) ready() error {
	defer h.conn.Close()
	return h.say(word{State: stateReady, PID: os.Getpid(), Version: version()})
}

// outlive waits, as the first process of a container, until all others have
// ended: the container ends with us. Signals are passed on.
func outlive(ctx context.Context, signals <-chan os.Signal, n *successor) {
	pass := func(s syscall.Signal) { _ = unix.Kill(-1, s) } // everybody but us
	alone := make(chan struct{})
	go func() {
		defer close(alone)
		<-n.exited
		for { // the successor's own successors are ours now
			if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	stop := ctx.Done()
	for {
		select {
		case <-alone:
			return
		case s := <-signals:
			pass(s.(syscall.Signal))
		case <-stop:
			pass(syscall.SIGTERM)
			stop = nil
		}
	}
}
