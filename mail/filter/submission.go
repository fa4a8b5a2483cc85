package filter

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"martlet/mail"
)

// Submission judges what our own users send. It asks the scanners, but not the DNS,
// and stops an account that sends more than it may.
type Submission struct{ *Filter }

// Submission is the judge of listeners for our own users.
func (f *Filter) Submission() Submission { return Submission{f} }

// Connect refuses nobody: who a client is shows when it logs in.
func (Submission) Connect(context.Context, *mail.Client) mail.Refusal { return mail.Refusal{} }

// Unknown counts nothing: an account is counted by what it sends.
func (Submission) Unknown(context.Context, *mail.Client) mail.Refusal { return mail.Refusal{} }

// Recipient stops an account that sends too much.
func (s Submission) Recipient(_ context.Context, c *mail.Client, env *mail.Envelope, _ *mail.Recipient) mail.Refusal {
	if c.Account != 0 && !s.Send(c.Account, c.Login, len(env.To) == 0, 1) {
		return accountTooMuch
	}
	return mail.Refusal{}
}

// Message asks the scanners. What they think is junk goes out all the same, unless
// they refuse it: its sender would never learn of it otherwise.
func (s Submission) Message(ctx context.Context, c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
	var v mail.Verdict
	var sum score
	start := time.Now()
	s.scan(ctx, &v, &sum, &Message{Client: c, Env: env, Raw: raw, Auth: Auth{Inside: true, Submission: true}})
	v.Opinions = nil
	if c.Login != "" {
		v.Results = "auth=pass smtp.auth=" + strconv.Quote(plain(c.Login)) // RFC 8601 2.7.4
	}
	if p := s.policy.Load(); !v.Refuses() && p.Refuse > 0 && sum.sum >= p.Refuse {
		v.Refusal = tooMuchJunk
	}
	if v.Refuses() {
		s.log.Warn("what a user sends was refused", "user", c.Login, "reason", v.Text, "score", sum.sum, "took", time.Since(start))
	}
	return v
}

// Relayed judges what a trusted server in front hands over, wherever that is: it only
// looks into messages. Who has brought them there is not known.
type Relayed struct{ *Filter }

// Relayed is the judge of listeners for a server in front.
func (f *Filter) Relayed() Relayed { return Relayed{f} }

// Connect refuses nobody.
func (Relayed) Connect(context.Context, *mail.Client) mail.Refusal { return mail.Refusal{} }

// Unknown counts nothing.
func (Relayed) Unknown(context.Context, *mail.Client) mail.Refusal { return mail.Refusal{} }

// Recipient refuses nobody.
func (Relayed) Recipient(context.Context, *mail.Client, *mail.Envelope, *mail.Recipient) mail.Refusal {
	return mail.Refusal{}
}

// Message asks the scanners.
func (r Relayed) Message(ctx context.Context, c *mail.Client, env *mail.Envelope, raw []byte) mail.Verdict {
	inside := *c
	inside.Addr = netip.Addr{}
	return r.Filter.Message(ctx, &inside, env, raw)
}
