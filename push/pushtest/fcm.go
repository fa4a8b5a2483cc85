package pushtest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// FCM is Firebase Cloud Messaging for one project: the HTTP v1 API and the
// OAuth endpoint that gives access to it, with the refusals of the real ones.
// It is safe for concurrent use.
type FCM struct {
	l       *listener
	project string
	email   string
	keyID   string
	key     *rsa.PrivateKey
	account []byte

	mu         sync.Mutex
	disabled   bool                 // the service account was
	lifetime   time.Duration        // of the access tokens that are granted
	access     map[string]time.Time // access token: when it expires
	grants     int
	requests   int
	standings  map[string]fcmStanding // of registration tokens
	named      int                    // messages that were taken
	away       map[string]*fcmAway    // by registration token
	deliveries []FCMDelivery
	arrived    chan struct{} // closed and made anew at each delivery
	next       []FCMFault
	nextGrants []FCMFault
	always     FCMFault
}

// FCMDelivery is a message that reached a device.
type FCMDelivery struct {
	At          time.Time
	Name        string // what the sender was told
	Token       string
	Priority    string // HIGH or NORMAL
	CollapseKey string
	TTL         time.Duration
	Data        map[string]string
	Title, Body string // of a notification that the system shows; else empty
	Tag         string
	Protocol    string // HTTP/2.0
	Dropped     bool   // no message: the device is told that some were dropped
}

// fcmStanding is what the service knows of a registration token.
type fcmStanding uint8

const (
	fcmUnknown fcmStanding = iota // or unregistered: the service does not tell
	fcmRegistered
	fcmForeign // registered for another project
)

// fcmGrantLifetime is how long Google's access tokens live.
const fcmGrantLifetime = time.Hour

// NewFCM starts the service. The caller must Close it.
func NewFCM() (*FCM, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("pushtest: service account: %w", err)
	}
	f := &FCM{
		project:   fmt.Sprintf("martlet-%08x", mathrand.Uint32()),
		keyID:     fcmRandom(20),
		key:       key,
		lifetime:  fcmGrantLifetime,
		access:    map[string]time.Time{},
		standings: map[string]fcmStanding{},
		away:      map[string]*fcmAway{},
		arrived:   make(chan struct{}),
	}
	f.email = "push@" + f.project + ".iam.gserviceaccount.com"
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", f.token)
	mux.HandleFunc("POST /v1/projects/{project}/messages:send", f.send)
	if f.l, err = listen(mux); err != nil {
		return nil, err
	}
	if f.account, err = f.makeAccount(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// makeAccount writes the file that Google's console gives for a service account.
func (f *FCM) makeAccount() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(f.key)
	if err != nil {
		return nil, fmt.Errorf("pushtest: service account: %w", err)
	}
	return json.MarshalIndent(map[string]string{
		"type":           "service_account",
		"project_id":     f.project,
		"private_key_id": f.keyID,
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email":   f.email,
		"client_id":      "100000000000000000001",
		"token_uri":      f.tokenURL(),
	}, "", "  ")
}

// Close ends the service.
func (f *FCM) Close() { f.l.stop() }

// Stop lets the service be gone: connections are refused until Start.
func (f *FCM) Stop() { f.l.stop() }

// Start brings it back at the same address.
func (f *FCM) Start() error { return f.l.start() }

// ServiceAccount is the JSON file for the sender. Its token_uri leads here.
func (f *FCM) ServiceAccount() []byte { return slices.Clone(f.account) }

// Endpoint is what stands for https://fcm.googleapis.com/v1.
func (f *FCM) Endpoint() string { return f.l.url() + "/v1" }

// Roots has the certificate that the service is trusted by.
func (f *FCM) Roots() *x509.CertPool { return f.l.roots }

// Certificate is the one that Roots has.
func (f *FCM) Certificate() *x509.Certificate { return f.l.authority.cert }

// Project is the project's id.
func (f *FCM) Project() string { return f.project }

// Register installs the app on a device and returns its registration token.
func (f *FCM) Register() string { return f.newToken(fcmRegistered) }

// RegisterElsewhere returns a token that belongs to another project.
func (f *FCM) RegisterElsewhere() string { return f.newToken(fcmForeign) }

// Unregister takes the app off the device.
func (f *FCM) Unregister(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.standings, token)
}

func (f *FCM) newToken(s fcmStanding) string {
	token := fcmRandom(16)[:22] + ":APA91b" + fcmRandom(100)[:134]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.standings[token] = s
	return token
}

// Deliveries lists what reached devices so far.
func (f *FCM) Deliveries() []FCMDelivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.deliveries)
}

// Wait returns the deliveries as soon as there are n or more.
func (f *FCM) Wait(ctx context.Context, n int) ([]FCMDelivery, error) {
	for {
		f.mu.Lock()
		count, arrived := len(f.deliveries), f.arrived
		f.mu.Unlock()
		if count >= n {
			return f.Deliveries(), nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return f.Deliveries(), fmt.Errorf("pushtest: %d of %d deliveries: %w", count, n, ctx.Err())
		}
	}
}

// Requests counts the requests to send, refused ones too.
func (f *FCM) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// Grants counts the access tokens that were given.
func (f *FCM) Grants() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.grants
}

// Revoke makes all access tokens worthless that were given until now.
func (f *FCM) Revoke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.access)
}

// Disable takes the service account away: it is given no more access tokens.
func (f *FCM) Disable() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disabled = true
}

// GrantFor sets how long access tokens live that are given from now on.
func (f *FCM) GrantFor(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lifetime = d
}

// fcmRandom makes n bytes' worth of the characters of base64url.
func fcmRandom(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
