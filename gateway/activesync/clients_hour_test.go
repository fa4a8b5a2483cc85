package activesync_test

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, so that time can be played.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error { l.once.Do(func() { close(l.done) }); return nil }

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (l *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

// The longest heartbeat is 59 minutes: nothing of ours ends the request before,
// though transfers and idle connections have their limits, and the next request
// goes over the same connection.
func TestARequestIsHeldForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		p := iOS.as(t, h)
		key := p.ready()
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- h.server.Serve(l) }()
		conn := l.dial()
		in := bufio.NewReader(conn)
		for _, request := range [][2]string{
			{"Ping", pingOf(3540, "1")},
			{"Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>` + key + `</SyncKey><CollectionId>1</CollectionId></Collection></Collections><HeartbeatInterval>3540</HeartbeatInterval></Sync>`},
		} {
			start := time.Now()
			r := p.request(http.MethodPost, request[0], mustXML(t, request[1]))
			if err := r.Write(conn); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(in, r)
			if err != nil {
				t.Fatalf("%s: after %v: %v", request[0], time.Since(start), err)
			}
			a := p.read(resp)
			if waited := time.Since(start); waited < 3540*time.Second || waited > 3545*time.Second || a.status != http.StatusOK {
				t.Errorf("%s: HTTP %d after %v", request[0], a.status, waited)
			}
			if got := element(a.xml, "Status"); request[0] == "Ping" && got != "1" || request[0] == "Sync" && a.xml != "" {
				t.Errorf("%s is answered\n%s", request[0], a.xml)
			}
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
