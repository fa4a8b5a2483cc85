package door

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// house is a door with a protocol of a few words: a number is answered by "= " and
// itself, "quit" ends, "panic" panics, "slow" takes until the context ends. A wake
// is told by "! " and how many there were in all.
type house struct {
	t       testing.TB
	door    *Door
	address string
	ended   atomic.Int64
	served  atomic.Int64 // calls of Serve
	wakes   atomic.Int64
	slow    atomic.Int64 // sessions at "slow"

	mu       sync.Mutex
	sessions map[*chat]struct{}
}

func newHouse(t testing.TB, edit func(*Config)) *house {
	t.Helper()
	h := &house{t: t, sessions: map[*chat]struct{}{}}
	cfg := Config{
		Name: "chat", Logger: slog.New(slog.DiscardHandler),
		Start: func(c *Conn) Session {
			s := &chat{h: h, c: c}
			h.mu.Lock()
			h.sessions[s] = struct{}{}
			h.mu.Unlock()
			return s
		},
		Refuse: func(r Refusal) string { return fmt.Sprintf("no %d\r\n", r) },
	}
	if edit != nil {
		edit(&cfg)
	}
	h.door = New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- h.door.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := h.door.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("serve: %v", err)
		}
		if all, parked := h.door.Sessions(); all != 0 || parked != 0 || len(h.door.networks) != 0 {
			t.Errorf("after the end: %d sessions, %d parked, %d networks", all, parked, len(h.door.networks))
		}
	})
	return h
}

// chat is a session.
type chat struct {
	h    *house
	c    *Conn
	told int64
	over bool
}

func (s *chat) Serve(ctx context.Context) {
	s.h.served.Add(1)
	s.c.Wakes, s.c.Parks = true, true
	for !s.over && s.c.Broken() == nil {
		s.c.Until = time.Now().Add(time.Hour)
		line, err := s.c.Line(100)
		switch {
		case errors.Is(err, ErrQuiet):
			s.c.Park()
			return
		case errors.Is(err, ErrWoken):
			s.c.TakeWake()
			if n := s.h.wakes.Load(); n > s.told {
				s.told = n
				s.c.Printf("! %d\r\n", n)
			}
		case errors.Is(err, ErrLeaving):
			s.c.Print("bye\r\n")
			s.over = true
		case err != nil:
			s.over = true
		default:
			s.run(ctx, string(line))
		}
	}
	_ = s.c.Flush()
}

func (s *chat) run(ctx context.Context, line string) {
	switch line {
	case "quit":
		s.c.Print("so long\r\n")
		s.over = true
	case "panic":
		panic("asked for it")
	case "slow":
		s.h.slow.Add(1)
		<-ctx.Done()
	default:
		s.c.Print("= " + line + "\r\n")
	}
}

func (s *chat) Ended() {
	s.h.ended.Add(1)
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	delete(s.h.sessions, s)
}

// wakeAll is news for everybody.
func (h *house) wakeAll() int64 {
	n := h.wakes.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions {
		s.c.Wake()
	}
	return n
}

// client is the other end.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) dial() *client {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	return &client{h.t, conn, bufio.NewReader(conn)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatal(err)
	}
}

// hears reads a line that must be this one; "" is the end.
func (c *client) hears(want string) {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if got := strings.TrimSuffix(line, "\r\n"); got != want || err != nil && (want != "" || errors.Is(err, os.ErrDeadlineExceeded)) {
		c.t.Fatalf("heard %q, %v; want %q", line, err, want)
	}
}

// parked waits until so many are parked.
func (h *house) parked(n int) {
	h.t.Helper()
	h.eventually(func() bool { _, parked := h.door.Sessions(); return parked == n })
}

func (h *house) eventually(f func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !f(); <-tick.C {
		if time.Now().After(end) {
			h.t.Fatal("it never comes true")
		}
	}
}
