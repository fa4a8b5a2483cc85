package registration

import (
	"context"
	"net/http"
	"sync"
	"time"

	"martlet/mail/announce"
)

// outcome is what became of an attempt to wake a device, as the API shows it.
type outcome struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"`
	Status int       `json:"status,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Mode   string    `json:"mode,omitempty"`
	Test   bool      `json:"test,omitempty"`
	Again  bool      `json:"again,omitempty"` // another attempt follows
	Millis *float64  `json:"ms,omitempty"`
}

func shownOutcome(o *announce.Outcome) outcome {
	out := outcome{At: o.At, Result: o.Result.String(), Status: o.Status, Reason: o.Reason, Test: o.Test, Again: o.Again}
	if o.Mode != 0 {
		out.Mode = o.Mode.String()
	}
	return out
}

// shownOutcomes bounds an answer; the administrator's tools show all that are
// kept.
const shownOutcomes = 100

func (h *Handler) outcomes(q *asked, id uint64) error {
	if _, _, err := h.load(q, id); err != nil {
		return err
	}
	all, err := h.c.Book.Outcomes(q.r.Context(), q.a.ID, id, shownOutcomes)
	if err != nil {
		return err
	}
	list := []outcome{}
	for i := range all {
		list = append(list, shownOutcome(&all[i]))
	}
	return q.answer(http.StatusOK, map[string]any{"outcomes": list})
}

// waiting are tests whose outcome is awaited.
type waiting struct {
	mu  sync.Mutex // guards all
	all map[uint64][]chan struct{}
}

func (w *waiting) enter(id uint64) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[uint64][]chan struct{}{}
	}
	c := make(chan struct{}, 1)
	w.all[id] = append(w.all[id], c)
	return c
}

func (w *waiting) leave(id uint64, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rest []chan struct{}
	for _, other := range w.all[id] {
		if other != c {
			rest = append(rest, other)
		}
	}
	if w.all[id] = rest; len(rest) == 0 {
		delete(w.all, id)
	}
}

// Settled tells that something became of a registration's notification, so that
// an answer to a test may go out. It does not block.
func (h *Handler) Settled(id uint64) {
	h.waiting.mu.Lock()
	defer h.waiting.mu.Unlock()
	for _, c := range h.waiting.all[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// test sends a notification that the user asked for, and waits for what becomes
// of it.
func (h *Handler) test(q *asked, id uint64) error {
	r, _, err := h.load(q, id)
	if err != nil {
		return err
	}
	if err := h.tests.take(q.a.ID, time.Now()); err != nil {
		return err
	}
	o, took, err := h.Try(q.r.Context(), &r)
	if err != nil {
		return err
	}
	if o == nil {
		return q.answer(http.StatusAccepted, outcome{
			At: time.Now().UTC(), Result: Pending, Reason: "no answer yet; see the outcomes later", Mode: r.Mode.String(), Test: true,
		})
	}
	shown := shownOutcome(o)
	ms := float64(took.Microseconds()) / 1000
	shown.Millis = &ms
	return q.answer(http.StatusOK, shown)
}

// Pending is the result of a test of which nothing has become yet.
const Pending = "pending"

// Try sends a registration a test and waits for what becomes of it; nil when
// nothing has within the bound.
func (h *Handler) Try(ctx context.Context, r *announce.Registration) (*announce.Outcome, time.Duration, error) {
	settled := h.waiting.enter(r.ID)
	defer h.waiting.leave(r.ID, settled)
	begun := time.Now()
	if err := h.c.Book.Test(ctx, r.Account, r.ID); err != nil {
		return nil, 0, err
	}
	bound := time.NewTimer(h.c.TestPatience)
	defer bound.Stop()
	for {
		select {
		case <-settled:
		case <-bound.C:
			return nil, 0, nil
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		all, err := h.c.Book.Outcomes(ctx, r.Account, r.ID, 8)
		if err != nil {
			return nil, 0, err
		}
		for i := range all {
			if o := &all[i]; o.Test && !o.At.Before(begun.Truncate(time.Millisecond)) {
				return o, time.Since(begun), nil
			}
		}
	}
}
