package directory

import (
	"fmt"
	"slices"
	"strings"
)

// Protocol is what somebody logs in to.
type Protocol uint8

// The protocols.
const (
	ProtocolNone Protocol = iota // not said: what is limited to some protocols does not let in
	ProtocolActiveSync
	ProtocolDAV
	ProtocolIMAP
	ProtocolSMTP
	ProtocolPOP3
	ProtocolSieve
	ProtocolConsole   // the web console and the REST API
	ProtocolDiscovery // where a program learns its settings: whatever lets in anywhere lets in
)

var protocolNames = [...]string{"", "activesync", "dav", "imap", "smtp", "pop3", "sieve", "console", "discovery"}

// String is the protocol as commands and logs have it.
func (p Protocol) String() string { return protocolNames[p] }

// limitable are the protocols that an app password can be limited to: those of
// programs that cannot ask for a code.
func limitable() []Protocol {
	return []Protocol{ProtocolActiveSync, ProtocolDAV, ProtocolIMAP, ProtocolSMTP, ProtocolPOP3, ProtocolSieve}
}

// Protocols is a set of protocols. The empty set stands for all.
type Protocols uint16

// ParseProtocols reads names of protocols.
func ParseProtocols(names []string) (set Protocols, err error) {
	for _, name := range names {
		i := slices.IndexFunc(limitable(), func(p Protocol) bool { return strings.EqualFold(p.String(), name) })
		if i < 0 {
			return 0, fmt.Errorf("%w: %q is none of activesync, dav, imap, smtp, pop3 and sieve", ErrBadValue, name)
		}
		set |= 1 << limitable()[i]
	}
	return set, nil
}

// Names lists the set, none for all.
func (s Protocols) Names() []string {
	var out []string
	for _, p := range limitable() {
		if s&(1<<p) != 0 {
			out = append(out, p.String())
		}
	}
	return out
}

// has tells whether the set lets in at a protocol.
func (s Protocols) has(p Protocol) bool {
	switch {
	case p == ProtocolConsole: // it asks for a code
		return false
	case s == 0, p == ProtocolDiscovery:
		return true
	}
	return p != ProtocolNone && s&(1<<p) != 0
}
