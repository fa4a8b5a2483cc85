package pushtest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// maxWebPushBody is what a service must take, and no more than it takes here
// (RFC 8030 7.2).
const maxWebPushBody = 4096

// webPushFault is why a push is not taken.
type webPushFault int

const (
	webPushTaken webPushFault = iota
	webPushUnknownEndpoint
	webPushUnsubscribed
	webPushNoTTL
	webPushBadTopic
	webPushBadUrgency
	webPushBadEncoding
	webPushTooLarge
	webPushNoVAPID
	webPushBadVAPID
	webPushOtherKey
)

// webPushWords are how the services say why.
type webPushWords struct {
	status int
	errno  int    // of autopush
	reason string // of Apple
	text   string
}

func (f webPushFault) words() webPushWords {
	switch f {
	case webPushUnknownEndpoint:
		return webPushWords{404, 102, "BadPath", "Not Found"}
	case webPushUnsubscribed:
		return webPushWords{410, 106, "Unregistered", "push subscription has unsubscribed or expired."}
	case webPushNoTTL:
		return webPushWords{400, 111, "BadTtl", "missing TTL header"}
	case webPushBadTopic:
		return webPushWords{400, 113, "BadWebPushTopic", "invalid topic"}
	case webPushBadUrgency:
		return webPushWords{400, 114, "BadUrgency", "invalid urgency"}
	case webPushBadEncoding:
		return webPushWords{400, 110, "BadEncryption", "invalid content encoding"}
	case webPushTooLarge:
		return webPushWords{413, 104, "PayloadTooLarge", "payload too large"}
	case webPushNoVAPID:
		return webPushWords{401, 109, "BadJwtToken", "UnauthorizedRegistration"}
	case webPushOtherKey:
		return webPushWords{401, 109, "VapidPkHashMismatch",
			"the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions."}
	}
	return webPushWords{401, 109, "BadJwtToken", "crypto/ecdsa: verification error"}
}

// ServeHTTP takes a push message (RFC 8030 5).
func (w *WebPush) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebPushBody+1))
	if err != nil {
		return
	}
	w.mu.Lock()
	w.requests++
	w.conns[r.RemoteAddr] = struct{}{}
	refusal := w.refusalLocked()
	s := w.subs[path.Base(r.URL.Path)]
	now := time.Now().Add(w.shift)
	w.mu.Unlock()
	if refusal != nil {
		refusal.answer(rw, r)
		return
	}
	if r.Method == http.MethodGet && w.manner == UnifiedPush {
		_, _ = io.WriteString(rw, `{"unifiedpush":{"version":1}}`)
		return
	}
	if r.Method != http.MethodPost {
		rw.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	d := WebPushDelivery{Subscription: s, Size: len(body), Proto: r.Proto, At: now}
	if f := w.check(&d, r, body, now); f != webPushTaken {
		w.refuse(rw, f)
		return
	}
	if len(body) > 0 {
		d.Body, d.Err = DecryptWebPush(s.private, s.Auth, body)
	}
	var id [12]byte
	_, _ = rand.Read(id[:])
	d.ID = base64.RawURLEncoding.EncodeToString(id[:])
	if !w.take(d) {
		w.refuse(rw, webPushUnsubscribed)
		return
	}
	w.accept(rw, d)
}

// check is what a service looks at, in the order of autopush.
func (w *WebPush) check(d *WebPushDelivery, r *http.Request, body []byte, now time.Time) webPushFault {
	if d.Subscription == nil {
		return webPushUnknownEndpoint
	}
	// RFC 8030 5.2: TTL is required, in seconds.
	seconds, err := strconv.ParseUint(r.Header.Get("TTL"), 10, 31)
	if err != nil {
		return webPushNoTTL
	}
	d.TTL = time.Duration(seconds) * time.Second
	d.Topic, d.Urgency = r.Header.Get("Topic"), r.Header.Get("Urgency")
	if len(r.Header["Topic"]) > 0 && !w.validTopic(d.Topic) {
		return webPushBadTopic
	}
	switch d.Urgency {
	case "":
		d.Urgency = "normal" // RFC 8030 5.3
	case "very-low", "low", "normal", "high":
	default:
		return webPushBadUrgency
	}
	if len(body) > maxWebPushBody {
		return webPushTooLarge
	}
	if len(body) > 0 && r.Header.Get("Content-Encoding") != "aes128gcm" {
		return webPushBadEncoding
	}
	d.Token = r.Header.Get("Authorization")
	d.Subject, err = identify(d.Token, d.Subscription.vapid, w.Origin(), w.manner == Apple, now)
	switch {
	case errors.Is(err, errNoVAPID):
		return webPushNoVAPID
	case errors.Is(err, errOtherKey):
		return webPushOtherKey
	case err != nil:
		return webPushBadVAPID
	}
	return webPushTaken
}

// validTopic is RFC 8030 5.4: at most 32 characters of the URL-safe base64
// alphabet. Apple decodes it, so a length that base64 cannot have is refused.
func (w *WebPush) validTopic(topic string) bool {
	if topic == "" || len(topic) > 32 {
		return false
	}
	for _, c := range topic {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c) {
			return false
		}
	}
	_, err := base64.RawURLEncoding.DecodeString(topic)
	return err == nil || w.manner != Apple
}

// take delivers a message now, or keeps it for a user agent that is away.
func (w *WebPush) take(d WebPushDelivery) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := d.Subscription
	switch {
	case s.gone:
		return false
	case !s.away:
		w.deliverLocked(d)
	case d.TTL > 0: // RFC 8030 5.2: zero is now or never
		if d.Topic != "" {
			for i := range s.waiting {
				if s.waiting[i].Topic == d.Topic { // RFC 8030 5.4
					s.waiting[i] = d
					return true
				}
			}
		}
		s.waiting = append(s.waiting, d)
	}
	return true
}

// accept answers as the manner has it.
func (w *WebPush) accept(rw http.ResponseWriter, d WebPushDelivery) {
	h := rw.Header()
	h.Set("TTL", strconv.Itoa(int(d.TTL.Seconds())))
	switch w.manner {
	case Apple:
		h.Set("apns-id", "F1F2B2BE-7E0D-4C6F-9C5A-2B0D8D3E9A11")
	case UnifiedPush:
		h.Set("TTL", "0")
		_, _ = io.WriteString(rw, `{"id":"`+d.ID+`"}`)
		return
	case Google:
		h.Set("Location", w.Origin()+"/0:1705097911549557%25"+d.ID)
	default:
		h.Set("Location", w.Origin()+"/m/"+d.ID)
	}
	rw.WriteHeader(http.StatusCreated)
}

// refuse answers as the manner has it.
func (w *WebPush) refuse(rw http.ResponseWriter, f webPushFault) {
	r := f.words()
	status := r.status
	if status == http.StatusUnauthorized {
		rw.Header().Set("WWW-Authenticate", "vapid")
		switch {
		case w.manner == Apple && f == webPushOtherKey:
			status = http.StatusBadRequest
		case w.manner == Apple, w.manner == Google && f != webPushNoVAPID:
			status = http.StatusForbidden
		}
	}
	var body string
	switch w.manner {
	case Apple:
		body = fmt.Sprintf(`{"reason":%q}`, r.reason)
	case Mozilla:
		message := r.text
		if f == webPushOtherKey {
			message = "VAPID public key mismatch"
		}
		body = fmt.Sprintf(`{"code":%d,"errno":%d,"error":%q,"message":%q,"more_info":"https://push.example/errors"}`,
			status, r.errno, http.StatusText(status), message)
	default:
		body = r.text + "\n"
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, body)
}
