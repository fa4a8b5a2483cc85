package push

import (
	"context"
	"sync"
	"time"
)

const (
	manyWorkers = 16 // from which on they write in waves
	waveLength  = 20 * time.Millisecond
	waveMost    = 256 // so many need not wait for more
)

// waves has those who write do so together. What is written together shares a
// commit: ten thousand outcomes cost the disk, and mail that is to be written
// to it, a hundred commits.
type waves struct {
	mu   sync.Mutex // guards what follows
	next chan struct{}
	n    int // who waits for next
}

// wait returns when the next wave breaks.
func (w *waves) wait() {
	w.mu.Lock()
	if w.next == nil {
		wave := make(chan struct{})
		w.next, w.n = wave, 0
		time.AfterFunc(waveLength, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.next == wave {
				w.breakLocked()
			}
		})
	}
	wave := w.next
	if w.n++; w.n == waveMost {
		w.breakLocked()
	}
	w.mu.Unlock()
	<-wave
}

func (w *waves) breakLocked() {
	close(w.next)
	w.next = nil
}

// write has the book write down an outcome.
func (n *Notifier) write(ctx context.Context, id uint64, p *Plan, o Outcome, again bool) error {
	if n.workers.Load() >= manyWorkers {
		n.waves.wait()
	}
	return n.book.Settle(ctx, id, p, o, again)
}
