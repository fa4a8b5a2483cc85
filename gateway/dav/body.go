package dav

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"martlet/directory"
)

// Limits of requests that are being read. A file is the largest.
const (
	maxBodies     = 256 << 20 // bytes of all requests
	maxUserBodies = 96 << 20  // bytes of one user's
	firstRoom     = 32 << 10  // bytes that a body has at first

	maxUserRequests = 64 // of one user that are at work
)

type userID = directory.AccountID

// budget bounds what requests take of memory, all of them and each user's, and how
// many of a user's there are: whoever reads an answer slowly has a place for long.
type budget struct {
	mu     sync.Mutex
	all    int64
	each   map[userID]int64
	atWork map[userID]int
}

// enter tells whether a user may have one more request at work.
func (b *budget) enter(who userID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.atWork[who] >= maxUserRequests {
		return false
	}
	if b.atWork == nil {
		b.atWork = map[userID]int{}
	}
	b.atWork[who]++
	return true
}

func (b *budget) leave(who userID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.atWork[who]--; b.atWork[who] == 0 {
		delete(b.atWork, who)
	}
}

// take tells whether there is room for n more bytes.
func (b *budget) take(who userID, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all+n > maxBodies || b.each[who]+n > maxUserBodies {
		return false
	}
	if b.each == nil {
		b.each = map[userID]int64{}
	}
	b.all += n
	b.each[who] += n
	return true
}

func (b *budget) give(who userID, n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all -= n
	if b.each[who] -= n; b.each[who] <= 0 {
		delete(b.each, who)
	}
}

// readBody reads the request's body within a limit. It takes room as it comes, not
// as it was announced. The returned function must be called when the body is no
// longer used.
func (q *request) readBody(limit int64) (body []byte, release func(), err error) {
	who, taken := q.account.ID, int64(0)
	release = func() { q.h.bodies.give(who, taken) }
	n := q.r.ContentLength
	if n == 0 || q.r.Body == nil {
		return nil, release, nil
	}
	tooLarge := &failure{status: http.StatusRequestEntityTooLarge, text: "the request is too large"}
	if n > limit {
		return nil, release, tooLarge
	}
	if n < 0 {
		n = limit // it may grow to that
	}
	if e := q.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, release, fail(http.StatusUnsupportedMediaType)
	}
	from, rc, start := http.MaxBytesReader(q.w, q.r.Body, limit), http.NewResponseController(q.w), time.Now()
	for {
		if len(body) == cap(body) {
			size := min(max(2*int64(cap(body)), firstRoom), n+1) // and the end of it
			if size == taken {                                   // more than was announced
				return nil, release, tooLarge
			}
			if !q.h.bodies.take(who, size-taken) {
				return nil, release, fail(http.StatusServiceUnavailable)
			}
			taken = size
			body = append(make([]byte, 0, size), body...)
		}
		_ = rc.SetReadDeadline(start.Add(patience(int64(len(body)))))
		k, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+k]
		if err == io.EOF {
			break
		}
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return nil, release, tooLarge
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, release, &failure{status: http.StatusRequestTimeout, text: "the request did not arrive in time"}
		case err != nil:
			return nil, release, &failure{status: http.StatusBadRequest, text: "the request broke off", cause: err}
		}
	}
	_ = rc.SetReadDeadline(time.Time{})
	return body, release, nil
}

// patience is how long a body of which n bytes have come may take for the next
// ones: half a minute, and what a slow line needs.
func patience(n int64) time.Duration {
	return 30*time.Second + time.Duration(n/slowest)*time.Second
}

// How much more memory than its bytes something takes when it has been read.
const (
	treeCost   = 16 // a document
	objectCost = 2  // an object, on its way into the store
)

// costs takes room for more than the bytes that came, until the request is over.
func (q *request) costs(n int64) error {
	if !q.h.bodies.take(q.account.ID, n) {
		return fail(http.StatusServiceUnavailable)
	}
	q.free = append(q.free, func() { q.h.bodies.give(q.account.ID, n) })
	return nil
}

// readDocument reads the request's XML document; nil: there is none. What it
// takes is counted until the request is over.
func (q *request) readDocument() (*element, error) {
	body, release, err := q.readBody(maxXML)
	q.free = append(q.free, release)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if err := q.costs(treeCost * int64(len(body))); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(q.r.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", "text/xml", "application/xml", "text/plain", "application/x-www-form-urlencoded": // of which some are wrong, and sent
	default:
		return nil, fail(http.StatusUnsupportedMediaType)
	}
	return readXML(body)
}
