package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Policy is what is done with what is found out. DefaultPolicy gives a good one.
type Policy struct {
	DMARC DMARCMode
	// Sealers are domains whose ARC seals are believed: a message that fails DMARC
	// and of which they say that it passed when it came to them is not refused.
	Sealers []string

	// Lists are asked about clients and domains; none: nobody is.
	Lists []List
	// RefuseNameless refuses clients whose address has no name that leads back to
	// it, and does not only count that against them.
	RefuseNameless bool
	Greylist       GreylistMode

	Rates    Rates
	Accounts AccountRates

	// Junk is the score from which a message is junk, Refuse that from which it is
	// refused; zero: none is. The reasons' weights are in score.go.
	Junk, Refuse float64

	// Trusted are networks whose clients are not looked at, besides the private
	// ones: servers in front of this one.
	Trusted []netip.Prefix
}

// DMARCMode says what a domain's policy does here.
type DMARCMode uint8

// The modes.
const (
	Enforce    DMARCMode = iota // what the domain asks for: refused, or junk
	Quarantine                  // junk where it asks for a refusal
	Report                      // nothing
)

// GreylistMode says who is asked to come back later.
type GreylistMode uint8

// The modes.
const (
	GreylistSuspicious GreylistMode = iota // clients without a name and those on a list
	GreylistAll
	GreylistNobody
)

// List is a list in the DNS (RFC 5782).
type List struct {
	Zone    string
	Domains bool    // of names, for HELO and the sender; else of addresses
	Weight  float64 // of being on it; below zero it speaks for who is
	Refuse  bool    // who is on it is refused
	// Codes are the answers that count; none: all in 127.0.0.0/8 but 127.255.255.0/24,
	// which says that the question was not wanted.
	Codes []netip.Prefix
}

// Rate is how much is taken in a time; zero is no limit.
type Rate struct{ PerMinute, PerHour int }

// Rates are those of one client: an IPv4 address or an IPv6 network of 64 bits.
type Rates struct {
	Connections, Messages, Recipients Rate
	Unknown                           Rate // recipients that do not exist
}

// AccountRates are how much one of our own users may send, so that a stolen
// password does not get the organisation onto lists.
type AccountRates struct {
	MessagesPerHour, MessagesPerDay     int
	RecipientsPerHour, RecipientsPerDay int
}

// Limits of a policy.
const (
	maxLists   = 32
	maxSealers = 256
)

// DefaultPolicy asks no lists, and refuses what DMARC wants refused.
func DefaultPolicy() Policy {
	return Policy{
		Rates: Rates{
			Connections: Rate{PerMinute: 300, PerHour: 6000},
			Messages:    Rate{PerMinute: 600, PerHour: 12000},
			Recipients:  Rate{PerMinute: 2000, PerHour: 40000},
			Unknown:     Rate{PerMinute: 30, PerHour: 200},
		},
		Accounts: AccountRates{MessagesPerHour: 1000, MessagesPerDay: 5000, RecipientsPerHour: 3000, RecipientsPerDay: 10000},
		Junk:     5,
	}
}

// ErrPolicy is the error of a policy that cannot be.
var ErrPolicy = errors.New("filter: bad policy")

// Check tells what is wrong with a policy.
func (p *Policy) Check() error {
	if len(p.Lists) > maxLists {
		return fmt.Errorf("%w: more than %d lists", ErrPolicy, maxLists)
	}
	if len(p.Sealers) > maxSealers {
		return fmt.Errorf("%w: more than %d sealers", ErrPolicy, maxSealers)
	}
	for _, l := range p.Lists {
		if asciiDomain(l.Zone) == "" {
			return fmt.Errorf("%w: %q is not the zone of a list", ErrPolicy, l.Zone)
		}
	}
	if p.Junk < 0 || p.Refuse < 0 || p.Refuse > 0 && p.Refuse < p.Junk {
		return fmt.Errorf("%w: a score is refused above the one from which it is junk", ErrPolicy)
	}
	return nil
}

func (p *Policy) sealedBy(domain string) bool {
	for _, s := range p.Sealers {
		if asciiDomain(s) == domain {
			return true
		}
	}
	return false
}

func (p *Policy) trusts(a netip.Addr) bool {
	for _, n := range p.Trusted {
		if n.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// Times of greylisting.
const (
	greyDelay  = 5 * time.Minute     // a client comes back no sooner
	greyWait   = 24 * time.Hour      // and no later
	greyMemory = 35 * 24 * time.Hour // what came once a month comes without delay
	greyPasses = 5                   // after so many, whoever sends from there is known
)
