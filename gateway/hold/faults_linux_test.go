package hold_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"martlet/gateway/hold"
	"martlet/push"
)

// fewFiles lets nothing more be opened, until the returned function is called.
func fewFiles(t *testing.T, spare int) (enough func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(f.Fd())
	f.Close()
	limit := unix.Rlimit{Cur: next + uint64(spare), Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	done := false
	enough = func() {
		if !done {
			done = true
			_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
		}
	}
	t.Cleanup(enough)
	return enough
}

// Each relayed connection takes a socket more. Where there are not so many, some
// phones have to connect anew, and no more than those.
func TestPhonesThatCannotBeRelayedAreLetGoAlone(t *testing.T) {
	secure, plain, after := build(t, hold.Config{}, true), build(t, hold.Config{}, false), build(t, hold.Config{}, false)
	var news atomic.Bool
	secure.say, plain.say, after.say = quietUntil(&news), quietUntil(&news), quietUntil(&news)
	a, b := secure.dial(0), plain.dial(0)
	a.ask("/hold/a")
	b.ask("/hold/b")
	secure.wantHeld(1)
	plain.wantHeld(1)
	parcels := append(secure.leave(), plain.leave()...)
	from, to := packets(t)
	enough := fewFiles(t, 0)
	err := hold.Send(from, parcels)
	enough()
	if err == nil {
		t.Error("it is not told that a phone was left out")
	}
	from.Close()
	got, err := hold.Receive(to)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d parcels, %v", len(got), err)
	}
	relay, err := hold.Release(parcels)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.in.ReadByte(); err != io.EOF {
		t.Errorf("the phone that was left out: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := relay.Wait(ctx); err != nil {
		t.Error(err)
	}
	after.adopt(got)
	after.wantHeld(1)
	news.Store(true)
	after.hub.Publish(7, 1)
	b.want("answer 0")
}

// A connection that could not be given back is closed once: its number may be
// another's a moment later.
func TestASocketThatCannotBeWokenIsClosedOnce(t *testing.T) {
	h := build(t, hold.Config{}, false)
	p := h.dial(0)
	p.ask("/hold/a")
	h.wantHeld(1)
	h.hub.Publish(7, 1)
	p.want("answer 0")
	enough := fewFiles(t, 0)
	p.ask("/now")
	if _, err := p.in.ReadByte(); err == nil {
		t.Fatal("a number was free after all")
	}
	enough()
	more := make([]*os.File, 0, 64)
	for range 32 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, r, w)
	}
	for range 5 {
		runtime.GC()
	}
	done := make(chan struct{})
	runtime.AddCleanup(new([64]byte), func(c chan struct{}) { close(c) }, done)
	runtime.GC()
	<-done // cleanups have run
	for _, f := range more {
		if err := f.Close(); err != nil {
			t.Errorf("a number of somebody else was closed: %v", err)
		}
	}
}

// What comes and goes leaves no socket behind, whichever way it ended.
func TestNoSocketIsLeftBehind(t *testing.T) {
	h := build(t, hold.Config{}, true)
	round := func() {
		for i := range 30 {
			p := h.dial(0)
			p.ask("/hold/a" + strings.Repeat("x", i))
			h.wantHeld(1)
			switch i % 5 {
			case 0:
				p.conn.Close()
			case 1:
				h.hub.Publish(7, 1)
				p.read()
				p.conn.Close()
			case 2:
				h.hub.Publish(7, 1)
				p.read()
				p.ask("/now")
				p.read()
				p.conn.Close()
			case 3:
				p.ask("/now")
				p.read()
				p.read()
				p.conn.Close()
			case 4:
				_ = p.conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).SetLinger(0)
				p.conn.(interface{ NetConn() net.Conn }).NetConn().Close()
			}
			h.wantHeld(0)
			for len(h.ended) > 0 {
				<-h.ended
			}
		}
		waitFor(t, "every connection to be closed", func() bool { return len(h.open) == 1 && h.holder.Parked() == 0 })
	}
	sockets := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	round()
	before := sockets()
	round()
	waitFor(t, "as many files as before", func() bool { return sockets() <= before })
}

// Who makes the answer may have to wait for a place at work, which the handler
// that parked the request still has.
func TestAHandlerDoesNotWaitForItsOwnPlace(t *testing.T) {
	place, wanted := make(chan struct{}, 1), make(chan struct{}, 1)
	hub := push.NewHub()
	holder := hold.New(hold.Config{
		Hub:    hub,
		Resume: func() { wanted <- struct{}{}; place <- struct{}{} },
		Park:   func() { <-place },
	})
	s := &http.Server{ConnContext: hold.ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		place <- struct{}{}
		defer func() { <-place }()
		held := holder.Expect(7, push.FoldersOf(1), newPhone("a", always("woken")))
		defer held.Cancel()
		hub.Publish(7, 1)
		if _, err := held.Park(w, r, time.Hour); err != hold.ErrParked {
			t.Error(err)
		}
		<-wanted
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go s.Serve(hold.NewListener(l, make(chan struct{}, 10)))
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	p := &handset{t, conn, bufio.NewReader(conn)}
	p.ask("/")
	p.want("woken")
}

// Phones that are answered and ask again all the time do so while they are handed
// over, too, and none loses its connection.
func TestBusyPhonesAreHandedOver(t *testing.T) {
	before, after := build(t, hold.Config{}, false), build(t, hold.Config{}, false)
	drain := func(h *house) {
		for {
			select {
			case <-h.ended:
			case <-t.Context().Done():
				return
			}
		}
	}
	go drain(before)
	go drain(after)
	const n = 40
	var phones, storm sync.WaitGroup
	var answers atomic.Int64
	var over atomic.Bool
	for i := range n {
		phones.Go(func() {
			p := before.dial(0)
			for !over.Load() {
				p.ask(fmt.Sprintf("/hold/%d", i))
				if resp, body := p.read(); resp.StatusCode != 200 || !strings.HasPrefix(body, "answer ") || resp.Close {
					t.Errorf("HTTP %d %q", resp.StatusCode, body)
				}
				answers.Add(1)
			}
		})
	}
	calm := make(chan struct{})
	storm.Go(func() {
		for tick := time.NewTicker(100 * time.Microsecond); ; {
			select {
			case <-tick.C:
				before.hub.Publish(7, 1)
				after.hub.Publish(7, 1)
			case <-calm:
				tick.Stop()
				return
			}
		}
	})
	waitFor(t, "the phones to be busy", func() bool { return answers.Load() > 10*n })
	before.holder.Leave()
	// Who was answered at work, and not while parked, has a connection of the HTTP
	// server's until the next request: that would end with the server.
	waitFor(t, "all phones to have asked again", func() bool { return before.holder.Parked() == n })
	got, _ := pass(t, before.leave())
	if len(got) != n {
		t.Errorf("%d parcels, want %d", len(got), n)
	}
	after.adopt(got)
	so := answers.Load()
	waitFor(t, "the phones to be busy again", func() bool { return answers.Load() > so+10*n })
	over.Store(true)
	phones.Wait()
	close(calm)
	storm.Wait()
}

// The process that ends a phone's TLS serves all that follow: those in between are
// not needed any more.
func TestAPhoneOverTLSOutlivesTwoUpgrades(t *testing.T) {
	var news atomic.Bool
	first, second, third := build(t, hold.Config{}, true), build(t, hold.Config{}, true), build(t, hold.Config{}, true)
	for _, h := range []*house{first, second, third} {
		h.say = quietUntil(&news)
	}
	held, thinks := first.dial(0), first.dial(0)
	thinks.ask("/hold/b")
	first.wantHeld(1)
	news.Store(true)
	first.hub.Publish(7, 1)
	thinks.want("answer 0")
	news.Store(false)
	held.ask("/hold/a")
	first.wantHeld(1)
	got, relay := pass(t, first.leave())
	second.adopt(got)
	second.wantHeld(1)
	got, none := pass(t, second.leave())
	if none.Left() != 0 || relay.Left() != 2 {
		t.Errorf("%d and %d are relayed, want 2 and 0", relay.Left(), none.Left())
	}
	third.adopt(got)
	third.wantHeld(1)
	news.Store(true)
	third.hub.Publish(7, 1)
	if resp := held.want("answer 0"); !resp.Close {
		t.Error("the phone is not told to come over")
	}
	thinks.ask("/now")
	thinks.want("at once, TLS false")
	thinks.conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := relay.Wait(ctx); err != nil {
		t.Errorf("%d are still relayed", relay.Left())
	}
}
