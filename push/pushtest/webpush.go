package pushtest

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// WebPushManner is whose words a local Web Push service answers in: the status
// is much the same everywhere, the body is not.
type WebPushManner int

// The manners.
const (
	Mozilla     WebPushManner = iota // autopush: {"code":410,"errno":106,…}
	Google                           // fcm.googleapis.com: plain text
	Apple                            // web.push.apple.com: {"reason":"Unregistered"}
	UnifiedPush                      // a distributor's server: 200, and no VAPID needed
)

// maxWebPushKept bounds what is remembered of what arrived. The oldest goes.
const maxWebPushKept = 1 << 14

// WebPush is a push service and its user agents (RFC 8030) over TLS and HTTP/2
// on loopback. It refuses what the real ones refuse and decrypts what it takes,
// with an implementation of RFC 8291 that is not the sender's.
type WebPush struct {
	manner   WebPushManner
	listener *listener

	mu       sync.Mutex
	conns    map[string]struct{}             // remote addresses that asked
	subs     map[string]*WebPushSubscription // by the last part of the endpoint
	script   []WebPushRefusal                // of the next requests, one each
	always   *WebPushRefusal
	shift    time.Duration // how far the service's clock is ahead
	requests int
	queue    webPushQueue
}

// WebPushSubscription is a push subscription with its user agent's keys (RFC
// 8291 3.1): what an app registers, and what reads what is pushed to it.
type WebPushSubscription struct {
	Endpoint  string
	PublicKey []byte // p256dh, 65 bytes
	Auth      []byte // 16 bytes

	service *WebPush
	private *ecdh.PrivateKey
	vapid   string // the only k= that may push here; empty: anybody may

	// guarded by service.mu
	gone    bool
	away    bool
	waiting []WebPushDelivery
	queue   webPushQueue
}

// WebPushDelivery is a push message as the user agent has it.
type WebPushDelivery struct {
	Subscription *WebPushSubscription
	ID           string // the push message resource's
	Body         []byte // decrypted; nil: there was none
	Err          error  // why it cannot be read; then Body is nil
	Topic        string
	Urgency      string // normal, if the sender did not say
	TTL          time.Duration
	Subject      string // of VAPID; empty: the sender did not say who it is
	Token        string // of VAPID, as it came
	Size         int    // of the body as it came, with the padding
	Proto        string // HTTP/2.0
	At           time.Time
}

// NewWebPush starts a service that answers as Mozilla's does.
func NewWebPush() (*WebPush, error) { return NewWebPushLike(Mozilla) }

// NewWebPushLike starts a service that answers in a manner.
func NewWebPushLike(manner WebPushManner) (*WebPush, error) {
	w := &WebPush{manner: manner, conns: map[string]struct{}{}, subs: map[string]*WebPushSubscription{}}
	w.queue.init()
	l, err := listen(w)
	if err != nil {
		return nil, err
	}
	w.listener = l
	return w, nil
}

// Close stops the service for good.
func (w *WebPush) Close() { w.listener.stop() }

// Stop goes away: connections are cut, and new ones refused until Start, which
// brings the service back at the same address with all its subscriptions.
func (w *WebPush) Stop() { w.listener.stop() }

// Start ends a Stop.
func (w *WebPush) Start() error { return w.listener.start() }

// Origin is the service's: https://127.0.0.1:port. It is the audience that a
// VAPID token must name.
func (w *WebPush) Origin() string { return w.listener.url() }

// Roots are what the service's certificate is verified with.
func (w *WebPush) Roots() *x509.CertPool { return w.listener.roots }

// Prefix is the network that a sender must be allowed to reach.
func (w *WebPush) Prefix() netip.Prefix { return netip.MustParsePrefix("127.0.0.1/32") }

// Subscribe makes a subscription to which only the owner of a VAPID key may
// push: the public key in base64url, as an app gets it. Empty: anybody may, as
// in UnifiedPush.
func (w *WebPush) Subscribe(vapid string) *WebPushSubscription {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // the system's random numbers do not fail
	}
	var name [20]byte
	auth := make([]byte, 16)
	_, _ = rand.Read(name[:]) // never fails
	_, _ = rand.Read(auth)
	token := base64.RawURLEncoding.EncodeToString(name[:])
	s := &WebPushSubscription{
		Endpoint: w.Origin() + "/wpush/v2/" + token, PublicKey: private.PublicKey().Bytes(), Auth: auth,
		service: w, private: private, vapid: vapid,
	}
	s.queue.init()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs[token] = s
	return s
}

// Unsubscribe ends the subscription: pushes are answered 410 from now on.
func (s *WebPushSubscription) Unsubscribe() {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	s.gone, s.waiting = true, nil
}

// SetAway takes the user agent off the network, or brings it back. What comes
// meanwhile waits as long as its TTL, and gives way to a later message of the
// same Topic (RFC 8030 5.2 and 5.4).
func (s *WebPushSubscription) SetAway(away bool) {
	w := s.service
	w.mu.Lock()
	defer w.mu.Unlock()
	s.away = away
	if away {
		return
	}
	now := time.Now().Add(w.shift)
	for _, d := range s.waiting {
		if d.At.Add(d.TTL).After(now) {
			w.deliverLocked(d)
		}
	}
	s.waiting = nil
}

// Wait returns the next delivery to the subscription that no Wait has returned.
func (s *WebPushSubscription) Wait(ctx context.Context) (WebPushDelivery, error) {
	return s.queue.wait(ctx, &s.service.mu)
}

// Wait returns the next delivery to any subscription that no Wait of the
// service has returned.
func (w *WebPush) Wait(ctx context.Context) (WebPushDelivery, error) {
	return w.queue.wait(ctx, &w.mu)
}

// Requests counts what was asked, refused or not.
func (w *WebPush) Requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

// Connections counts the connections on which something was asked since the
// start, closed ones among them.
func (w *WebPush) Connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// Advance puts the service's clock forward.
func (w *WebPush) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += d
}

// deliverLocked hands a message to its user agent.
func (w *WebPush) deliverLocked(d WebPushDelivery) {
	d.Subscription.queue.addLocked(d)
	w.queue.addLocked(d)
}

// webPushQueue is a queue that can be waited at. The service's mu guards it.
type webPushQueue struct {
	all  []WebPushDelivery
	more chan struct{} // closed when something is added
}

func (q *webPushQueue) init() { q.more = make(chan struct{}) }

func (q *webPushQueue) addLocked(d WebPushDelivery) {
	if len(q.all) == maxWebPushKept {
		q.all = q.all[1:]
	}
	q.all = append(q.all, d)
	close(q.more)
	q.more = make(chan struct{})
}

func (q *webPushQueue) wait(ctx context.Context, mu *sync.Mutex) (WebPushDelivery, error) {
	for {
		mu.Lock()
		if len(q.all) > 0 {
			d := q.all[0]
			q.all = q.all[1:]
			mu.Unlock()
			return d, nil
		}
		more := q.more
		mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return WebPushDelivery{}, errors.New("pushtest: web push: nothing came")
		}
	}
}
