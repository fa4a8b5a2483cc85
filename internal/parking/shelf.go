// Package parking watches connections that nobody reads from at the moment, so
// that they need no goroutine: for readiness by one poller, and for their
// deadlines by one scan a second over a slice. It must never read from a
// connection, nor write to one.
package parking

import (
	"errors"
	"sync"
	"time"
)

// Sleeper is told that its connection is readable or hung up, or that its time
// is there. It may be told once too often.
type Sleeper interface{ Signal() }

// Shelf is where parked connections lie. Without any it does nothing. Use
// NewShelf. It is safe for concurrent use, and calls sleepers without locks.
type Shelf struct {
	start time.Time

	mu       sync.Mutex // guards what follows
	poll     *Poller
	sleepers []Sleeper // by slot
	deadline []uint32  // by slot: seconds since the start; zero: none
	free     []int32
	n        int
	scanning bool
	closed   bool
}

// errClosed is for who parks while the last ones go.
var errClosed = errors.New("parking: closed")

// scanEvery is how late a deadline may be noticed.
const scanEvery = time.Second

// NewShelf returns an empty shelf.
func NewShelf() *Shelf { return &Shelf{start: time.Now()} }

// seconds is a time for the slice of deadlines, rounded up: nobody is woken
// before the time.
func (s *Shelf) seconds(until time.Time) uint32 {
	if until.IsZero() {
		return 0
	}
	return uint32(max(1, (until.Sub(s.start)+time.Second-1)/time.Second))
}

// Put begins to watch a socket: the sleeper is signalled once, when there is
// something to read or when the time is there, until Again. A zero time never
// is.
func (s *Shelf) Put(fd int, w Sleeper, until time.Time) (slot int32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	if s.poll == nil {
		if s.poll, err = NewPoller(s.readable); err != nil {
			return 0, err
		}
	}
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		slot = int32(len(s.sleepers))
		s.sleepers, s.deadline = append(s.sleepers, nil), append(s.deadline, 0)
	}
	s.sleepers[slot], s.deadline[slot] = w, s.seconds(until)
	s.n++
	if err := s.poll.Add(fd, slot); err != nil {
		s.dropLocked(slot)
		return 0, err
	}
	if !s.scanning {
		s.scanning = true
		go s.scan()
	}
	return slot, nil
}

// Again watches a socket that has a slot once more.
func (s *Shelf) Again(slot int32, fd int, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.deadline[slot] = s.seconds(until)
	return s.poll.Rearm(fd, slot)
}

// Drop gives up a slot. The socket must be closed next, which ends the watch.
func (s *Shelf) Drop(slot int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(slot)
}

func (s *Shelf) dropLocked(slot int32) {
	s.sleepers[slot], s.deadline[slot] = nil, 0
	s.free = append(s.free, slot)
	s.n--
}

// Close ends the poller. Nothing may be on the shelf.
func (s *Shelf) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.poll != nil {
		s.poll.Close()
		s.poll = nil
	}
}

// readable is told by the poller. A late word for a slot that has another
// connection by now only makes that one look.
func (s *Shelf) readable(slots []int32) {
	for _, i := range slots {
		s.mu.Lock()
		w := s.sleepers[i]
		s.mu.Unlock()
		if w != nil {
			w.Signal()
		}
	}
}

// scan looks for deadlines while there are any.
func (s *Shelf) scan() {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for range tick.C {
		due, more := s.due(uint32(time.Since(s.start) / time.Second))
		for _, w := range due {
			w.Signal()
		}
		if !more {
			return
		}
	}
}

func (s *Shelf) due(now uint32) (due []Sleeper, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.deadline {
		if d != 0 && d <= now {
			s.deadline[i] = 0
			due = append(due, s.sleepers[i])
		}
	}
	s.scanning = s.n > 0
	return due, s.scanning
}
