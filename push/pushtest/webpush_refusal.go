package pushtest

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// WebPushRefusal is what a request is answered in place of being taken.
type WebPushRefusal struct {
	Status     int
	RetryAfter string // the header: seconds or a date; empty: none
	Location   string // of a redirect
	Body       string
	Headers    map[string]string

	Delay   time.Duration // before anything is said
	Reset   bool          // the connection is cut
	Garbage bool          // bytes that are no HTTP
	Endless bool          // the body does not end
}

// Refuse has the next requests answered so, one each, before anything else is
// looked at.
func (w *WebPush) Refuse(r ...WebPushRefusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script = append(w.script, r...)
}

// RefuseAll has every request answered so, until nil is given.
func (w *WebPush) RefuseAll(r *WebPushRefusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.always = r
}

func (w *WebPush) refusalLocked() *WebPushRefusal {
	if len(w.script) == 0 {
		return w.always
	}
	r := w.script[0]
	w.script = w.script[1:]
	return &r
}

func (r *WebPushRefusal) answer(rw http.ResponseWriter, req *http.Request) {
	if r.Delay > 0 {
		select {
		case <-time.After(r.Delay):
		case <-req.Context().Done():
			return
		}
	}
	if r.Garbage { // through TLS, past HTTP
		conn, _ := req.Context().Value(connection{}).(net.Conn)
		_, _ = conn.Write([]byte("this is not what you asked for, whatever it was"))
	}
	if r.Reset || r.Garbage {
		hangUp(req)
	}
	h := rw.Header()
	for name, value := range r.Headers {
		h.Set(name, value)
	}
	if r.RetryAfter != "" {
		h.Set("Retry-After", r.RetryAfter)
	}
	if r.Location != "" {
		h.Set("Location", r.Location)
	}
	rw.WriteHeader(r.Status)
	if r.Body != "" {
		_, _ = rw.Write([]byte(r.Body))
	}
	for i := 0; r.Endless && req.Context().Err() == nil; i++ {
		if _, err := rw.Write([]byte(strconv.Itoa(i))); err != nil {
			return
		}
	}
}
