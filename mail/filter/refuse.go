package filter

import (
	"context"
	"fmt"
	"strings"

	"martlet/mail"
)

// refusedHost refuses a client for its name or for a list that it, its greeting or
// its sender is on. A list that speaks for the client outweighs the others.
func (f *Filter) refusedHost(ctx context.Context, p *Policy, c *mail.Client, env *mail.Envelope, h *host) mail.Refusal {
	if h.wanted() {
		return mail.Refusal{}
	}
	if p.RefuseNameless && (h.result == permError || h.result == fail) {
		return mail.Refusal{Code: 550, Enhanced: "5.7.25", Text: fmt.Sprintf("%s has no name in the DNS that leads back to it", c.Addr.Unmap())} // RFC 7372 3.3
	}
	if no := refusedBy(h.hits); no.Refuses() {
		return no
	}
	for _, l := range p.Lists {
		if l.Domains && l.Refuse {
			return refusedBy(f.namesListed(ctx, p, c.Helo, env.From))
		}
	}
	return mail.Refusal{}
}

func refusedBy(hits []hit) mail.Refusal {
	for _, h := range hits {
		if h.list.Refuse {
			return mail.Refusal{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprintf("%s is on the list %s, whose operator can tell why", h.what, h.list.Zone)}
		}
	}
	return mail.Refusal{}
}

// namesListed asks the lists of names about the greeting and the sender.
func (f *Filter) namesListed(ctx context.Context, p *Policy, helo, from string) (hits []hit) {
	names := []string{asciiDomain(helo), domainOf(from)}
	if names[0] == names[1] {
		names = names[:1]
	}
	for _, n := range names {
		if n != "" && strings.Contains(n, ".") && n != f.hostname {
			hits = append(hits, f.listed(ctx, p, true, n, n)...)
		}
	}
	return hits
}

// refusedByDMARC says what the owner of From wants to be said (RFC 7489 10.3).
func refusedByDMARC(domain string) mail.Refusal {
	return mail.Refusal{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprintf("The message is not from %s, as its From says, and the DMARC policy there is to refuse it", domain)}
}

var (
	scannerDown = mail.Refusal{Code: 451, Enhanced: "4.3.0", Text: "The message cannot be looked at now, try again later"}
	tooMuchJunk = mail.Refusal{Code: 550, Enhanced: "5.7.1", Text: "The message looks like junk; who answers for our mail can be reached at postmaster"}
)
