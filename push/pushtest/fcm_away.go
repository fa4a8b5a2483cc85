package pushtest

import (
	"slices"
	"time"
)

// What FCM keeps for a device that is away.
// https://firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types
const (
	maxFCMKeys = 4   // collapse keys; which are dropped beyond is open: here the oldest
	maxFCMKept = 100 // messages without one; beyond, all of them are dropped
)

// fcmAway is what waits for a device.
type fcmAway struct {
	kept    []FCMDelivery
	dropped bool // the device is told so: onDeletedMessages
}

// SetAway takes a device off the network, or brings it back: then it gets what
// was kept for it.
func (f *FCM) SetAway(token string, away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	waiting := f.away[token]
	if away == (waiting != nil) {
		return
	}
	if away {
		f.away[token] = new(fcmAway)
		return
	}
	delete(f.away, token)
	now := time.Now()
	if waiting.dropped {
		f.arriveLocked(FCMDelivery{At: now, Token: token, Dropped: true})
	}
	for _, d := range waiting.kept {
		if now.Before(d.At.Add(d.TTL)) {
			d.At = now
			f.arriveLocked(d)
		}
	}
}

// keep holds a message back as the service does.
func (a *fcmAway) keep(d FCMDelivery) {
	if d.TTL == 0 { // now or never
		return
	}
	key := func(d FCMDelivery) string {
		if d.Title != "" || d.Body != "" {
			return "the app's name" // notification messages are always collapsible and have this key
		}
		return d.CollapseKey
	}
	k := key(d)
	if k == "" {
		plain := 0
		for _, other := range a.kept {
			if key(other) == "" {
				plain++
			}
		}
		if plain == maxFCMKept {
			a.kept = slices.DeleteFunc(a.kept, func(other FCMDelivery) bool { return key(other) == "" })
			a.dropped = true
		}
		a.kept = append(a.kept, d)
		return
	}
	a.kept = slices.DeleteFunc(a.kept, func(other FCMDelivery) bool { return key(other) == k })
	a.kept = append(a.kept, d)
	keys := 0
	for i := len(a.kept) - 1; i >= 0; i-- { // each key is there once
		if key(a.kept[i]) == "" {
			continue
		}
		if keys++; keys > maxFCMKeys {
			a.kept = slices.Delete(a.kept, i, i+1)
		}
	}
}

func (f *FCM) arriveLocked(d FCMDelivery) {
	f.deliveries = append(f.deliveries, d)
	close(f.arrived)
	f.arrived = make(chan struct{})
}
