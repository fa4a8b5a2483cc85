package hold

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"time"

	"martlet/internal/parking"
)

// smallAnswer fits into the buffer of any socket: a phone that does not take it
// is gone. Larger ones are written by a goroutine.
const smallAnswer = 8 << 10

// park takes over a connection that net/http has given up.
func (r *Request) park(conn net.Conn, rw *bufio.ReadWriter, last bool, timeout time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn, r.tls, r.last = sleeper(conn), asTLS(conn), last
	if r.tls != nil {
		parking.Trim(r.tls)
	}
	r.phase, r.since = parked, r.h.ticks()
	r.h.waiting.Add(1)
	r.h.parked.Add(1)
	bits := uint32(r.missed)
	r.missed = 0
	err := r.conn.sleep()
	if err == nil {
		err = r.h.shelf.put(r, r.h.now()+timeout)
	}
	if err != nil || spoken(rw) {
		// It cannot be watched, or the phone has sent its next request already and
		// waits for this one no more.
		r.last = true
		bits |= superseded
	}
	if bits != 0 {
		r.signal(bits)
	}
}

// spoken tells whether there is something of a next request in the buffer. Line
// ends that sloppy clients send behind a body are none (RFC 9112 2.2).
func spoken(rw *bufio.ReadWriter) bool {
	n := rw.Reader.Buffered()
	if n == 0 {
		return false
	}
	b, _ := rw.Reader.Peek(n)
	return !onlyLineEnds(b)
}

func onlyLineEnds(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func asTLS(c net.Conn) *tls.Conn {
	t, _ := c.(*tls.Conn)
	return t
}

// parkedLocked does what a parked request is asked to.
func (r *Request) parkedLocked(bits uint32) {
	speaks := false
	if bits&readable != 0 {
		switch r.conn.look(r.tls != nil) {
		case hungUp:
			r.goneLocked()
			return
		case spoke:
			speaks = true
			bits |= superseded
		default:
			r.h.shelf.rearm(r)
		}
	}
	why, ok := reason(bits)
	if !ok {
		return
	}
	r.h.c.Resume()
	defer r.h.c.Park()
	a, done := r.safely(why)
	if !done {
		return
	}
	r.h.waiting.Add(-1)
	r.unwatch()
	// Whose connection is about to be handed over keeps it.
	r.last = r.last || r.conn.relayed() || why == Stopping || r.h.stopping.Load() && !r.h.leaving.Load()
	r.answerLocked(&a, speaks)
}

// safely asks for the answer and survives a panic of the one who gives it.
func (r *Request) safely(why Reason) (a Answer, done bool) {
	defer func() {
		if r.h.c.Panicked == nil {
			return
		}
		if p := recover(); p != nil {
			r.h.c.Panicked(p)
			r.last = true
			a, done = Answer{Status: 500}, true
		}
	}()
	return r.ask(context.Background(), why)
}

// answerLocked writes the answer. Afterwards the connection stays parked, until
// the next request comes.
func (r *Request) answerLocked(a *Answer, speaks bool) {
	raw := a.append(nil, r.last)
	if len(raw) > smallAnswer {
		r.h.large.Add(1) // before the shelf is empty, since Drain waits for both
		r.h.shelf.take(r)
		r.phase = ended
		go r.writeLarge(a, raw)
		return
	}
	_, err := r.stream().Write(raw)
	r.endedLocked(End{Held: r.heldFor(), Answer: a, Err: err})
	switch {
	case err != nil || r.last:
		r.closeLocked()
	case speaks && r.handBackLocked():
	default:
		r.phase = idle
		r.h.shelf.due(r, r.h.now()+r.h.c.IdleTimeout)
	}
}

func (r *Request) endedLocked(e End) {
	r.answerer.Ended(e)
	r.answerer = nil
}

// The slowest link worth writing to, and what every answer gets at least.
const (
	slowestLink  = 8 << 10 // bytes a second
	transferTime = time.Minute
)

// writeLarge writes an answer that may take its time, and returns the connection
// to the HTTP server.
func (r *Request) writeLarge(a *Answer, raw []byte) {
	defer r.h.large.Done()
	defer r.h.parked.Add(-1)
	err := r.conn.wake()
	if err == nil {
		_ = r.stream().SetWriteDeadline(time.Now().Add(transferTime + time.Duration(len(raw)/slowestLink)*time.Second))
		_, err = r.stream().Write(raw)
		_ = r.stream().SetWriteDeadline(time.Time{})
	}
	r.endedLocked(End{Held: r.heldFor(), Answer: a, Err: err})
	if err != nil || r.last || !r.h.back.put(r.stream()) {
		_ = r.stream().Close()
	}
}

// stream is what the phone's bytes go through.
func (r *Request) stream() net.Conn {
	if r.tls != nil {
		return r.tls
	}
	return r.conn
}

// goneLocked lets go of a phone that hung up.
func (r *Request) goneLocked() {
	r.h.waiting.Add(-1)
	r.unwatch()
	r.endedLocked(End{Held: r.heldFor(), Gone: true})
	r.closeLocked()
}

// idleLocked is asked when the phone has its answer.
func (r *Request) idleLocked(bits uint32) {
	switch {
	case bits&stopping != 0 || bits&timedOut != 0 && r.h.shelf.left(r) == 0: // not the request's own time
		r.closeLocked()
	case bits&readable != 0:
		switch r.conn.look(false) {
		case hungUp:
			r.closeLocked()
		case spoke:
			r.handBackLocked()
		default:
			r.h.shelf.rearm(r)
		}
	}
}

// handBackLocked gives the connection to the HTTP server, which reads the next
// request; or leaves that to whoever comes after us.
func (r *Request) handBackLocked() bool {
	r.h.crossing.RLock()
	defer r.h.crossing.RUnlock()
	if r.h.leaving.Load() {
		return false
	}
	r.h.shelf.take(r)
	r.phase = ended
	r.h.parked.Add(-1)
	if r.conn.wake() != nil || !r.h.back.put(r.stream()) {
		_ = r.stream().Close()
	}
	return true
}

func (r *Request) closeLocked() {
	r.h.shelf.take(r)
	r.phase = ended
	r.h.parked.Add(-1)
	_ = r.stream().Close()
}
