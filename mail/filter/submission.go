package filter

import (
	"context"
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
	if p := s.policy.Load(); !v.Refuses() && p.Refuse > 0 && sum.sum >= p.Refuse {
		v.Refusal = tooMuchJunk
	}
	if v.Refuses() {
		s.log.Warn("what a user sends was refused", "user", c.Login, "reason", v.Text, "score", sum.sum, "took", time.Since(start))
	}
	return v
}
