// Package hold keeps phones' requests open until something changes, their time
// is up, the phone asks anew, hangs up, or the server stops, at a few hundred
// bytes each: on Linux a held HTTP/1.1 request is taken from net/http and
// parked without a goroutine, a buffer or a timer. It knows nothing of
// commands, stores or mail: who parks says how to answer. It must never answer
// twice, nor write anything while a request is parked.
package hold

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"martlet/push"
)

// Errors of Park.
var (
	// ErrParked says that the answer is the holder's business from here on:
	// nothing may be written to the response any more.
	ErrParked = errors.New("hold: the request is parked")
	// ErrGone says that the phone hung up: there is nobody left to answer.
	ErrGone = errors.New("hold: the client is gone")
)

// Reason is why a parked request is asked for its answer.
type Reason uint8

// The reasons. A parked request that is asked with Woken may find that nothing
// changed for this phone and stay parked; with the others it must answer.
const (
	Woken Reason = iota
	TimedOut
	Superseded // the same phone sent something newer: this request is of no use to it
	Stopping
)

// Answer is a whole response. An empty Body is a response without a body.
type Answer struct {
	Status int // HTTP; zero: 200
	Header http.Header
	Body   []byte
}

// End is what became of a parked request, for the log.
type End struct {
	Held   time.Duration
	Gone   bool // the phone hung up before there was an answer
	Answer *Answer
	Err    error // of writing the answer
}

// Answerer is what waits: it knows the phone and what to tell it. It is what a
// parked phone costs in memory besides the holder's own, so it should hold
// little.
type Answerer interface {
	// Answer gives the response. With Woken it may return false: nothing for this
	// phone, keep waiting.
	Answer(ctx context.Context, why Reason) (Answer, bool)
	// Phone names the phone within its mailbox, and what it waits with: of a phone
	// and a command only the newest request stays. Phones that change their
	// network leave requests behind.
	Phone() (device string, command uint8)
	// State is what another process makes the same Answerer from.
	State() []byte
	// Ended is told once what became of a request that Park returned ErrParked
	// for.
	Ended(e End)
}

// Config is what a holder needs: Hub is required.
type Config struct {
	Hub *push.Hub
	// Park is called when a request begins to wait, Resume before it is asked
	// for its answer: a parked request is not at work. Resume may block, which
	// spreads out the answers when one change wakes many. Both may be nil.
	Park, Resume func()
	// Panicked is told of a panic in an Answerer; nil: it is not caught.
	Panicked func(any)
	// IdleTimeout ends connections on which no request follows the answer; zero:
	// ten minutes.
	IdleTimeout time.Duration
}

// Holder holds requests. Use New. All methods are safe for concurrent use.
type Holder struct {
	c        Config
	start    time.Time
	waiting  atomic.Int64
	parked   atomic.Int64
	stopping atomic.Bool
	leaving  atomic.Bool   // another process will go on with what is parked
	stop     chan struct{} // ends what is held in goroutines
	once     sync.Once     // closes it
	work     queue
	shelf    shelf
	large    sync.WaitGroup // answers that take their time
	back     *returned
	// crossing is held for reading while a connection goes from the HTTP server to
	// the shelf or back: in between neither knows of it.
	crossing sync.RWMutex
}

// New returns a holder of no requests.
func New(c Config) *Holder {
	if c.Park == nil {
		c.Park = func() {}
	}
	if c.Resume == nil {
		c.Resume = func() {}
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 10 * time.Minute
	}
	h := &Holder{c: c, start: time.Now(), stop: make(chan struct{}), back: newReturned()}
	h.work.h = h
	h.shelf.h = h
	return h
}

// now is the time since the holder was made. It does not jump with the clock.
func (h *Holder) now() time.Duration { return time.Since(h.start) }

// Waiting counts the requests that wait for their answer, for metrics.
func (h *Holder) Waiting() int { return int(h.waiting.Load()) }

// Parked counts the connections that are parked: those with a request that
// waits, and those whose phone has its answer and may ask again.
func (h *Holder) Parked() int { return int(h.parked.Load()) }

// Holding tells whether a phone of the mailbox waits at this moment.
func (h *Holder) Holding(mailbox uint64, device string) (held bool) {
	h.c.Hub.Each(mailbox, func(w push.Waker) bool {
		if r, ok := w.(*Request); ok {
			name, _ := r.answerer.Phone()
			held = name == device
		}
		return !held
	})
	return held
}

// Stop has every held request answer now, and every later one at once, and
// closes the parked connections afterwards. It may be called more than once.
func (h *Holder) Stop() {
	if h.refuse(&h.stopping) {
		h.once.Do(func() { close(h.stop) })
		h.shelf.each(func(r *Request) { r.signal(stopping) })
	}
}

// Leave prepares for Detach: requests that are held in goroutines answer now, and
// connections whose phone asks again stay as they are. Requests may still be
// parked.
func (h *Holder) Leave() {
	h.refuse(&h.leaving)
	h.once.Do(func() { close(h.stop) })
}

// refuse sets one of the flags when no connection crosses. It tells whether it
// was not set yet.
func (h *Holder) refuse(flag *atomic.Bool) bool {
	h.crossing.Lock()
	defer h.crossing.Unlock()
	return !flag.Swap(true)
}

// Drain waits until every parked connection is closed, after Stop.
func (h *Holder) Drain(ctx context.Context) error {
	if err := h.shelf.drain(ctx); err != nil {
		return err
	}
	written := make(chan struct{})
	go func() { h.large.Wait(); close(written) }()
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Returned is where parked connections come back when their phone asks again:
// the HTTP server must serve it like any other listener.
func (h *Holder) Returned() net.Listener { return h.back }

// queue is the requests with something to do. There is a worker only while
// there is work.
type queue struct {
	h *Holder

	mu          sync.Mutex // guards what follows
	first, last *Request
	workers     int
}

// maxWorkers bounds the answers in the making. Most are made in microseconds,
// but one may wait for a disk or for a place at work.
const maxWorkers = 32

func (q *queue) add(r *Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		q.first = r
	} else {
		q.last.next = r
	}
	q.last = r
	if q.workers < maxWorkers {
		q.workers++
		go q.run()
	}
}

func (q *queue) run() {
	for {
		q.mu.Lock()
		r := q.first
		if r == nil {
			q.workers--
			q.mu.Unlock()
			return
		}
		if q.first = r.next; q.first == nil {
			q.last = nil
		}
		r.next = nil
		q.mu.Unlock()
		r.work()
	}
}
