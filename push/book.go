package push

import (
	"context"
	"iter"
	"time"
)

// Subscription is a registered device as the notifier follows it.
type Subscription struct {
	ID      uint64
	Mailbox uint64
	Folders Folders
	// Behind: the log has moved since the subscription was last settled, as after
	// a crash. It is due at once.
	Behind bool
}

// Plan is what a subscription is to be sent now.
type Plan struct {
	Target       Target
	Notification *Notification // nil: nothing now
	// Later is when to ask again although nothing new happens (the end of quiet
	// hours, of a burst, of a budget); zero: at the next change.
	Later time.Time
	// Mark is how far the log was read; the book knows what it means.
	Mark uint64
}

// Book is what the notifier knows of those it wakes: who they are, what they
// are to be told, what became of it. It is the far side of a wall: the notifier
// must not know of mail.
type Book interface {
	// Subscriptions lists all, for the start.
	Subscriptions(ctx context.Context) iter.Seq2[Subscription, error]
	// Plan reads the log and decides. A subscription that is gone is the zero Plan.
	Plan(ctx context.Context, id uint64, now time.Time) (Plan, error)
	// Settle makes durable what became of a plan: where it stands in the log, the
	// outcome for the console, that the target is gone. It is called once for each
	// plan that had a notification, when no more attempt follows, and for plans
	// without one whose Mark is to be kept. again: the outcome is Retry, noted only.
	Settle(ctx context.Context, id uint64, p *Plan, o Outcome, again bool) error
}
