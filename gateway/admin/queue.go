package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"martlet/directory"
	"martlet/mail/queue"
)

// QueueFilter says which messages for other hosts are meant. An address may be
// "@example.org" for all of a domain; "<>" is the sender of reports.
type QueueFilter struct {
	Entries     []uint64 `json:"entries,omitempty"`
	From        string   `json:"from,omitempty"`
	To          string   `json:"to,omitempty"`
	Destination string   `json:"destination,omitempty"`
	Held        bool     `json:"held,omitempty"`
	Limit       int      `json:"limit,omitempty"` // of what is listed; zero: none
}

func (f *QueueFilter) empty() bool {
	return len(f.Entries) == 0 && f.From == "" && f.To == "" && f.Destination == "" && !f.Held
}

// QueuedRecipient is one who waits.
type QueuedRecipient struct {
	Address string `json:"address"`
	Status  string `json:"status,omitempty"` // RFC 3463, of the last attempt
	Host    string `json:"host,omitempty"`
	Reply   string `json:"reply,omitempty"` // what the host said, or what went wrong
}

// QueuedMessage is a message on its way to one destination.
type QueuedMessage struct {
	Entry       uint64            `json:"entry"`
	ID          string            `json:"id"` // in the log and in martlet trace
	From        string            `json:"from"`
	Destination string            `json:"destination"`
	Recipients  []QueuedRecipient `json:"recipients"`
	Size        int64             `json:"size"`
	Created     time.Time         `json:"created"`
	Attempts    uint32            `json:"attempts"`
	Next        time.Time         `json:"next"`
	State       string            `json:"state"` // waiting, sending, held, down
	Reason      string            `json:"reason,omitempty"`
}

// QueueHold is what keeps mail from being tried.
type QueueHold struct {
	Of    string    `json:"of"` // everything, destination, sender
	Name  string    `json:"name,omitempty"`
	Since time.Time `json:"since"`
}

// QueueList is what waits, the oldest first.
type QueueList struct {
	Messages []QueuedMessage `json:"messages"`
	Holds    []QueueHold     `json:"holds"`
	More     int             `json:"more,omitempty"` // that are not listed
}

// QueueChange is what is to be done with messages: retry, hold, release or bounce.
// Hold and release without entries are for what comes later, too: from a sender, for
// a destination, or for all.
type QueueChange struct {
	QueueFilter
	Action string `json:"action"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// QueueChanged says what was done.
type QueueChanged struct {
	Messages []QueuedMessage `json:"messages"`           // as they were before
	Sending  int             `json:"sending,omitempty"`  // that were on their way and stay as they are
	Standing bool            `json:"standing,omitempty"` // it is for what comes later, too
	DryRun   bool            `json:"dry_run,omitempty"`
}

// each visits what a filter takes.
func (a *Admin) each(ctx context.Context, in *QueueFilter, yield func(*queue.Queued) error) error {
	entries := in.Entries
	if len(entries) == 0 {
		entries = []uint64{0}
	}
	for _, id := range entries {
		found := id == 0
		f := queue.Filter{Entry: queue.ID(id), From: in.From, To: in.To, Destination: in.Destination, Held: in.Held}
		for q, err := range a.c.Queue.Select(ctx, f) {
			if err != nil {
				return err
			}
			found = true
			if err := yield(&q); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("%w: %d", queue.ErrNoEntry, id)
		}
	}
	return nil
}

func shownQueued(q *queue.Queued) QueuedMessage {
	m := QueuedMessage{
		Entry: uint64(q.Entry.ID), ID: q.Envelope.Trace.ID, From: q.Envelope.From, Destination: q.Destination, Size: q.Blob.Size,
		Created: q.Created, Attempts: q.Attempts, Next: q.Leg.Due, State: "waiting", Reason: q.Down,
	}
	switch {
	case q.Sending:
		m.State = "sending"
	case q.Held:
		m.State = "held"
	case q.Down != "":
		m.State = "down"
	}
	for _, w := range q.To {
		r := QueuedRecipient{Address: q.Envelope.To[w.Index].Address, Status: w.Last.Status, Host: w.Last.Host, Reply: cmp.Or(w.Last.Reply, w.Last.Text)}
		m.Recipients = append(m.Recipients, r)
		m.Reason = cmp.Or(m.Reason, r.Reply)
	}
	return m
}

func (a *Admin) listQueue(ctx context.Context, in QueueFilter) (QueueList, error) {
	out := QueueList{Messages: []QueuedMessage{}, Holds: []QueueHold{}}
	err := a.each(ctx, &in, func(q *queue.Queued) error {
		if in.Limit > 0 && len(out.Messages) >= in.Limit {
			out.More++
			return nil
		}
		out.Messages = append(out.Messages, shownQueued(q))
		return nil
	})
	if err != nil {
		return out, err
	}
	holds, err := a.c.Queue.Holds(ctx)
	for _, h := range holds {
		of := map[queue.HoldOf]string{queue.Everything: "everything", queue.Destination: "destination", queue.Sender: "sender"}[h.Key.Of]
		out.Holds = append(out.Holds, QueueHold{of, h.Key.Name, h.Value})
	}
	return out, err
}

// standing is the hold that a request without entries asks for.
func (in *QueueChange) standing() (queue.Hold, error) {
	switch {
	case in.To != "" || in.Held || in.From != "" && in.Destination != "":
		return queue.Hold{}, fmt.Errorf("%w: name entries, or a sender, or a destination, or nothing for all", directory.ErrBadValue)
	case in.Destination != "":
		return queue.Hold{Of: queue.Destination, Name: in.Destination}, nil
	case in.From != "":
		return queue.Hold{Of: queue.Sender, Name: in.From}, nil
	}
	return queue.Hold{Of: queue.Everything}, nil
}

func (a *Admin) changeQueue(ctx context.Context, in QueueChange) (QueueChanged, error) {
	out := QueueChanged{Messages: []QueuedMessage{}, DryRun: in.DryRun}
	act, ok := map[string]func(context.Context, queue.ID, string) error{
		"retry":   a.c.Queue.Retry,
		"bounce":  a.c.Queue.Bounce,
		"hold":    func(ctx context.Context, id queue.ID, d string) error { return a.c.Queue.SetHeld(ctx, id, d, true) },
		"release": func(ctx context.Context, id queue.ID, d string) error { return a.c.Queue.SetHeld(ctx, id, d, false) },
	}[in.Action]
	if !ok {
		return out, fmt.Errorf("%w: %q is none of retry, hold, release, bounce", directory.ErrBadValue, in.Action)
	}
	holds := in.Action == "hold" || in.Action == "release"
	if holds && len(in.Entries) == 0 {
		h, err := in.standing()
		if err != nil {
			return out, err
		}
		out.Standing = true
		if !in.DryRun {
			if err := a.c.Queue.SetHold(ctx, h, in.Action == "hold"); err != nil {
				return out, err
			}
			a.log.Info("queue changed", "action", in.Action, "of", string(rune(h.Of)), "name", h.Name)
		}
		if in.Action == "hold" {
			return out, nil
		}
		in.Held = true // what was held by itself goes, too
	}
	if in.Action == "bounce" && in.empty() {
		return out, fmt.Errorf("%w: name entries, a sender, a recipient or a destination", directory.ErrBadValue)
	}
	// What is changed is chosen first: a change would move it under the walk.
	var chosen []queue.Queued
	if err := a.each(ctx, &in.QueueFilter, func(q *queue.Queued) error { chosen = append(chosen, *q); return nil }); err != nil {
		return out, err
	}
	chosen = slices.Clip(chosen)
	for i := range chosen {
		q := &chosen[i]
		if !in.DryRun {
			err := act(ctx, q.Entry.ID, q.Destination)
			switch {
			case errors.Is(err, queue.ErrSending):
				out.Sending++
				continue
			case errors.Is(err, queue.ErrNoEntry): // it went in the meantime
				continue
			case err != nil:
				return out, err
			}
			a.log.Info("queue changed", "action", in.Action, "entry", uint64(q.Entry.ID), "destination", q.Destination)
		}
		out.Messages = append(out.Messages, shownQueued(q))
	}
	return out, nil
}

// ListQueue lists what waits for other hosts.
func (c Client) ListQueue(ctx context.Context, in QueueFilter) (QueueList, error) {
	return ask[QueueList](ctx, c, "queue.list", in)
}

// ChangeQueue does something with what waits for other hosts.
func (c Client) ChangeQueue(ctx context.Context, in QueueChange) (QueueChanged, error) {
	return ask[QueueChanged](ctx, c, "queue.change", in)
}
