package admin

import (
	"cmp"
	"context"
	"time"

	"martlet/mail/queue"
)

// Waiting is mail that waits for other hosts, a message for each destination.
type Waiting struct {
	Messages int       `json:"messages"`
	Held     int       `json:"held"`            // of them
	Oldest   time.Time `json:"oldest,omitzero"` // when the oldest that is not held came
	Worst    string    `json:"worst,omitempty"` // the destination that most are late for
	Late     int       `json:"late"`            // that have waited for lateAfter
	OfWorst  int       `json:"of_worst"`        // of the late ones
	Holds    int       `json:"holds"`           // of destinations, senders or all
	Why      string    `json:"why,omitempty"`   // what became of the last attempt at one for Worst
	Many     bool      `json:"many,omitempty"`  // there are more than were looked at
}

const (
	// lateAfter is how long mail may wait unnoticed.
	lateAfter = 4 * time.Hour
	// maxWaitingLooked bounds how much of the queue is looked at.
	maxWaitingLooked = 100_000
)

// waiting looks over the queue.
func (a *Admin) waiting(ctx context.Context) (out Waiting, err error) {
	if a.c.Queue == nil {
		return out, nil
	}
	now := time.Now()
	late := map[string]int{}
	why := map[string]string{}
	for q, err := range a.c.Queue.Select(ctx, queue.Filter{}) {
		if err != nil {
			return out, err
		}
		if out.Many = out.Messages == maxWaitingLooked; out.Many {
			break
		}
		out.Messages++
		if q.Held {
			out.Held++
			continue
		}
		if out.Oldest.IsZero() || q.Created.Before(out.Oldest) {
			out.Oldest = q.Created
		}
		if now.Sub(q.Created) < lateAfter {
			continue
		}
		out.Late++
		late[q.Destination]++
		for _, w := range q.Leg.To {
			why[q.Destination] = cmp.Or(w.Last.Reply, w.Last.Text)
		}
	}
	for destination, n := range late {
		if n > out.OfWorst || n == out.OfWorst && destination < out.Worst {
			out.Worst, out.OfWorst, out.Why = destination, n, why[destination]
		}
	}
	holds, err := a.c.Queue.Holds(ctx)
	out.Holds = len(holds)
	return out, err
}
