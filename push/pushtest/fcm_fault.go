package pushtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FCMFault is what happens to a request instead of what should. The fields may
// be combined; the zero value is no fault.
type FCMFault struct {
	Delay time.Duration // before anything else
	Reset bool          // the connection is lost, after Body if there is one
	// Status and Body answer with just this, well-formed or not.
	Status int
	Body   string
	// Code refuses as the service does: an error code of FCM (UNREGISTERED), or
	// UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND; for a grant one of OAuth
	// (invalid_grant).
	Code       string
	RetryAfter string        // the header, with any answer
	Location   string        // the header, with any answer
	RetryDelay time.Duration // in the details: google.rpc.RetryInfo
}

// Next lets the requests that come next meet the faults, one each, whoever sends
// them. They are met by requests that the service would otherwise take.
func (f *FCM) Next(faults ...FCMFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = append(f.next, faults...)
}

// Always lets all requests meet the fault for which Next has none, until it is
// called with the zero FCMFault.
func (f *FCM) Always(fault FCMFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.always = fault
}

// NextGrant lets the next requests for an access token meet the faults.
func (f *FCM) NextGrant(faults ...FCMFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nextGrants = append(f.nextGrants, faults...)
}

// fault takes the next one of a queue, or what stands in for an empty one.
func (f *FCM) fault(queue *[]FCMFault, otherwise *FCMFault) FCMFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*queue) == 0 {
		return *otherwise
	}
	fault := (*queue)[0]
	*queue = (*queue)[1:]
	return fault
}

// play does what the fault says and tells whether the request is answered by it.
func (fault FCMFault) play(w http.ResponseWriter, r *http.Request, refuse func(http.ResponseWriter, FCMFault)) bool {
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	if fault.Location != "" {
		w.Header().Set("Location", fault.Location)
	}
	switch {
	case fault.Status != 0:
		if fault.Reset {
			w.Header().Set("Content-Length", strconv.Itoa(2*len(fault.Body)+1))
		}
		w.WriteHeader(fault.Status)
		w.Write([]byte(fault.Body))
		if fault.Reset {
			http.NewResponseController(w).Flush()
			hangUp(r)
		}
	case fault.Reset:
		hangUp(r)
	case fault.Code != "":
		refuse(w, fault)
	default:
		return false
	}
	return true
}

// The details of errors. https://firebase.google.com/docs/cloud-messaging/error-codes
// and google/rpc/error_details.proto
const (
	typeFcmError   = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
	typeApnsError  = "type.googleapis.com/google.firebase.fcm.v1.ApnsError"
	typeBadRequest = "type.googleapis.com/google.rpc.BadRequest"
	typeErrorInfo  = "type.googleapis.com/google.rpc.ErrorInfo"
	typeRetryInfo  = "type.googleapis.com/google.rpc.RetryInfo"
)

type fcmDetail map[string]any

func fcmError(code string) fcmDetail { return fcmDetail{"@type": typeFcmError, "errorCode": code} }

func fcmViolation(field, description string) fcmDetail {
	return fcmDetail{"@type": typeBadRequest, "fieldViolations": []any{map[string]any{"field": field, "description": description}}}
}

func fcmErrorInfo(reason string) fcmDetail {
	return fcmDetail{"@type": typeErrorInfo, "reason": reason, "domain": "googleapis.com",
		"metadata": map[string]any{"service": "fcm.googleapis.com", "method": "google.firebase.fcm.v1.FcmService.SendMessage"}}
}

// fcmRefusal is an answer in Google's form. https://cloud.google.com/apis/design/errors
type fcmRefusal struct {
	code    int
	status  string
	message string
	details []fcmDetail
}

func (e *fcmRefusal) write(w http.ResponseWriter) {
	body := map[string]any{"code": e.code, "message": e.message, "status": e.status}
	if len(e.details) > 0 {
		body["details"] = e.details
	}
	answer, _ := json.MarshalIndent(map[string]any{"error": body}, "", "  ")
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(e.code)
	w.Write(answer)
}

// fcmInvalid refuses a message with INVALID_ARGUMENT and says which field is wrong.
func fcmInvalid(field, message string) *fcmRefusal {
	return &fcmRefusal{400, "INVALID_ARGUMENT", message, []fcmDetail{fcmViolation(field, message), fcmError("INVALID_ARGUMENT")}}
}

// fcmRefuseSend answers a request to send with an error code.
func fcmRefuseSend(w http.ResponseWriter, fault FCMFault) {
	e := fcmRefusalFor(fault.Code)
	if fault.RetryDelay > 0 {
		delay := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.9f", fault.RetryDelay.Seconds()), "0"), ".")
		e.details = append(e.details, fcmDetail{"@type": typeRetryInfo, "retryDelay": delay + "s"})
	}
	e.write(w)
}

// fcmRefusalFor has the words that the service answers with.
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
func fcmRefusalFor(code string) *fcmRefusal {
	only := []fcmDetail{fcmError(code)}
	switch code {
	case "UNREGISTERED":
		return &fcmRefusal{404, "NOT_FOUND", "Requested entity was not found.", only}
	case "INVALID_ARGUMENT":
		return &fcmRefusal{400, "INVALID_ARGUMENT", "Request contains an invalid argument.", only}
	case "SENDER_ID_MISMATCH":
		return &fcmRefusal{403, "PERMISSION_DENIED", "SenderId mismatch", only}
	case "QUOTA_EXCEEDED":
		return &fcmRefusal{429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute'.", only}
	case "UNAVAILABLE":
		return &fcmRefusal{503, "UNAVAILABLE", "The service is currently unavailable.", only}
	case "INTERNAL":
		return &fcmRefusal{500, "INTERNAL", "Internal error encountered.", only}
	case "THIRD_PARTY_AUTH_ERROR":
		return &fcmRefusal{401, "UNAUTHENTICATED", "Request is missing required authentication credential. Expected OAuth 2 access token.",
			append(only, fcmDetail{"@type": typeApnsError, "statusCode": 403, "reason": "InvalidProviderToken"})}
	case "UNSPECIFIED_ERROR":
		return &fcmRefusal{500, "UNKNOWN", "Unknown error.", only}
	case "UNAUTHENTICATED":
		return &fcmRefusal{401, code, "Request had invalid authentication credentials. Expected OAuth 2 access token.",
			[]fcmDetail{fcmErrorInfo("ACCESS_TOKEN_EXPIRED")}}
	case "PERMISSION_DENIED":
		return &fcmRefusal{403, code, "Permission 'cloudmessaging.messages.create' denied on the project (or it may not exist).",
			[]fcmDetail{fcmErrorInfo("IAM_PERMISSION_DENIED")}}
	case "NOT_FOUND":
		return &fcmRefusal{404, code, "Requested entity was not found.", nil}
	}
	return &fcmRefusal{400, "FAILED_PRECONDITION", "Precondition check failed.", only}
}
