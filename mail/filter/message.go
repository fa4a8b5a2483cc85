package filter

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"martlet/mail"
	"martlet/mail/dkim"
	"martlet/mail/message"
)

// findings are what is known of a message before anybody has looked into it.
type findings struct {
	host       *host // nil: it was not found out in time
	spf        sender
	signatures []dkim.Signature
	chain      dkim.Chain
	dmarc      verdict
	names      []hit
}

// Message judges a message.
func (f *Filter) Message(ctx context.Context, c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
	p := f.policy.Load()
	v := mail.Verdict{Raw: withoutOurs(raw)}
	if v.Raw != nil {
		raw = v.Raw
	}
	var s score
	auth := Auth{Inside: true}
	if !f.inside(p, c.Addr) {
		found := f.findOut(ctx, p, c, env, raw)
		f.dispose(p, found)
		v.Results = found.results(c.Addr)
		f.tell(c, env, found)
		auth = found.auth()
		if found.dmarc.disposition == reject {
			v.Refusal = refusedByDMARC(found.dmarc.domain)
			return v
		}
		s.weigh(f.hostname, c, found)
	}
	f.scan(ctx, &v, &s, &Message{Client: c, Env: env, Raw: raw, Auth: auth})
	f.decide(p, &v, &s, auth.Inside)
	if f.reports != nil && !v.Refuses() {
		f.reports(ctx, env, raw, auth)
	}
	return v
}

// Results tells what a message proves of its sender, as Authentication-Results has
// it behind the name of who says it (RFC 8601 2.2). It is empty for what comes from
// this machine or a private network.
func (f *Filter) Results(ctx context.Context, env *mail.Envelope, raw []byte) string {
	p, t := f.policy.Load(), &env.Trace
	if f.inside(p, t.Remote) {
		return ""
	}
	found := f.findOut(ctx, p, &mail.Client{Addr: t.Remote, Helo: t.Helo}, env, raw)
	f.dispose(p, found)
	return found.results(t.Remote)
}

// findOut asks the DNS all that there is to ask about a message, side by side.
func (f *Filter) findOut(ctx context.Context, p *Policy, c *mail.Client, env *mail.Envelope, raw []byte) *findings {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	found := &findings{}
	header, whole := cutHeader(raw)
	var all sync.WaitGroup
	all.Go(func() { found.host = f.host(ctx, p, c.Addr) })
	all.Go(func() { found.spf = f.spf(ctx, c.Addr, c.Helo, env.From) })
	all.Go(func() { found.names = f.namesListed(ctx, p, c.Helo, env.From) })
	found.chain.Result = none
	if whole {
		all.Go(func() { found.signatures = dkim.Verify(ctx, raw, f.lookupTXT, maxSignatures) })
		all.Go(func() { found.chain = dkim.VerifyChain(ctx, raw, f.lookupTXT) })
	}
	all.Wait()
	found.dmarc = f.dmarc(ctx, header, whole, found.spf, found.signatures)
	return found
}

// dispose says what DMARC makes of the message (RFC 7489 6.6.4 and 6.7).
func (f *Filter) dispose(p *Policy, found *findings) {
	d := &found.dmarc
	d.disposition = none
	if d.result != fail || d.policy == none {
		return
	}
	if p.vouched(&found.chain, d.domain) {
		d.override = "local_policy"
		return
	}
	d.disposition = d.policy
	if d.record.percent <= rand.IntN(100) { // not all are meant: the next weaker
		d.override = "sampled_out"
		if d.disposition == quarantine {
			d.disposition = none
			return
		}
		d.disposition = quarantine
	}
	switch {
	case p.DMARC == Report:
		d.disposition, d.override = none, "local_policy"
	case p.DMARC == Quarantine && d.disposition == reject:
		d.disposition, d.override = quarantine, "local_policy"
	}
}

// vouched tells whether those who sent a message on, and are believed, say that it
// passed DMARC when it came to the first of them. From the newest seal back nobody
// may be among them who is not believed: they could have made up the rest.
func (p *Policy) vouched(c *dkim.Chain, domain string) bool {
	if c.Result != dkim.Pass {
		return false
	}
	for i := len(c.Sealers) - 1; i >= 0; i-- {
		if !p.sealedBy(c.Sealers[i]) {
			return false
		}
		if saysPass(c.Results[i], domain) {
			return true
		}
	}
	return false
}

// scan asks the scanners, one after the other: what one changes the next one sees.
func (f *Filter) scan(ctx context.Context, v *mail.Verdict, s *score, m *Message) {
	if len(f.scanners) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	m.Index = message.Parse(m.Raw)
	for _, ask := range f.scanners {
		start := time.Now()
		found, err := ask.Scanner.Scan(ctx, m)
		if err != nil {
			f.log.Error("a scanner does not answer", "scanner", ask.Name, "error", err, "took", time.Since(start), "id", m.Env.Trace.ID)
			if ask.Closed {
				v.Refusal = scannerDown
				return
			}
			s.add("", 0) // somebody was asked
			continue
		}
		s.found(ask.Name, &found)
		v.Header = append(v.Header, found.Header...)
		v.Discard = v.Discard || found.Discard
		for a, junk := range found.Opinions {
			if v.Opinions == nil {
				v.Opinions = opinions{}
			}
			v.Opinions[a] = junk
		}
		if found.Raw != nil {
			m.Raw, v.Raw = found.Raw, found.Raw
			m.Index = message.Parse(m.Raw)
		}
		if found.Refusal.Refuses() {
			v.Refusal = found.Refusal
			return
		}
	}
}

// decide makes a verdict of the score.
func (f *Filter) decide(p *Policy, v *mail.Verdict, s *score, inside bool) {
	if v.Refuses() {
		return
	}
	if p.Refuse > 0 && s.sum >= p.Refuse {
		v.Refusal = tooMuchJunk
		return
	}
	v.Junk = s.quarantine || p.Junk > 0 && s.sum >= p.Junk
	if inside && len(f.scanners) == 0 {
		return
	}
	v.Header = append(s.field(v.Junk), v.Header...)
}

const (
	// ours begins the names of the fields that only we write.
	ours = "X-Martlet-"
	// ourField says why a message is junk or is not.
	ourField = ours + "Junk"
)

// withoutOurs drops fields that only we write; nil if there are none.
func withoutOurs(raw []byte) []byte {
	header, whole := cutHeader(raw)
	if !whole || !bytes.Contains(bytes.ToLower(header), []byte(strings.ToLower(ours))) {
		return nil
	}
	out := make([]byte, 0, len(raw))
	drop := false
	for line := range bytes.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			drop = len(line) >= len(ours) && bytes.EqualFold(line[:len(ours)], []byte(ours))
		}
		if !drop {
			out = append(out, line...)
		}
	}
	if len(out) == len(header) {
		return nil
	}
	return append(out, raw[len(header):]...)
}
