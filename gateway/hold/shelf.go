package hold

import (
	"context"
	"sync"
	"time"

	"martlet/internal/parking"
)

// shelf is where the parked connections lie: watched for readiness by one
// poller, and for their deadlines by one scan a second over a slice, which
// takes a tenth of a millisecond for 100,000. Without parked connections it
// does nothing.
type shelf struct {
	h *Holder

	mu       sync.Mutex // guards what follows
	poll     *parking.Poller
	requests []*Request // by slot
	deadline []uint32   // by slot: seconds since the holder was made; zero: none
	free     []int32
	n        int
	scanning bool
	waiters  []chan struct{} // closed when it is empty
}

// scanEvery is how late a deadline may be noticed.
const scanEvery = time.Second

// ready makes the poller. It is false where connections cannot be parked.
func (s *shelf) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll != nil {
		return true
	}
	p, err := parking.NewPoller(s.readable)
	if err != nil {
		return false
	}
	s.poll = p
	return true
}

// seconds is a time for the slice of deadlines, rounded up: nobody is answered
// before the time.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// put begins to watch a parked connection.
func (s *shelf) put(r *Request, until time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		r.slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		r.slot = int32(len(s.requests))
		s.requests, s.deadline = append(s.requests, nil), append(s.deadline, 0)
	}
	s.requests[r.slot], s.deadline[r.slot] = r, seconds(until)
	s.n++
	if err := s.poll.Add(int(r.conn.fd), r.slot); err != nil {
		s.dropLocked(r)
		return err
	}
	if !s.scanning {
		s.scanning = true
		go s.scan()
	}
	return nil
}

// due moves the deadline and has the connection watched again.
func (s *shelf) due(r *Request, until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot >= 0 {
		s.deadline[r.slot] = seconds(until)
		_ = s.poll.Rearm(int(r.conn.fd), r.slot)
	}
}

// rearm has a connection watched again after it was readable.
func (s *shelf) rearm(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot >= 0 {
		_ = s.poll.Rearm(int(r.conn.fd), r.slot)
	}
}

// left is how long the connection may wait still.
func (s *shelf) left(r *Request) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot < 0 || s.deadline[r.slot] == 0 {
		return 0
	}
	return max(0, time.Duration(s.deadline[r.slot])*time.Second-s.h.now())
}

// take ends the watch, if there is one.
func (s *shelf) take(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot >= 0 {
		s.poll.Remove(int(r.conn.fd))
		s.dropLocked(r)
	}
}

func (s *shelf) dropLocked(r *Request) {
	s.requests[r.slot], s.deadline[r.slot] = nil, 0
	s.free = append(s.free, r.slot)
	r.slot = -1
	if s.n--; s.n == 0 {
		for _, c := range s.waiters {
			close(c)
		}
		s.waiters = nil
		if s.h.stopping.Load() {
			s.poll.Close()
			s.poll = nil
		}
	}
}

// readable is told by the poller. A late word for a slot that has another
// connection by now only makes that one look.
func (s *shelf) readable(slots []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range slots {
		if r := s.requests[i]; r != nil {
			r.signal(readable)
		}
	}
}

// scan looks for deadlines while there are any.
func (s *shelf) scan() {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for range tick.C {
		if !s.scanOnce(uint32(s.h.now() / time.Second)) {
			return
		}
	}
}

func (s *shelf) scanOnce(now uint32) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.deadline {
		if d != 0 && d <= now {
			s.deadline[i] = 0
			s.requests[i].signal(timedOut)
		}
	}
	s.scanning = s.n > 0
	return s.scanning
}

// each calls f with everything on the shelf.
func (s *shelf) each(f func(*Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r != nil {
			f(r)
		}
	}
}

// drain waits until the shelf is empty.
func (s *shelf) drain(ctx context.Context) error {
	s.mu.Lock()
	if s.n == 0 {
		s.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	s.waiters = append(s.waiters, c)
	s.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
