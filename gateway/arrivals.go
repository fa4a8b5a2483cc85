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

// arrivals are the listeners, and the connections on which nobody has said
// anything yet.
type arrivals struct {
	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	silent    map[net.Conn]struct{}
	spoken    chan struct{} // closed when none is silent; nil while we listen
}

func newArrivals() *arrivals { return &arrivals{silent: map[net.Conn]struct{}{}} }

// onceListener is closed by whoever is first.
type onceListener struct {
	net.Listener
	once func() error
}

func (l *onceListener) Close() error { return l.once() }

// listener has stop close a listener.
func (a *arrivals) listener(l net.Listener) net.Listener {
	l = &onceListener{l, sync.OnceValue(l.Close)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners = append(a.listeners, l)
	return l
}

// state hears of every connection: http.Server.ConnState.
func (a *arrivals) state(c net.Conn, s http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s == http.StateNew {
		a.silent[c] = struct{}{}
		return
	}
	delete(a.silent, c)
	a.lookLocked()
}

func (a *arrivals) lookLocked() {
	if a.spoken != nil && len(a.silent) == 0 {
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
