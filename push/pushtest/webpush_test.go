package pushtest_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/push/pushtest"
)

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291 5 and appendix A.
func TestTheExampleOfRFC8291IsRead(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(raw(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	auth := raw(t, "BTBZMqHH6r4Tts7J_aSIgg")
	body := raw(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	got, err := pushtest.DecryptWebPush(private, auth, body)
	if err != nil || string(got) != "When I grow up, I want to be a watermelon" {
		t.Fatalf("%q, %v", got, err)
	}
	for i := range body {
		broken := append([]byte{}, body...)
		broken[i] ^= 1
		// rs is not authenticated; it must only be larger than the record.
		if _, err := pushtest.DecryptWebPush(private, auth, broken); err == nil && (i < 16 || i > 19) {
			t.Errorf("byte %d may be changed", i)
		}
	}
}

// webPushClient asks a local service as anybody might.
type webPushClient struct {
	t       *testing.T
	service *pushtest.WebPush
	http    *http.Client
}

func newWebPushClient(t *testing.T, manner pushtest.WebPushManner) *webPushClient {
	t.Helper()
	service, err := pushtest.NewWebPushLike(manner)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: service.Roots()}, ForceAttemptHTTP2: true}
	t.Cleanup(func() { transport.CloseIdleConnections(); service.Close() })
	return &webPushClient{t: t, service: service, http: &http.Client{Transport: transport}}
}

func (c *webPushClient) push(endpoint string, header map[string]string, body []byte) (int, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// vapidSigner makes VAPID tokens, wrong ones too.
type vapidSigner struct {
	key    *ecdsa.PrivateKey
	public string
}

func newVAPIDSigner(t *testing.T) *vapidSigner {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return &vapidSigner{key, base64.RawURLEncoding.EncodeToString(point)}
}

func (s *vapidSigner) header(t *testing.T, head, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return "vapid t=" + text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)) + ", k=" + s.public
}

func TestTheServiceRefusesWhatTheRealOnesDo(t *testing.T) {
	const es256 = `{"typ":"JWT","alg":"ES256"}`
	c := newWebPushClient(t, pushtest.Mozilla)
	apple := newWebPushClient(t, pushtest.Apple)
	s, other := newVAPIDSigner(t), newVAPIDSigner(t)
	claims := func(origin string, life time.Duration, sub string) string {
		return fmt.Sprintf(`{"aud":%q,"exp":%d,"sub":%q}`, origin, time.Now().Add(life).Unix(), sub)
	}
	const sub = "mailto:a@example.org"
	origin := c.service.Origin()
	good := s.header(t, es256, claims(origin, time.Hour, sub))
	for _, row := range []struct {
		name   string
		change map[string]string // "-" takes a header away
		body   []byte
		status int
	}{
		{"as it should be", nil, nil, 201},
		{"no TTL", map[string]string{"TTL": "-"}, nil, 400},
		{"a negative TTL", map[string]string{"TTL": "-1"}, nil, 400},
		{"a TTL of words", map[string]string{"TTL": "soon"}, nil, 400},
		{"a topic of 32", map[string]string{"Topic": strings.Repeat("a", 32)}, nil, 201},
		{"a topic of 33", map[string]string{"Topic": strings.Repeat("a", 33)}, nil, 400},
		{"a topic with a slash", map[string]string{"Topic": "a/b"}, nil, 400},
		{"an empty topic", map[string]string{"Topic": ""}, nil, 400},
		{"very low", map[string]string{"Urgency": "very-low"}, nil, 201},
		{"very high", map[string]string{"Urgency": "very-high"}, nil, 400},
		{"4096 bytes", nil, make([]byte, 4096), 201},
		{"4097 bytes", nil, make([]byte, 4097), 413},
		{"another encoding", map[string]string{"Content-Encoding": "aesgcm"}, []byte("x"), 400},
		{"no encoding", map[string]string{"Content-Encoding": "-"}, []byte("x"), 400},
		{"no signature", map[string]string{"Authorization": "-"}, nil, 401},
		{"another scheme", map[string]string{"Authorization": "Bearer x"}, nil, 401},
		{"no token", map[string]string{"Authorization": "vapid k=" + s.public}, nil, 401},
		{"no key", map[string]string{"Authorization": strings.Split(good, ",")[0]}, nil, 401},
		{"a changed token", map[string]string{"Authorization": strings.Replace(good, ".", ".A", 1)}, nil, 401},
		{"another key's token", map[string]string{"Authorization": other.header(t, es256, claims(origin, time.Hour, sub))}, nil, 401},
		{"another key's signature", map[string]string{"Authorization": strings.Replace(other.header(t, es256, claims(origin, time.Hour, sub)), other.public, s.public, 1)}, nil, 401},
		{"another algorithm", map[string]string{"Authorization": s.header(t, `{"typ":"JWT","alg":"none"}`, claims(origin, time.Hour, sub))}, nil, 401},
		{"another audience", map[string]string{"Authorization": s.header(t, es256, claims("https://push.example", time.Hour, sub))}, nil, 401},
		{"the endpoint as audience", map[string]string{"Authorization": s.header(t, es256, claims(origin+"/wpush/v2/", time.Hour, sub))}, nil, 401},
		{"23 hours", map[string]string{"Authorization": s.header(t, es256, claims(origin, 23*time.Hour, sub))}, nil, 201},
		{"25 hours", map[string]string{"Authorization": s.header(t, es256, claims(origin, 25*time.Hour, sub))}, nil, 401},
		{"over", map[string]string{"Authorization": s.header(t, es256, claims(origin, -time.Minute, sub))}, nil, 401},
		{"no subject", map[string]string{"Authorization": s.header(t, es256, claims(origin, time.Hour, ""))}, nil, 401},
		{"a subject that nobody reaches", map[string]string{"Authorization": s.header(t, es256, claims(origin, time.Hour, "mailto:a@localhost"))}, nil, 401},
	} {
		header := map[string]string{"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": good}
		for name, value := range row.change {
			if header[name] = value; value == "-" {
				delete(header, name)
			}
		}
		if status, text := c.push(c.service.Subscribe(s.public).Endpoint, header, row.body); status != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, status, text, row.status)
		}
	}
	header := map[string]string{"TTL": "60", "Authorization": s.header(t, es256, claims(apple.service.Origin(), time.Hour, sub))}
	for topic, want := range map[string]int{"collie-herd": 201, "collie-update": 400, "collie-updat": 201} {
		header["Topic"] = topic
		if status, text := apple.push(apple.service.Subscribe(s.public).Endpoint, header, nil); status != want {
			t.Errorf("apple: topic %s: %d %s, want %d", topic, status, text, want)
		}
	}
	delete(header, "Topic") // whichever was the last
	delete(header, "Authorization")
	if status, text := apple.push(apple.service.Subscribe("").Endpoint, header, nil); status != 403 {
		t.Errorf("apple: no signature: %d %s", status, text)
	}
	if status, _ := c.push(c.service.Subscribe("").Endpoint, header, nil); status != 201 {
		t.Errorf("no signature where none is asked for: %d", status)
	}
}

func TestWhatWaitsIsReplacedByItsTopicAndExpires(t *testing.T) {
	c := newWebPushClient(t, pushtest.UnifiedPush)
	s := c.service.Subscribe("")
	s.SetAway(true)
	for _, m := range []struct{ topic, ttl string }{
		{"a", "60"}, {"b", "60"}, {"a", "7200"}, {"", "7200"}, {"", "7200"}, {"", "0"}, {"c", "7199"},
	} {
		header := map[string]string{"TTL": m.ttl, "Urgency": "low"}
		if m.topic != "" {
			header["Topic"] = m.topic
		}
		if status, text := c.push(s.Endpoint, header, nil); status != 200 {
			t.Fatalf("%+v: %d %s", m, status, text)
		}
	}
	c.service.Advance(time.Hour)
	s.SetAway(false)
	var got []string
	for range 4 {
		d, err := s.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.Topic)
	}
	if want := []string{"a", "", "", "c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := s.Wait(done); err == nil {
		t.Errorf("one more: %+v", d)
	}
	if d, err := c.service.Wait(t.Context()); err != nil || d.Subscription != s {
		t.Errorf("the service's own queue: %+v, %v", d, err)
	}
}

func TestAServiceThatWasStoppedComesBackAsItWas(t *testing.T) {
	c := newWebPushClient(t, pushtest.Mozilla)
	s := c.service.Subscribe("")
	origin := c.service.Origin()
	c.service.Stop()
	if _, err := c.http.Get(s.Endpoint); err == nil {
		t.Error("it answers")
	}
	if err := c.service.Start(); err != nil {
		t.Fatal(err)
	}
	if status, _ := c.push(s.Endpoint, map[string]string{"TTL": "0"}, nil); status != 201 || c.service.Origin() != origin {
		t.Errorf("%d at %s", status, c.service.Origin())
	}
}
