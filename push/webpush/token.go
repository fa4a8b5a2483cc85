package webpush

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// A token is good for tokenLife and replaced when less than tokenLeft is left
	// of it. RFC 8292 2 allows 24 hours; half of them leaves room for clocks.
	tokenLife = 12 * time.Hour
	tokenLeft = time.Hour
	// maxTokens are kept of each app.
	maxTokens = 1024
)

// app is an App with the tokens it has for services.
type app struct {
	App

	mu     sync.Mutex
	tokens map[string]token // by origin
}

type token struct {
	header  string // Authorization
	expires time.Time
}

// origin is the scheme, host and port of a URL as RFC 6454 6.2 writes it.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	return u.Scheme + "://" + strings.TrimSuffix(host, ":443")
}

// authorize is the Authorization header for a service (RFC 8292 3), signed
// anew when the last one is old.
func (a *app) authorize(origin string, now time.Time) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.tokens[origin]; ok {
		if left := t.expires.Sub(now); left > tokenLeft && left <= tokenLife {
			return t.header, nil
		}
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
	header := "vapid t=" + text + "." + b64.EncodeToString(signature) + ", k=" + a.Key.Public()
	if len(a.tokens) >= maxTokens {
		clear(a.tokens) // one costs a signature: not worth a better choice
	}
	a.tokens[origin] = token{header, expires}
	return header, nil
}

// distrust forgets the token of a service that refused it: whatever was wrong
// with it, such as a clock, the next is another.
func (a *app) distrust(origin string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tokens, origin)
}
