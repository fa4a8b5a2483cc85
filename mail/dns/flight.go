package dns

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// flights are the questions that are under way. Who asks what another asks already
// waits for the same answer.
type flights struct {
	mu   sync.Mutex
	open map[question]*flight
}

type flight struct {
	done    chan struct{} // closed when answer and err are there
	answer  *answer
	err     error
	waiting int // guarded by flights.mu; at zero nobody wants the answer any more
	cancel  context.CancelFunc
}

// answer looks into the cache and asks the servers.
func (r *Resolver) answer(ctx context.Context, q question) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	if a := r.cache.get(q); a != nil {
		return a, nil
	}
	f := r.board(ctx, q)
	select {
	case <-f.done:
		r.leave(q, f)
		return f.answer, f.err
	case <-ctx.Done():
		r.leave(q, f)
		return nil, fmt.Errorf("%w: %w", ErrTemporary, ctx.Err())
	}
}

// board joins the flight of a question, or starts one, which is nobody's own: it
// ends when all who wait for it have left.
func (r *Resolver) board(ctx context.Context, q question) *flight {
	r.flights.mu.Lock()
	defer r.flights.mu.Unlock()
	if f := r.flights.open[q]; f != nil {
		f.waiting++
		return f
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	f := &flight{done: make(chan struct{}), waiting: 1, cancel: cancel}
	if r.flights.open == nil {
		r.flights.open = map[question]*flight{}
	}
	r.flights.open[q] = f
	go func() {
		defer cancel()
		f.answer, f.err = r.ask(own, q)
		if f.err == nil {
			f.answer.expires = time.Now().Add(f.answer.ttl)
			r.cache.put(q, f.answer)
		}
		r.flights.land(q, f)
		close(f.done)
	}()
	return f
}

func (r *Resolver) leave(q question, f *flight) {
	r.flights.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	if last && r.flights.open[q] == f {
		delete(r.flights.open, q) // nobody may join what is about to be broken off
	}
	r.flights.mu.Unlock()
	if last {
		f.cancel()
	}
}

func (fs *flights) land(q question, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.open[q] == f {
		delete(fs.open, q)
	}
}
