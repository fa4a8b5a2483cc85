package apns

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/sideshow/apns2"

	"martlet/push"
)

// maxPayload: "Send a POST request to APNs", 4 KB (4096 bytes).
const maxPayload = 4096

// form is what the headers say of a payload.
type form struct {
	pushType apns2.EPushType
	priority int // zero: no header
}

// appendPayload writes what the device gets: Apple's dictionary aps, "Generating
// a remote notification", and beside it our own keys, which are described in
// the package's documentation. False: it cannot be made small enough. A mode
// that is none of ours is a wake.
//
// It is written by hand because a burst writes ten thousand of them, and because
// the texts must be cut to what their JSON leaves.
func appendPayload(dst []byte, n *push.Notification, generic string) ([]byte, form, bool) {
	urgent := form{apns2.PushTypeAlert, apns2.PriorityLow}
	if n.High {
		urgent.priority = apns2.PriorityHigh
	}
	// "Always use priority 5. Using priority 10 is an error."
	background := form{apns2.PushTypeBackground, apns2.PriorityLow}
	ok := true
	switch {
	case n.Mode == push.AppleMail:
		return appendAppleMail(dst, n)
	case n.Withdrawn && n.Unread != nil:
		dst = append(dst, `{"aps":{"content-available":1`...)
		dst = appendBadge(dst, n)
		dst = append(dst, '}')
		dst = appendOwn(dst, n, "withdrawn")
		return dst, form{apns2.PushTypeAlert, apns2.PriorityLow}, len(dst) <= maxPayload
	case n.Withdrawn:
		dst = append(dst, `{"aps":{"content-available":1}`...)
		dst = appendOwn(dst, n, "withdrawn")
		return dst, background, len(dst) <= maxPayload
	case n.Mode == push.Badge && n.Unread != nil:
		dst = append(dst, `{"aps":{"badge":`...)
		dst = strconv.AppendInt(dst, int64(max(*n.Unread, 0)), 10)
		dst = append(dst, '}')
		dst = appendOwn(dst, n, "badge")
		return dst, urgent, len(dst) <= maxPayload
	case n.Mode == push.Alert:
		dst, ok = appendAlert(dst, n, generic)
		return dst, urgent, ok
	case n.Mode == push.Sealed:
		dst, ok = appendSealed(dst, n, generic)
		return dst, urgent, ok
	}
	dst = append(dst, `{"aps":{"content-available":1}`...)
	dst = appendOwn(dst, n, "silent")
	return dst, background, len(dst) <= maxPayload
}

func appendBadge(dst []byte, n *push.Notification) []byte {
	if n.Unread == nil {
		return dst
	}
	dst = append(dst, `,"badge":`...)
	return strconv.AppendInt(dst, int64(max(*n.Unread, 0)), 10)
}

// appendOwn writes our keys and the end.
func appendOwn(dst []byte, n *push.Notification, mode string) []byte {
	dst = append(dst, `,"version":1,"mode":"`...)
	dst = append(dst, mode...)
	dst = append(dst, '"')
	dst = appendKey(dst, `,"account":"`, n.Account)
	dst = appendKey(dst, `,"tag":"`, n.Collapse)
	if mode == "alert" || mode == "withdrawn" {
		dst = appendKey(dst, `,"message":"`, n.Message)
	}
	return append(dst, '}')
}

func appendKey(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, key...)
	dst = appendText(dst, value)
	return append(dst, '"')
}

// appendAlert cuts the texts to what everything else leaves of the payload.
func appendAlert(dst []byte, n *push.Notification, generic string) ([]byte, bool) {
	const head, title, subtitle, body = `{"aps":{"alert":{`, `,"title":"`, `,"subtitle":"`, `,"body":"`
	start := len(dst)
	dst = appendAlertEnd(dst, n)
	room := maxPayload - (len(dst) - start) - len(head) - len(title) - len(subtitle) - len(body) - len(`"""`)
	dst = dst[:start]
	if room < len(generic)*maxEscape {
		return dst, false
	}
	t, s, b := n.Title, n.Subtitle, n.Body
	if len(t)+len(s)+len(b) > room || textLen(t)+textLen(s)+textLen(b) > room {
		t = fit(t, room/4)
		s = fit(s, (room-textLen(t))/3)
		b = fit(b, room-textLen(t)-textLen(s))
	}
	if t == "" && s == "" && b == "" {
		b = generic // an alert without a text would show nothing
	}
	dst = append(dst, head...)
	first := len(dst)
	dst = appendKey(dst, title, t)
	dst = appendKey(dst, subtitle, s)
	dst = appendKey(dst, body, b)
	dst = append(dst[:first], dst[first+1:]...) // the comma before the first
	return appendAlertEnd(dst, n), true
}

// appendAlertEnd is what follows the texts. mutable-content lets the app's
// extension add to the alert what it finds about the message.
func appendAlertEnd(dst []byte, n *push.Notification) []byte {
	dst = append(dst, `},"sound":"default"`...)
	dst = appendBadge(dst, n)
	dst = appendKey(dst, `,"thread-id":"`, n.Thread)
	if n.Message != "" {
		dst = append(dst, `,"mutable-content":1`...)
	}
	dst = append(dst, '}')
	return appendOwn(dst, n, "alert")
}

// appendSealed shows a text that says nothing; the app's extension puts what it
// finds in the envelope in its place.
func appendSealed(dst []byte, n *push.Notification, generic string) ([]byte, bool) {
	dst = append(dst, `{"aps":{"alert":{"body":"`...)
	dst = appendText(dst, generic)
	dst = append(dst, `"},"sound":"default","mutable-content":1`...)
	dst = appendBadge(dst, n)
	dst = append(dst, `},"envelope":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, n.Envelope)
	dst = append(dst, '"')
	dst = appendOwn(dst, n, "sealed")
	return dst, len(dst) <= maxPayload
}

// appendAppleMail is what Apple's own mail servers send to Apple's Mail, as far
// as it is known from those who speak to it: the account's id on the device, and
// the MD5 of the name of each mailbox that changed. Without names Mail looks
// into all, so names that do not fit are left out altogether. What is known to
// reach Mail at once has no apns-priority; 5 is for what may wait.
func appendAppleMail(dst []byte, n *push.Notification) ([]byte, form, bool) {
	f := form{pushType: apns2.PushTypeBackground}
	if !n.High {
		f.priority = apns2.PriorityLow
	}
	dst = append(dst, `{"aps":{"account-id":"`...)
	dst = appendText(dst, n.AppleAccount)
	dst = append(dst, '"')
	const each = len(`"",`) + 2*md5.Size
	if names := n.AppleMailboxes; len(names) > 0 && len(dst)+len(`,"m":[]}}`)+len(names)*each <= maxPayload {
		dst = append(dst, `,"m":[`...)
		for i, name := range names {
			if i > 0 {
				dst = append(dst, ',')
			}
			sum := md5.Sum([]byte(name))
			dst = append(dst, '"')
			dst = hex.AppendEncode(dst, sum[:])
			dst = append(dst, '"')
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `}}`...)
	return dst, f, len(dst) <= maxPayload
}
