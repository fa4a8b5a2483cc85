package mail

import (
	"net/netip"

	"martlet/directory"
)

// Client is who brings messages to a door, as far as it has told and shown.
type Client struct {
	Addr    netip.Addr // invalid: not over the network
	Helo    string     // empty before the greeting
	TLS     bool
	Account directory.AccountID // zero: has not logged in
	Login   string
}

// Refusal is what a client is told instead of being served. The zero value
// refuses nothing.
type Refusal struct {
	Code     int    // of SMTP, 4yz or 5yz; 421 and 521 end the connection
	Enhanced string // RFC 3463
	Text     string // one line of ASCII, and what to do about it
}

// Refuses tells whether it is a refusal.
func (r Refusal) Refuses() bool { return r.Code != 0 }

// Verdict is what is thought of a message before it is taken.
type Verdict struct {
	Refusal
	Discard bool   // taken, and delivered to nobody
	Results string // what is found out about the sender: see Trace.Results
	Header  []byte // whole fields with their CRLF that are put on top: why it is junk, who has looked
	Raw     []byte // the message, where somebody had to change it; nil: as it came

	// Junk says that it belongs to the junk of everybody but those whom Opinions
	// names with false; of those named with true it is junk in any case.
	Junk     bool
	Opinions map[directory.AccountID]bool
}

// JunkFor tells whether the message is junk for an account.
func (v *Verdict) JunkFor(a directory.AccountID) bool {
	if v == nil {
		return false
	}
	if own, ok := v.Opinions[a]; ok {
		return own
	}
	return v.Junk
}
