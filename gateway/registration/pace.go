package registration

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"martlet/directory"
)

// Limits of one account. An app registers when it starts and when its token
// changes; a test sends a real notification, for which Apple and Google count
// against the app.
const (
	writeBurst = 30
	writeEvery = 2 * time.Second
	testBurst  = 5
	testEvery  = 20 * time.Second
	maxPaced   = 10_000 // accounts remembered
)

// pace bounds how often each account may do something.
type pace struct {
	burst int
	every time.Duration

	mu  sync.Mutex // guards all
	all map[directory.AccountID]*rate.Limiter
}

func newPace(burst int, every time.Duration) *pace {
	return &pace{burst: burst, every: every, all: map[directory.AccountID]*rate.Limiter{}}
}

// take is nil, or the answer to who comes too often.
func (p *pace) take(a directory.AccountID, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.all[a]
	if !ok {
		if len(p.all) >= maxPaced {
			p.forgetLocked(now)
		}
		l = rate.NewLimiter(rate.Every(p.every), p.burst)
		p.all[a] = l
	}
	if l.AllowN(now, 1) {
		return nil
	}
	again := problemf(http.StatusTooManyRequests, codeSlowDown, "too often: %d at once, then one every %v; try again when Retry-After says", p.burst, p.every)
	again.after = time.Duration((1 - l.TokensAt(now)) * float64(p.every))
	return again
}

// forgetLocked drops who has been quiet, or anybody when none has.
func (p *pace) forgetLocked(now time.Time) {
	for a, l := range p.all {
		if l.TokensAt(now) >= float64(p.burst) {
			delete(p.all, a)
		}
	}
	for a := range p.all {
		if len(p.all) < maxPaced {
			return
		}
		delete(p.all, a)
	}
}
