package admin

import (
	"context"
	"time"

	"martlet/mail/trace"
)

// TraceRequest asks what became of messages. Times are RFC 3339.
type TraceRequest struct {
	From      string       `json:"from,omitempty"`
	To        string       `json:"to,omitempty"`
	ID        string       `json:"id,omitempty"`
	MessageID string       `json:"message_id,omitempty"`
	Steps     []trace.Step `json:"steps,omitempty"`
	Since     time.Time    `json:"since,omitzero"`
	Until     time.Time    `json:"until,omitzero"`
	Limit     int          `json:"limit,omitempty"`
}

// Traced is what is known, the newest first.
type Traced struct {
	Events []trace.Event `json:"events"`
	More   bool          `json:"more,omitempty"` // there are older ones
}

func (a *Admin) findTrace(ctx context.Context, in TraceRequest) (Traced, error) {
	found, more, err := a.c.Trace.Find(ctx, trace.Query(in))
	if found == nil {
		found = []trace.Event{}
	}
	return Traced{found, more}, err
}

// Trace asks what became of messages.
func (c Client) Trace(ctx context.Context, in TraceRequest) (Traced, error) {
	return ask[Traced](ctx, c, "trace", in)
}
