package rules

import (
	"context"
	"fmt"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/mail/sieve"
	"martlet/store"
)

// Outcome is what a script would do.
type Outcome struct {
	Actions []string // in words
	Failure string   // why it failed: then the message is kept
	Work    int      // how much there was, of at most sieve.MaxWork
}

// Try tells what a script of an account would make of a message, without doing
// it. An empty name is the active script; with source that is run. Errors:
// ErrNoScript, *sieve.Error for a source that is wrong.
func (r *Rules) Try(ctx context.Context, account directory.AccountID, name string, source *string, raw []byte, from, to string) (out Outcome, err error) {
	var script *sieve.Script
	if source != nil {
		script, err = sieve.Compile(*source)
	} else {
		err = r.c.Store.View(ctx, func(tx *store.Tx) error {
			if name == "" {
				s, err := r.state(tx, account)
				if err != nil {
					return err
				}
				name = s.active
			}
			script, err = r.load(tx, account, name, 0)
			return err
		})
	}
	if err != nil {
		return out, wrap(err)
	}
	env := &mail.Envelope{From: from, To: []mail.Recipient{{Address: to, Local: true, Accounts: []directory.AccountID{account}}}, Trace: mail.Trace{Time: now()}}
	j := r.job(&route.Arriving{Account: account, To: to, Env: env, Raw: raw, Index: message.Parse(raw)})
	j.dry = true
	res, err := j.run(ctx, script)
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	out.Work = res.Work
	if err != nil {
		out.Failure = failureText(err)
		out.Actions = []string{"keep, since the script failed"}
		return out, nil
	}
	out.Failure = j.failed
	for _, a := range res.Actions {
		out.Actions = append(out.Actions, inWords(a))
	}
	if len(res.Actions) == 0 {
		out.Actions = []string{"discard"}
	}
	return out, nil
}

// inWords says what an action does.
func inWords(a sieve.Action) string {
	flags := func(all []string) string {
		if len(all) == 0 {
			return ""
		}
		return " with " + strings.Join(all, " ")
	}
	edited := func(header []byte) string {
		if header == nil {
			return ""
		}
		return ", its header edited"
	}
	switch a := a.(type) {
	case sieve.Keep:
		if a.Implicit {
			return "keep, since nothing says otherwise" + flags(a.Flags) + edited(a.Header)
		}
		return "keep" + flags(a.Flags) + edited(a.Header)
	case sieve.FileInto:
		where := fmt.Sprintf("%q", a.Mailbox)
		if a.SpecialUse != "" {
			where = a.SpecialUse + " or " + where
		}
		return "file into " + where + flags(a.Flags) + edited(a.Header)
	case sieve.Redirect:
		return "redirect to " + a.Address + edited(a.Header)
	case sieve.Discard:
		return "discard"
	case sieve.Reject:
		return fmt.Sprintf("reject: %q", a.Text)
	case sieve.Vacation:
		return fmt.Sprintf("answer the sender, at most every %s: %q", days(a.Every), a.Text)
	case sieve.Notify:
		return "notify " + a.Method
	}
	return "do something that has no words"
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
