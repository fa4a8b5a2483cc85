// Package class turns items into the ApplicationData that phones read, and
// back: for each class of items what its elements mean in each protocol
// version. It must never read or write a mailbox, decide what is sent, or turn
// an error into a status: it is handed an item and its bytes.
package class

import (
	"errors"

	"martlet/protocol/eas"
)

// Errors that the door turns into a command's status. Each of them is a Sync
// status 6, a conversion that cannot be done (MS-ASCMD 2.2.3.177.17).
var (
	ErrReadOnly     = errors.New("class: the change names an element that clients must not change")
	ErrBadFlag      = errors.New("class: the flag lacks an element that its state needs")
	ErrBadValue     = errors.New("class: the change has a value that is none")
	ErrBadReference = errors.New("class: not a file reference")
)

// Options say how a client wants its items.
type Options struct {
	Version         eas.Version
	BodyPreferences []eas.BodyPreference     // 12.0 and later, in the client's order
	BodyParts       []eas.BodyPartPreference // 14.1 and later: what is new in its conversation is wanted
	MIMESupport     uint                     // 0 never, 1 S/MIME messages, 2 all (MS-ASCMD 2.2.3.110)
	MIMETruncation  *uint                    // 0–8 (MS-ASCMD 2.2.3.111)
	Truncation      *uint                    // 2.5: 0–9 (MS-ASCMD 2.2.3.185)
	Fetch           bool                     // the item was asked for by name: without preferences its body comes whole
	Viewer          Viewer                   // of what is no mail
}

// OptionsOf reads a collection's options block for one version.
func OptionsOf(v eas.Version, o *eas.SyncOptions) *Options {
	opt := &Options{Version: v, BodyPreferences: o.BodyPreference, MIMETruncation: o.MIMETruncation, Truncation: o.Truncation}
	if o.MIMESupport != nil {
		opt.MIMESupport = *o.MIMESupport
	}
	if v >= eas.V141 {
		opt.BodyParts = o.BodyPartPreference
	}
	return opt
}
