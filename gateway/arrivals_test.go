package gateway

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// A phone that was let in just before the end is answered, though it asks when
// the end has begun.
func TestWhoHasBeenAcceptedIsAnsweredAtTheEnd(t *testing.T) {
	s := around(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	var late, silent net.Conn
	for _, c := range []*net.Conn{&late, &silent} {
		if *c, err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer (*c).Close()
	}
	accepted := func(n int) func() bool {
		return func() bool {
			s.arriving.mu.Lock()
			defer s.arriving.mu.Unlock()
			return len(s.arriving.waiting) == n
		}
	}
	waitFor(t, "both are accepted", accepted(2))
	ended := make(chan error, 1)
	start := time.Now()
	go func() { ended <- s.Shutdown(context.Background()) }()
	if err := <-served; err != nil { // nobody is accepted from here on
		t.Errorf("Serve returned %v", err)
	}
	fmt.Fprint(late, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > arrivalTime+2*time.Second {
		t.Errorf("the end took %v", took)
	}
}
