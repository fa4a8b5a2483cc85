package door

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestOneTooManyIsToldSo(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.MaxSessions = 2 })
	a, b := h.dial(), h.dial()
	a.send("1\r\n")
	a.hears("= 1")
	b.send("2\r\n")
	b.hears("= 2")
	c := h.dial()
	c.hears("no 2")
	c.hears("")
	a.send("quit\r\n")
	a.hears("so long")
	a.hears("")
	h.eventually(func() bool { all, _ := h.door.Sessions(); return all == 1 })
	c = h.dial()
	c.send("3\r\n")
	c.hears("= 3")
}

func TestANetworkHasItsShare(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.MaxPerNetwork = 1 })
	a := h.dial()
	a.send("1\r\n")
	a.hears("= 1")
	h.dial().hears("no 3")
}

func TestAPanicEndsOneSessionAlone(t *testing.T) {
	h := newHouse(t, nil)
	a, b := h.dial(), h.dial()
	b.send("1\r\n")
	b.hears("= 1")
	a.send("panic\r\n")
	a.hears("")
	b.send("2\r\n")
	b.hears("= 2")
	h.eventually(func() bool { return h.ended.Load() == 1 })
}

func TestShutdownSaysGoodbyeAndAbortsWhoDoesNotListen(t *testing.T) {
	h := newHouse(t, nil)
	idle, parked, slow := h.dial(), h.dial(), h.dial()
	parked.send("1\r\n")
	parked.hears("= 1")
	h.parked(3)
	idle.send("2\r\n")
	idle.hears("= 2")
	slow.send("slow\r\n")
	h.eventually(func() bool { return h.slow.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := h.door.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	idle.hears("bye")
	parked.hears("bye")
	parked.hears("")
	slow.hears("")
}

func TestAParkedSessionHasNoGoroutine(t *testing.T) {
	h := newHouse(t, nil)
	before := runtime.NumGoroutine()
	const n = 100
	var all []*client
	for range n {
		all = append(all, h.dial())
	}
	h.parked(n)
	h.eventually(func() bool { return runtime.NumGoroutine() < before+20 }) // the poller, the scan
	for i, c := range all {
		c.send("1\r\n")
		c.hears("= 1")
		if i%2 == 0 {
			c.conn.Close()
		}
	}
	h.parked(n / 2)
	if got := h.ended.Load(); got != n/2 {
		t.Errorf("%d sessions ended", got)
	}
	if n := h.wakeAll(); n != 1 {
		t.Fatal(n)
	}
	for i, c := range all {
		if i%2 != 0 {
			c.hears("! 1")
		}
	}
	h.parked(n / 2)
}

// A line that comes in pieces, with the session parked in between and woken, is
// one line.
func TestALineComesInPieces(t *testing.T) {
	h := newHouse(t, nil)
	c := h.dial()
	h.parked(1)
	for _, piece := range []string{"ab", "c", "d\r"} {
		c.send(piece)
		h.eventually(func() bool { return h.served.Load() > 1 })
		h.parked(1)
	}
	h.wakeAll()
	c.hears("! 1")
	h.parked(1)
	c.send("\nef\r\n")
	c.hears("= abcd")
	c.hears("= ef")
}

// Who is silent when the time is over is served then, parked or not.
func TestAParkedSessionEndsInTime(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Start = func(c *Conn) Session { return &mute{c: c, until: time.Now().Add(1500 * time.Millisecond)} }
	})
	c := h.dial()
	h.parked(1)
	c.hears("timeout")
	c.hears("")
}

// mute says when its time is over.
type mute struct {
	c     *Conn
	until time.Time
}

func (m *mute) Serve(context.Context) {
	m.c.Parks, m.c.Until = true, m.until
	_, err := m.c.Line(100)
	if errors.Is(err, ErrQuiet) {
		m.c.Park()
		return
	}
	if !errors.Is(err, ErrLeaving) && time.Now().After(m.until) {
		m.c.Print("timeout\r\n")
	}
	_ = m.c.Flush()
}

func (m *mute) Ended() {}

// A wake, and the wish to shut down, that come when a session has decided to be
// parked and is not yet.
func TestAWakeAtTheMomentOfParking(t *testing.T) {
	served := make(chan int, 10)
	h := newHouse(t, func(c *Config) { c.Start = func(c *Conn) Session { return &sleepy{c: c, served: served} } })
	h.dial()
	for want := 1; want <= 2; want++ {
		select {
		case got := <-served:
			if got != want {
				t.Fatalf("served %d times, want %d", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("served %d times", want-1)
		}
	}
	h.parked(1)
}

// sleepy is woken while it falls asleep.
type sleepy struct {
	c      *Conn
	served chan int
	n      int
}

func (s *sleepy) Serve(context.Context) {
	s.n++
	s.served <- s.n
	s.c.Parks = true
	if _, err := s.c.Line(100); errors.Is(err, ErrQuiet) {
		s.c.Park()
	}
	if s.n == 1 {
		s.c.Wake()
	}
}

func (s *sleepy) Ended() {}
