package smtp

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// firstBuffer is where a message starts; most never need more.
const firstBuffer = 64 << 10

// buffers are first buffers used again.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, firstBuffer); return &b }}

// errGiveUp ends the reading of a message so much too big that even throwing
// it away costs too much.
var errGiveUp = errors.New("smtp: message far too big")

// message collects the bytes of one message within the limits: its own size,
// and that of all messages under way together. Past a limit it forgets what
// it has and lets the rest pass by, so that the client can be told.
type message struct {
	buf      []byte
	first    *[]byte
	limit    int64
	budget   *semaphore.Weighted
	reserved int64
	size     int64
	tooBig   bool
	noRoom   bool
}

// newMessage waits a while for room.
func newMessage(ctx context.Context, budget *semaphore.Weighted, limit int64) *message {
	m := &message{limit: limit, budget: budget}
	if !m.reserve(ctx, firstBuffer) {
		m.noRoom = true
		return m
	}
	m.first = buffers.Get().(*[]byte)
	m.buf = (*m.first)[:0]
	return m
}

func (m *message) reserve(ctx context.Context, n int64) bool {
	if !m.budget.TryAcquire(n) {
		ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
		defer cancel()
		if m.budget.Acquire(ctx, n) != nil {
			return false
		}
	}
	m.reserved += n
	return true
}

// write appends p, or lets it pass by when the message is lost already.
func (m *message) write(ctx context.Context, p []byte) error {
	m.size += int64(len(p))
	if m.lost() {
		if m.size > 2*m.limit+firstBuffer {
			return errGiveUp
		}
		return nil
	}
	if m.size > m.limit {
		m.tooBig = true
		m.free()
		return nil
	}
	if int(m.size) > cap(m.buf) && !m.grow(ctx) {
		m.noRoom = true
		m.free()
		return nil
	}
	m.buf = append(m.buf, p...)
	return nil
}

func (m *message) lost() bool { return m.tooBig || m.noRoom }

// grow doubles the buffer. The size a client declares reserves nothing:
// anyone can declare.
func (m *message) grow(ctx context.Context) bool {
	want := min(max(2*int64(cap(m.buf)), m.size), m.limit)
	if !m.reserve(ctx, want-int64(cap(m.buf))) {
		return false
	}
	m.buf = append(make([]byte, 0, want), m.buf...)
	return true
}

// free gives the memory back.
func (m *message) free() {
	if m.first != nil {
		*m.first = (*m.first)[:0]
		buffers.Put(m.first)
	}
	m.first, m.buf = nil, nil
	m.budget.Release(m.reserved)
	m.reserved = 0
}

// release is free for a message that is done with.
func (m *message) release() { m.free() }
