package filter

import (
	"context"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
)

// Scanner looks into whole messages: for words, for viruses, whatever programs of
// others find. An error means that it is down, and what that means for the message
// is configured with it: see Ask.
type Scanner interface {
	Scan(ctx context.Context, m *Message) (Finding, error)
}

// Message is what a Scanner is shown. It is read-only, and gone when Scan returns.
type Message struct {
	Client *mail.Client
	Env    *mail.Envelope
	Raw    []byte         // as it came, or as a Scanner before this one made it
	Index  *message.Index // of Raw
	Auth   Auth
}

// Auth is what is known of who sends a message. The domains are as the DNS has
// them, in lower case.
type Auth struct {
	Reverse    string   // the client's name, if name and address confirm each other (RFC 8601 3); else empty
	SPF        string   // result of RFC 8601 2.7.2; empty: nobody has looked
	SPFDomain  string   // whose: of MAIL FROM, or of HELO where that is empty
	DKIM       []string // the domains whose signatures are good
	DMARC      string   // result of RFC 7489 11.2; empty: nobody has looked
	From       string   // the domain in From; empty if there is not one exactly
	ARC        string   // of the chain (RFC 8617 4.4): none, pass, fail; empty: nobody has looked
	Authentic  bool     // From is of the domain that it says: DMARC's pass, or an aligned signature or SPF without a policy
	Inside     bool     // the client is of this machine or of a private network, and nobody has looked
	Submission bool     // one of our own users sends it
}

// Finding is what a Scanner thinks. The zero value is nothing at all.
type Finding struct {
	Score   float64  // above zero it looks like junk, below like mail that is wanted
	Reasons []string // why, each a few words of ASCII; they stand in the header
	Refusal mail.Refusal

	Quarantine bool   // it is junk, whatever the sum of the scores is
	Discard    bool   // it is taken, and delivered to nobody
	Header     []byte // whole fields with their CRLF, put on top
	Raw        []byte // the message as it should go on; nil: as it was

	// Opinions are what it means for single accounts: true is junk in any case,
	// false never.
	Opinions map[directory.AccountID]bool
}

// Ask is a Scanner that is asked, and what is done when it is down.
type Ask struct {
	Name    string // in logs and in the header: a word
	Scanner Scanner
	// Closed refuses messages for the time that it is down (451 4.3.0). Else they
	// are taken without its word.
	Closed bool
}
