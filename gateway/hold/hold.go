// Package hold keeps a phone's request open until something changes, its time
// is up, the phone hangs up or the server stops. It knows nothing of commands,
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
	Stopping
)

// Answer is a whole response. An empty Body is a response without a body.
type Answer struct {
	Body        []byte
	ContentType string
}

// Parked is a request that waits.
type Parked struct {
	// Watch wakes it. The holder closes it. It must have been registered before
	// the log was first read: the other order loses what happens in between.
	Watch *push.Watch
	// Timeout is how long it may wait.
	Timeout time.Duration
	// Answer gives the response. With Woken it may return done = false: nothing
	// for this phone, keep waiting. It is called at least once, first when the
	// request is parked. It must not keep hold of the request's big buffers: what
	// it closes over is what a parked phone costs.
	Answer func(ctx context.Context, why Reason) (a Answer, done bool, err error)
}

// Holder holds requests. Use New.
type Holder struct {
	stop    chan struct{}
	once    sync.Once
	waiting atomic.Int64
}

// New returns a holder of no requests.
func New() *Holder { return &Holder{stop: make(chan struct{})} }

// Hold waits until the parked request has its answer and returns it for the
// caller to write. It returns ErrGone when the client went away first.
func (h *Holder) Hold(r *http.Request, p Parked) (Answer, error) {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	defer p.Watch.Close()

	ctx := r.Context()
	timer := time.NewTimer(p.Timeout)
	defer timer.Stop()
	for why := Woken; ; {
		a, done, err := p.Answer(ctx, why)
		if done || err != nil || why != Woken {
			return a, err
		}
		select {
		case <-p.Watch.C():
		case <-timer.C:
			why = TimedOut
		case <-h.stop:
			why = Stopping
		case <-ctx.Done():
			return Answer{}, ErrGone
		}
	}
}

// Waiting counts the held requests, for metrics.
func (h *Holder) Waiting() int { return int(h.waiting.Load()) }

// Stop has every held request answer now, and every later one at once. It may
// be called more than once.
func (h *Holder) Stop() { h.once.Do(func() { close(h.stop) }) }
