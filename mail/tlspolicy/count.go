package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"martlet/mail/relay"
	"martlet/store"
)

// counted are results that have no row yet.
type counted struct {
	some chan struct{} // has an element when there are any

	mu      sync.Mutex
	tallies map[tallyKey]*tally
}

// Report counts how TLS with one host went (relay.Policies). It waits for nobody.
func (p *Policies) Report(r relay.Result) {
	at, ok := r.Policy.(*policy)
	if !ok || !isDomain(at.domain) || p.cfg.Silent {
		return
	}
	d := at.dane(r.Host)
	failed := failureOf(r)
	switch {
	case d.present():
		t := &tally{Policy: tlsaTexts(d), Hosts: []string{r.Host.Name}}
		if !d.usable() && failed == "" {
			failed = "tlsa-invalid"
		}
		p.count(at, kindDANE, t, r, failed)
		if at.sts == nil || at.sts.Mode == ModeNone {
			return
		}
		fallthrough
	case at.sts != nil && at.sts.Mode != ModeNone:
		if !at.sts.Matches(r.Host.Name) {
			failed = "validation-failure"
		} else if failed == "" && r.State != nil {
			failed = p.webFailure(r)
		}
		p.count(at, kindSTS, &tally{Policy: policyLines(&at.sts.STS), Hosts: at.sts.Patterns}, r, failed)
	case at.problem != "":
		p.count(at, kindSTS, &tally{Hosts: []string{r.Host.Name}}, r, at.problem)
	default:
		p.count(at, kindNone, &tally{Hosts: []string{r.Host.Name}}, r, failed)
	}
}

// count adds one session to the day's tally of a policy.
func (p *Policies) count(at *policy, k kind, t *tally, r relay.Result, failed string) {
	t.Hosts = t.Hosts[:min(len(t.Hosts), maxTallyHosts)]
	if failed == "" {
		t.Success = 1
	} else {
		t.Failure = 1
		t.Details = []detail{{Type: failed, Host: r.Host.Name, Local: addressText(r.Local), Remote: addressText(r.Addr), Reason: reasonOf(r.Err), Count: 1}}
	}
	key := tallyKey{dayOf(time.Now()), at.domain, k}
	c := &p.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tallies == nil {
		c.tallies = map[tallyKey]*tally{}
	}
	switch old := c.tallies[key]; {
	case old != nil:
		old.merge(t)
	case len(c.tallies) < maxTallies:
		c.tallies[key] = t
	}
	select {
	case c.some <- struct{}{}:
	default:
	}
}

// failureOf is the result type of what went wrong with a session; empty: nothing
// (RFC 8460 4.3).
func failureOf(r relay.Result) string {
	switch {
	case r.Err == nil && r.State != nil:
		return ""
	case errors.Is(r.Err, relay.ErrNoSTARTTLS) || r.Err == nil && !r.Offered:
		return "starttls-not-supported"
	}
	return certificateFailure(r.Err)
}

func certificateFailure(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "certificate-host-mismatch"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "certificate-expired"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "certificate-not-trusted"
	}
	return "validation-failure"
}

// webFailure looks at a certificate that nobody had to verify: of a policy that is
// being tested, the domain wants to know what would have been refused (RFC 8461 5).
func (p *Policies) webFailure(r relay.Result) string {
	chain := r.State.PeerCertificates
	if len(chain) == 0 {
		return "validation-failure"
	}
	opts := x509.VerifyOptions{Roots: p.cfg.Roots, DNSName: r.Host.Name, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return certificateFailure(err)
	}
	if r.State.Version < tls.VersionTLS12 {
		return "validation-failure"
	}
	return ""
}

// flush gives what was counted its rows. Only domains that ask for reports have
// any; where that is not known now, it is asked again when the report is due.
func (p *Policies) flush(ask, write context.Context) error {
	p.counted.mu.Lock()
	all := p.counted.tallies
	p.counted.tallies = nil
	p.counted.mu.Unlock()
	for key := range all {
		if _, err := p.reportTo(ask, key.domain); isNotFound(err) || errors.Is(err, errRecord) {
			delete(all, key)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return p.cfg.Store.Update(write, func(tx *store.Tx) error {
		for key, t := range all {
			row, err := p.tallies.Get(tx, key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			row.merge(t)
			if err := p.tallies.Set(tx, key, row); err != nil {
				return err
			}
		}
		return nil
	})
}

func tlsaTexts(d *danePolicy) (list []string) {
	for _, r := range d.all {
		list = append(list, fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(r.Data[:min(len(r.Data), 64)])))
	}
	return list
}

func policyLines(s *STS) []string {
	return strings.Split(strings.TrimSuffix(s.String(), "\r\n"), "\r\n")
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	s := strings.ToValidUTF8(err.Error(), "?")
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}
