// Package device keeps what the server knows of each partnership of a user
// and a device: who the device is, its policy keys, what it pings, and the
// state of each collection it syncs. A collection's state is of constant size
// however large the folder is. The package must never read mail and must never
// decide what a device is sent: that is the engine's.
package device

import (
	"errors"
	"time"

	"martlet/directory"
)

// Errors of this package.
var (
	ErrNoDevice     = errors.New("device: no such device")
	ErrNoCollection = errors.New("device: the device has no state for this collection")
	ErrBadID        = errors.New("device: a device id has 1 to 64 bytes without spaces and control characters")
)

// MaxIDLength bounds a device's id in bytes. MS-ASHTTP 2.2.1.1.1.1.2 allows 32
// characters; clients in the field send a few more.
const MaxIDLength = 64

// ID names a partnership: one device of one account. The same device under
// another account is another partnership.
type ID struct {
	Account directory.AccountID
	Device  string
}

// Access is whether a device may talk to its mailbox.
type Access uint8

// The states of access.
const (
	AccessAllowed Access = iota
	AccessBlocked
	AccessQuarantined
)

// Wipe is how far a remote wipe has come (MS-ASPROV 3.1.5.1.2).
type Wipe uint8

// The steps of a wipe.
const (
	WipeNone Wipe = iota
	WipePending
	WipeSent
	WipeDone
)

// PingFolder is one folder of a device's last Ping: the next one may come
// without a body and means the same (MS-ASCMD 2.2.1.13).
type PingFolder struct {
	ID    string // as on the wire
	Class string
}

// Device is one partnership. All times are UTC and kept to the millisecond.
type Device struct {
	ID   ID
	Type string // as in the request line: iPhone, SamsungDevice …

	// What Settings tells us (MS-ASCMD 2.2.3.45).
	Model, FriendlyName, OS, OSLanguage, UserAgent string
	IMEI, PhoneNumber, Operator                    string
	OutboundSMS                                    bool
	RecoveryPassword                               string // by which an administrator opens the device (MS-ASCMD 2.2.3.46)

	Version   string // the protocol version last spoken: "16.1"
	FirstSeen time.Time
	LastSeen  time.Time // coarse: see LastSeenGrain

	PolicyKey        uint32 // acknowledged; zero: none
	PendingPolicyKey uint32 // given in the first phase, not yet acknowledged
	PolicyVersion    uint64 // the version of the policy behind PolicyKey

	Access      Access
	Wipe        Wipe
	WipeAccount bool // only the account's data, not the whole device

	PingHeartbeat uint32 // seconds
	PingFolders   []PingFolder

	// HeldLimit is the age in seconds at which the device's held requests end when
	// it comes from the network HeldPeer; zero: they live as long as they should.
	HeldLimit uint32
	HeldPeer  string

	SyncCache []byte // the door's memory of the last full Sync request
}

// LastSeenGrain is how old LastSeen may grow before it is worth a write of its
// own: an idle phone's requests must not write.
const LastSeenGrain = time.Hour

// Seen sets LastSeen to now and tells whether that alone is worth a write.
func (d *Device) Seen(now time.Time) bool {
	if age := now.Sub(d.LastSeen); age < LastSeenGrain && age > -LastSeenGrain {
		return false
	}
	d.LastSeen = now
	if d.FirstSeen.IsZero() {
		d.FirstSeen = now
	}
	return true
}
