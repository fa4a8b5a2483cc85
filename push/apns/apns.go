// Package apns sends notifications through the Apple Push Notification service.
// It knows nothing of mail or registrations: it turns a push.Notification into
// a request, keeps connections and provider tokens as Apple asks, and says what
// became of it. It must never log or return a device token, a key, a provider
// token or what a notification says.
//
// # What an app receives, for its authors
//
// Beside Apple's dictionary aps, of which what is shown is made, the payload has
//
//	version   1
//	mode      silent, badge, alert, sealed or withdrawn
//	account   as the app registered it
//	tag       the identifier of what is shown: a later one with the same replaces it
//	message   what to open; opaque; of alert and withdrawn
//	envelope  of sealed: base64url without padding, opened as push/seal says
//
// Those without a value are absent. silent and withdrawn wake the app in the
// background; withdrawn asks it to remove what is shown under the tag
// (removeDeliveredNotifications), because it was read elsewhere. alert and sealed
// go through the app's notification service extension (mutable-content).
package apns

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sideshow/apns2"

	"martlet/push"
)

const (
	defaultTimeout  = 15 * time.Second
	defaultInFlight = 500
	maxCollapse     = 64 // bytes of apns-collapse-id
)

// Config is what a Sender needs.
type Config struct {
	Apps []App
	// Host and SandboxHost replace Apple's, as https://host:port; empty: Apple's.
	Host, SandboxHost string
	// Roots are who may vouch for the hosts; nil: whom the system trusts.
	Roots *x509.CertPool
	// Timeout is how long one notification may take, waiting for its turn
	// included; zero: 15 s.
	Timeout time.Duration
	// InFlight is how many requests may be under way for each credential and
	// environment, as far as Apple allows as many; zero: 500.
	InFlight int
	// StartExpired has a certificate that has expired logged and its app's
	// notifications refused, in place of an error: a server must come up again
	// although a certificate ran out while it was running.
	StartExpired bool
	Log          *slog.Logger // nil: none
}

// App is an app whose devices are to be woken, with a signing key (Key, KeyID,
// TeamID) or with a certificate.
type App struct {
	Name  string // as in push.Target.App
	Topic string // the bundle id; with a certificate it may be empty: the certificate's own

	Key           []byte // the .p8 file
	KeyID, TeamID string // 10 characters each

	Certificate    []byte // PEM, or PKCS #12 with its key
	CertificateKey []byte // PEM; empty: it is in Certificate
	Password       string // of PKCS #12 or an encrypted PEM key

	// Generic is what a sealed notification shows if the app cannot open it;
	// empty: "New message".
	Generic string
}

// Sender is a push.Sender for APNs.
type Sender struct {
	apps    map[string]*app
	creds   []*credential
	timeout time.Duration
	log     *slog.Logger
}

var _ push.Sender = (*Sender)(nil)

// app is an App that was found right.
type app struct {
	name, topic, generic string
	*credential
}

// credential is what one or several apps prove themselves with. Apple binds a
// connection to the key or certificate of its first request, so each has
// connections of its own.
type credential struct {
	token   *provider // nil with a certificate
	expires time.Time // of the certificate
	place   [2]place  // production, sandbox
}

// place is one environment of one credential.
type place struct {
	client *apns2.Client
	link   *link
	slots  chan struct{}
}

// New checks everything that can be checked without Apple. The error names
// every app and setting that is wrong.
func New(cfg Config) (*Sender, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.InFlight <= 0 {
		cfg.InFlight = defaultInFlight
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sender{apps: map[string]*app{}, timeout: cfg.Timeout, log: cfg.Log}
	b, err := newBuilder(&cfg)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for i := range cfg.Apps {
		a, err := b.app(&cfg.Apps[i])
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case s.apps[a.name] != nil:
			wrong = append(wrong, appError(a.name, "it is there twice"))
		default:
			s.apps[a.name] = a
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	s.creds = b.creds
	return s, nil
}

// Topic is an app's topic. An IMAP server that offers XAPPLEPUSHSERVICE names
// it to the device.
func (s *Sender) Topic(app string) (topic string, ok bool) {
	a := s.apps[app]
	if a == nil {
		return "", false
	}
	return a.topic, true
}

// Close ends the connections. What is under way fails, as does what is sent
// afterwards.
func (s *Sender) Close() {
	for _, c := range s.creds {
		for i := range c.place {
			c.place[i].link.close()
		}
	}
}

// payloads are kept for reuse: a burst to ten thousand devices builds as many.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, maxPayload); return &b }}

// Send delivers a notification to a device.
func (s *Sender) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	a := s.apps[t.App]
	now := time.Now()
	switch {
	case t.Kind != push.APNs:
		return push.Outcome{Result: push.BadTarget, Reason: "not a target of APNs"}
	case a == nil:
		return push.Outcome{Result: push.BadApp, Reason: "unknown app"}
	case !a.expires.IsZero() && now.After(a.expires):
		return push.Outcome{Result: push.BadApp, Reason: "certificate expired"}
	case !validToken(t.Token):
		// Apple hangs up on those who send many bad tokens: this one never leaves.
		return push.Outcome{Result: push.BadTarget, Reason: apns2.ReasonBadDeviceToken}
	case n.Mode == push.AppleMail && n.AppleAccount == "":
		return push.Outcome{Result: push.Refused, Reason: "no account"}
	case len(n.Collapse) > maxCollapse:
		return push.Outcome{Result: push.Refused, Reason: apns2.ReasonBadCollapseID}
	case !n.Expires.IsZero() && !now.Before(n.Expires):
		return push.Outcome{Result: push.Expired}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	p := &a.place[0]
	if t.Sandbox {
		p = &a.place[1]
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return lost(ctx.Err())
	}
	buffer := payloads.Get().(*[]byte)
	defer payloads.Put(buffer)
	payload, form, ok := appendPayload((*buffer)[:0], n, a.generic)
	*buffer = payload
	if !ok {
		return push.Outcome{Result: push.TooLarge, Reason: apns2.ReasonPayloadTooLarge}
	}
	return s.post(ctx, a, p, request(a, t, n, payload, form))
}

// request is everything but the provider token.
func request(a *app, t push.Target, n *push.Notification, payload []byte, form form) *apns2.Notification {
	r := &apns2.Notification{
		DeviceToken: t.Token,
		Topic:       a.topic,
		CollapseID:  n.Collapse,
		Expiration:  n.Expires,
		PushType:    form.pushType,
		Priority:    form.priority,
		Payload:     payload,
	}
	if validUUID(n.ID) {
		r.ApnsID = n.ID
	}
	if n.Mode == push.AppleMail {
		r.CollapseID = "" // Mail shows nothing; nobody is known to send it one
	}
	return r
}

// post sends a request once and judges the answer.
func (s *Sender) post(ctx context.Context, a *app, p *place, r *apns2.Notification) push.Outcome {
	x := &exchange{immediate: r.Expiration.IsZero()}
	if a.token != nil {
		var err error
		if x.authorization, err = a.token.authorization(); err != nil {
			s.log.Error("provider token not signed", "app", a.name)
			return push.Outcome{Result: push.BadApp, Reason: "provider token not signed"}
		}
	}
	answer, err := p.client.PushWithContext(context.WithValue(ctx, exchangeKey{}, x), r)
	if err != nil {
		return lost(err)
	}
	o := judge(answer.StatusCode, x)
	if validUUID(answer.ApnsID) {
		o.ID = answer.ApnsID
	}
	s.react(a, p, x, &o)
	return o
}

// react does what a refusal asks of the connection and the token.
func (s *Sender) react(a *app, p *place, x *exchange, o *push.Outcome) {
	if o.Result == push.Accepted {
		return
	}
	switch rules[o.Reason].then {
	case thenRenew:
		if a.token != nil {
			o.After = a.token.refused(x.authorization)
			o.Wide = o.After > atOnce
		}
	case thenWaitForToken:
		if a.token != nil {
			o.After = max(o.After, a.token.untilNext())
		}
		p.link.retire(x.conn)
	case thenReconnect:
		p.link.retire(x.conn)
	}
	if o.Result == push.BadApp {
		p.link.retire(x.conn) // "close all connections to APNs, fix the problem, and then open new connections"
	}
}

// newClient is apns2's client over a connection of ours.
func newClient(host string, l *link) *apns2.Client {
	return &apns2.Client{
		Host: host,
		HTTPClient: &http.Client{
			Transport: l,
			// A provider token must not follow whoever pretends that Apple has moved.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}
