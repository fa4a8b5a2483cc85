package queue

import (
	"context"
	"time"

	"martlet/mail"
	"martlet/store"
)

// Told is a recipient whose fate the sender is told.
type Told struct {
	To mail.Recipient
	mail.Outcome
	Until time.Time // of Delayed: until when it is tried
}

// Report is a message to a sender, ready to be sent in the transaction that notes
// what it tells of. Done is called behind the commit. Both may be nil.
type Report struct {
	Commit func(tx *store.Tx) error
	Done   func()
}

// Reporter writes what the sender of an entry is told. The entry has a sender, and
// there is at least one recipient to tell of.
type Reporter func(ctx context.Context, e *Entry, about []Told) (Report, error)

// judged is what outcomes make of a leg.
type judged struct {
	leg  Leg    // with those that still wait
	told []Told // what the sender is to know
	done []Told // what becomes of all others that do not wait any more, for the log
}

// judge decides what follows from an attempt at a leg: who is done with, who waits
// until when, and what the sender is told (RFC 5321 4.5.4.1, RFC 3461 5.2 and 6).
func (q *Queue) judge(e *Entry, l *Leg, outcomes []mail.Outcome, now time.Time) judged {
	since := later(e.Created, e.Due)
	end := since.Add(q.limits().Lifetime)
	out := judged{leg: *l}
	out.leg.To = nil
	out.leg.Attempts++
	late := !l.Told && !now.Before(since.Add(q.limits().Late))
	for i, w := range l.To {
		o := outcomes[i]
		if o.Action == mail.Delayed && !now.Before(end) {
			o.Action, o.Text = mail.Failed, giveUp(o)
			o.Status = "4.4.7" // RFC 3463 3.5: the time for delivery is over
		}
		to := e.Envelope.To[w.Index]
		t := Told{To: to, Outcome: o, Until: end}
		if o.Action == mail.Delayed {
			w.Last = o
			out.leg.To = append(out.leg.To, w)
			if late && wants(to.Notify, mail.NotifyDelay) {
				out.told = append(out.told, t)
			}
			continue
		}
		out.done = append(out.done, t)
		switch {
		case o.Action == mail.Failed && wants(to.Notify, mail.NotifyFailure),
			o.Action == mail.Relayed && to.Notify&mail.NotifySuccess != 0:
			out.told = append(out.told, t)
		}
	}
	if e.Envelope.From == "" {
		out.told = nil // nobody is told of what becomes of a report
	}
	out.leg.Told = l.Told || late
	out.leg.Due = now.Add(pause(out.leg.Attempts))
	for _, t := range []time.Time{since.Add(q.limits().Late), end} {
		if out.leg.Due.After(t) && now.Before(t) {
			out.leg.Due = t
			break
		}
	}
	return out
}

// giveUp is what is said of a recipient that could not be reached in all the time.
func giveUp(o mail.Outcome) string {
	if o.Text == "" {
		return "it was tried for too long"
	}
	return "it was tried for too long, and the last time " + o.Text
}

// wants tells whether a sender wants to hear of it: failures and delays unless they
// said otherwise (RFC 3461 4.1).
func wants(n, what mail.Notify) bool { return n == 0 || n&what != 0 }
