package route

import (
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/trace"
)

// event begins what is remembered of a message.
func event(env *mail.Envelope, l *local) trace.Event {
	e := trace.Event{Time: env.Trace.Time, ID: env.Trace.ID, From: env.From, Remote: env.Trace.Remote}
	if l != nil {
		e.Size = l.body.Blob.Size
		if l.body.Index != nil {
			e.MessageID = l.body.Index.MessageID
		}
	}
	return e
}

// steps tells what becomes of a message for its local recipients, and for those to
// whom their rules pass it on.
func (l *local) steps() (all []trace.Outcome) {
	for i := range l.env.To {
		to := &l.env.To[i]
		switch {
		case !to.Local:
		case len(to.Accounts) == 1:
			step, detail := l.step(to.Accounts[0])
			all = append(all, trace.Outcome{To: to.Address, Step: step, Detail: detail})
		default:
			all = append(all, trace.Outcome{To: to.Address, Step: trace.Delivered, Detail: fmt.Sprintf("a list of %d", len(to.Accounts))})
		}
	}
	if l.rules != nil {
		for _, w := range l.rules.outward {
			all = append(all, trace.Outcome{To: w.env.To[0].Address, Step: trace.Queued, Detail: "passed on"})
		}
	}
	return all
}

// step is what becomes of it for one account.
func (l *local) step(a directory.AccountID) (trace.Step, string) {
	o := l.rules.of(a)
	switch {
	case o == nil && l.env.Verdict.JunkFor(a):
		return trace.Junk, ""
	case o == nil:
		return trace.Delivered, ""
	case o.Reject != "":
		return trace.Rejected, "by the recipient's rules"
	case len(o.Copies) == 0 && len(o.Redirect) > 0:
		return trace.Forwarded, strings.Join(o.Redirect, ", ")
	case len(o.Copies) == 0:
		return trace.Discarded, "by the recipient's rules"
	case o.Copies[0].Role == mail.RoleJunk:
		return trace.Junk, "by the recipient's rules"
	}
	return trace.Delivered, "by the recipient's rules"
}
