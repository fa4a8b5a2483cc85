package fcm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
)

// secrets are texts that no outcome may repeat.
func secrets(f *pushtest.FCM, token string) []string {
	var account struct {
		Key   string `json:"private_key"`
		Email string `json:"client_email"`
	}
	json.Unmarshal(f.ServiceAccount(), &account)
	return []string{token, token[:20], account.Key[40:80], account.Email, f.Project(), "ya29.", "127.0.0.1", "confidential"}
}

func TestEveryRefusalHasItsEnd(t *testing.T) {
	f, s := service(t, func(c *Config) { c.Timeout = 2 * time.Second })
	date := time.Now().Add(90 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	google := func(code int, status string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":"confidential","status":%q}}`, code, status)
	}
	for _, c := range []struct {
		name   string
		fault  pushtest.FCMFault
		want   push.Result
		reason string
		after  [2]time.Duration
	}{
		{"UNREGISTERED", pushtest.FCMFault{Code: "UNREGISTERED"}, push.Gone, "UNREGISTERED", [2]time.Duration{}},
		{"SENDER_ID_MISMATCH", pushtest.FCMFault{Code: "SENDER_ID_MISMATCH"}, push.BadTarget, "SENDER_ID_MISMATCH", [2]time.Duration{}},
		{"THIRD_PARTY_AUTH_ERROR", pushtest.FCMFault{Code: "THIRD_PARTY_AUTH_ERROR"}, push.Refused, "THIRD_PARTY_AUTH_ERROR", [2]time.Duration{}},
		{"INVALID_ARGUMENT", pushtest.FCMFault{Code: "INVALID_ARGUMENT"}, push.Refused, "INVALID_ARGUMENT", [2]time.Duration{}},
		{"QUOTA_EXCEEDED", pushtest.FCMFault{Code: "QUOTA_EXCEEDED"}, push.Retry, "QUOTA_EXCEEDED", [2]time.Duration{time.Minute, time.Minute}},
		{"QUOTA_EXCEEDED, seconds", pushtest.FCMFault{Code: "QUOTA_EXCEEDED", RetryAfter: "30"}, push.Retry, "QUOTA_EXCEEDED", [2]time.Duration{30 * time.Second, 30 * time.Second}},
		{"QUOTA_EXCEEDED, a date", pushtest.FCMFault{Code: "QUOTA_EXCEEDED", RetryAfter: date}, push.Retry, "QUOTA_EXCEEDED", [2]time.Duration{time.Minute, 90 * time.Second}},
		{"QUOTA_EXCEEDED, RetryInfo", pushtest.FCMFault{Code: "QUOTA_EXCEEDED", RetryDelay: 3500 * time.Millisecond}, push.Retry, "QUOTA_EXCEEDED", [2]time.Duration{3500 * time.Millisecond, 3500 * time.Millisecond}},
		{"the longer of both", pushtest.FCMFault{Code: "QUOTA_EXCEEDED", RetryAfter: "5", RetryDelay: time.Minute}, push.Retry, "QUOTA_EXCEEDED", [2]time.Duration{time.Minute, time.Minute}},
		{"UNAVAILABLE", pushtest.FCMFault{Code: "UNAVAILABLE"}, push.Retry, "UNAVAILABLE", [2]time.Duration{}},
		{"UNAVAILABLE, seconds", pushtest.FCMFault{Code: "UNAVAILABLE", RetryAfter: "1"}, push.Retry, "UNAVAILABLE", [2]time.Duration{time.Second, time.Second}},
		{"UNAVAILABLE, for long", pushtest.FCMFault{Code: "UNAVAILABLE", RetryAfter: "3600"}, push.Retry, "UNAVAILABLE", [2]time.Duration{time.Hour, time.Hour}},
		{"INTERNAL", pushtest.FCMFault{Code: "INTERNAL"}, push.Retry, "INTERNAL", [2]time.Duration{}},
		{"UNSPECIFIED_ERROR", pushtest.FCMFault{Code: "UNSPECIFIED_ERROR"}, push.Retry, "UNSPECIFIED_ERROR", [2]time.Duration{}},
		{"PERMISSION_DENIED", pushtest.FCMFault{Code: "PERMISSION_DENIED"}, push.BadApp, "PERMISSION_DENIED IAM_PERMISSION_DENIED", [2]time.Duration{}},
		{"NOT_FOUND of something else", pushtest.FCMFault{Code: "NOT_FOUND"}, push.Refused, "NOT_FOUND", [2]time.Duration{}},
		{"a code of tomorrow, for good", pushtest.FCMFault{Code: "MOON_PHASE"}, push.Refused, "MOON_PHASE", [2]time.Duration{}},
		{"an RPC's status alone", pushtest.FCMFault{Status: 504, Body: google(504, "DEADLINE_EXCEEDED")}, push.Retry, "DEADLINE_EXCEEDED", [2]time.Duration{}},
		{"conflict", pushtest.FCMFault{Status: 409, Body: google(409, "ABORTED")}, push.Retry, "ABORTED", [2]time.Duration{}},
		{"a front's 502", pushtest.FCMFault{Status: 502, Body: "<html>confidential"}, push.Retry, "HTTP 502", [2]time.Duration{}},
		{"a proxy's 403", pushtest.FCMFault{Status: 403, Body: "<html>confidential"}, push.Retry, "HTTP 403", [2]time.Duration{}},
		{"a portal's 404", pushtest.FCMFault{Status: 404, Body: "<html>confidential"}, push.Retry, "HTTP 404", [2]time.Duration{}},
		{"a front's 429", pushtest.FCMFault{Status: 429}, push.Retry, "HTTP 429", [2]time.Duration{time.Minute, time.Minute}},
		{"a proxy's 413", pushtest.FCMFault{Status: 413, Body: "<html>"}, push.TooLarge, "HTTP 413", [2]time.Duration{}},
		{"a redirect", pushtest.FCMFault{Status: 302, Body: "confidential"}, push.Retry, "HTTP 302", [2]time.Duration{}},
		{"200 without JSON", pushtest.FCMFault{Status: 200, Body: "<html>confidential"}, push.Retry, "not an answer of fcm", [2]time.Duration{}},
		{"200 without a name", pushtest.FCMFault{Status: 200, Body: `{"name":"confidential"}`}, push.Retry, "not an answer of fcm", [2]time.Duration{}},
		{"an endless answer", pushtest.FCMFault{Status: 500, Body: strings.Repeat("confidential ", 100_000)}, push.Retry, "HTTP 500", [2]time.Duration{}},
		{"reset", pushtest.FCMFault{Reset: true}, push.Retry, "connection lost", [2]time.Duration{}},
		{"reset within the answer", pushtest.FCMFault{Status: 200, Body: `{"name":`, Reset: true}, push.Retry, "connection lost", [2]time.Duration{}},
		{"too slow", pushtest.FCMFault{Delay: time.Minute}, push.Retry, "timeout", [2]time.Duration{}},
	} {
		token := f.Register()
		n := &push.Notification{ID: "id", Mode: push.Alert, Title: "confidential", Subtitle: "confidential", Body: "confidential"}
		f.Next(c.fault)
		before := f.Requests()
		o := s.Send(t.Context(), target(token), n)
		if o.Result != c.want || o.Reason != c.reason {
			t.Errorf("%s: %v %q, want %v %q", c.name, o.Result, o.Reason, c.want, c.reason)
		}
		if o.After < c.after[0] || o.After > c.after[1] {
			t.Errorf("%s: after %v, want %v", c.name, o.After, c.after)
		}
		if c.fault.Status != 0 && !c.fault.Reset && o.Status != c.fault.Status {
			t.Errorf("%s: status %d", c.name, o.Status)
		}
		if asked := f.Requests() - before; asked != 1 {
			t.Errorf("%s: asked %d times", c.name, asked)
		}
		for _, secret := range secrets(f, token) {
			if strings.Contains(fmt.Sprintf("%+v", o), secret) {
				t.Errorf("%s: %+v has a secret in it", c.name, o)
			}
		}
		if o := s.Send(t.Context(), target(token), n); o.Result != push.Accepted {
			t.Errorf("%s: the next one: %+v", c.name, o)
		}
	}
}

func TestTokensOfEveryStanding(t *testing.T) {
	f, s := service(t)
	gone := f.Register()
	if o := s.Send(t.Context(), target(gone), silent()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	f.Unregister(gone)
	for _, c := range []struct {
		name, token string
		want        push.Result
		reason      string
	}{
		{"the app was removed", gone, push.Gone, "UNREGISTERED"},
		{"of another project", f.RegisterElsewhere(), push.BadTarget, "SENDER_ID_MISMATCH"},
		{"no token at all", "hello", push.BadTarget, "INVALID_ARGUMENT message.token"},
		{"cut short", f.Register()[:60], push.BadTarget, "INVALID_ARGUMENT message.token"},
	} {
		if o := s.Send(t.Context(), target(c.token), silent()); o.Result != c.want || o.Reason != c.reason {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestAProjectThatIsNotTheAccountsIsTheAppsFault(t *testing.T) {
	f, s := service(t, func(c *Config) { c.Apps[0].ProjectID = "another-project" })
	if o := s.Send(t.Context(), target(f.Register()), silent()); o.Result != push.BadApp || o.Status != 403 {
		t.Errorf("%+v", o)
	}
}

func TestAServiceThatIsGoneForAWhile(t *testing.T) {
	f, s := service(t, func(c *Config) { c.Timeout = 5 * time.Second })
	token := f.Register()
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	f.Stop()
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Retry || o.Status != 0 || o.Reason != "connection refused" && o.Reason != "connection lost" {
		t.Errorf("while it is gone: %+v", o)
	}
	if o := s.Send(t.Context(), target(token), silent()); o.Reason != "connection refused" {
		t.Errorf("while it is gone: %+v", o)
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
		t.Errorf("afterwards: %+v", o)
	}
}

func TestAnUntrustedServiceIsToldNothing(t *testing.T) {
	f, s := service(t, func(c *Config) { c.Roots = nil })
	if o := s.Send(t.Context(), target(f.Register()), silent()); o.Result != push.Retry || o.Reason != "oauth: certificate not trusted" {
		t.Errorf("%+v", o)
	}
	if f.Requests() != 0 || f.Grants() != 0 {
		t.Error("it was asked")
	}
}

func TestNobodyIsFollowedElsewhere(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	var asked atomic.Int32
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	s.transport.TLSClientConfig.RootCAs.AddCert(elsewhere.Certificate())
	f.NextGrant(pushtest.FCMFault{Status: 307, Location: elsewhere.URL})
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Retry || o.Reason != "oauth: HTTP 307" {
		t.Errorf("with the signed assertion: %+v", o)
	}
	withClock(s).move(maxPause)
	f.Next(pushtest.FCMFault{Status: 307, Location: elsewhere.URL})
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Retry || o.Reason != "HTTP 307" {
		t.Errorf("with the message: %+v", o)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("it was asked %d times", n)
	}
}
