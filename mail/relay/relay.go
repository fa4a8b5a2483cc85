// Package relay is the SMTP client: it takes one message to the hosts of one
// destination and tells what became of each recipient. It must never keep a
// message, decide when to try again, or read what a server says beyond a bound.
package relay

import "errors"

// Why a host was not used, as Result.Err has it.
var (
	ErrNotAllowed = errors.New("relay: the policy of the domain does not allow this host")
	ErrNoSTARTTLS = errors.New("relay: the host does not offer STARTTLS")
)
