package fcm

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"firebase.google.com/go/v4/messaging"

	"martlet/push"
)

const (
	// maxPayload is what the keys and values of a message may have together, in
	// bytes. FCM takes 4,096; the rest is left for what it may add.
	// https://firebase.google.com/docs/cloud-messaging/concept-options
	maxPayload = 4000
	// maxSender and maxSubject leave the preview its part.
	maxSender  = 200
	maxSubject = 400
	// maxTTL is how long FCM keeps a message for a device that is away.
	maxTTL = 28 * 24 * time.Hour
)

// version is that of the data's form.
const version = "1"

// newMessage writes a notification as FCM wants it, or says why that cannot be.
//
// Alerts are data messages that the app shows, not notification messages that
// the system shows, for three reasons. A notification message is always
// collapsible and its collapse key is ignored: a phone that was in a tunnel
// would show the last of ten new mails. It reaches onMessageReceived only while
// the app is in front, so the app could neither leave out what was read in the
// meantime nor begin to sync. And alert, sealed and withdrawn go one way through
// the app, under one tag. A high-priority data message that the app shows keeps
// its priority just as well.
//
// For the same reason only silent and badge have a collapse key: of the others
// each counts, and FCM keeps four keys for a device at most. Of those without a
// key it keeps 100, and tells the app when it had to drop them.
func newMessage(token string, n *push.Notification, now time.Time) (*messaging.Message, push.Outcome) {
	d := data{values: make(map[string]string, 12)}
	android := &messaging.AndroidConfig{Priority: "normal"}
	if n.High {
		android.Priority = "high"
	}
	ttl := time.Duration(0)
	if !n.Expires.IsZero() {
		ttl = min(n.Expires.Sub(now).Truncate(time.Second), maxTTL)
	}
	android.TTL = &ttl

	d.add("version", version)
	d.add("id", n.ID)
	d.add("sent", strconv.FormatInt(now.UnixMilli(), 10))
	d.add("account", n.Account)
	d.add("tag", n.Collapse)
	switch {
	case n.Withdrawn:
		d.add("mode", "withdrawn")
		d.add("message", n.Message)
		d.unread(n)
	case n.Mode == push.Silent:
		d.add("mode", n.Mode.String())
		android.CollapseKey = n.Collapse
	case n.Mode == push.Badge:
		d.add("mode", n.Mode.String())
		d.unread(n)
		android.CollapseKey = n.Collapse
	case n.Mode == push.Alert:
		d.add("mode", n.Mode.String())
		d.unread(n)
		d.add("message", n.Message)
		d.add("thread", n.Thread)
		d.cut("sender", n.Title, maxSender)
		d.cut("subject", n.Subtitle, maxSubject)
		d.cut("preview", n.Body, maxPayload)
	case n.Mode == push.Sealed:
		// Thread, message and badge are within the envelope.
		d.add("mode", n.Mode.String())
		d.add("envelope", base64.RawURLEncoding.EncodeToString(n.Envelope))
	default:
		return nil, push.Outcome{Result: push.Refused, Reason: "a mode that fcm does not have"}
	}
	if d.size > maxPayload {
		return nil, push.Outcome{Result: push.TooLarge, Reason: "message too large"}
	}
	return &messaging.Message{Token: token, Data: d.values, Android: android}, push.Outcome{}
}

// data collects keys and values and what they weigh.
type data struct {
	values map[string]string
	size   int
}

// add takes a value as it is; an empty one is left out. JSON is UTF-8, so what
// is not becomes the replacement character, here where it is counted.
func (d *data) add(key, value string) {
	if value == "" {
		return
	}
	value = strings.ToValidUTF8(value, "\ufffd")
	d.values[key] = value
	d.size += len(key) + len(value)
}

// unread adds the badge.
func (d *data) unread(n *push.Notification) {
	if n.Unread != nil {
		d.add("unread", strconv.Itoa(max(*n.Unread, 0)))
	}
}

// cut takes as much of a text as fits.
func (d *data) cut(key, text string, limit int) {
	d.add(key, push.Cut(text, min(limit, maxPayload-d.size-len(key))))
}
