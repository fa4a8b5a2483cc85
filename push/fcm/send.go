package fcm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"golang.org/x/oauth2/jwt"
	"google.golang.org/api/option"

	"martlet/push"
)

// app is an App that can send.
type app struct {
	client *messaging.Client
	access *access
	slots  chan struct{} // one for each request under way
}

func newApp(c *App, transport http.RoundTripper, inFlight int, timeout time.Duration) (*app, error) {
	account, err := parseAccount(c.ServiceAccount)
	if err != nil {
		return nil, err
	}
	if err := account.complete(c); err != nil {
		return nil, err
	}
	// The project is named, so that the SDK looks for none in the environment.
	// With a client of ours it asks for no credentials either.
	ctx := context.Background()
	f, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: account.ProjectID},
		option.WithHTTPClient(&http.Client{Transport: courier{base: transport}, CheckRedirect: noRedirect}),
		option.WithEndpoint(endpointOf(c)))
	if err != nil {
		return nil, fmt.Errorf("firebase: %w", err)
	}
	client, err := f.Messaging(ctx)
	if err != nil {
		return nil, fmt.Errorf("firebase: %w", err)
	}
	return &app{
		client: client,
		slots:  make(chan struct{}, inFlight),
		access: &access{
			config: jwt.Config{
				Email: account.Email, PrivateKey: []byte(account.Key), PrivateKeyID: account.KeyID,
				TokenURL: account.TokenURI, Scopes: []string{scope},
			},
			transport: transport,
			timeout:   timeout * 2 / 3, // so that who waits for it hears what became of it
			now:       time.Now,
		},
	}, nil
}

// send hands a message over. An access token that was refused is replaced once:
// the service has not looked at the message then.
func (a *app) send(ctx context.Context, m *messaging.Message) push.Outcome {
	for renewed := false; ; renewed = true {
		token, outcome := a.access.get(ctx)
		if token == "" {
			return outcome
		}
		outcome, again := a.try(ctx, token, m)
		if !again {
			return outcome
		}
		a.access.drop(token)
		if renewed {
			return outcome
		}
	}
}

// attempt is one request, as its courier knows it by the context.
type attempt struct {
	bearer string
	answer answer
	end    context.CancelFunc
}

type attemptKey struct{}

// try sends once and tells whether the access token was refused.
func (a *app) try(ctx context.Context, token string, m *messaging.Message) (push.Outcome, bool) {
	at := &attempt{bearer: token}
	ctx, at.end = context.WithCancel(ctx)
	defer at.end()
	name, err := a.client.Send(context.WithValue(ctx, attemptKey{}, at), m)
	if at.answer.status == 0 && at.answer.err == nil && err != nil {
		// The SDK did not ask at all: it found fault with the message, or time was up.
		if ctx.Err() != nil {
			return push.Outcome{Result: push.Retry, Reason: push.Trouble(ctx.Err())}, false
		}
		return push.Outcome{Result: push.Refused, Reason: "refused by the sdk"}, false
	}
	return at.answer.outcome(name, time.Now())
}

// courier carries the SDK's requests: with the attempt's access token, and once
// only. The SDK tries again by itself after a lost connection and after 503, up
// to four times and without regard for a short deadline; that is the notifier's,
// so the attempt's context ends as soon as there is an answer of that kind.
type courier struct{ base http.RoundTripper }

func (c courier) RoundTrip(r *http.Request) (*http.Response, error) {
	at, ok := r.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return nil, fmt.Errorf("fcm: a request of nobody")
	}
	with := *r
	with.Header = maps.Clone(r.Header)
	with.Header.Set("Authorization", "Bearer "+at.bearer)
	resp, err := recorder{c.base, &at.answer}.RoundTrip(&with)
	if err != nil || resp.StatusCode == http.StatusServiceUnavailable {
		at.end()
	}
	return resp, err
}

// maxAnswer bounds what is read of an answer; FCM's have less than 2 KB.
const maxAnswer = 64 << 10

// recorder keeps what came of a request: of the SDK's errors not all lead back
// to it.
type recorder struct {
	base   http.RoundTripper
	answer *answer
}

func (c recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		*c.answer = answer{err: err}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	resp.Body.Close()
	if err != nil {
		*c.answer = answer{err: err}
		return nil, err
	}
	*c.answer = answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After"), body: body}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
