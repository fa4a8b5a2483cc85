package apns

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/sideshow/apns2"

	"martlet/push"
)

// Reasons that apns2 has no name for.
const (
	reasonUnrelatedKey       = "UnrelatedKeyIdInToken"
	reasonBadEnvironmentKey  = "BadEnvironmentKeyIdInToken"
	reasonBadEnvironmentKey2 = "BadEnvironmentKeyInToken" // what is really sent for it

	// Our own.
	reasonUnexpectedAnswer    = "unexpected answer"
	reasonCertificateRejected = "certificate refused in the TLS handshake"
)

const (
	serverErrorPause     = 15 * time.Minute // "After 15 minutes, you can retry ... 5XX"
	tooManyRequestsPause = time.Minute      // "You can retry with a delay"
)

// then is what a refusal asks of the sender itself.
type then uint8

const (
	thenNothing then = iota
	thenRenew
	thenWaitForToken
	thenReconnect
)

// rule is the end of a reason.
type rule struct {
	result push.Result
	after  time.Duration // of Retry, unless there is a Retry-After
	wide   bool
	then   then
}

// rules has every reason that Apple documents, "Response error strings". "Don't
// retry BadDeviceToken, DeviceTokenNotForTopic, Forbidden, ExpiredToken,
// Unregistered, or PayloadTooLarge."
//
// What is wrong with this one request is Refused; with the device token,
// BadTarget; with what every request of the app has in common, BadApp.
var rules = map[string]rule{
	// 400
	apns2.ReasonBadCollapseID:          {result: push.Refused},
	apns2.ReasonBadDeviceToken:         {result: push.BadTarget},
	apns2.ReasonBadExpirationDate:      {result: push.Refused},
	apns2.ReasonBadMessageID:           {result: push.Refused},
	apns2.ReasonBadPriority:            {result: push.Refused},
	apns2.ReasonBadTopic:               {result: push.BadApp},
	apns2.ReasonDeviceTokenNotForTopic: {result: push.BadTarget},
	apns2.ReasonDuplicateHeaders:       {result: push.Refused},
	apns2.ReasonIdleTimeout:            {result: push.Retry, then: thenReconnect},
	apns2.ReasonInvalidPushType:        {result: push.Refused},
	apns2.ReasonMissingDeviceToken:     {result: push.BadTarget},
	apns2.ReasonMissingTopic:           {result: push.BadApp},
	apns2.ReasonPayloadEmpty:           {result: push.Refused},
	apns2.ReasonTopicDisallowed:        {result: push.BadApp},
	// 403
	apns2.ReasonBadCertificate:            {result: push.BadApp},
	apns2.ReasonBadCertificateEnvironment: {result: push.BadApp},
	apns2.ReasonExpiredProviderToken:      {result: push.Retry, then: thenRenew},
	apns2.ReasonForbidden:                 {result: push.BadApp},
	apns2.ReasonInvalidProviderToken:      {result: push.BadApp},
	apns2.ReasonMissingProviderToken:      {result: push.BadApp},
	reasonUnrelatedKey:                    {result: push.Retry, after: atOnce, then: thenReconnect},
	reasonBadEnvironmentKey:               {result: push.BadApp},
	reasonBadEnvironmentKey2:              {result: push.BadApp},
	// 404, 405
	apns2.ReasonBadPath:          {result: push.Refused},
	apns2.ReasonMethodNotAllowed: {result: push.Refused},
	// 410
	apns2.ReasonExpiredToken: {result: push.Gone},
	apns2.ReasonUnregistered: {result: push.Gone},
	// 413
	apns2.ReasonPayloadTooLarge: {result: push.TooLarge},
	// 429
	apns2.ReasonTooManyProviderTokenUpdates: {result: push.Retry, wide: true, then: thenWaitForToken},
	apns2.ReasonTooManyRequests:             {result: push.Retry, after: tooManyRequestsPause},
	// 5xx
	apns2.ReasonInternalServerError: {result: push.Retry, after: serverErrorPause},
	apns2.ReasonServiceUnavailable:  {result: push.Retry, after: serverErrorPause},
	// One server of many goes down: the next connection reaches another.
	apns2.ReasonShutdown: {result: push.Retry, then: thenReconnect},
}

// classRule is the end of a reason that Apple has not documented yet.
func classRule(status int) rule {
	switch {
	case status == http.StatusForbidden:
		return rule{result: push.BadApp}
	case status == http.StatusGone:
		return rule{result: push.Gone}
	case status == http.StatusRequestEntityTooLarge:
		return rule{result: push.TooLarge}
	case status == http.StatusTooManyRequests:
		return rule{result: push.Retry, after: tooManyRequestsPause}
	case status >= 500:
		return rule{result: push.Retry, after: serverErrorPause}
	case status >= 400:
		return rule{result: push.Refused}
	}
	return rule{result: push.Retry}
}

// judge turns an answer into an outcome. Apple gives a reason with every
// refusal: what comes without one was said by something on the way, such as a
// proxy, and must not cost a registration.
func judge(status int, x *exchange) push.Outcome {
	if status == http.StatusOK {
		return push.Outcome{Result: push.Accepted, Status: status}
	}
	o := push.Outcome{Status: status, Reason: x.reason}
	r, known := rules[x.reason]
	switch {
	case x.reason == "":
		o.Reason = reasonUnexpectedAnswer
		r = rule{result: push.Retry}
		if status == http.StatusRequestEntityTooLarge {
			r = rule{result: push.TooLarge}
		}
	case !known:
		r = classRule(status)
	}
	o.Result = r.result
	switch r.result {
	case push.Gone:
		o.Since = x.timestamp
	case push.Retry:
		o.Wide, o.After = r.wide, r.after
		if x.retryAfter > 0 {
			o.After = x.retryAfter
		}
	}
	return o
}

// lost turns a failure on the way into an outcome. Its reason is never the
// error's own text, which may name the device token.
func lost(err error) push.Outcome {
	o := push.Outcome{Result: push.Retry, Reason: push.Trouble(err)}
	var alert tls.AlertError
	switch {
	case errors.Is(err, errClosed):
		o.Reason = "sender closed"
	case errors.Is(err, errPaused):
		o.Reason = "no connection"
	case errors.As(err, &alert) && alertOnCertificate(alert):
		o.Result, o.Reason = push.BadApp, reasonCertificateRejected
	default:
		// A reason for the whole connection says nothing about one device token.
		if reason := goAwayReason(err); reason != "" {
			o.Reason = reason
			if r := rules[reason]; r.result == push.BadApp {
				o.Result = push.BadApp
			}
		}
	}
	return o
}

// alertOnCertificate: RFC 8446 6.2, bad_certificate to unknown_ca, and
// certificate_required: the service does not take our certificate.
func alertOnCertificate(a tls.AlertError) bool {
	return a >= 42 && a <= 46 || a == 48 || a == 116
}
