package pushtest

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memoryConn is one end of a connection that never leaves the process: for
// services in a testing/synctest bubble, where a day takes a moment. Unlike
// net.Pipe it buffers, as a network does; a write never waits.
type memoryConn struct {
	in, out *memoryPipe
}

// memoryPipe is one direction.
type memoryPipe struct {
	mu     sync.Mutex
	more   sync.Cond
	buffer bytes.Buffer
	closed bool
	timer  *time.Timer // of the reader's deadline
	late   bool
}

func newMemoryPipe() *memoryPipe {
	p := &memoryPipe{}
	p.more.L = &p.mu
	return p
}

func memoryConns() (a, b *memoryConn) {
	there, back := newMemoryPipe(), newMemoryPipe()
	return &memoryConn{there, back}, &memoryConn{back, there}
}

func (c *memoryConn) Read(b []byte) (int, error) {
	p := c.in
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.buffer.Len() == 0 {
		switch {
		case p.closed:
			return 0, io.EOF
		case p.late:
			return 0, os.ErrDeadlineExceeded
		}
		p.more.Wait()
	}
	return p.buffer.Read(b)
}

func (c *memoryConn) Write(b []byte) (int, error) {
	p := c.out
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, net.ErrClosed
	}
	p.more.Broadcast()
	return p.buffer.Write(b)
}

// Close ends both directions; what was written before can still be read.
func (c *memoryConn) Close() error {
	for _, p := range []*memoryPipe{c.in, c.out} {
		p.mu.Lock()
		p.closed = true
		if p.timer != nil {
			p.timer.Stop()
		}
		p.more.Broadcast()
		p.mu.Unlock()
	}
	return nil
}

func (c *memoryConn) SetReadDeadline(at time.Time) error {
	p := c.in
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.late = false
	if at.IsZero() || p.closed {
		return nil
	}
	p.timer = time.AfterFunc(time.Until(at), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.late = true
		p.more.Broadcast()
	})
	return nil
}

func (c *memoryConn) SetDeadline(at time.Time) error   { return c.SetReadDeadline(at) }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) LocalAddr() net.Addr              { return memoryAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }
