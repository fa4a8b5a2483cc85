package gateway

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// arrivalTime is how long, at the end, we wait for the first request on
// connections that have been accepted. net/http drops such a request unanswered
// once its server shuts down, so a phone that was just let in would be turned
// away without a word; one that was not yet is another process's, or refused.
const arrivalTime = 2 * time.Second

// arrivals are the listeners, and the connections on which nothing has been
// answered yet.
type arrivals struct {
	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	loops     int // that accept
	waiting   map[net.Conn]struct{}
	spoken    chan struct{} // closed when all are answered; nil while we listen
}

func newArrivals() *arrivals { return &arrivals{waiting: map[net.Conn]struct{}{}} }

// onceListener is closed by whoever is first.
type onceListener struct {
	net.Listener
	once func() error
}

func (l *onceListener) Close() error { return l.once() }

// serve runs a server's loop on a listener that stop can close.
func (a *arrivals) serve(l net.Listener, loop func(net.Listener) error) error {
	l = &onceListener{l, sync.OnceValue(l.Close)}
	a.mu.Lock()
	a.listeners = append(a.listeners, l)
	a.loops++
	a.mu.Unlock()
	err := loop(l)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loops--
	a.lookLocked()
	return err
}

// state hears of every connection: http.Server.ConnState.
func (a *arrivals) state(c net.Conn, s http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch s {
	case http.StateNew:
		a.waiting[c] = struct{}{}
	case http.StateActive:
		// Its first request is read, but not yet looked at: a server that shuts down
		// now would still drop it.
	default:
		delete(a.waiting, c)
		a.lookLocked()
	}
}

func (a *arrivals) lookLocked() {
	// A loop may have accepted a connection that we have not heard of yet.
	if a.spoken != nil && a.loops == 0 && len(a.waiting) == 0 {
		close(a.spoken)
		a.spoken = nil
	}
}

// stop accepts nobody any more and waits for those who have been accepted.
func (a *arrivals) stop(ctx context.Context) {
	spoken := make(chan struct{})
	a.mu.Lock()
	for _, l := range a.listeners {
		_ = l.Close() // nothing can be done about it
	}
	a.listeners, a.spoken = nil, spoken
	a.lookLocked()
	a.mu.Unlock()
	wait, cancel := context.WithTimeout(ctx, arrivalTime)
	defer cancel()
	select {
	case <-spoken:
	case <-wait.Done():
	}
}
