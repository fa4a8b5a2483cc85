// Package fcm sends notifications to Android apps through Firebase Cloud
// Messaging, HTTP v1, with Google's SDK. It knows the service's words and turns
// each of its refusals into a push.Outcome; it must never try again by itself,
// keep anything of a notification, or let a token, a key or a text into a log or
// an outcome's reason.
//
// # What an app receives, for its authors
//
// Every message is a data message: onMessageReceived is called whatever the
// app does at the moment. All values are text; those without a value are absent.
//
//	version   1
//	mode      silent, badge, alert, sealed or withdrawn
//	id        the same when the same is sent again: show it once
//	sent      when, in milliseconds since 1970: FCM does not keep the order
//	account   as the app registered it
//	tag       names what is shown: show under it, so that a later one replaces it
//	thread    groups what is shown; opaque
//	message   what to open; opaque
//	sender, subject, preview   of alert
//	unread    the badge, of sealed within the envelope; absent: leave it
//	envelope  of sealed: base64url without padding, opened as push/seal says
//
// withdrawn means: cancel what is shown under the tag, the message was read
// elsewhere. When FCM has dropped messages, onDeletedMessages is called: sync.
package fcm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"martlet/push"
)

// Config is what a Sender needs.
type Config struct {
	Apps []App
	// InFlight bounds the requests under way at once, for each app; zero: 100,
	// which is what Google takes on one connection.
	InFlight int
	// Timeout is for one request; zero: 15 s. Google asks for 10 s at least.
	Timeout time.Duration
	// Roots are trusted instead of the system's, for tests; nil: the system's.
	Roots *x509.CertPool
}

// App is an Android app with the account that may send to it.
type App struct {
	Name           string // push.Target.App
	ServiceAccount []byte // the JSON file from Firebase's console; secret
	ProjectID      string // empty: the service account's own
	Endpoint       string // empty: https://fcm.googleapis.com/v1
	TokenURI       string // empty: the service account's own
}

// String is the app's name, so that printing an App shows no key.
func (a App) String() string { return a.Name }

const (
	defaultEndpoint = "https://fcm.googleapis.com/v1"
	defaultInFlight = 100
	defaultTimeout  = 15 * time.Second
)

// Sender is a push.Sender for push.FCM.
type Sender struct {
	apps      map[string]*app
	timeout   time.Duration
	transport *http.Transport
}

var _ push.Sender = (*Sender)(nil)

// New checks the apps' accounts and makes a Sender. It asks Google nothing.
func New(c Config) (*Sender, error) {
	if c.InFlight < 0 || c.Timeout < 0 {
		return nil, errors.New("fcm: limits must not be negative")
	}
	if c.InFlight == 0 {
		c.InFlight = defaultInFlight
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	s := &Sender{apps: make(map[string]*app, len(c.Apps)), timeout: c.Timeout, transport: newTransport(c.Roots, c.Timeout)}
	for i := range c.Apps {
		name := c.Apps[i].Name
		if name == "" {
			return nil, errors.New("fcm: an app has no name")
		}
		if s.apps[name] != nil {
			return nil, fmt.Errorf("fcm: app %q is configured twice", name)
		}
		a, err := newApp(&c.Apps[i], s.transport, c.InFlight, c.Timeout)
		if err != nil {
			return nil, fmt.Errorf("fcm: app %q: %w", name, err)
		}
		s.apps[name] = a
	}
	return s, nil
}

// newTransport makes the connections for all apps: HTTP/2, a few to each host.
func newTransport(roots *x509.CertPool, timeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: min(timeout, 10*time.Second)}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    min(timeout, 10*time.Second),
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
		// A connection that a NAT forgot is noticed before the next wake needs it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second},
	}
}

// Close drops idle connections. Requests under way go on.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send hands a notification to FCM.
func (s *Sender) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	a := s.apps[t.App]
	switch {
	case t.Kind != push.FCM:
		return push.Outcome{Result: push.Refused, Reason: "not a target of fcm"}
	case a == nil:
		return push.Outcome{Result: push.BadApp, Reason: "app is not configured"}
	case !plausible(t.Token):
		return push.Outcome{Result: push.BadTarget, Reason: "not a registration token"}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return push.Outcome{Result: push.Retry, Reason: push.Trouble(ctx.Err())}
	}
	now := time.Now()
	if !n.Expires.IsZero() && !now.Before(n.Expires) {
		return push.Outcome{Result: push.Expired}
	}
	m, outcome := newMessage(t.Token, n, now)
	if m == nil {
		return outcome
	}
	return a.send(ctx, m)
}

// maxToken bounds a registration token; those of today have 142 characters, and
// Google promises no length.
const maxToken = 2048

// plausible tells whether a text can be a registration token at all.
func plausible(token string) bool {
	for i := 0; i < len(token); i++ {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return token != "" && len(token) <= maxToken
}
