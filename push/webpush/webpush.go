package webpush

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"martlet/push"
)

const (
	// maxRedirects are followed: a service may send us to another of its hosts
	// (RFC 8030 7.1).
	maxRedirects = 2
	// maxAnswer is how much of an answer is read.
	maxAnswer = 4 << 10
	// maxTTL is the longest that fcm.googleapis.com takes: four weeks.
	maxTTL = 28 * 24 * time.Hour

	defaultTimeout = 20 * time.Second
)

// Config is what a sender works with.
type Config struct {
	Apps []App
	// Allow are networks that endpoints may be in although they are not public,
	// for a UnifiedPush server of one's own. Where NAT64 is the only way to IPv4,
	// it has to name 64:ff9b::/96.
	Allow    []netip.Prefix
	Roots    *x509.CertPool   // nil: those of the system
	Resolver *net.Resolver    // nil: that of the system
	Timeout  time.Duration    // of one Send; zero: 20 s
	Clock    func() time.Time // nil: time.Now
}

// App is one of the administrator's apps.
type App struct {
	Name string
	// Key signs what is sent (RFC 8292). Devices subscribe with its public half,
	// and are lost if it changes. Nil: nothing is signed, which UnifiedPush
	// servers take and browsers' services do not.
	Key     *VAPID
	Subject string // mailto: or https:, where a service can reach the administrator
}

// Sender delivers notifications to Web Push services. Use New. It is safe for
// concurrent use.
type Sender struct {
	apps    map[string]*app
	guard   Guard
	http    *http.Transport
	timeout time.Duration
	clock   func() time.Time
}

var _ push.Sender = (*Sender)(nil)

// New returns a sender for the apps.
func New(c Config) (*Sender, error) {
	s := &Sender{
		apps:    make(map[string]*app, len(c.Apps)),
		guard:   Guard{Allow: c.Allow, Resolver: c.Resolver},
		timeout: c.Timeout,
		clock:   c.Clock,
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	for _, a := range c.Apps {
		if a.Name == "" || s.apps[a.Name] != nil {
			return nil, fmt.Errorf("webpush: app %q: the name is empty or taken", a.Name)
		}
		if a.Key != nil {
			if err := CheckSubject(a.Subject); err != nil {
				return nil, fmt.Errorf("webpush: app %q: %w", a.Name, err)
			}
		}
		s.apps[a.Name] = &app{App: a, tokens: map[string]token{}}
	}
	s.http = newTransport(&s.guard, c.Roots)
	return s, nil
}

// Close closes connections that nobody uses.
func (s *Sender) Close() { s.http.CloseIdleConnections() }

// CheckEndpoint tells whether an endpoint may be registered, as Guard does.
func (s *Sender) CheckEndpoint(ctx context.Context, endpoint string) error {
	return s.guard.CheckEndpoint(ctx, endpoint)
}

// Send implements push.Sender.
func (s *Sender) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	a := s.apps[t.App]
	if a == nil {
		return push.Outcome{Result: push.BadApp, Reason: "no such app"}
	}
	ttl, ok := timeToLive(n.Expires, s.clock())
	if !ok {
		return push.Outcome{Result: push.Expired}
	}
	u, err := s.guard.parse(t.Endpoint)
	if err != nil {
		return push.Outcome{Result: push.BadTarget, Reason: "endpoint not allowed"}
	}
	body, o := message(t, n)
	if o.Result != 0 {
		return o
	}
	header := http.Header{"User-Agent": {"Martlet"}, "TTL": {strconv.FormatInt(ttl, 10)}, "Urgency": {urgency(n)}}
	if n.Collapse != "" {
		header.Set("Topic", topic(t, n.Collapse))
	}
	if len(body) > 0 {
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Encoding", "aes128gcm")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.post(ctx, a, u, header, body)
}

// post sends a message, and again where a service says that another of its
// hosts takes it.
func (s *Sender) post(ctx context.Context, a *app, endpoint *url.URL, header http.Header, body []byte) push.Outcome {
	u := endpoint
	for range maxRedirects + 1 {
		req, err := s.request(ctx, a, u, header, body)
		if err != nil {
			return push.Outcome{Result: push.BadApp, Reason: "the key does not sign"}
		}
		res, err := s.http.RoundTrip(req)
		if err != nil {
			return failed(err)
		}
		next := res.Header.Get("Location")
		if !again(res.StatusCode) || next == "" {
			o := read(res, endpoint, s.clock())
			_ = res.Body.Close()
			if o.Result == push.BadApp {
				a.distrust(origin(u))
			}
			return o
		}
		_ = res.Body.Close()
		if u, err = s.follow(u, next); err != nil {
			return push.Outcome{Result: push.Refused, Status: res.StatusCode, Reason: "redirect not allowed"}
		}
	}
	return push.Outcome{Result: push.Refused, Reason: "too many redirects"}
}

func (s *Sender) request(ctx context.Context, a *app, u *url.URL, header http.Header, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	if a.Key != nil {
		authorization, err := a.authorize(origin(u), s.clock())
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", authorization)
	}
	return req, nil
}

// again tells whether a status asks for the same request elsewhere. With the
// others a POST would become a GET.
func again(status int) bool {
	return status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

// follow is where a redirect leads, if we may go there.
func (s *Sender) follow(from *url.URL, location string) (*url.URL, error) {
	if len(location) > maxEndpoint {
		return nil, ErrEndpoint
	}
	u, err := from.Parse(location)
	if err != nil {
		return nil, ErrEndpoint
	}
	u.Fragment = ""
	return s.guard.parse(u.String())
}

// failed is an outcome without an answer.
func failed(err error) push.Outcome {
	switch {
	case errors.Is(err, ErrAddress):
		// Not BadTarget: the endpoint was right when it was registered, and a
		// resolver that blocks names says 0.0.0.0 or 127.0.0.1 too.
		return push.Outcome{Result: push.Refused, Reason: "address not allowed"}
	case garbled(err):
		return push.Outcome{Result: push.Retry, Reason: "not an answer of HTTP"}
	}
	return push.Outcome{Result: push.Retry, Reason: push.Trouble(err)}
}

// timeToLive is the TTL header in seconds (RFC 8030 5.2), and false for what
// nobody needs any more. Zero is now or never.
func timeToLive(expires, now time.Time) (int64, bool) {
	if expires.IsZero() {
		return 0, true
	}
	left := min(expires.Sub(now), maxTTL)
	return int64((left + time.Second - 1) / time.Second), left > 0
}

// urgency is the header of RFC 8030 5.3. A phone that saves power may keep
// "normal" waiting; a badge can wait for power or Wi-Fi, and the end of an alert
// until both are there.
func urgency(n *push.Notification) string {
	switch {
	case n.Withdrawn:
		return "very-low"
	case n.High:
		return "high"
	case n.Mode == push.Badge:
		return "low"
	}
	return "normal"
}
