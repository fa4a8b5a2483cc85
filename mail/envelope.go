package mail

import (
	"errors"
	"net/netip"
	"time"

	"martlet/directory"
)

// Errors of transport. The doors turn them into replies and statuses.
var (
	ErrNoSpace      = errors.New("mail: no space left for the message")
	ErrLoop         = errors.New("mail: the message has passed too many servers")
	ErrNotSender    = errors.New("mail: the account may not send as this address")
	ErrNoRecipients = errors.New("mail: the message has no recipients")
	ErrBadAddress   = errors.New("mail: not an address")
	ErrTooManyTo    = errors.New("mail: too many recipients")
)

// RejectedError says that the recipients' own rules give a message back (RFC
// 5429).
type RejectedError struct{ Text string } // what they say to the sender

func (e *RejectedError) Error() string { return "mail: the recipient's rules reject the message" }

// Envelope is who sends a message to whom, apart from what the message itself
// says (RFC 5321 2.3.1).
type Envelope struct {
	From       string // without brackets; empty is the null sender of bounces
	To         []Recipient
	SMTPUTF8   bool   // RFC 6531: addresses or header fields need UTF-8
	Body8Bit   bool   // RFC 6152: declared as 8BITMIME
	Ret        string // RFC 3461 4.3: FULL, HDRS or empty
	EnvID      string // RFC 3461 4.4: the sender's mark, in xtext as received
	RequireTLS bool   // RFC 8689: not in plain text, nor to a host that does not promise the same
	Trace      Trace
	Verdict    *Verdict // nil: nobody has judged it
}

// Recipient is one forward path.
type Recipient struct {
	Address  string                // without brackets, as the sender wrote it
	Local    bool                  // one of our domains
	Accounts []directory.AccountID // whose mailboxes it stands for, groups expanded; only when Local
	Notify   Notify
	ORcpt    string // RFC 3461 4.2: the original recipient, "type;xtext" as received
}

// Notify says which notifications the sender wants (RFC 3461 4.1). Zero: the
// sender did not say.
type Notify uint8

// The notifications.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Trace is what the Received field tells of a message's arrival (RFC 5321 4.4).
type Trace struct {
	ID       string     // in our logs
	Helo     string     // how the client named itself
	Remote   netip.Addr // invalid: not over the network
	Protocol string     // ESMTPS, LMTP, ... (RFC 3848)
	TLS      string     // version and cipher, empty in plain text
	By       string     // our host name
	Time     time.Time
	// Results are what we have found out about who sends the message (RFC 8601
	// 2.2, behind the authserv-id), or nothing.
	Results string
}

// Accounts returns every account the envelope's local recipients stand for,
// each once, in order of first mention.
func (e *Envelope) Accounts() []directory.AccountID {
	if len(e.To) == 1 && len(e.To[0].Accounts) <= 1 {
		return e.To[0].Accounts
	}
	var all []directory.AccountID
	seen := map[directory.AccountID]bool{}
	for _, r := range e.To {
		for _, a := range r.Accounts {
			if !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
		}
	}
	return all
}
