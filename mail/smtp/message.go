package smtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sync/semaphore"
)

// firstBuffer is where a message starts; most never need more.
const firstBuffer = 64 << 10

// spoolFrom is the size in bytes at which a message goes on in a file: however
// slowly a large one comes, it takes no memory before it is whole.
const spoolFrom = 1 << 20

// copies is how often a whole message lies in memory while it is delivered: as
// it came, and with its trace fields in front.
const copies = 2

// buffers are first buffers used again.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, firstBuffer); return &b }}

// errGiveUp ends the reading of a message so much too big that even throwing
// it away costs too much.
var errGiveUp = errors.New("smtp: message far too big")

// message collects the bytes of one message within the limits: its own size,
// and that of all messages under way together. Past a limit it forgets what
// it has and lets the rest pass by, so that the client can be told. Whoever
// waits for memory in the middle of a message holds less than spoolFrom, and
// whoever waits for the memory of a large one holds none, so that nobody waits
// for each other.
type message struct {
	buf      []byte
	first    *[]byte
	limit    int64
	budget   *semaphore.Weighted
	reserved int64
	size     int64
	tooBig   bool
	noRoom   bool

	dir   string // where a large message is spooled
	spool *os.File
	out   *bufio.Writer // to spool
}

// newMessage waits a while for room.
func (s *Server) newMessage(ctx context.Context) *message {
	m := &message{limit: s.cfg.MaxMessageBytes, budget: s.inFlight, dir: s.cfg.SpoolDir}
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
	if m.spool == nil && int(m.size) <= cap(m.buf) {
		m.buf = append(m.buf, p...)
		return nil
	}
	if !m.room(ctx) {
		m.noRoom = true
		m.free()
		return nil
	}
	if m.spool == nil {
		m.buf = append(m.buf, p...)
		return nil
	}
	if _, err := m.out.Write(p); err != nil {
		m.noRoom = true
		m.free()
	}
	return nil
}

func (m *message) lost() bool { return m.tooBig || m.noRoom }

// room makes room for the message as it is now: a larger buffer, or a file. The
// size a client declares reserves nothing: anyone can declare.
func (m *message) room(ctx context.Context) bool {
	switch {
	case m.spool != nil:
		return true
	case m.size > spoolFrom:
		return m.toFile() == nil
	}
	want := min(max(2*int64(cap(m.buf)), m.size), m.limit)
	if !m.reserve(ctx, want-int64(cap(m.buf))) {
		return false
	}
	m.buf = append(make([]byte, 0, want), m.buf...)
	return true
}

// toFile moves what has come to a file without a name, which is gone with the
// process, and gives the memory back.
func (m *message) toFile() error {
	f, err := os.CreateTemp(m.dir, "incoming-")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	out := bufio.NewWriterSize(f, firstBuffer)
	if _, err := out.Write(m.buf); err != nil {
		f.Close()
		return err
	}
	m.freeMemory()
	m.spool, m.out = f, out
	return nil
}

// whole returns the message, after waiting for the memory of a large one. The
// bytes are the message's until it is freed.
func (m *message) whole(ctx context.Context) ([]byte, error) {
	if m.spool == nil {
		return m.buf, nil
	}
	if err := m.out.Flush(); err != nil {
		return nil, fmt.Errorf("smtp: spool: %w", err)
	}
	if !m.reserve(ctx, copies*m.size) {
		return nil, fmt.Errorf("smtp: no memory for a message of %d bytes within %v", m.size, memoryTimeout)
	}
	m.buf = make([]byte, m.size)
	if _, err := io.ReadFull(io.NewSectionReader(m.spool, 0, m.size), m.buf); err != nil {
		return nil, fmt.Errorf("smtp: spool: %w", err)
	}
	return m.buf, nil
}

// free gives back what the message holds. Whoever began a message ends with it.
func (m *message) free() {
	m.freeMemory()
	if m.spool != nil {
		m.spool.Close()
		m.spool, m.out = nil, nil
	}
}

func (m *message) freeMemory() {
	if m.first != nil {
		*m.first = (*m.first)[:0]
		buffers.Put(m.first)
	}
	m.first, m.buf = nil, nil
	m.budget.Release(m.reserved)
	m.reserved = 0
}
