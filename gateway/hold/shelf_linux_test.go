package hold

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"martlet/internal/parking"
	"martlet/push"
)

// pair is an accepted connection and its phone.
func pair(t testing.TB, open chan struct{}) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewListener(l, open).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); far.Close() })
	return c.(*Conn), far
}

// Each keep-alive would wake a phone's radio.
func TestNoKeepAlivesAreSent(t *testing.T) {
	c, _ := pair(t, make(chan struct{}, 1))
	sends := func(when string) {
		t.Helper()
		fd := int(c.fd)
		if c.awake != nil {
			var err error
			if fd, err = socketOf(c.awake); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
		}
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on != 0 {
			t.Errorf("%s: keep-alives are %d, %v", when, on, err)
		}
	}
	sends("accepted")
	if err := c.sleep(); err != nil {
		t.Fatal(err)
	}
	sends("asleep")
	if err := c.wake(); err != nil {
		t.Fatal(err)
	}
	sends("awake again")
}

// What a phone does not take at once while it should be listening is an error,
// not a wait.
func TestASleepingConnectionNeverBlocks(t *testing.T) {
	c, _ := pair(t, make(chan struct{}, 1))
	if err := c.sleep(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read while asleep")
	}
	b, total := make([]byte, 64<<10), 0
	for total < 1<<30 {
		n, err := c.Write(b)
		total += n
		if err != nil {
			return
		}
	}
	t.Errorf("%d bytes were taken by a phone that reads none", total)
}

func TestSomethingToReadIsTold(t *testing.T) {
	c, far := pair(t, make(chan struct{}, 1))
	if err := c.sleep(); err != nil {
		t.Fatal(err)
	}
	told := make(chan []int32, 1)
	p, err := parking.NewPoller(func(slots []int32) { told <- append([]int32{}, slots...) })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Add(int(c.fd), 7); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := io.WriteString(far, "x"); err != nil {
			t.Fatal(err)
		}
		if got := <-told; len(got) != 1 || got[0] != 7 {
			t.Errorf("told of %v, want 7", got)
		}
		if err := skip(int(c.fd), 1); err != nil {
			t.Fatal(err)
		}
		if err := p.Rearm(int(c.fd), 7); err != nil {
			t.Fatal(err)
		}
	}
}

// The whole work that idle phones make: once a second.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{19_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := New(Config{Hub: push.NewHub()})
			h.shelf.requests, h.shelf.deadline, h.shelf.n = make([]*Request, n), make([]uint32, n), n
			for i := range h.shelf.deadline {
				h.shelf.deadline[i] = uint32(3540 + i%60)
			}
			for b.Loop() {
				h.shelf.scanOnce(1)
			}
		})
	}
}

// A wake from the hub to the bytes in the socket, and the phone's next request.
func BenchmarkParkAndAnswer(b *testing.B) {
	h := New(Config{Hub: push.NewHub()})
	c, far := pair(b, make(chan struct{}, 1))
	if !h.shelf.ready() {
		b.Skip("connections cannot be parked here")
	}
	in, rw := make([]byte, 1024), bufio.NewReadWriter(bufio.NewReader(c), nil)
	b.ReportAllocs()
	for b.Loop() {
		r := h.Expect(7, push.AllFolders, brief{})
		r.park(c, rw, false, 1<<40)
		h.c.Hub.Publish(7, 1)
		if _, err := far.Read(in); err != nil {
			b.Fatal(err)
		}
		r.mu.Lock() // until it is idle
		h.shelf.take(r)
		r.phase = ended
		r.mu.Unlock()
		if err := c.wake(); err != nil {
			b.Fatal(err)
		}
	}
}
