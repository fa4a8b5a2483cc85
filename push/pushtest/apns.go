package pushtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// APNs is a local Apple Push Notification service: HTTP/2 over TLS, one
// environment, any number of developer teams and apps. It takes only what the
// real one documents that it takes, and remembers it by device. All methods are
// safe for concurrent use.
//
// Sources: developer.apple.com, "Sending notification requests to APNs",
// "Establishing a token-based connection to APNs", "Handling notification
// responses from APNs".
type APNs struct {
	ca  *authority
	tls *tls.Config

	mu         sync.Mutex
	address    string
	listener   net.Listener // nil while it is down
	conns      map[*apnsConn]bool
	accepted   int // connections
	requests   int
	refused    int // streams, before anything was looked at
	skew       time.Duration
	maxStreams uint32
	keys       map[string]*apnsKey    // by key id
	devices    map[string]*apnsDevice // by token
	script     []Answer
	always     *Answer
	taken      int
	changed    chan struct{} // closed and replaced when something was taken
	serving    sync.WaitGroup
}

// apnsDevice is one installation of an app.
type apnsDevice struct {
	topic   string
	gone    time.Time // when it was unregistered; zero: it is there
	reason  string    // of 410
	offline bool
	stored  *Delivery // the one that waits for a device that is offline
	got     []Delivery
	waited  int // how many Wait has told of
}

// Delivery is a notification that the service took and gave to a device.
// Headers are as they were sent; an empty one was not.
type Delivery struct {
	Token, Topic, ID, Collapse     string
	PushType, Priority, Expiration string
	Payload                        []byte
	At                             time.Time
}

// NewAPNs starts a service on a port of the loopback.
func NewAPNs() (*APNs, error) {
	ca, err := newAuthority("pushtest APNs")
	if err != nil {
		return nil, err
	}
	cert, err := ca.server()
	if err != nil {
		return nil, err
	}
	a := &APNs{
		ca: ca,
		tls: &tls.Config{
			Certificates: []tls.Certificate{cert},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"h2"},
			ClientAuth:   tls.VerifyClientCertIfGiven,
			ClientCAs:    ca.pool(),
		},
		address:    "127.0.0.1:0",
		conns:      map[*apnsConn]bool{},
		maxStreams: 1000,
		keys:       map[string]*apnsKey{},
		devices:    map[string]*apnsDevice{},
		changed:    make(chan struct{}),
	}
	return a, a.Up()
}

// HostURL is where the service is, in the form of a sender's host setting.
func (a *APNs) HostURL() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return "https://" + a.address
}

// Roots is what a sender must trust.
func (a *APNs) Roots() *x509.CertPool { return a.ca.pool() }

// RootsPEM is the same for a sender that reads it from a file.
func (a *APNs) RootsPEM() []byte { return a.ca.pem() }

// Close ends the service and waits for its connections to end.
func (a *APNs) Close() error {
	err := a.Down()
	a.serving.Wait()
	return err
}

// Down closes the port and every connection: whoever comes is refused.
func (a *APNs) Down() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener == nil {
		return nil
	}
	err := a.listener.Close()
	a.listener = nil
	for c := range a.conns {
		c.hangUp()
	}
	return err
}

// Up begins to listen, at the address it had before.
func (a *APNs) Up() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", a.address)
	if err != nil {
		return fmt.Errorf("pushtest: APNs: %w", err)
	}
	a.listener, a.address = l, l.Addr().String()
	a.serving.Go(func() { a.accept(l) })
	return nil
}

func (a *APNs) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := newAPNsConn(a, nc)
		a.mu.Lock()
		if a.listener != l {
			a.mu.Unlock()
			nc.Close()
			return
		}
		a.conns[c] = true
		a.accepted++
		a.mu.Unlock()
		a.serving.Go(func() {
			c.serve()
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.conns, c)
		})
	}
}

// now is the service's own clock.
func (a *APNs) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.skew)
}

// Advance sets the service's clock forward (or back): tokens grow old,
// notifications expire.
func (a *APNs) Advance(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.skew += d
}

// Install puts an app on a new device and returns its device token.
func (a *APNs) Install(topic string) string {
	b := make([]byte, 32)
	rand.Read(b)
	token := hex.EncodeToString(b)
	a.InstallToken(topic, token)
	return token
}

// InstallToken puts an app on a device whose token is given. An app that was
// removed from it comes back.
func (a *APNs) InstallToken(topic, token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.devices[token]; d != nil {
		d.topic, d.gone = topic, time.Time{}
		return
	}
	a.devices[token] = &apnsDevice{topic: topic}
}

// Unregister removes the app from the device: 410 Unregistered with this time.
func (a *APNs) Unregister(token string, since time.Time) { a.remove(token, "Unregistered", since) }

// Expire makes the device token invalid: 410 ExpiredToken with this time.
func (a *APNs) Expire(token string, since time.Time) { a.remove(token, "ExpiredToken", since) }

func (a *APNs) remove(token, reason string, since time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.devices[token]; d != nil {
		d.gone, d.reason = since, reason
	}
}

// SetOnline takes a device from the network, or back. Of what comes while it is
// away, the service stores the last one for as long as it is valid, and none
// whose expiration is 0.
func (a *APNs) SetOnline(token string, online bool) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[token]
	if d == nil {
		return
	}
	d.offline = !online
	if s := d.stored; online && s != nil {
		d.stored = nil
		if !s.expired(now) {
			s.At = now
			a.giveLocked(d, *s)
		}
	}
}

// take is called with a notification that is right.
func (a *APNs) take(d *apnsDevice, n Delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken++
	switch {
	case !d.offline:
		a.giveLocked(d, n)
	case n.Expiration != "0":
		d.stored = &n
	}
}

func (a *APNs) giveLocked(d *apnsDevice, n Delivery) {
	d.got = append(d.got, n)
	close(a.changed)
	a.changed = make(chan struct{})
}

// Taken counts what the service has accepted so far, of all devices.
func (a *APNs) Taken() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.taken
}

// Connections counts how often somebody has connected so far.
func (a *APNs) Connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.accepted
}

// Requests counts the requests that came in so far, whatever became of them.
func (a *APNs) Requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// TooManyStreams counts the streams that were refused so far because a
// connection had more under way than its settings allow.
func (a *APNs) TooManyStreams() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused
}

func (a *APNs) countRefused() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused++
}

// Deliveries returns everything that a device has got, in order.
func (a *APNs) Deliveries(token string) []Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[token]
	if d == nil {
		return nil
	}
	return append([]Delivery(nil), d.got...)
}

// Shown returns what a device has got, where a later notification of the same
// collapse id has taken the place of the earlier one.
func (a *APNs) Shown(token string) []Delivery {
	var shown []Delivery
next:
	for _, n := range a.Deliveries(token) {
		for i := range shown {
			if n.Collapse != "" && shown[i].Collapse == n.Collapse {
				shown[i] = n
				continue next
			}
		}
		shown = append(shown, n)
	}
	return shown
}

// ErrNoDevice is Wait's answer for a token that nobody has.
var ErrNoDevice = errors.New("pushtest: no such device")

// Wait returns the next notification of a device that it has not returned yet.
func (a *APNs) Wait(ctx context.Context, token string) (Delivery, error) {
	for {
		a.mu.Lock()
		changed := a.changed
		d := a.devices[token]
		if d == nil {
			a.mu.Unlock()
			return Delivery{}, ErrNoDevice
		}
		if d.waited < len(d.got) {
			n := d.got[d.waited]
			d.waited++
			a.mu.Unlock()
			return n, nil
		}
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Delivery{}, fmt.Errorf("pushtest: APNs: no notification came: %w", ctx.Err())
		}
	}
}
