package webpush

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"martlet/push"
)

// read turns a service's answer into an outcome. BadApp is this service's word
// about this device's subscription, which may have been made with another key
// and not every service says so: it is the notifier that believes it of the app
// when many devices are refused.
//
// What the services answer: Mozilla (https://mozilla-services.github.io/autopush-rs/errors.html)
// has an errno in JSON, Apple ("Sending web push notifications in web apps and
// browsers") a reason in JSON, Google and Microsoft plain text.
func read(res *http.Response, endpoint *url.URL, now time.Time) push.Outcome {
	o := push.Outcome{Status: res.StatusCode}
	if res.StatusCode/100 == 2 { // RFC 8030 5 has 201, UnifiedPush any of them
		o.Result, o.ID = push.Accepted, name(res, endpoint)
		return o
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	word, mismatch := reason(text)
	o.Reason = word
	if word == "" || strings.Contains(endpoint.String(), word) {
		o.Reason = http.StatusText(res.StatusCode)
	}
	switch status := res.StatusCode; {
	case mismatch:
		o.Result = push.BadTarget // the device subscribed with another key
	case status == http.StatusNotFound, status == http.StatusGone:
		// RFC 8030 7.3: 404 when it has expired; services say 410 as well.
		o.Result = push.Gone
	case status == http.StatusUnauthorized, status == http.StatusForbidden,
		status == http.StatusBadRequest && word == "UnauthorizedRegistration":
		o.Result = push.BadApp // RFC 8292 4.2; Google says 400 to a missing signature
	case status == http.StatusRequestEntityTooLarge:
		o.Result = push.TooLarge
	case status == http.StatusNotAcceptable, // Microsoft: too many
		status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusTooManyRequests, status >= 500:
		o.Result, o.After = push.Retry, push.RetryAfter(res.Header.Get("Retry-After"), now)
		o.Wide = status == http.StatusServiceUnavailable
	case status/100 == 4, status/100 == 3:
		o.Result = push.Refused
	default: // no status of a final answer (RFC 9110 15)
		o.Result, o.Reason = push.Retry, "no status of HTTP"
	}
	return o
}

// reason finds the service's own word in an answer, and whether it is that the
// subscription was made with another key. Nothing else of the answer is
// repeated: a service may send back what it got from us.
func reason(text []byte) (word string, mismatch bool) {
	var answer struct {
		Reason  any `json:"reason"` // Apple
		Errno   any `json:"errno"`  // Mozilla
		Message any `json:"message"`
	}
	if json.Unmarshal(text, &answer) == nil {
		if r, ok := answer.Reason.(string); ok && isWord(r) {
			return r, r == "VapidPkHashMismatch"
		}
		if e, ok := answer.Errno.(float64); ok && e >= 100 && e < 1000 {
			m, _ := answer.Message.(string)
			return "errno " + strconv.Itoa(int(e)), e == 109 && m == "VAPID public key mismatch"
		}
		return "", false
	}
	s := string(text)
	switch {
	case strings.Contains(s, "do not correspond to the credentials used to create the subscription"),
		strings.Contains(s, "does not correspond to the sender ID used to subscribe this user"):
		return "VapidKeyMismatch", true
	case strings.Contains(s, "UnauthorizedRegistration"):
		return "UnauthorizedRegistration", false
	}
	return "", false
}

// isWord tells whether a text is like BadJwtToken: letters, and few of them.
func isWord(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// name is what the service calls the message: the last part of the push
// message resource (RFC 8030 5), or Apple's apns-id. A name that has part of
// the endpoint in it, or is long enough to be a key to something, is left out.
func name(res *http.Response, endpoint *url.URL) string {
	id := res.Header.Get("apns-id")
	if id == "" {
		u, err := url.Parse(res.Header.Get("Location"))
		if err != nil || u.Path == "" {
			return ""
		}
		id = path.Base(u.Path)
	}
	const longest = 64
	if len(id) > longest || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:%.") != "" {
		return ""
	}
	if strings.Contains(endpoint.String(), id) {
		return ""
	}
	return id
}
