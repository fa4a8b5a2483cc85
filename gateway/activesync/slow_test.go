package activesync_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A body that never ends arriving is given up and answered when its time is
// over, and keeps neither goroutine nor connection.
func TestABodyThatIsSlowIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		p := iOS.as(t, h)
		p.ready()
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- h.server.Serve(l) }()
		conn := l.dial()
		var whole bytes.Buffer
		if err := p.request(http.MethodPost, "Ping", mustXML(t, pingOf(3540, "1"))).Write(&whole); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := conn.Write(whole.Bytes()[:whole.Len()-3]); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(start.Add(time.Hour))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		if waited := time.Since(start); waited > 2*time.Minute || resp.StatusCode < 400 {
			t.Errorf("HTTP %d after %v", resp.StatusCode, waited)
		}
		conn.Close()
		if err := h.server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
