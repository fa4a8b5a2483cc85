package pushtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

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
