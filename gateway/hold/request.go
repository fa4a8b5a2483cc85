package hold

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"martlet/push"
)

// Request is a request that may have to wait. Its life goes one way:
// expected, then held in a goroutine or parked, then, when it was parked, idle:
// the answer is written and the connection waits for the next request. There is
// one for each held phone: it has 128 bytes.
type Request struct {
	waiter   push.Waiter
	h        *Holder
	answerer Answerer
	next     *Request // guarded by the queue's mu
	signals  atomic.Uint32
	away     bool // it was parked; for the one who expected it

	// Guarded by mu; see docs/locks.md.
	missed  uint8 // signals that came while it was expected
	phase   phase
	last    bool  // no request follows on the connection
	slot    int32 // on the shelf
	since   ticks
	mu      sync.Mutex
	conn    *Conn
	tls     *tls.Conn     // around conn; nil without TLS
	blocked chan struct{} // of a request that is held in a goroutine
}

// ticks are hundredths of a second since the holder was made: enough for a log,
// for 497 days.
type ticks uint32

func (h *Holder) ticks() ticks { return ticks(h.now() / (10 * time.Millisecond)) }

func (r *Request) heldFor() time.Duration {
	return time.Duration(r.h.ticks()-r.since) * 10 * time.Millisecond
}

type phase uint8

const (
	expected phase = iota
	blocking       // held in a goroutine
	parked
	idle
	ended
)

// Signals, which are bits.
const (
	woken uint32 = 1 << iota
	timedOut
	superseded
	stopping
	readable
	queued // it is in the queue or at a worker
)

// Expect registers interest in the folders of a mailbox, which is the phone's, and
// of others besides, so that no change is missed while the caller looks whether
// there is an answer already. The caller must Cancel it; that does nothing to a
// request that was parked.
func (h *Holder) Expect(mailbox uint64, folders push.Folders, a Answerer, also ...Topic) *Request {
	r := &Request{h: h, answerer: a, slot: -1}
	r.watch(mailbox, folders, also)
	return r
}

// Cancel ends a request that was not parked.
func (r *Request) Cancel() {
	if r.away { // and must not wait for who makes the answer, with a place at work
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == expected {
		r.phase = ended
		r.unwatch()
	}
}

// Wake is for the hub.
func (r *Request) Wake() { r.signal(woken) }

// signal has a worker look at the request.
func (r *Request) signal(bits uint32) {
	if r.signals.Or(bits|queued)&queued == 0 {
		r.h.work.add(r)
	}
}

// work does what the signals ask for until there are none.
func (r *Request) work() {
	for {
		bits := r.signals.Swap(queued) &^ queued
		if bits == 0 {
			if r.signals.CompareAndSwap(queued, 0) {
				return
			}
			continue
		}
		r.act(bits)
	}
}

func (r *Request) act(bits uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.phase {
	case expected:
		r.missed |= uint8(bits)
	case blocking:
		r.missed |= uint8(bits)
		select {
		case r.blocked <- struct{}{}:
		default: // it will look
		}
	case parked:
		r.parkedLocked(bits)
	case idle:
		r.idleLocked(bits)
	}
}

// Park waits for the answer. When the connection can be parked it returns
// ErrParked at once, and the holder writes the answer. Otherwise it blocks and
// returns the answer for the caller to write, or ErrGone when the client went
// away first.
func (r *Request) Park(w http.ResponseWriter, req *http.Request, timeout time.Duration) (Answer, error) {
	r.supersede()
	if r.h.stopping.Load() {
		a, _ := r.ask(req.Context(), Stopping)
		return a, nil
	}
	if c := connOf(req); c != nil && req.ProtoMajor == 1 && r.cross(w, req, timeout) {
		r.away = true
		return Answer{}, ErrParked
	}
	return r.block(req.Context(), timeout)
}

// cross takes the request's connection from the HTTP server and parks it, if that
// can be done.
func (r *Request) cross(w http.ResponseWriter, req *http.Request, timeout time.Duration) bool {
	r.h.crossing.RLock()
	defer r.h.crossing.RUnlock()
	if r.h.stopping.Load() || !r.h.shelf.ready() {
		return false
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	r.park(conn, rw, req.Close || !req.ProtoAtLeast(1, 1), timeout)
	return true
}

// supersede ends the phone's older requests of the same command.
func (r *Request) supersede() {
	device, command := r.answerer.Phone()
	older := false
	r.h.c.Hub.Each(r.waiter.Mailbox(), func(w push.Waker) bool {
		o, ok := w.(*Request)
		switch {
		case !ok:
		case o == r: // who comes behind it was there before
			older = true
		case older:
			if d, c := o.answerer.Phone(); d == device && c == command {
				o.signal(superseded)
			}
		}
		return true
	})
}

// Supersede ends what a phone waits for with a command: it has asked for
// something else on another connection.
func (h *Holder) Supersede(mailbox uint64, device string, command uint8) {
	h.c.Hub.Each(mailbox, func(w push.Waker) bool {
		if r, ok := w.(*Request); ok {
			if d, c := r.answerer.Phone(); d == device && c == command {
				r.signal(superseded)
			}
		}
		return true
	})
}

// reason is the most urgent of the signals.
func reason(bits uint32) (Reason, bool) {
	switch {
	case bits&stopping != 0:
		return Stopping, true
	case bits&superseded != 0:
		return Superseded, true
	case bits&timedOut != 0:
		return TimedOut, true
	case bits&woken != 0:
		return Woken, true
	}
	return 0, false
}

// ask asks for the answer.
func (r *Request) ask(ctx context.Context, why Reason) (Answer, bool) {
	a, done := r.answerer.Answer(ctx, why)
	return a, done || why != Woken
}

// block holds the request in the caller's goroutine: HTTP/2, and where sockets
// cannot be parked.
func (r *Request) block(ctx context.Context, timeout time.Duration) (Answer, error) {
	r.mu.Lock()
	r.phase, r.blocked = blocking, make(chan struct{}, 1)
	bits := uint32(r.missed)
	r.missed = 0
	r.mu.Unlock()
	r.h.waiting.Add(1)
	defer r.h.waiting.Add(-1)
	defer r.leave()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		if why, ok := reason(bits); ok {
			if a, done := r.ask(ctx, why); done {
				return a, nil
			}
		}
		var gone bool
		if bits, gone = r.wait(ctx, timer); gone {
			return Answer{}, ErrGone
		}
	}
}

// wait blocks until there are signals.
func (r *Request) wait(ctx context.Context, timer *time.Timer) (bits uint32, gone bool) {
	r.h.c.Park()
	defer r.h.c.Resume()
	select {
	case <-r.blocked:
		r.mu.Lock()
		defer r.mu.Unlock()
		bits, r.missed = uint32(r.missed), 0
		return bits, false
	case <-timer.C:
		return timedOut, false
	case <-r.h.stop:
		return stopping, false
	case <-ctx.Done():
		return 0, true
	}
}

// leave ends a request that was held in a goroutine.
func (r *Request) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = ended
	r.unwatch()
}
