package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of handshakes. When a server comes back, all its phones do at once, and
// each handshake takes a goroutine, some tens of kilobytes and up to a
// millisecond of a core. Phones that are not accepted yet wait in the kernel's
// queue, which costs nothing and is what they take for a slow network; when
// that queue is full, their systems ask again after one, two, four seconds.
// Closing connections instead would have mail apps tell people that the server
// cannot be reached.
const (
	// maxHandshakes is the default of Config.MaxHandshakes. With a round trip of
	// 300 ms it is 3,400 phones a second.
	maxHandshakes = 1_024
	// handshakeTime is for a phone at the edge of the network. Who says nothing
	// must not keep others out for longer.
	handshakeTime = 10 * time.Second
)

// handshakes counts connections whose TLS handshake has not come to its end.
type handshakes struct {
	places places

	mu    sync.Mutex // guards begun
	begun map[net.Conn]*time.Timer
}

func newHandshakes(n int) *handshakes {
	return &handshakes{places: make(places, n), begun: map[net.Conn]*time.Timer{}}
}

// watch has the handshakes of a configuration tell their end.
func (h *handshakes) watch(c *tls.Config) {
	next := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		conn := hello.Conn
		// It ends with the handshake, however that went.
		context.AfterFunc(hello.Context(), func() { h.end(conn) })
		if next == nil {
			return nil, nil
		}
		return next(hello)
	}
}

func (h *handshakes) begin(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun[c] = time.AfterFunc(handshakeTime, func() {
		_ = c.Close()
		h.end(c)
	})
}

func (h *handshakes) end(c net.Conn) {
	h.mu.Lock()
	timer, ok := h.begun[c]
	delete(h.begun, c)
	h.mu.Unlock()
	if ok {
		timer.Stop()
		h.places.leave()
	}
}

// state hears of connections that are closed before they said a word.
func (h *handshakes) state(c net.Conn, s http.ConnState) {
	if t, ok := c.(*tls.Conn); ok && s == http.StateClosed {
		h.end(t.NetConn())
	}
}

// handshakeListener accepts when a handshake may begin.
type handshakeListener struct {
	net.Listener
	h      *handshakes
	closed chan struct{}
	once   sync.Once
}

func (h *handshakes) listener(l net.Listener) net.Listener {
	return &handshakeListener{Listener: l, h: h, closed: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (l *handshakeListener) Accept() (net.Conn, error) {
	select {
	case l.h.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.h.places.leave()
		return nil, err
	}
	l.h.begin(c)
	return c, nil
}

// Close stops Accept, also one that waits for a place.
func (l *handshakeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
