package route

import (
	"context"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// Arriving is a message that is about to be delivered to one account.
type Arriving struct {
	Account directory.AccountID
	To      string // the address by which it came to the account, as the sender wrote it
	Env     *mail.Envelope
	Raw     []byte // with its trace fields; read-only
	Index   *message.Index
	Junk    bool // it goes to Junk if nobody says otherwise
}

// Sorting is what an account's rules make of a message. Where it is nil the
// message goes to the inbox, or to Junk.
type Sorting struct {
	Raw      []byte   // the message as the account gets it; nil: as it arrived
	Copies   []Copy   // where it is kept; none: nowhere
	Redirect []string // addresses that get it instead or too (RFC 5228 4.2)
	Reject   string   // it is given back to its sender with this text (RFC 5429); empty: it is not
	Replies  []Reply  // what the sender is told automatically
	// Then is more work for the transaction that delivers; nil: none. It may run again.
	Then func(tx *store.Tx) error
}

// Copy is one place where a message is kept.
type Copy struct {
	Role     mail.Role     // where Folder is zero; none: mail.RoleInbox
	Folder   mail.FolderID // of the account's mailbox; if it is gone by then, the inbox
	Flags    mail.Flags
	Flagged  bool // for follow-up
	Keywords []string
}

// Reply is a message that an account's rules send, as vacation does (RFC 5230).
// From its transaction it goes out at most once: Claim tells whether it may.
type Reply struct {
	To    string // an address; the reply's own sender is the null sender
	Raw   []byte
	Claim func(tx *store.Tx) (bool, error) // nil: it may
}

// Sorter says what an account's rules make of a message. It is asked outside of
// transactions, once for each account; an error is logged and the message goes
// where it would without rules.
type Sorter interface {
	Sort(ctx context.Context, a *Arriving) (*Sorting, error)
}
