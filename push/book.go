package push

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrForgotten is Book.Plan's answer for a subscription that is not there any
// more: the notifier forgets it too.
var ErrForgotten = errors.New("push: the subscription is forgotten")

// Subscription is a registered device as the notifier follows it.
type Subscription struct {
	ID      uint64
	Mailbox uint64
	Folders Folders
	// Elsewhere is what else wakes it: folders of other mailboxes. Nil of most.
	Elsewhere []Topic
	// Kind, App and Service name the queue its notifications wait in, so that
	// one that stands still holds up no other. Service parts an app that has
	// several far sides: "sandbox" or nothing of APNs, the endpoint's host of
	// Web Push.
	Kind    Kind
	App     string
	Service string
	// Behind: the log has moved since the subscription was last settled, as after
	// a crash. It is due at once.
	Behind bool
}

// Plan is what a subscription is to be sent now.
type Plan struct {
	Target       Target
	Notification *Notification // nil: nothing now
	// More: another notification is to follow this one, as when two alerts are
	// withdrawn. The book is asked again as soon as this one is settled.
	More bool
	// Later is when to ask again although nothing new happens (the end of quiet
	// hours, of a budget), by the wall clock; zero: at the next change. Bursts are
	// the notifier's: it asks once for each, and not too often.
	Later time.Time
	// Elsewhere is what wakes the subscription besides its own mailbox from now on,
	// each mailbox once. When there is more than before the book is asked again:
	// what happened until then was not heard.
	Elsewhere []Topic
	// Mark is how far the log was read; the book knows what it means. Zero of a
	// plan without a notification: there is nothing to settle.
	Mark uint64
	// Note is the book's own: Settle gets it back.
	Note any
}

// Ask is what the notifier asks a plan for.
type Ask struct {
	Now time.Time // by the wall clock
	// Smaller: the service refused what was planned before as TooLarge. The plan
	// should say less, a wake only at last.
	Smaller bool
}

// Book is what the notifier knows of those it wakes: who they are, what they
// are to be told, what became of it. It is the far side of a wall: the notifier
// must not know of mail. Its methods are called from many goroutines, Plan and
// Settle of one subscription never at the same time.
type Book interface {
	// Subscriptions lists all as the store has them when it is called, or later.
	// The notifier goes through them twice at its start: once to watch the hub
	// for each, and again for those that are Behind by then.
	Subscriptions(ctx context.Context) iter.Seq2[Subscription, error]

	// Plan reads the log and decides. It promises nothing: it may be asked again,
	// and plans anew, until Settle has said what became of it. Two things must
	// not depend on when it is asked: Expires counts from what happened, so that
	// an outage ends; and what tells of the same has the same Collapse, so that it
	// takes its own place if it is sent again after a crash. An empty
	// Notification.ID is filled in; attempts with the same Collapse keep the first
	// one's ID until they are settled.
	Plan(ctx context.Context, id uint64, ask Ask) (Plan, error)

	// Settle makes durable what became of a plan: where it stands in the log, the
	// outcome for the console, that the target is gone (p.Target is what was tried;
	// another may be registered by now). It is called once for each plan that had
	// a notification and of which no more attempt follows, and with the zero
	// Outcome for a plan without one whose Mark is not zero. again: the outcome
	// is only to be noted, the mark stays, another attempt or a smaller plan
	// follows. After Gone and BadTarget the notifier asks for a plan once more,
	// which should be ErrForgotten. If it fails it is called again, later.
	Settle(ctx context.Context, id uint64, p *Plan, o Outcome, again bool) error
}
