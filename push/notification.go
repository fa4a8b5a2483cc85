package push

import (
	"context"
	"time"
)

// Kind is the service that wakes a device.
type Kind uint8

// The services.
const (
	APNs    Kind = iota + 1 // Apple Push Notification service
	FCM                     // Firebase Cloud Messaging, HTTP v1
	WebPush                 // RFC 8030; UnifiedPush speaks it too
)

// String is the kind's name in the registration API.
func (k Kind) String() string {
	switch k {
	case APNs:
		return "apns"
	case FCM:
		return "fcm"
	case WebPush:
		return "webpush"
	}
	return "unknown"
}

// Target is where a notification goes.
type Target struct {
	Kind    Kind
	App     string // the administrator's name for the app: it selects the credentials
	Token   string // APNs: the device token in hexadecimal; FCM: the registration token
	Sandbox bool   // APNs: the development environment

	Endpoint  string // Web Push: the push resource (RFC 8030 5)
	PublicKey []byte // Web Push: p256dh, uncompressed point of 65 bytes (RFC 8291 2)
	Auth      []byte // Web Push: the authentication secret of 16 bytes (RFC 8291 3.2)
}

// Mode is how much a notification tells.
type Mode uint8

// The modes.
const (
	Silent Mode = iota + 1 // a wake only: the app fetches in the background
	Badge                  // the number of unread messages
	Alert                  // sender, subject and preview, as far as the policy allows
	Sealed                 // an alert that only the app can open
	// AppleMail wakes the Mail app of Apple's devices for an IMAP account
	// (XAPPLEPUSHSERVICE): APNs only.
	AppleMail
)

// String is the mode's name in the registration API.
func (m Mode) String() string {
	switch m {
	case Silent:
		return "silent"
	case Badge:
		return "badge"
	case Alert:
		return "alert"
	case Sealed:
		return "sealed"
	case AppleMail:
		return "applemail"
	}
	return "unknown"
}

// Notification is what one device is told. A sender turns it into the form of
// its service and keeps within the service's size: 4,096 bytes of payload, texts
// cut at a character.
type Notification struct {
	ID       string    // a UUID, the same when it is sent again; the notifier fills in an empty one
	Collapse string    // a later one of the same name takes its place; at most 32 characters of the URL-safe base64 alphabet
	Mode     Mode      //
	High     bool      // deliver at once, even to a device that saves power
	Expires  time.Time // afterwards nobody needs it; zero: now or never

	Title, Subtitle, Body string // of Alert: sender, subject, preview
	Unread                *int   // the badge; nil: leave it
	Withdrawn             bool   // what an earlier notification of this Collapse told is no news any more
	Thread                string // groups what is shown; opaque
	// Account names the account to the app, as it was registered: an app has
	// several. Message is what was told of, for the app to open; opaque.
	Account, Message string

	Envelope []byte // of Sealed: what the app opens; nothing else is readable

	AppleAccount   string   // of AppleMail: the account's id on the device
	AppleMailboxes []string // of AppleMail: the mailboxes that changed
}

// Result is what became of a notification.
type Result uint8

// The results, with what each asks of the caller.
const (
	Accepted  Result = iota + 1 // the service has it
	Gone                        // the target does not exist any more: forget it, if it was registered before Outcome.Since
	Retry                       // later, not before Outcome.After
	Refused                     // this notification will never be taken: give it up
	TooLarge                    // give it up, or send one that says less
	Expired                     // nobody needs it any more
	BadTarget                   // the target was never right: forget it and tell whoever registered it
	BadApp                      // the app's credentials or topic are refused: nothing of this app will be taken until the administrator mends them
)

// String names the result for logs and the API.
func (r Result) String() string {
	names := [...]string{"unknown", "accepted", "gone", "retry", "refused", "too_large", "expired", "bad_target", "bad_app"}
	if int(r) < len(names) {
		return names[r]
	}
	return names[0]
}

// Outcome is a service's answer.
type Outcome struct {
	Result Result
	Status int           // HTTP; zero: there was no answer
	Reason string        // the service's own word: Unregistered, QUOTA_EXCEEDED; or what went wrong on the way, without secrets
	After  time.Duration // of Retry: what the service asked for; zero: it did not say
	Wide   bool          // of Retry: the service asks it of everything that the app sends, not for this target alone
	Since  time.Time     // of Gone: when the service learned of it; zero: it did not say
	ID     string        // the service's own name for what it took; may be empty
}

// Sender delivers notifications to one service. It is safe for concurrent use,
// keeps within its own limits of connections, and does not try again: that is
// the notifier's. It returns when the service has answered, ctx is done, or the
// connection is lost, which is an outcome too.
type Sender interface {
	Send(ctx context.Context, t Target, n *Notification) Outcome
}
