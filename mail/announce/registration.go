// Package announce keeps the apps that are registered for wakes, and decides
// what each is to be told: it reads the change log from where a registration
// stands, and plans one notification at a time. It must never send anything,
// never write into a mailbox, never tell an app of what its user did, and never
// let one user see what another has registered.
package announce

import (
	"errors"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
)

// Errors of registering. A door turns them into its protocol's own status.
var (
	ErrNoRegistration = errors.New("announce: no such registration")
	ErrLost           = errors.New("announce: the target is gone: the app must register anew")
	ErrBarred         = errors.New("announce: the account is disabled, may not synchronise or is elsewhere, or the device is blocked, quarantined or to be wiped: it is told nothing")
	ErrPassword       = errors.New("announce: the password was changed since: the app must register anew")
	ErrTooMany        = errors.New("announce: the account has as many registrations as it may have")
	ErrBadKind        = errors.New("announce: the kind is apns, fcm or webpush")
	ErrBadApp         = errors.New("announce: an app has a name of 1 to 64 letters, digits, dots, dashes or underscores")
	ErrBadToken       = errors.New("announce: not a token of this kind")
	ErrBadEndpoint    = errors.New("announce: an endpoint is an absolute https URL of at most 1,024 bytes")
	ErrBadKeys        = errors.New("announce: Web Push wants a public key of 65 bytes and a secret of 16")
	ErrBadDevice      = errors.New("announce: a device id has at most 64 bytes without spaces and control characters")
	ErrBadName        = errors.New("announce: an account's name has at most 128 bytes without control characters")
	ErrBadMode        = errors.New("announce: not a mode for this kind")
	ErrBadSealKey     = errors.New("announce: sealed wants a public key of 32 bytes, the other modes none")
	ErrBadFolders     = errors.New("announce: the folders do not exist, or are too many, or are named beside all")
	ErrBadQuiet       = errors.New("announce: quiet hours have a start, another end, and a time zone of the IANA")
	ErrBadVIPs        = errors.New("announce: a VIP is an address or a domain, and there are at most 200")
	ErrBadDetail      = errors.New("announce: not a level of detail")
	ErrBadExpiry      = errors.New("announce: the registration has expired already, or ends too late")
	ErrBadAppleMail   = errors.New("announce: Apple's Mail app wants an account id and a mailbox name for each folder")
)

// Limits of a registration.
const (
	MaxPerAccount = 32
	MaxFolders    = 64
	MaxVIPs       = 200

	maxApp      = 64
	maxDevice   = 64
	maxName     = 128
	maxEndpoint = 1024
	maxVIP      = 320
	// maxLife is how long a registration may be asked for. Apps register anew
	// at every start.
	maxLife = 2 * 366 * 24 * time.Hour
)

// Detail is how much of a message an alert says.
type Detail uint8

// The levels of detail, from most to least. The administrator sets the most
// that any alert may say.
const (
	DetailPreview Detail = iota // sender, subject and the first words
	DetailSubject               // sender and subject
	DetailSender                // sender
	DetailNone                  // that there is a message
	details
)

// String is the level's name in the registration API.
func (d Detail) String() string {
	names := [...]string{"preview", "subject", "sender", "none"}
	if int(d) < len(names) {
		return names[d]
	}
	return "unknown"
}

// Quiet are the hours of a day in which a device is not disturbed: alerts wait
// for their end, and then one tells of them all. Senders among the VIPs go
// through. The zero value is no quiet hours.
type Quiet struct {
	Start, End int    // minutes since midnight by the clock of Zone, End is outside; End before Start: of the next day
	Zone       string // of the IANA: Europe/Berlin
	Days       Days   // on which the hours begin; zero: every day
}

// Days is a set of days of the week.
type Days uint8

// DaysOf returns the set of the days named.
func DaysOf(days ...time.Weekday) (d Days) {
	for _, day := range days {
		d |= 1 << day
	}
	return d
}

// Has tells whether the day is in the set. The empty set has every day.
func (d Days) Has(day time.Weekday) bool { return d == 0 || d&(1<<day) != 0 }

// Registration is an app on a device that wants to be woken for an account.
type Registration struct {
	ID      uint64 // given by Add
	Account directory.AccountID

	Kind      push.Kind
	App       string // the administrator's name for the app
	Token     string // APNs: in lower case hexadecimal; FCM: as given
	Sandbox   bool   // APNs: the development environment
	Endpoint  string // Web Push: whether it may be talked to is the sender's to say
	PublicKey []byte // Web Push: p256dh, 65 bytes
	Auth      []byte // Web Push: 16 bytes

	// Device ties the registration to an ActiveSync partnership, or names the
	// app's installation. A device has one registration for each account, app and
	// kind; without a Device, a target has.
	Device string
	// Name is what the app calls the account, and is given back to it in each
	// notification. A target is registered once for each name: an app that has
	// several accounts here must name them, and a target that comes with the same
	// name for another account is taken from the former.
	Name string

	Folders []mail.FolderID // empty: the Inbox
	All     bool            // every mail folder but Sent, Drafts, Outbox, Junk and Deleted Items
	Every   bool            // with All: the folders of the other classes, too
	Mode    push.Mode
	SealKey []byte // of push.Sealed: the app's X25519 public key, 32 bytes
	Detail  Detail
	Quiet   Quiet
	VIPs    []string // addresses, or domains as "example.org", in lower case
	OnlyVIP bool     // nobody else is announced; the badge counts all

	// Of push.AppleMail: the account's id on the device, and the mailbox name for
	// each of Folders in their order.
	AppleAccount   string
	AppleMailboxes []string

	Expires  time.Time // zero: when the target is gone
	Created  time.Time
	Updated  time.Time // when the target was last registered or changed
	LastSeen time.Time // when the app last registered

	// Lost says that the target is gone or was never right, in the service's own
	// word. The target is forgotten; the row stays for the console until the app
	// registers anew, at most LostLife.
	Lost   string
	LostAt time.Time

	secret []byte // makes what is shown to services opaque
	login  []byte // which password the account had when the app registered
}

// LostLife is how long a registration without a target is still shown.
const LostLife = 30 * 24 * time.Hour

// name is what parts two registrations of one target.
func (r *Registration) name() string {
	if r.Mode == push.AppleMail {
		return r.AppleAccount
	}
	return r.Name
}

// Target is where the registration's notifications go.
func (r *Registration) Target() push.Target {
	return push.Target{
		Kind: r.Kind, App: r.App, Token: r.Token, Sandbox: r.Sandbox,
		Endpoint: r.Endpoint, PublicKey: r.PublicKey, Auth: r.Auth,
	}
}
