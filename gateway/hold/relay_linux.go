package hold

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"martlet/internal/parking"
)

// Relay is what remains of a process that was followed by another one: it ends
// the TLS of connections that the other answers, until their phones have moved.
// Keys of a running TLS connection cannot be given away; a phone that has its
// answer finds the connection closed and the session ticket good. A connection
// costs here what it costs parked.
type Relay struct {
	poll   *parking.Poller
	left   atomic.Int64
	ended  chan struct{}
	mu     sync.Mutex // guards what follows
	routes []*route   // by half of the slot
}

// route is one connection with its way to the other process.
type route struct {
	near *Conn
	tls  net.Conn
	far  *Conn
	once sync.Once
}

// Release gives up parcels that another process has. What it returns must live
// until it has ended.
func Release(parcels []*Parcel) (*Relay, error) {
	r := &Relay{ended: make(chan struct{})}
	for _, p := range parcels {
		if p.tls == nil {
			_ = p.conn.Close() // the other process has the socket, too
			continue
		}
		if p.far < 0 { // it was not sent
			_ = p.tls.Close()
			continue
		}
		r.routes = append(r.routes, &route{near: p.conn, tls: p.tls, far: &Conn{fd: int32(p.far)}})
	}
	r.left.Store(int64(len(r.routes)))
	if len(r.routes) == 0 {
		close(r.ended)
		return r, nil
	}
	var err error
	if r.poll, err = parking.NewPoller(r.readable); err != nil {
		return r, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.routes {
		if r.poll.Add(int(c.near.fd), int32(2*i)) != nil || r.poll.Add(int(c.far.fd), int32(2*i+1)) != nil {
			go r.carry(c)
		}
	}
	return r, nil
}

// Left counts the connections that are still relayed.
func (r *Relay) Left() int { return int(r.left.Load()) }

// Wait waits until no connection is left.
func (r *Relay) Wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Relay) readable(slots []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, slot := range slots {
		go r.carry(r.routes[slot/2])
	}
}

// carry carries bytes both ways from the first that come to the end.
func (r *Relay) carry(c *route) {
	c.once.Do(func() {
		r.poll.Remove(int(c.near.fd))
		r.poll.Remove(int(c.far.fd))
		if c.near.wake() == nil && c.far.wake() == nil {
			var both sync.WaitGroup
			both.Go(func() {
				_, _ = io.Copy(c.tls, c.far)
				_ = c.tls.Close()
			})
			_, _ = io.Copy(c.far, c.tls)
			_ = c.far.Close()
			both.Wait()
		} else {
			_, _ = c.tls.Close(), c.far.Close()
		}
		if r.left.Add(-1) == 0 {
			r.poll.Close()
			close(r.ended)
		}
	})
}
