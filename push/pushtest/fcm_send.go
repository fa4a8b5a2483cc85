package pushtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The limits of a message.
// https://firebase.google.com/docs/cloud-messaging/concept-options
const (
	maxFCMRequest = 64 << 10
	maxFCMPayload = 4096 // keys and values
	maxFCMTTL     = 28 * 24 * time.Hour
)

// fcmToken is how a token looks that a device was given.
var fcmToken = regexp.MustCompile(`^[A-Za-z0-9_-]{11,}:APA91b[A-Za-z0-9_-]{100,}$`)

// send takes a message for one device.
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
func (f *FCM) send(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests++
	f.mu.Unlock()
	if refused := f.authorize(r); refused != nil {
		refused.write(w)
		return
	}
	request, refused := readFCM(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	message, _ := request["message"].(map[string]any)
	delivery, refused := f.accept(message)
	if refused != nil {
		refused.write(w)
		return
	}
	if f.fault(&f.next, &f.always).play(w, r, fcmRefuseSend) {
		return
	}
	delivery.Protocol = r.Proto
	dry, _ := request["validate_only"].(bool)
	if refused := f.deliver(&delivery, dry); refused != nil {
		refused.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	json.NewEncoder(w).Encode(map[string]string{"name": delivery.Name})
}

// authorize checks the access token and that it is good for the project.
func (f *FCM) authorize(r *http.Request) *fcmRefusal {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return &fcmRefusal{401, "UNAUTHENTICATED", "Request is missing required authentication credential. Expected OAuth 2 access token.",
			[]fcmDetail{fcmErrorInfo("CREDENTIALS_MISSING")}}
	}
	f.mu.Lock()
	expires, ok := f.access[token]
	f.mu.Unlock()
	if !ok || !time.Now().Before(expires) {
		return fcmRefusalFor("UNAUTHENTICATED")
	}
	if r.PathValue("project") != f.project {
		return fcmRefusalFor("PERMISSION_DENIED")
	}
	return nil
}

func readFCM(w http.ResponseWriter, r *http.Request) (map[string]any, *fcmRefusal) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return nil, &fcmRefusal{400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unexpected content type.", nil}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFCMRequest))
	d.UseNumber()
	var request map[string]any
	err := d.Decode(&request)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("more after the end")
	}
	if err != nil {
		return nil, &fcmRefusal{400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unable to parse it.", nil}
	}
	return request, fcmCheckFields("", request, fcmRequest)
}

// accept checks what the form of the fields does not say.
func (f *FCM) accept(m map[string]any) (FCMDelivery, *fcmRefusal) {
	d := FCMDelivery{Priority: "NORMAL", TTL: maxFCMTTL, Data: map[string]string{}}
	targets := 0
	for _, name := range []string{"token", "topic", "condition"} {
		if s, _ := m[name].(string); s != "" {
			targets++
		}
	}
	switch d.Token, _ = m["token"].(string); {
	case targets == 0:
		return d, fcmInvalid("message", "Recipient of the message is not set.")
	case targets > 1:
		return d, fcmInvalid("message", "Exactly one of token, topic or condition is required.")
	case d.Token == "":
		return d, fcmInvalid("message", "Only messages to a token are taken here.")
	case !fcmToken.MatchString(d.Token):
		text := "The registration token is not a valid FCM registration token"
		return d, &fcmRefusal{400, "INVALID_ARGUMENT", text, []fcmDetail{fcmError("INVALID_ARGUMENT"), fcmViolation("message.token", text)}}
	}
	android, _ := m["android"].(map[string]any)
	maps.Copy(d.Data, fcmTexts(m["data"]))
	if own := fcmTexts(android["data"]); len(own) > 0 {
		d.Data = own
	}
	if p, _ := android["priority"].(string); strings.EqualFold(p, "high") {
		d.Priority = "HIGH"
	}
	d.CollapseKey, _ = android["collapse_key"].(string)
	if s, ok := android["ttl"].(string); ok {
		d.TTL, _ = fcmDuration(s)
		if d.TTL < 0 || d.TTL > maxFCMTTL {
			return d, fcmInvalid("message.android.ttl", "Invalid value for ttl: it must be between 0 and 2419200 seconds.")
		}
	}
	return d, d.weigh(m, android)
}

// weigh takes the texts of the notification and holds keys and values to the
// limit.
func (d *FCMDelivery) weigh(m, android map[string]any) *fcmRefusal {
	common, _ := m["notification"].(map[string]any)
	own, _ := android["notification"].(map[string]any)
	shown := map[string]any{}
	maps.Copy(shown, common)
	maps.Copy(shown, own)
	d.Title, _ = shown["title"].(string)
	d.Body, _ = shown["body"].(string)
	d.Tag, _ = shown["tag"].(string)
	size := 0
	for k, v := range fcmTexts(shown) {
		size += len(k) + len(v)
	}
	for _, k := range slices.Sorted(maps.Keys(d.Data)) {
		if k == "from" || k == "message_type" || strings.HasPrefix(k, "google") || strings.HasPrefix(k, "gcm") {
			return fcmInvalid("message.data", "Invalid data payload key: "+k)
		}
		size += len(k) + len(d.Data[k])
	}
	if size > maxFCMPayload {
		return &fcmRefusal{400, "INVALID_ARGUMENT", "Message is too large. The maximum is 4K (4096 bytes).",
			[]fcmDetail{{"@type": typeBadRequest}, fcmError("INVALID_ARGUMENT")}}
	}
	return nil
}

// deliver hands the message to the device, if it is one of the project's.
func (f *FCM) deliver(d *FCMDelivery, dry bool) *fcmRefusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.standings[d.Token] {
	case fcmUnknown:
		return fcmRefusalFor("UNREGISTERED")
	case fcmForeign:
		return fcmRefusalFor("SENDER_ID_MISMATCH")
	}
	d.At = time.Now()
	f.named++
	d.Name = fmt.Sprintf("projects/%s/messages/0:%d%%%016x", f.project, d.At.UnixMicro(), f.named)
	if dry {
		return nil
	}
	if a := f.away[d.Token]; a != nil {
		a.keep(*d)
		return nil
	}
	f.arriveLocked(*d)
	return nil
}

// fcmTexts keeps the entries of an object that are strings.
func fcmTexts(v any) map[string]string {
	fcmObject, _ := v.(map[string]any)
	out := make(map[string]string, len(fcmObject))
	for k, v := range fcmObject {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}
