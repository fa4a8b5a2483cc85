package fcm

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"martlet/push"
)

// answer is what came of a request: an error on the way, or a response.
type answer struct {
	err        error
	status     int // HTTP; zero: none came
	retryAfter string
	body       []byte
}

// quotaPause is how long to wait after 429 when the service does not say.
// https://firebase.google.com/docs/cloud-messaging/scale-fcm#errors
const quotaPause = time.Minute

// failure is Google's form of an error. https://cloud.google.com/apis/design/errors
type failure struct {
	Error struct {
		Message string            `json:"message"`
		Status  string            `json:"status"`
		Details []json.RawMessage `json:"details"`
	} `json:"error"`
}

// detail is any of the details that are read.
type detail struct {
	Type            string `json:"@type"`
	ErrorCode       string `json:"errorCode"`  // google.firebase.fcm.v1.FcmError
	Reason          string `json:"reason"`     // google.rpc.ErrorInfo
	RetryDelay      string `json:"retryDelay"` // google.rpc.RetryInfo
	FieldViolations []struct {
		Field string `json:"field"`
	} `json:"fieldViolations"` // google.rpc.BadRequest
}

// maxDetails bounds how many details are looked at; FCM sends three at most.
const maxDetails = 16

// trouble is a failure as read.
type trouble struct {
	code    string // FCM's own: UNREGISTERED
	status  string // Google's: NOT_FOUND; empty: the answer is not Google's
	reason  string // of ErrorInfo: SERVICE_DISABLED
	field   string // the first that is wrong
	message string
	delay   time.Duration
}

// read takes a failure apart. What is not of its form is passed over: the zero
// trouble is an answer from somebody else.
func read(body []byte) trouble {
	var f failure
	if json.Unmarshal(body, &f) != nil {
		return trouble{}
	}
	t := trouble{status: word(f.Error.Status), message: strings.ToLower(f.Error.Message)}
	for _, raw := range f.Error.Details[:min(len(f.Error.Details), maxDetails)] {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		switch d.Type[strings.LastIndexByte(d.Type, '/')+1:] {
		case "google.firebase.fcm.v1.FcmError":
			t.code = word(d.ErrorCode)
		case "google.rpc.ErrorInfo":
			t.reason = word(d.Reason)
		case "google.rpc.RetryInfo":
			t.delay = retryDelay(d.RetryDelay)
		case "google.rpc.BadRequest":
			if len(d.FieldViolations) > 0 {
				t.field = fieldName(d.FieldViolations[0].Field)
			}
		}
	}
	return t
}

// outcome says what a request to send comes to, and whether it is the access
// token that was refused.
func (a *answer) outcome(name string, now time.Time) (o push.Outcome, unauthenticated bool) {
	if a.err != nil {
		return push.Outcome{Result: push.Retry, Reason: push.Trouble(a.err)}, false
	}
	o.Status = a.status
	if a.status == 200 {
		if _, id, ok := strings.Cut(name, "/messages/"); ok && strings.HasPrefix(name, "projects/") && id != "" {
			o.Result, o.ID = push.Accepted, push.Cut(id, 128)
			return o, false
		}
		o.Result, o.Reason = push.Retry, "not an answer of fcm"
		return o, false
	}
	t := read(a.body)
	o.Result, unauthenticated = t.result(a.status)
	o.Reason = t.words(a.status)
	if o.Result == push.Retry {
		o.After = max(push.RetryAfter(a.retryAfter, now), t.delay)
		if o.After == 0 && a.status == 429 {
			o.After = quotaPause
		}
		o.Wide = t.wide(a.status)
	}
	return o, unauthenticated
}

// wide tells whether all that the project sends should wait: its quota is used up
// or the service has no room. QUOTA_EXCEEDED is also what is said when one device
// gets too much, in other words. A proxy's answer is nobody's quota.
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
func (t *trouble) wide(status int) bool {
	return t.status != "" && (status == 429 || status == 503) && !strings.Contains(t.message, "device")
}

// result is the table of refusals.
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
func (t *trouble) result(status int) (r push.Result, unauthenticated bool) {
	switch t.code {
	case "UNREGISTERED":
		return push.Gone, false
	case "SENDER_ID_MISMATCH":
		// The token was made for another project. One user's token must not stop
		// an app, so it is the target that is wrong, not the app.
		return push.BadTarget, false
	case "THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR":
		// The token is of an iPhone or a browser, for which the project has no
		// key. That says nothing about Android, and may be mended in the console.
		return push.Refused, false
	case "QUOTA_EXCEEDED", "UNAVAILABLE", "INTERNAL":
		return push.Retry, false
	}
	switch t.status { // https://cloud.google.com/apis/design/errors#handling_errors
	case "":
		// Not Google's: a proxy, a captive portal, the front of a data centre. It
		// says nothing about target or app.
		if status == 413 {
			return push.TooLarge, false
		}
		return push.Retry, false
	case "INVALID_ARGUMENT":
		return t.invalid(), false
	case "UNAUTHENTICATED":
		return push.BadApp, true
	case "PERMISSION_DENIED": // the account may not send, or the API is switched off
		return push.BadApp, false
	case "UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED":
		return push.Retry, false
	}
	// What else there is, UNSPECIFIED_ERROR too. NOT_FOUND without FCM's own code
	// is not about the token.
	if status >= 500 || status == 408 || status == 429 || status < 400 {
		return push.Retry, false
	}
	return push.Refused, false
}

// invalid tells what is meant by INVALID_ARGUMENT: that a token is malformed, or
// that a message is. The service has no codes for it. Sizes are told by the
// message alone, which read "Android message is too big" until 2026.
func (t *trouble) invalid() push.Result {
	switch {
	case strings.Contains(t.message, "too large"), strings.Contains(t.message, "too big"):
		return push.TooLarge
	case t.field == "message.token", t.field == "" && strings.Contains(t.message, "registration token"):
		return push.BadTarget
	}
	return push.Refused
}

// words is the reason for logs and the console: the service's codes, and never
// its message, which may repeat what was sent.
func (t *trouble) words(status int) string {
	said := []string{t.code}
	if t.code == "" {
		said[0] = t.status
	}
	if t.code == "" && t.status == "" {
		said[0] = "HTTP " + strconv.Itoa(status)
	}
	for _, more := range []string{t.reason, t.field} {
		if more != "" {
			said = append(said, more)
		}
	}
	return strings.Join(said, " ")
}

// maxWord bounds what is repeated of an answer.
const maxWord = 48

// word takes a code as Google writes them, and nothing else.
func word(s string) string {
	if len(s) > maxWord || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
		return ""
	}
	return s
}

// fieldName takes the path of a field of a request, without the key of a map.
func fieldName(s string) string {
	if len(s) > maxWord || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_.[]0123456789") != "" || !strings.HasPrefix(s, "message") {
		return ""
	}
	return s
}

// retryDelay reads google.rpc.RetryInfo: seconds with a fraction, and an s.
func retryDelay(s string) time.Duration {
	digits, ok := strings.CutSuffix(s, "s")
	if !ok || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0
	}
	seconds, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	if seconds > push.MaxRetryAfter.Seconds() {
		return push.MaxRetryAfter
	}
	return time.Duration(seconds * float64(time.Second))
}

// refusedGrant says what it comes to that no access token was given: the app's
// other notifications need one as well.
// RFC 6749 5.2, https://developers.google.com/identity/protocols/oauth2/service-account#error-codes
func (a *answer) refusedGrant(now time.Time) push.Outcome {
	if a.err != nil {
		return push.Outcome{Result: push.Retry, Reason: "oauth: " + push.Trouble(a.err), Wide: true}
	}
	o := push.Outcome{Result: push.Retry, Wide: true, Status: a.status, Reason: "oauth: HTTP " + strconv.Itoa(a.status)}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(a.body, &said) == nil && a.status >= 400 && a.status < 500 && a.status != 408 && a.status != 429 {
		switch said.Error {
		case "invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request",
			"unsupported_grant_type", "access_denied", "disabled_client", "deleted_client", "org_internal", "admin_policy_enforced":
			o.Result, o.Reason, o.Wide = push.BadApp, "oauth: "+said.Error, false
			return o
		}
	}
	o.After = push.RetryAfter(a.retryAfter, now)
	return o
}
