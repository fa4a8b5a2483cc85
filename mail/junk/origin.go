package junk

import (
	"net/netip"
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"golang.org/x/net/publicsuffix"

	"martlet/mail/filter"
	"martlet/mail/message"
)

// originOf is where a message that is being received comes from.
func originOf(m *filter.Message) (o origin) {
	if m.Client != nil {
		o.network = networkOf(m.Client.Addr)
	}
	if m.Auth.Authentic {
		o.domain = strings.ToLower(m.Auth.From)
	}
	return o
}

// originIn is where a message came from, as this server has written on top of it.
func (f *Filter) originIn(ix *message.Index, raw []byte) (o origin) {
	from := ""
	if len(ix.From) == 1 {
		from = domainOf(ix.From[0].Address)
	}
	received, results := false, false
	for name, value := range headerFields(raw) {
		switch {
		case name == "received" && !received:
			received = true
			o.network = f.receivedFrom(string(value))
		case name == "authentication-results" && !results:
			id, found, err := authres.Parse(strings.TrimSpace(string(value)))
			if err == nil && strings.EqualFold(id, f.hostname) {
				results = true
				if from != "" && proves(found, from) {
					o.domain = from
				}
			}
		}
	}
	return o
}

// receivedFrom is the network of the client in a Received field of ours.
func (f *Filter) receivedFrom(value string) netip.Prefix {
	value = strings.Join(strings.Fields(value), " ")
	from, by, ok := strings.Cut(value, " by ")
	if !ok || !strings.HasPrefix(strings.ToLower(by), strings.ToLower(f.hostname)+" ") {
		return netip.Prefix{}
	}
	_, from, ok = strings.Cut(from, "([")
	if !ok {
		return netip.Prefix{}
	}
	text, _, _ := strings.Cut(from, "]")
	a, err := netip.ParseAddr(strings.TrimPrefix(text, "IPv6:"))
	if err != nil {
		return netip.Prefix{}
	}
	return networkOf(a)
}

// proves tells whether results say that the domain in From has sent a message:
// filter.Auth.Authentic, read again.
func proves(found []authres.Result, from string) bool {
	aligned := false
	for _, r := range found {
		switch r := r.(type) {
		case *authres.DMARCResult:
			switch r.Value {
			case authres.ResultPass:
				return true
			case authres.ResultFail:
				return false
			}
		case *authres.DKIMResult:
			aligned = aligned || r.Value == authres.ResultPass && sameOwner(r.Domain, from)
		case *authres.SPFResult:
			aligned = aligned || r.Value == authres.ResultPass && r.From != "" && sameOwner(domainOf(r.From), from)
		}
	}
	return aligned
}

// sameOwner tells whether two domains are of one organisation (RFC 7489 3.2).
func sameOwner(a, b string) bool {
	return a != "" && organisation(a) == organisation(b)
}

func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return registered
	}
	return domain
}
