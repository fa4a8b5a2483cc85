package pushtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// fcmClient speaks to the service without a sender's help.
type fcmClient struct {
	*testing.T
	f    *FCM
	http *http.Client
}

func newFCMClient(t *testing.T) fcmClient {
	t.Helper()
	f, err := NewFCM()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.Roots()}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return fcmClient{t, f, &http.Client{Transport: transport}}
}

// sign writes a JWT with RS256, whatever its header says.
func (c fcmClient) sign(header, claims map[string]any, key *rsa.PrivateKey) string {
	c.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			c.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		c.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (c fcmClient) header() map[string]any {
	return map[string]any{"alg": "RS256", "typ": "JWT", "kid": c.f.keyID}
}

func (c fcmClient) claims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": c.f.email, "scope": fcmScopes[0], "aud": c.f.tokenURL(), "iat": now, "exp": now + 3600}
}

// ask requests an access token and returns it or OAuth's word for the refusal.
func (c fcmClient) ask(assertion string) (token, refused string) {
	c.Helper()
	resp, err := c.http.PostForm(c.f.tokenURL(), url.Values{"grant_type": {fcmGrantType}, "assertion": {assertion}})
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		c.Fatal(err)
	}
	return answer.Token, answer.Error
}

// send posts a body and returns the status and the answer.
func (c fcmClient) send(access, project, body string) (int, string) {
	c.Helper()
	r, err := http.NewRequest("POST", c.f.Endpoint()+"/projects/"+project+"/messages:send", strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestFCMGivesAccessOnlyForTheRightAssertion(t *testing.T) {
	c := newFCMClient(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	type claims = map[string]any
	for _, row := range []struct {
		name           string
		header, change claims
		key            *rsa.PrivateKey
		want           string
	}{
		{"as it should be", nil, nil, c.f.key, ""},
		{"another account", nil, claims{"iss": "somebody@else.example"}, c.f.key, "invalid_grant"},
		{"another key", nil, nil, other, "invalid_grant"},
		{"another key's id", claims{"kid": "0"}, nil, c.f.key, "invalid_grant"},
		{"no signature", claims{"alg": "none"}, nil, c.f.key, "invalid_grant"},
		{"another audience", nil, claims{"aud": "https://oauth2.googleapis.com/token"}, c.f.key, "invalid_grant"},
		{"another scope", nil, claims{"scope": "https://www.googleapis.com/auth/datastore"}, c.f.key, "invalid_scope"},
		{"no scope", nil, claims{"scope": ""}, c.f.key, "invalid_scope"},
		{"expired", nil, claims{"iat": now - 7200, "exp": now - 3600}, c.f.key, "invalid_grant"},
		{"of tomorrow", nil, claims{"iat": now + 86400, "exp": now + 86400 + 3600}, c.f.key, "invalid_grant"},
		{"for two hours", nil, claims{"exp": now + 7200}, c.f.key, "invalid_grant"},
	} {
		header, body := c.header(), c.claims()
		for k, v := range row.header {
			header[k] = v
		}
		for k, v := range row.change {
			body[k] = v
		}
		token, refused := c.ask(c.sign(header, body, row.key))
		if refused != row.want || (token == "") == (row.want == "") {
			t.Errorf("%s: token %t, refused %q, want %q", row.name, token != "", refused, row.want)
		}
	}
	for _, junk := range []string{"", "a.b", "a.b.c", "....", "e30.e30.", "e30.e30.AA"} {
		if _, refused := c.ask(junk); refused != "invalid_grant" {
			t.Errorf("%q: %q", junk, refused)
		}
	}
	c.f.Disable()
	if _, refused := c.ask(c.sign(c.header(), c.claims(), c.f.key)); refused != "invalid_grant" {
		t.Errorf("an account that is gone: %q", refused)
	}
}

func TestFCMAsksForAGoodAccessToken(t *testing.T) {
	c := newFCMClient(t)
	message := `{"message":{"token":"` + c.f.Register() + `"}}`
	access, _ := c.ask(c.sign(c.header(), c.claims(), c.f.key))
	if status, answer := c.send(access, c.f.Project(), message); status != 200 || !strings.Contains(answer, `"name":"projects/`+c.f.Project()+`/messages/`) {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := c.send("", c.f.Project(), message); status != 401 || !strings.Contains(answer, "CREDENTIALS_MISSING") {
		t.Errorf("no token: %d %s", status, answer)
	}
	if status, answer := c.send("ya29.x", c.f.Project(), message); status != 401 || !strings.Contains(answer, "UNAUTHENTICATED") {
		t.Errorf("a made-up token: %d %s", status, answer)
	}
	if status, answer := c.send(access, "another", message); status != 403 || !strings.Contains(answer, "PERMISSION_DENIED") {
		t.Errorf("another project: %d %s", status, answer)
	}
	c.f.Revoke()
	if status, _ := c.send(access, c.f.Project(), message); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	c.f.GrantFor(-time.Second)
	access, _ = c.ask(c.sign(c.header(), c.claims(), c.f.key))
	if status, _ := c.send(access, c.f.Project(), message); status != 401 {
		t.Errorf("an expired token: %d", status)
	}
}

func TestFCMRefusesWhatFCMRefuses(t *testing.T) {
	c := newFCMClient(t)
	token, foreign, removed := c.f.Register(), c.f.RegisterElsewhere(), c.f.Register()
	c.f.Unregister(removed)
	access, _ := c.ask(c.sign(c.header(), c.claims(), c.f.key))
	message := func(more string) string { return `{"message":{"token":"` + token + `"` + more + `}}` }
	for _, row := range []struct {
		name, body string
		status     int
		want       string // in the answer
	}{
		{"data", message(`,"data":{"a":"b"}`), 200, "messages/"},
		{"camel case", message(`,"android":{"collapseKey":"c","priority":"HIGH","ttl":"3.5s"}`), 200, "messages/"},
		{"null is nothing", message(`,"notification":null,"data":null`), 200, "messages/"},
		{"exactly the largest", message(`,"data":{"a":"` + strings.Repeat("x", 4095) + `"}`), 200, "messages/"},
		{"a byte more", message(`,"data":{"a":"` + strings.Repeat("x", 4096) + `"}`), 400, "Message is too large"},
		{"texts count too", message(`,"data":{"a":"` + strings.Repeat("x", 4000) + `"},"android":{"notification":{"title":"` + strings.Repeat("x", 100) + `"}}`), 400, "Message is too large"},
		{"a request far too large", message(`,"data":{"a":"` + strings.Repeat("x", 100_000) + `"}`), 400, "INVALID_ARGUMENT"},
		{"an unknown field", message(`,"badge":1`), 400, `Unknown name \"badge\" at 'message'`},
		{"an unknown field below", message(`,"android":{"badge":1}`), 400, `"message.android"`},
		{"an unknown field above", `{"massage":{}}`, 400, `Unknown name \"massage\": Cannot find field.`},
		{"a number in data", message(`,"data":{"a":12}`), 400, `Invalid value at 'message.data[0].value' (TYPE_STRING), 12`},
		{"data that is text", message(`,"data":"a"`), 400, "message.data"},
		{"a number for a token", `{"message":{"token":12}}`, 400, "TYPE_STRING"},
		{"a priority that is none", message(`,"android":{"priority":"urgent"}`), 400, "message.android.priority"},
		{"a ttl without its unit", message(`,"android":{"ttl":"60"}`), 400, "google.protobuf.Duration"},
		{"a ttl that is a number", message(`,"android":{"ttl":60}`), 400, "google.protobuf.Duration"},
		{"a ttl below nothing", message(`,"android":{"ttl":"-1s"}`), 400, "message.android.ttl"},
		{"a ttl of more than four weeks", message(`,"android":{"ttl":"2419201s"}`), 400, "message.android.ttl"},
		{"an endless ttl", message(`,"android":{"ttl":"999999999999s"}`), 400, "ttl"},
		{"a reserved key", message(`,"data":{"from":"b"}`), 400, "Invalid data payload key: from"},
		{"another reserved key", message(`,"data":{"message_type":"b"}`), 400, "Invalid data payload key"},
		{"a key of Google's", message(`,"data":{"google.a":"b"}`), 400, "Invalid data payload key"},
		{"a key of its predecessor's", message(`,"data":{"gcm.notification.a":"b"}`), 400, "Invalid data payload key"},
		{"no target", `{"message":{}}`, 400, "Recipient of the message is not set."},
		{"no message", `{}`, 400, "Recipient of the message is not set."},
		{"two targets", message(`,"topic":"news"`), 400, "Exactly one"},
		{"not a token", `{"message":{"token":"abc"}}`, 400, "not a valid FCM registration token"},
		{"an app that was removed", `{"message":{"token":"` + removed + `"}}`, 404, "UNREGISTERED"},
		{"another project's token", `{"message":{"token":"` + foreign + `"}}`, 403, "SENDER_ID_MISMATCH"},
		{"no JSON", "hello", 400, "INVALID_ARGUMENT"},
		{"JSON and more", message("") + "{}", 400, "INVALID_ARGUMENT"},
		{"a list", "[]", 400, "INVALID_ARGUMENT"},
		{"a number for the color", message(`,"android":{"notification":{"color":1}}`), 400, "message.android.notification.color"},
		{"a text for a flag", message(`,"android":{"direct_boot_ok":"yes"}`), 400, "TYPE_BOOL"},
		{"a text for a number", message(`,"android":{"notification":{"notification_count":"many"}}`), 400, "TYPE_INT32"},
		{"a number in a list", message(`,"android":{"notification":{"body_loc_args":["a",1]}}`), 400, "body_loc_args[1]"},
	} {
		taken := len(c.f.Deliveries())
		status, answer := c.send(access, c.f.Project(), row.body)
		if status != row.status || !strings.Contains(answer, row.want) {
			t.Errorf("%s: %d %.200s, want %d %s", row.name, status, answer, row.status, row.want)
		}
		if taken = len(c.f.Deliveries()) - taken; (taken == 1) != (row.status == 200) {
			t.Errorf("%s: %d deliveries", row.name, taken)
		}
	}
	if status, answer := c.send(access, c.f.Project(), `{"validate_only":true,`+message("")[1:]); status != 200 || len(c.f.Deliveries()) != 4 {
		t.Errorf("a trial: %d %s", status, answer)
	}
}

func TestFCMDeliveriesAreWaitedFor(t *testing.T) {
	c := newFCMClient(t)
	token := c.f.Register()
	access, _ := c.ask(c.sign(c.header(), c.claims(), c.f.key))
	got := make(chan []FCMDelivery)
	go func() {
		d, _ := c.f.Wait(t.Context(), 2)
		got <- d
	}()
	for _, key := range []string{"one", "two"} {
		c.send(access, c.f.Project(), `{"message":{"token":"`+token+`","android":{"collapse_key":"`+key+`","ttl":"60s","notification":{"title":"T","tag":"t"}}}}`)
	}
	d := <-got
	if len(d) != 2 || d[1].CollapseKey != "two" || d[1].TTL != time.Minute || d[1].Title != "T" || d[1].Tag != "t" || d[1].Protocol != "HTTP/2.0" {
		t.Errorf("%+v", d)
	}
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := c.f.Wait(soon, 3); err == nil || len(d) != 2 {
		t.Errorf("a third: %v", err)
	}
}

func TestFCMKeepsWhatItCanForADeviceThatIsAway(t *testing.T) {
	c := newFCMClient(t)
	access, _ := c.ask(c.sign(c.header(), c.claims(), c.f.key))
	hour := func(more string) string { return `"android":{"ttl":"3600s"` + more + `}` }
	for _, row := range []struct {
		name    string
		message func(i int) string
		n       int
		want    string // the numbers that arrive
	}{
		{"without a key all are kept", func(int) string { return hour("") }, 4, "0 1 2 3"},
		{"of one key the last", func(int) string { return hour(`,"collapse_key":"k"`) }, 4, "3"},
		{"four keys", func(i int) string { return hour(fmt.Sprintf(`,"collapse_key":"k%d"`, i)) }, 6, "2 3 4 5"},
		{"notifications have one key, whatever they say", func(i int) string {
			return hour(fmt.Sprintf(`,"collapse_key":"k%d","notification":{"title":"T"}`, i))
		}, 4, "3"},
		{"now or never", func(int) string { return `"android":{"ttl":"0s"}` }, 4, ""},
		{"a hundred", func(int) string { return hour("") }, 102, "dropped 100 101"},
	} {
		token := c.f.Register()
		c.f.SetAway(token, true)
		before := len(c.f.Deliveries())
		for i := range row.n {
			if status, answer := c.send(access, c.f.Project(), fmt.Sprintf(`{"message":{"token":%q,"data":{"n":"%d"},%s}}`, token, i, row.message(i))); status != 200 {
				t.Fatalf("%s: %d %s", row.name, status, answer)
			}
		}
		if n := len(c.f.Deliveries()) - before; n != 0 {
			t.Errorf("%s: %d arrived while it was away", row.name, n)
		}
		c.f.SetAway(token, false)
		got := []string{}
		for _, d := range c.f.Deliveries()[before:] {
			if d.Dropped {
				got = append(got, "dropped")
			} else {
				got = append(got, d.Data["n"])
			}
		}
		if s := strings.Join(got, " "); s != row.want {
			t.Errorf("%s: %q, want %q", row.name, s, row.want)
		}
	}
}

func FuzzFCMRequest(f *testing.F) {
	f.Add([]byte(`{"message":{"token":"a","android":{"ttl":"1s","priority":"high","notification":{"title":"t"}},"data":{"a":"b"}}}`))
	f.Add([]byte(`{"validateOnly":true,"message":{"apns":{"payload":{}}}}`))
	service := &FCM{standings: map[string]fcmStanding{}}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var request map[string]any
		if d.Decode(&request) != nil {
			return
		}
		if refused := fcmCheckFields("", request, fcmRequest); refused != nil {
			if refused.code != 400 {
				t.Errorf("%q: %+v", body, refused)
			}
			return
		}
		message, _ := request["message"].(map[string]any)
		if got, refused := service.accept(message); refused == nil && (got.Token == "" || got.TTL < 0 || got.TTL > maxFCMTTL) {
			t.Errorf("%q: %+v", body, got)
		}
	})
}
