package mail

import "io"

// Action is what was done with a recipient (RFC 3464 2.3.3).
type Action uint8

// The actions. The zero value is none yet.
const (
	Delivered Action = iota + 1 // to another host, which tells of what follows (RFC 3461)
	Relayed                     // to another host, which does not
	Delayed                     // it did not work, and is tried again
	Failed                      // it will not work
	Expanded                    // to the members of a list
)

// Outcome is what an attempt made of one recipient.
type Outcome struct {
	Action Action
	Status string // RFC 3463, "5.1.1"
	Reply  string // what the other host said, one line with its code; empty: it said nothing
	Text   string // what is to be said of it besides, in a few words: "the host cannot be reached"
	Host   string // the other host, by name; empty: there was none
	Addr   string // where it was reached, address and port
	TLS    string // version and cipher; empty: plain text
	Policy string // what the way was held to: "dane", "sts", ...
}

// Outgoing is a message for the hosts of one destination.
type Outgoing struct {
	Destination string   // a domain in ASCII form, an address literal, or the name of a route
	Envelope    Envelope // To are those for the destination
	Message     Content
}

// Content is the bytes of a message, which are never all in memory.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Attempt is what came of taking a message to a destination.
type Attempt struct {
	// Outcomes are one for each of Envelope.To. One without an Action: the attempt
	// was broken off before it came to this recipient, and does not count.
	Outcomes []Outcome
	// Down: none of the destination's hosts would speak with us, so the next
	// message need not try.
	Down bool
}
