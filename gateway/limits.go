package gateway

import (
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
)

// What an overloaded server asks for: long enough to recover, short enough that
// nobody waits for mail (MS-ASHTTP 3.1.5.2.3), and another time for each, so
// that those who came together do not come together again.
const (
	retryAfter  = 20 // seconds
	retrySpread = 40
)

// comeBackLater asks a client to.
func comeBackLater(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter+rand.IntN(retrySpread)))
	bare(w, http.StatusServiceUnavailable)
}

// places holds one element for each request at work.
type places chan struct{}

// enter takes a place if there is one.
func (p places) enter() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a place as soon as there is one.
func (p places) wait() { p <- struct{}{} }

func (p places) leave() { <-p }

// limited refuses requests when as many are at work as may be.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.places.enter() {
			comeBackLater(w)
			return
		}
		defer s.places.leave()
		next.ServeHTTP(w, r)
	})
}

// recovering turns a panic into a logged, counted 500. None should ever come.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.panicked(p, r.URL.Path)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// panicked logs and counts a bug of ours.
func (s *Server) panicked(p any, path string) {
	s.panics.Add(1)
	s.log.Error("request panicked", "panic", p, "path", path, "stack", string(debug.Stack()))
}
