// Package hold keeps a phone's request open until something changes, its time
// is up, the phone asks anew, hangs up, or the server stops. It knows nothing of commands,
// stores or mail: who parks says how to answer. It must never answer twice, nor
// write anything while the request is parked.
package hold

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"martlet/push"
)

// ErrGone says that the phone hung up: there is nobody left to answer.
var ErrGone = errors.New("hold: the client is gone")

// Reason is why a parked request is asked for its answer.
type Reason uint8

// The reasons. A parked request that is asked with Woken may find that nothing
// changed for this phone and stay parked; with the others it must answer.
const (
	Woken Reason = iota
	TimedOut
	Superseded // the same phone holds a newer request: this one's connection is likely lost
	Stopping
)

// Answer is a whole response. An empty Body is a response without a body.
type Answer struct {
	Body        []byte
	ContentType string
}

// Parked is a request that waits.
type Parked struct {
	// Key names the phone and what it waits for: of one key only the newest
	// request stays. Phones that change their network leave requests behind.
	Key string
	// Watch wakes it. The holder closes it. It must have been registered before
	// the log was first read: the other order loses what happens in between.
	Watch *push.Watch
	// Timeout is how long it may wait.
	Timeout time.Duration
	// Answer gives the response. With Woken it may return done = false: nothing
	// for this phone, keep waiting. It is called first after the first wake, not
	// when the request is parked. What it closes over is what a parked phone
	// costs in memory, so it should close over little.
	Answer func(ctx context.Context, why Reason) (a Answer, done bool, err error)
}

// Config is what a holder calls; both may be nil.
type Config struct {
	// Park is called when a request begins to wait, Resume before it is asked
	// for its answer: a parked request is not at work. Resume may block, which
	// spreads out the answers when one change wakes many.
	Park, Resume func()
}

// Holder holds requests. Use New. All methods are safe for concurrent use.
type Holder struct {
	c       Config
	stop    chan struct{}
	once    sync.Once
	waiting atomic.Int64

	mu     sync.Mutex
	newest map[string]chan struct{} // by key; closed when a newer one comes
}

// New returns a holder of no requests.
func New(c Config) *Holder {
	if c.Park == nil {
		c.Park = func() {}
	}
	if c.Resume == nil {
		c.Resume = func() {}
	}
	return &Holder{c: c, stop: make(chan struct{}), newest: map[string]chan struct{}{}}
}

// Hold waits until the parked request has its answer and returns it for the
// caller to write. It returns ErrGone when the client went away first.
func (h *Holder) Hold(r *http.Request, p Parked) (Answer, error) {
	defer p.Watch.Close()
	older, leave := h.enter(p.Key)
	defer leave()
	ctx := r.Context()
	timer := time.NewTimer(p.Timeout)
	defer timer.Stop()
	for {
		why, err := h.wait(ctx, p.Watch, timer, older)
		if err != nil {
			return Answer{}, err
		}
		a, done, err := p.Answer(ctx, why)
		if done || err != nil || why != Woken {
			return a, err
		}
	}
}

// enter makes this the newest request of its key. The channel closes when there
// is a newer one.
func (h *Holder) enter(key string) (superseded <-chan struct{}, leave func()) {
	c := make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.newest[key]; old != nil {
		close(old)
	}
	h.newest[key] = c
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.newest[key] == c {
			delete(h.newest, key)
		}
	}
}

// wait blocks until there is a reason to ask for the answer.
func (h *Holder) wait(ctx context.Context, w *push.Watch, timer *time.Timer, superseded <-chan struct{}) (Reason, error) {
	h.waiting.Add(1)
	h.c.Park()
	defer h.c.Resume()
	defer h.waiting.Add(-1)
	select {
	case <-w.C():
		return Woken, nil
	case <-timer.C:
		return TimedOut, nil
	case <-superseded:
		return Superseded, nil
	case <-h.stop:
		return Stopping, nil
	case <-ctx.Done():
		return 0, ErrGone
	}
}

// Waiting counts the held requests, for metrics.
func (h *Holder) Waiting() int { return int(h.waiting.Load()) }

// Stop has every held request answer now, and every later one at once. It may
// be called more than once.
func (h *Holder) Stop() { h.once.Do(func() { close(h.stop) }) }
