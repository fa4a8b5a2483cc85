package pushtest_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/push/pushtest"
)

const (
	apnsTopic = "com.example.mail"
	apnsTeam  = "TEAM123456"
	apnsID    = "123e4567-e89b-12d3-a456-4266554400a0"
)

// apnsProvider speaks to the service by hand: nothing keeps it from being wrong.
type apnsProvider struct {
	service *pushtest.APNs
	client  *http.Client
	key     pushtest.APNsKey
	device  string
}

func newAPNsProvider(t *testing.T) *apnsProvider {
	t.Helper()
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	key, err := service.NewKey(apnsTeam, apnsTopic)
	if err != nil {
		t.Fatal(err)
	}
	p := &apnsProvider{service: service, key: key, device: service.Install(apnsTopic)}
	p.reconnect(t)
	t.Cleanup(func() { service.Close() })
	return p
}

// reconnect begins a new connection, with a certificate if there is one.
func (p *apnsProvider) reconnect(t *testing.T, certificates ...tls.Certificate) {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.service.Roots(), Certificates: certificates},
		ForceAttemptHTTP2: true,
	}
	p.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
}

// signAPNs signs a provider token.
func signAPNs(t *testing.T, key pushtest.APNsKey, head, claims map[string]any) string {
	t.Helper()
	block, _ := pem.Decode(key.P8)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, m := range []map[string]any{head, claims} {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, ".")))
	r, s, err := ecdsa.Sign(rand.Reader, parsed.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "bearer " + strings.Join(parts, ".") + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *apnsProvider) bearer(t *testing.T, key pushtest.APNsKey, issued time.Time) string {
	t.Helper()
	return signAPNs(t, key, map[string]any{"alg": "ES256", "kid": key.KeyID}, map[string]any{"iss": key.TeamID, "iat": issued.Unix()})
}

// apnsCall is what is right; a test makes one thing of it wrong.
type apnsCall struct {
	method, path, body string
	header             http.Header
}

func (p *apnsProvider) right(t *testing.T) *apnsCall {
	return &apnsCall{
		method: "POST", path: "/3/device/" + p.device, body: `{"aps":{"alert":"Hello"}}`,
		header: http.Header{
			"Authorization": {p.bearer(t, p.key, time.Now())},
			"Apns-Topic":    {apnsTopic}, "Apns-Push-Type": {"alert"}, "Apns-Priority": {"10"},
			"Apns-Expiration": {"0"}, "Apns-Id": {apnsID}, "Apns-Collapse-Id": {"c"},
		},
	}
}

type apnsReply struct {
	status    int
	id        string
	Reason    string
	Timestamp int64
}

func (p *apnsProvider) do(t *testing.T, r *apnsCall) apnsReply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, p.service.HostURL()+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, r.header)
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := apnsReply{status: resp.StatusCode, id: resp.Header.Get("apns-id")}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatalf("body %q: %v", b, err)
		}
	}
	return a
}

func TestAPNsRefusesWhatIsWrongWithARequest(t *testing.T) {
	p := newAPNsProvider(t)
	token := p.bearer(t, p.key, time.Now()) // one for all, as Apple asks
	set := func(name, value string) func(*apnsCall) {
		return func(r *apnsCall) { r.header.Set(name, value) }
	}
	without := func(name string) func(*apnsCall) { return func(r *apnsCall) { r.header.Del(name) } }
	background := func(r *apnsCall) {
		r.header.Set("apns-push-type", "background")
		r.header.Set("apns-priority", "5")
		r.body = `{"aps":{"content-available":1}}`
	}
	large := `{"aps":{"alert":"` + strings.Repeat("x", 4096-len(`{"aps":{"alert":""}}`)) + `"}}`
	for _, c := range []struct {
		name   string
		change func(*apnsCall)
		status int
		reason string
	}{
		{"nothing", func(*apnsCall) {}, 200, ""},
		{"nothing of a background push", background, 200, ""},
		{"no collapse id", without("Apns-Collapse-Id"), 200, ""},
		{"a badge alone", func(r *apnsCall) { r.body = `{"aps":{"badge":0}}` }, 200, ""},
		{"all the bytes there are", func(r *apnsCall) { r.body = large }, 200, ""},
		{"another method", func(r *apnsCall) { r.method = "PUT" }, 405, "MethodNotAllowed"},
		{"another path", func(r *apnsCall) { r.path = "/2/device/" + p.device }, 404, "BadPath"},
		{"no device token", func(r *apnsCall) { r.path = "/3/device/" }, 400, "MissingDeviceToken"},
		{"a token of nobody", func(r *apnsCall) { r.path = "/3/device/" + strings.Repeat("ab", 32) }, 400, "BadDeviceToken"},
		{"no topic", without("Apns-Topic"), 400, "MissingTopic"},
		{"a topic with a blank", set("apns-topic", "com example"), 400, "BadTopic"},
		{"a topic of somebody else", set("apns-topic", "com.example.other"), 400, "TopicDisallowed"},
		{"an id that is none", set("apns-id", "42"), 400, "BadMessageId"},
		{"an id with other letters", set("apns-id", "123e4567-e89b-12d3-a456-42665544zzzz"), 400, "BadMessageId"},
		{"a collapse id of 65 bytes", set("apns-collapse-id", strings.Repeat("x", 65)), 400, "BadCollapseId"},
		{"priority 7", set("apns-priority", "7"), 400, "BadPriority"},
		{"an expiration in words", set("apns-expiration", "tomorrow"), 400, "BadExpirationDate"},
		{"no push type", without("Apns-Push-Type"), 400, "InvalidPushType"},
		{"an unknown push type", set("apns-push-type", "loud"), 400, "InvalidPushType"},
		{"background at priority 10", func(r *apnsCall) { background(r); r.header.Set("apns-priority", "10") }, 400, "BadPriority"},
		{"background with an alert", func(r *apnsCall) { background(r); r.body = `{"aps":{"alert":"x","content-available":1}}` }, 400, "InvalidPushType"},
		{"an alert that shows nothing", func(r *apnsCall) { r.body = `{"aps":{"content-available":1}}` }, 400, "InvalidPushType"},
		{"no payload", func(r *apnsCall) { r.body = "" }, 400, "PayloadEmpty"},
		{"an empty payload", func(r *apnsCall) { r.body = "{}" }, 400, "PayloadEmpty"},
		{"a payload that is no JSON", func(r *apnsCall) { r.body = `{"aps":` }, 400, "PayloadEmpty"},
		{"a byte too many", func(r *apnsCall) { r.body = large + " " }, 413, "PayloadTooLarge"},
		{"far too many", func(r *apnsCall) { r.body = strings.Repeat("x", 200_000) }, 413, "PayloadTooLarge"},
		{"a header twice", func(r *apnsCall) { r.header["Apns-Id"] = []string{apnsID, apnsID} }, 400, "DuplicateHeaders"},
		{"no provider token", without("Authorization"), 403, "MissingProviderToken"},
		{"another scheme", set("authorization", "Basic eDp5"), 403, "MissingProviderToken"},
		{"half a provider token", set("authorization", "bearer abc.def"), 403, "InvalidProviderToken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := p.right(t)
			r.header.Set("authorization", token)
			c.change(r)
			before := p.service.Taken()
			a := p.do(t, r)
			if a.status != c.status || a.Reason != c.reason {
				t.Errorf("answer %d %s, want %d %s", a.status, a.Reason, c.status, c.reason)
			}
			if taken := p.service.Taken() - before; (taken == 1) != (c.status == 200) {
				t.Errorf("%d were taken", taken)
			}
			if a.id == "" {
				t.Error("no apns-id")
			}
		})
	}
}

func TestAPNsVerifiesProviderTokens(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name   string
		token  func(t *testing.T, p *apnsProvider) string
		status int
		reason string
	}{
		{"a right one", func(t *testing.T, p *apnsProvider) string { return p.bearer(t, p.key, now) }, 200, ""},
		{"an old one", func(t *testing.T, p *apnsProvider) string { return p.bearer(t, p.key, now.Add(-59*time.Minute)) }, 200, ""},
		{"one older than an hour", func(t *testing.T, p *apnsProvider) string { return p.bearer(t, p.key, now.Add(-61*time.Minute)) }, 403, "ExpiredProviderToken"},
		{"one of tomorrow", func(t *testing.T, p *apnsProvider) string { return p.bearer(t, p.key, now.Add(24*time.Hour)) }, 403, "InvalidProviderToken"},
		{"one without a time", func(t *testing.T, p *apnsProvider) string { return p.bearer(t, p.key, time.Unix(0, 0)) }, 403, "InvalidProviderToken"},
		{"one of a key that nobody knows", func(t *testing.T, p *apnsProvider) string {
			k := p.key
			k.KeyID = "ABCDEFGHIJ"
			return p.bearer(t, k, now)
		}, 403, "InvalidProviderToken"},
		{"one of another team", func(t *testing.T, p *apnsProvider) string {
			k := p.key
			k.TeamID = "OTHERTEAM1"
			return p.bearer(t, k, now)
		}, 403, "InvalidProviderToken"},
		{"one that another key signed", func(t *testing.T, p *apnsProvider) string {
			k, err := p.service.NewKey(apnsTeam, apnsTopic)
			if err != nil {
				t.Fatal(err)
			}
			k.KeyID = p.key.KeyID
			return p.bearer(t, k, now)
		}, 403, "InvalidProviderToken"},
		{"one that nobody signed", func(t *testing.T, p *apnsProvider) string {
			return signAPNs(t, p.key, map[string]any{"alg": "none", "kid": p.key.KeyID}, map[string]any{"iss": apnsTeam, "iat": now.Unix()})
		}, 403, "InvalidProviderToken"},
		{"one of a revoked key", func(t *testing.T, p *apnsProvider) string {
			p.service.Revoke(p.key.KeyID)
			return p.bearer(t, p.key, now)
		}, 403, "InvalidProviderToken"},
		{"one of the other environment", func(t *testing.T, p *apnsProvider) string {
			p.service.Misplace(p.key.KeyID)
			return p.bearer(t, p.key, now)
		}, 403, "BadEnvironmentKeyIdInToken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newAPNsProvider(t)
			r := p.right(t)
			r.header.Set("authorization", c.token(t, p))
			if a := p.do(t, r); a.status != c.status || a.Reason != c.reason {
				t.Errorf("answer %d %s, want %d %s", a.status, a.Reason, c.status, c.reason)
			}
		})
	}
}

func TestAPNsBindsAConnectionToAKeyAndLetsItsTokenChangeEvery20Minutes(t *testing.T) {
	p := newAPNsProvider(t)
	expect := func(what, authorization string, status int, reason string) {
		t.Helper()
		r := p.right(t)
		r.header.Set("authorization", authorization)
		if a := p.do(t, r); a.status != status || a.Reason != reason {
			t.Errorf("%s: answer %d %s, want %d %s", what, a.status, a.Reason, status, reason)
		}
	}
	start := time.Now()
	first := p.bearer(t, p.key, start)
	expect("the first token", first, 200, "")
	p.service.Advance(19 * time.Minute)
	expect("a new one after 19 minutes", p.bearer(t, p.key, start.Add(19*time.Minute)), 429, "TooManyProviderTokenUpdates")
	expect("the first one again", first, 200, "")
	p.service.Advance(2 * time.Minute)
	expect("a new one after 21 minutes", p.bearer(t, p.key, start.Add(21*time.Minute)), 200, "")
	sister, err := p.service.NewKey(apnsTeam, apnsTopic)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := p.service.NewKey("OTHERTEAM1", apnsTopic)
	if err != nil {
		t.Fatal(err)
	}
	later := start.Add(21 * time.Minute)
	expect("another key", p.bearer(t, sister, later), 403, "UnrelatedKeyIdInToken")
	expect("another team", p.bearer(t, stranger, later), 403, "Forbidden")
	p.reconnect(t)
	expect("another key on another connection", p.bearer(t, sister, later), 200, "")
	p.service.Advance(61 * time.Minute)
	expect("a token that grew old", p.bearer(t, sister, later), 403, "ExpiredProviderToken")
}
