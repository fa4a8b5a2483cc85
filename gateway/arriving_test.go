package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a listener with one connection, a pipe, so that time can be played.
type piped struct {
	conn chan net.Conn
	done chan struct{}
}

func (l piped) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l piped) Close() error   { close(l.done); return nil }
func (l piped) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Whoever announces a body and does not send it, known or not, keeps a
// connection no longer than a body may take.
func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	for name, endpoint := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { new(Server).unauthorized(w, false) },
		"read": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			bare(w, http.StatusBadRequest)
		},
	} {
		for _, announced := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
			t.Run(name+" "+announced, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := around(t, Config{}, endpoint)
					l := piped{make(chan net.Conn), make(chan struct{})}
					served := make(chan error, 1)
					go func() { served <- s.Serve(l) }()
					ours, theirs := net.Pipe()
					l.conn <- theirs
					go fmt.Fprintf(ours, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", announced)
					start := time.Now()
					in := bufio.NewReader(ours)
					_ = ours.SetReadDeadline(start.Add(time.Hour))
					resp, err := http.ReadResponse(in, nil)
					if err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						_, err = in.ReadByte()
					}
					if waited := time.Since(start); err != io.EOF || waited > 2*bodyTime {
						t.Errorf("the connection ends after %v: %v", waited, err)
					}
					ours.Close()
					if err := s.Shutdown(t.Context()); err != nil {
						t.Error(err)
					}
					if err := <-served; err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}
