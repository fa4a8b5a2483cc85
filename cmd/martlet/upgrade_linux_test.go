package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"martlet/gateway/hold"
	"martlet/push"
)

// patient waits for ever.
type patient struct{ name string }

func (patient) Answer(context.Context, hold.Reason) (hold.Answer, bool) { return hold.Answer{}, false }
func (p patient) Phone() (string, uint8)                                { return p.name, 18 }
func (patient) State() []byte                                           { return []byte("a") }
func (patient) Ended(hold.End)                                          {}

// A version that knows no parcels leaves them where they are, the sockets in them
// open: we must not wait for it, and its phones must notice.
func TestASuccessorThatTakesNoParcelsCostsItsPhonesNoHour(t *testing.T) {
	h := hold.New(hold.Config{Hub: push.NewHub()})
	s := &http.Server{ConnContext: hold.ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.Expect(7, push.FoldersOf(1), patient{r.RemoteAddr}).Park(w, r, time.Hour); err != hold.ErrParked {
			t.Error(err)
		}
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(hold.NewListener(l, make(chan struct{}, 1000)))
	const phones = 600 // more than the socket has room for
	conns := make([]net.Conn, phones)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		_ = conns[i].SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(conns[i], "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for h.Waiting() < phones {
		<-tick.C
	}
	h.Leave()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	parcels := h.Detach()

	control, theirs, err := socketPair(unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	takes, never, err := socketPair(unix.SOCK_SEQPACKET)
	if err != nil {
		t.Fatal(err)
	}
	defer never.Close()
	other, err := net.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() {
		far := newTalk(other)
		if _, err := far.hear(context.Background(), stateGo); err == nil {
			_ = far.say(word{State: stateReady})
		}
	}()
	n := &successor{talk: newTalk(control), parcels: takes}
	done := make(chan error, 1)
	go func() { done <- n.serving(t.Context(), parcels, discard()) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the old process waits for a successor that serves")
	}
	if _, err := hold.Release(parcels); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a phone waits on for nobody: %v", err)
		}
	}
}
