package relay

import (
	"sync"
	"time"
)

// Limits of sessions that are kept for the next message.
const (
	maxIdle     = 64  // in all
	maxMessages = 100 // of one session
)

// pool keeps sessions that have done their work for a few seconds. Each belongs to
// one destination: what was found out of a host for one need not do for another.
type pool struct {
	mu     sync.Mutex // guards the fields below
	idle   map[string][]*session
	n      int
	closed bool
}

// take returns an idle session for a destination, or nil.
func (p *pool) take(destination string) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[destination]
	if len(list) == 0 {
		return nil
	}
	s := list[len(list)-1]
	p.setLocked(destination, list[:len(list)-1])
	return s
}

func (p *pool) setLocked(destination string, list []*session) {
	p.n += len(list) - len(p.idle[destination])
	if len(list) == 0 {
		delete(p.idle, destination)
		return
	}
	p.idle[destination] = list
}

// put keeps a session, or ends it.
func (p *pool) put(destination string, s *session) {
	if !p.keep(destination, s) {
		s.quit()
		return
	}
	time.AfterFunc(s.times.Idle, func() {
		if p.forget(destination, s) {
			s.quit()
		}
	})
}

func (p *pool) keep(destination string, s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.n >= maxIdle || s.sent >= maxMessages || s.times.Idle < 0 {
		return false
	}
	p.setLocked(destination, append(p.idle[destination], s))
	return true
}

// forget takes a session out that is still idle since the same time.
func (p *pool) forget(destination string, s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[destination]
	for i, o := range list {
		if o == s && time.Since(s.idleSince) >= s.times.Idle {
			p.setLocked(destination, append(list[:i:i], list[i+1:]...))
			return true
		}
	}
	return false
}

// close ends all idle sessions.
func (p *pool) close() {
	p.mu.Lock()
	all := p.idle
	p.idle, p.n, p.closed = nil, 0, true
	p.mu.Unlock()
	var done sync.WaitGroup
	for _, list := range all {
		for _, s := range list {
			done.Go(s.quit)
		}
	}
	done.Wait()
}
