package apns_test

import (
	"net/http"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
)

// "Response error strings", every row of Apple's table.
func TestEveryDocumentedRefusalHasItsOwnEnd(t *testing.T) {
	r := newRig(t)
	since := time.UnixMilli(1_700_000_000_123)
	const quarter = 15 * time.Minute
	for _, c := range []struct {
		status int
		reason string
		want   push.Outcome
	}{
		{400, "BadCollapseId", push.Outcome{Result: push.Refused}},
		{400, "BadDeviceToken", push.Outcome{Result: push.BadTarget}},
		{400, "BadExpirationDate", push.Outcome{Result: push.Refused}},
		{400, "BadMessageId", push.Outcome{Result: push.Refused}},
		{400, "BadPriority", push.Outcome{Result: push.Refused}},
		{400, "BadTopic", push.Outcome{Result: push.BadApp}},
		{400, "DeviceTokenNotForTopic", push.Outcome{Result: push.BadTarget}},
		{400, "DuplicateHeaders", push.Outcome{Result: push.Refused}},
		{400, "IdleTimeout", push.Outcome{Result: push.Retry}},
		{400, "InvalidPushType", push.Outcome{Result: push.Refused}},
		{400, "MissingDeviceToken", push.Outcome{Result: push.BadTarget}},
		{400, "MissingTopic", push.Outcome{Result: push.BadApp}},
		{400, "PayloadEmpty", push.Outcome{Result: push.Refused}},
		{400, "TopicDisallowed", push.Outcome{Result: push.BadApp}},
		{403, "BadCertificate", push.Outcome{Result: push.BadApp}},
		{403, "BadCertificateEnvironment", push.Outcome{Result: push.BadApp}},
		{403, "Forbidden", push.Outcome{Result: push.BadApp}},
		{403, "InvalidProviderToken", push.Outcome{Result: push.BadApp}},
		{403, "MissingProviderToken", push.Outcome{Result: push.BadApp}},
		{403, "UnrelatedKeyIdInToken", push.Outcome{Result: push.Retry, After: time.Millisecond}},
		{403, "BadEnvironmentKeyIdInToken", push.Outcome{Result: push.BadApp}},
		{403, "BadEnvironmentKeyInToken", push.Outcome{Result: push.BadApp}},
		{404, "BadPath", push.Outcome{Result: push.Refused}},
		{405, "MethodNotAllowed", push.Outcome{Result: push.Refused}},
		{410, "ExpiredToken", push.Outcome{Result: push.Gone, Since: since}},
		{410, "Unregistered", push.Outcome{Result: push.Gone, Since: since}},
		{413, "PayloadTooLarge", push.Outcome{Result: push.TooLarge}},
		{429, "TooManyRequests", push.Outcome{Result: push.Retry, After: time.Minute}},
		{500, "InternalServerError", push.Outcome{Result: push.Retry, After: quarter}},
		{503, "ServiceUnavailable", push.Outcome{Result: push.Retry, After: quarter}},
		{503, "Shutdown", push.Outcome{Result: push.Retry}},
		// What Apple may come to say.
		{400, "SomethingNew", push.Outcome{Result: push.Refused}},
		{403, "SomethingNew", push.Outcome{Result: push.BadApp}},
		{409, "SomethingNew", push.Outcome{Result: push.Refused}},
		{410, "SomethingNew", push.Outcome{Result: push.Gone, Since: since}},
		{413, "SomethingNew", push.Outcome{Result: push.TooLarge}},
		{429, "SomethingNew", push.Outcome{Result: push.Retry, After: time.Minute}},
		{502, "SomethingNew", push.Outcome{Result: push.Retry, After: quarter}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a := pushtest.Answer{Status: c.status, Reason: c.reason}
			if c.status == 410 {
				a.Timestamp = since
			}
			r.service.Script(a)
			n := alert()
			want := c.want
			want.Status, want.Reason, want.ID = c.status, c.reason, n.ID
			if o := r.send(t, n); !o.Since.Equal(want.Since) {
				t.Errorf("since %v, want %v", o.Since, want.Since)
			} else if o.Since = want.Since; o != want {
				t.Errorf("outcome %+v\nwant    %+v", o, want)
			}
		})
	}
	if o := r.send(t, alert()); o.Result != push.Accepted {
		t.Errorf("afterwards %+v, want it accepted", o)
	}
}

// The two about provider tokens depend on the token's age.
func TestRefusedProviderTokensSayHowLongToWait(t *testing.T) {
	r := newRig(t)
	r.service.Script(pushtest.Answer{Status: 429, Reason: "TooManyProviderTokenUpdates"})
	o := r.send(t, alert())
	if o.Result != push.Retry || !o.Wide || o.After < 19*time.Minute || o.After > 20*time.Minute {
		t.Errorf("too many updates with a new token: %+v, want to wait until it is 20 minutes old", o)
	}
	r.service.Script(pushtest.Answer{Status: 403, Reason: "ExpiredProviderToken"})
	o = r.send(t, alert())
	if o.Result != push.Retry || !o.Wide || o.After < 19*time.Minute || o.After > 20*time.Minute {
		t.Errorf("a new token called expired: %+v, want to wait until it is 20 minutes old", o)
	}
}

// Apple gives a reason with every refusal. A proxy's pages must not cost a
// registration.
func TestAnswersThatAreNotApplesAreTriedAgain(t *testing.T) {
	r := newRig(t)
	for name, a := range map[string]pushtest.Answer{
		"403 with a page":           {Status: 403, Body: []byte("<html>Blocked by policy</html>")},
		"410 without a body":        {Status: 410},
		"410 with a cut body":       {Status: 410, Body: []byte(`{"reason":"Unregist`)},
		"400 with a sentence":       {Status: 400, Body: []byte(`{"reason":"your token eyJhbGciOiJFUzI1NiJ9 is bad"}`)},
		"404 with a number":         {Status: 404, Body: []byte(`{"reason":42}`)},
		"500 with a list":           {Status: 500, Body: []byte(`[1,2,3]`)},
		"502 that is long":          {Status: 502, Body: make([]byte, 9000)},
		"407":                       {Status: 407},
		"204":                       {Status: 204},
		"a move that must not be":   {Status: 307, Header: map[string]string{"location": r.service.HostURL() + "/3/device/ff"}},
		"a move that must not be 2": {Status: 302, Header: map[string]string{"location": "https://attacker.example/"}},
	} {
		t.Run(name, func(t *testing.T) {
			r.service.Script(a)
			before := r.service.Requests()
			o := r.send(t, alert())
			if o.Result != push.Retry || o.Status != a.Status || o.Reason != "unexpected answer" {
				t.Errorf("outcome %+v, want to try again", o)
			}
			if n := r.service.Requests() - before; n != 1 {
				t.Errorf("%d requests for one notification", n)
			}
		})
	}
}

func TestAcceptedWithoutABodyOrWithOneIsAccepted(t *testing.T) {
	r := newRig(t)
	r.service.Script(pushtest.Answer{Status: 200, Body: []byte("not JSON")}, pushtest.Answer{Status: 200})
	for range 2 {
		if o := r.send(t, alert()); o.Result != push.Accepted {
			t.Errorf("outcome %+v, want it accepted", o)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		value    string
		min, max time.Duration
	}{
		{"120", 2 * time.Minute, 2 * time.Minute},
		{time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 59 * time.Minute, time.Hour},
		{"999999999", 24 * time.Hour, 24 * time.Hour},
		{"-5", time.Minute, time.Minute}, // nonsense: the rule of the reason
	} {
		r.service.Script(pushtest.Answer{Status: 429, Reason: "TooManyRequests", RetryAfter: c.value})
		if o := r.send(t, alert()); o.After < c.min || o.After > c.max {
			t.Errorf("Retry-After %s: %v, want %v to %v", c.value, o.After, c.min, c.max)
		}
	}
}

// The service's own judgement, of what a sender can get wrong by configuration
// or registration.
func TestTheServiceJudgesAppsAndDevices(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(t *testing.T, r *rig)
		result push.Result
		reason string
	}{
		"a token of nobody": {func(_ *testing.T, r *rig) {
			r.token = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
		}, push.BadTarget, "BadDeviceToken"},
		"a token of another app":  {func(_ *testing.T, r *rig) { r.token = r.service.Install("com.example.other") }, push.BadTarget, "DeviceTokenNotForTopic"},
		"an app that was removed": {func(_ *testing.T, r *rig) { r.service.Unregister(r.token, time.Now()) }, push.Gone, "Unregistered"},
		"a token that expired":    {func(_ *testing.T, r *rig) { r.service.Expire(r.token, time.Now()) }, push.Gone, "ExpiredToken"},
		"a revoked key":           {func(_ *testing.T, r *rig) { r.service.Revoke(r.key.KeyID) }, push.BadApp, "InvalidProviderToken"},
		"a key of the sandbox":    {func(_ *testing.T, r *rig) { r.service.Misplace(r.key.KeyID) }, push.BadApp, "BadEnvironmentKeyIdInToken"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.do(t, r)
			if o := r.send(t, alert()); o.Result != c.result || o.Reason != c.reason {
				t.Errorf("outcome %+v, want %s %s", o, c.result, c.reason)
			}
			if n := r.service.Taken(); n != 0 {
				t.Errorf("%d were taken", n)
			}
		})
	}
}

func TestGoneSaysSinceWhen(t *testing.T) {
	r := newRig(t)
	since := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	r.service.Unregister(r.token, since)
	if o := r.send(t, alert()); !o.Since.Equal(since) {
		t.Errorf("since %v, want %v", o.Since, since)
	}
}
