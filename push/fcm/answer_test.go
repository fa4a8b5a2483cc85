package fcm

import (
	"strings"
	"testing"
	"time"

	"martlet/push"
)

// Answers as the service has been seen to give them, of several years.
func TestFormsOfErrorsOfSeveralYears(t *testing.T) {
	const (
		fcmError   = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"INVALID_ARGUMENT"}`
		badRequest = `{"@type":"type.googleapis.com/google.rpc.BadRequest"`
	)
	body := func(code, status, message string, details ...string) string {
		d := ""
		if len(details) > 0 {
			d = `,"details":[` + strings.Join(details, ",") + `]`
		}
		return `{"error":{"code":` + code + `,"message":"` + message + `","status":"` + status + `"` + d + `}}`
	}
	invalid := func(message string, details ...string) string {
		return body("400", "INVALID_ARGUMENT", message, details...)
	}
	const badToken = "The registration token is not a valid FCM registration token"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   push.Result
	}{
		{"a bad token, its field named", 400, invalid(badToken, fcmError, badRequest+`,"fieldViolations":[{"field":"message.token","description":"`+badToken+`"}]}`), push.BadTarget},
		{"a bad token, in general words", 400, invalid("Request contains an invalid argument.", fcmError, badRequest+`,"fieldViolations":[{"field":"message.token","description":"Invalid registration token"}]}`), push.BadTarget},
		{"a bad token, in words alone", 400, invalid(badToken, fcmError), push.BadTarget},
		{"too large", 400, invalid("Message is too large. The maximum is 4K (4096 bytes).", badRequest+`}`, fcmError), push.TooLarge},
		{"too large, in older words", 400, invalid("Android message is too big", fcmError), push.TooLarge},
		{"a field of the message", 400, invalid("Invalid value at 'message.data[0].value' (TYPE_STRING), 12", badRequest+`,"fieldViolations":[{"field":"message.data[0].value","description":"Invalid value"}]}`), push.Refused},
		{"a field that only speaks of tokens", 400, invalid("no registration token here", badRequest+`,"fieldViolations":[{"field":"message.data[0].value"}]}`), push.Refused},
		{"no recipient", 400, invalid("Recipient of the message is not set.", badRequest+`,"fieldViolations":[{"field":"message"}]}`, fcmError), push.Refused},
		{"nothing said", 400, invalid("Request contains an invalid argument."), push.Refused},
		{"a precondition", 400, body("400", "FAILED_PRECONDITION", "Precondition check failed."), push.Refused},
		{"the API is switched off", 403, body("403", "PERMISSION_DENIED", "x", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}`), push.BadApp},
		{"details that are no objects", 404, body("404", "NOT_FOUND", "x", `1`, `"a"`, `null`, `{"@type":7}`, `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}`), push.Gone},
		{"unspecified, for good", 400, body("400", "UNKNOWN", "x", `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNSPECIFIED_ERROR"}`), push.Refused},
		{"a list of errors", 404, `[{"error":{"code":404,"status":"NOT_FOUND"}}]`, push.Retry},
	} {
		a := answer{status: c.status, body: []byte(c.body)}
		if o, _ := a.outcome("", time.Now()); o.Result != c.want {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestWhatAServiceSaysIsNotRepeated(t *testing.T) {
	const secret = "secretsecretsecret"
	for _, body := range []string{
		`{"error":{"status":"secretsecretsecret","message":"secretsecretsecret"}}`,
		`{"error":{"status":"NOT_FOUND","details":[{"@type":"x/google.firebase.fcm.v1.FcmError","errorCode":"secretsecretsecret"}]}}`,
		`{"error":{"status":"INVALID_ARGUMENT","details":[{"@type":"x/google.rpc.BadRequest","fieldViolations":[{"field":"secretsecretsecret"}]}]}}`,
		`{"error":{"status":"INVALID_ARGUMENT","details":[{"@type":"x/google.rpc.BadRequest","fieldViolations":[{"field":"message.token secretsecretsecret"}]}]}}`,
		`{"error":{"status":"` + strings.Repeat("A", 500) + `"}}`,
	} {
		a := answer{status: 400, body: []byte(body)}
		if o, _ := a.outcome("", time.Now()); strings.Contains(o.Reason, secret) || len(o.Reason) > 200 {
			t.Errorf("%s: %q", body, o.Reason)
		}
	}
}

func TestRetryDelays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "5": 0, "s": 0, "-5s": 0, "1.2.3s": 0, "1e9s": 0, "NaNs": 0, "Infs": 0,
		"0s": 0, "5s": 5 * time.Second, "3.5s": 3500 * time.Millisecond,
		"99999999s": push.MaxRetryAfter, strings.Repeat("9", 400) + "s": push.MaxRetryAfter,
	} {
		if got := retryDelay(text); got != want {
			t.Errorf("%.20q: %v, want %v", text, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(404, "", "30", []byte(`{"error":{"code":404,"message":"x","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}}`))
	f.Add(429, "", "", []byte(`{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}`))
	f.Add(200, "projects/p/messages/1", "", []byte(`{"name":"projects/p/messages/1"}`))
	f.Add(400, "", "", []byte(`{"error":"invalid_grant"}`))
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, name, retryAfter string, body []byte) {
		a := answer{status: status, retryAfter: retryAfter, body: body}
		o, refused := a.outcome(name, now)
		if o.Result < push.Accepted || o.Result > push.BadApp || refused && o.Result != push.BadApp {
			t.Errorf("%+v %v", o, refused)
		}
		if o.Result == push.Accepted && status != 200 || o.Result == push.Gone && !strings.Contains(string(body), "UNREGISTERED") {
			t.Errorf("%d %q: %+v", status, body, o)
		}
		grant := a.refusedGrant(now)
		for _, o := range []push.Outcome{o, grant} {
			if o.After < 0 || o.After > push.MaxRetryAfter || len(o.Reason) > 200 || o.Result != push.Accepted && o.Reason == "" {
				t.Errorf("%+v", o)
			}
		}
		if grant.Result != push.Retry && grant.Result != push.BadApp {
			t.Errorf("grant: %+v", grant)
		}
	})
}

func TestQuotaOfOneDeviceIsNotThatOfTheProject(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   bool
	}{
		{"the project's quota", 429, `{"error":{"code":429,"message":"Quota exceeded for quota metric 'Message sends'","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"QUOTA_EXCEEDED"}]}}`, true},
		{"a device's", 429, `{"error":{"code":429,"message":"Device message rate exceeded.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"QUOTA_EXCEEDED"}]}}`, false},
		{"no room", 503, `{"error":{"code":503,"message":"The service is currently unavailable.","status":"UNAVAILABLE"}}`, true},
		{"an error of one request", 500, `{"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL"}}`, false},
		{"a proxy's", 503, `<html>`, false},
	} {
		o, _ := (&answer{status: c.status, body: []byte(c.body)}).outcome("", time.Time{})
		if o.Result != push.Retry || o.Wide != c.want {
			t.Errorf("%s: %s, wide %t, want %t", c.name, o.Result, o.Wide, c.want)
		}
	}
}
