package webpush

import (
	"encoding/base64"
	"encoding/json"
	"hash/maphash"
	"net/url"
	"strings"
	"sync"
	"time"

	"martlet/push"
)

const (
	// A token is good for tokenLife and replaced when less than tokenLeft is left
	// of it. RFC 8292 2 allows 24 hours; half of them leaves room for clocks.
	tokenLife = 12 * time.Hour
	tokenLeft = time.Hour
	// maxServices are remembered of each app.
	maxServices = 1024
	// trusting is how long it counts that a service took something of the app.
	trusting = time.Hour
)

// app is an App with what is known of the services it sends to.
type app struct {
	App
	seed maphash.Seed

	mu       sync.Mutex
	services map[string]*service // by origin
}

// service is what is known of one service.
type service struct {
	header   string // Authorization
	expires  time.Time
	accepted time.Time // when it last took something
	refused  uint64    // whose credentials it refused last; zero: nobody's
}

// origin is the scheme, host and port of a URL as RFC 6454 6.2 writes it.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	return u.Scheme + "://" + strings.TrimSuffix(host, ":443")
}

// serviceLocked finds or makes what is known of a service.
func (a *app) serviceLocked(origin string) *service {
	s := a.services[origin]
	if s == nil {
		if len(a.services) >= maxServices {
			clear(a.services) // a token costs a signature: not worth a better choice
		}
		s = &service{}
		a.services[origin] = s
	}
	return s
}

// authorize is the Authorization header for a service (RFC 8292 3), signed
// anew when the last one is old.
func (a *app) authorize(origin string, now time.Time) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.serviceLocked(origin)
	if left := s.expires.Sub(now); left > tokenLeft && left <= tokenLife {
		return s.header, nil
	}
	expires := now.Add(tokenLife)
	// RFC 8292 2, RFC 7519.
	claims, err := json.Marshal(struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub"`
	}{origin, expires.Unix(), a.Subject})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64.EncodeToString(claims)
	signature, err := a.Key.sign(text)
	if err != nil {
		return "", err
	}
	s.header = "vapid t=" + text + "." + b64.EncodeToString(signature) + ", k=" + a.Key.Public()
	s.expires = expires
	return s.header, nil
}

// judge decides what a refusal of the credentials is worth. An endpoint may be
// a host of the user's own, or a subscription that was made with another key,
// and must not stop the app for everybody else. So a service that takes what
// the app sends to others, or refuses one device alone, condemns that
// notification only; the app is condemned where different devices are refused
// and none is served.
func (a *app) judge(o push.Outcome, origin, endpoint string, now time.Time) push.Outcome {
	if o.Result != push.Accepted && o.Result != push.BadApp {
		return o
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.serviceLocked(origin)
	if o.Result == push.Accepted {
		s.accepted, s.refused = now, 0
		return o
	}
	s.expires = time.Time{} // whatever is wrong with the token, the next is another
	who := maphash.String(a.seed, endpoint) | 1
	alone := s.refused == 0 || s.refused == who
	s.refused = who
	if alone || now.Sub(s.accepted) < trusting {
		o.Result = push.Refused
	}
	return o
}
