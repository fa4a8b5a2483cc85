// Package dkim reads, checks and makes signatures of messages: those of DKIM (RFC
// 6376, RFC 8301, RFC 8463) and the sets of ARC (RFC 8617). It knows bytes, keys
// and a function that asks the DNS. It must never decide what a result means for
// a message.
package dkim

import (
	"context"
	"crypto"
	"errors"
	"net"
)

// Limits on what is looked at.
const (
	maxHeader     = 256 << 10 // bytes of a message's header; a longer one proves nothing
	maxFields     = 2000      // of a header
	maxTags       = 40        // of a signature or of a key
	maxSigned     = 400       // names in a signature's list
	maxKeyRecords = 4         // texts of one name that are read as keys
	maxRSABits    = 4096      // RFC 8301 3.2; what is longer costs more time than it is worth
	minRSABits    = 1024      // RFC 8301 3.2: what is shorter must fail
	maxSets       = 50        // RFC 8617 4.2.1
)

// The algorithms.
const (
	RSA     = "rsa-sha256"     // RFC 6376 3.3.2
	Ed25519 = "ed25519-sha256" // RFC 8463
)

// The results of a signature (RFC 8601 2.7.1) and of a chain (RFC 8617 4.4).
const (
	None      = "none"
	Pass      = "pass"
	Fail      = "fail"
	Neutral   = "neutral"   // it cannot be read
	Policy    = "policy"    // good, but not good enough: for a part of the body only
	TempError = "temperror" // the DNS did not answer
	PermError = "permerror" // there is no such key, or none that may be used
)

// Lookup asks the DNS for the texts of a name. That there are none is a
// *net.DNSError that says so.
type Lookup func(ctx context.Context, name string) ([]string, error)

// Key is what a domain signs with.
type Key struct {
	Domain   string // as the DNS has it
	Selector string
	Private  crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey
}

// Signature is what became of a signature of a message.
type Signature struct {
	Result    string
	Domain    string // who answers for the message; empty if it is no domain
	Selector  string
	Algorithm string
	Start     string // of the signature itself, eight letters that tell it from others (RFC 6008)
}

// errDown means that the DNS did not answer.
var errDown = errors.New("dkim: the DNS does not answer")

func isNotFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}
