package fcm

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"martlet/push"
)

const (
	// scope allows to send messages, nothing else of the project.
	// https://developers.google.com/identity/protocols/oauth2/scopes#fcm
	scope = "https://www.googleapis.com/auth/firebase.messaging"

	// renewEarly is how long before its end an access token is renewed; it lives
	// an hour. Until then the old one serves, so that nobody waits.
	renewEarly = 10 * time.Minute
	// tooLate is how long before its end it is not used any more: it has to be
	// good when it arrives.
	tooLate = 30 * time.Second
	// leastLife is for a token that does not say how long it lives.
	leastLife = 5 * time.Minute

	// A grant that failed is not asked for again at once, however many
	// notifications wait for it.
	firstPause = time.Second
	maxPause   = time.Minute
)

// access keeps the access token of a service account: one grant at a time,
// shared by all who wait for it.
type access struct {
	config    jwt.Config
	transport http.RoundTripper
	timeout   time.Duration
	now       func() time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
	renew   time.Time // from when on a new one is asked for
	grant   *grant    // under way; nil: none
	failed  push.Outcome
	pause   time.Duration // doubles with each failure
	again   time.Time     // before that, failed is the answer
}

// grant is a request for an access token that is under way.
type grant struct {
	done    chan struct{}
	token   string
	outcome push.Outcome // where there is no token
}

// get returns an access token, or an outcome that says why there is none.
func (a *access) get(ctx context.Context) (string, push.Outcome) {
	a.mu.Lock()
	now := a.now()
	good := a.token != "" && now.Before(a.expires)
	if a.grant == nil && (!good || !now.Before(a.renew)) {
		if now.Before(a.again) {
			if !good {
				o := a.failed
				o.After = max(o.After, a.again.Sub(now))
				a.mu.Unlock()
				return "", o
			}
		} else {
			a.grant = &grant{done: make(chan struct{})}
			go a.ask(a.grant)
		}
	}
	token, g := a.token, a.grant
	a.mu.Unlock()
	if good {
		return token, push.Outcome{}
	}
	select {
	case <-g.done:
		return g.token, g.outcome
	case <-ctx.Done():
		return "", push.Outcome{Result: push.Retry, Reason: "oauth: " + push.Trouble(ctx.Err()), Wide: errors.Is(ctx.Err(), context.DeadlineExceeded)}
	}
}

// drop forgets a token that the service refused.
func (a *access) drop(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}

// ask carries out a grant. It runs for at most the timeout of its request.
func (a *access) ask(g *grant) {
	var got answer
	ctx, cancel := context.WithTimeout(context.Background(), a.timeout)
	defer cancel()
	client := &http.Client{Transport: recorder{within{a.transport, ctx}, &got}, CheckRedirect: noRedirect}
	token, err := a.config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, client)).Token()
	a.mu.Lock()
	defer a.mu.Unlock()
	defer close(g.done)
	a.grant = nil
	now := a.now()
	if err != nil || !plausible(token.AccessToken) || !strings.EqualFold(token.Type(), "Bearer") {
		a.pause = min(max(2*a.pause, firstPause), maxPause)
		a.again = now.Add(a.pause)
		g.outcome = got.refusedGrant(now)
		g.outcome.After = max(g.outcome.After, a.pause)
		a.failed = g.outcome
		return
	}
	lifetime := leastLife
	if !token.Expiry.IsZero() {
		lifetime = time.Until(token.Expiry)
	}
	a.token, a.pause, a.again = token.AccessToken, 0, time.Time{}
	a.expires = now.Add(lifetime - min(tooLate, lifetime/4))
	a.renew = now.Add(lifetime - min(renewEarly, lifetime/2))
	g.token = token.AccessToken
}

// within gives requests a context, which the library's have not.
type within struct {
	base http.RoundTripper
	ctx  context.Context
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	return w.base.RoundTrip(r.WithContext(w.ctx))
}

// noRedirect keeps keys and tokens where they were meant to go.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
