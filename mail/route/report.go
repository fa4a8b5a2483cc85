package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/queue"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
)

// outcome is what became of one recipient (RFC 3464 2.3).
type outcome struct {
	address string
	orcpt   string // RFC 3461 4.2, "type;xtext" or empty
	failed  bool
	status  string // RFC 3463
	text    string // "does not exist here"
}

// report is a delivery status notification (RFC 3464) on its way to the sender
// of the message it tells of. Its own sender is the null sender, so that
// nothing ever answers it.
type report struct {
	raw    []byte
	to     mail.Recipient
	local  local
	queued blob.Ref
}

// deliveredReport returns the report that a sender asked for with
// NOTIFY=SUCCESS (RFC 3461 5.2.7), or nil.
func (r *Router) deliveredReport(ctx context.Context, env *mail.Envelope, message []byte) (*report, error) {
	var outcomes []outcome
	for _, to := range env.To {
		if to.Local && to.Notify&mail.NotifySuccess != 0 {
			outcomes = append(outcomes, outcome{to.Address, to.ORcpt, false, "2.1.5", "has been reached"})
		}
	}
	if len(outcomes) == 0 || env.From == "" {
		return nil, nil
	}
	to := mail.Recipient{Address: env.From, Notify: mail.NotifyNever}
	route, err := r.directory.Resolve(ctx, env.From)
	switch {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress):
		return nil, nil // nobody to tell
	case err != nil:
		return nil, fmt.Errorf("route: report: %w", err)
	case route.Local && len(route.Accounts) == 0:
		return nil, nil
	}
	to.Local, to.Accounts = route.Local, route.Accounts[:min(len(route.Accounts), maxAtOnce)]
	return r.newReport(env, to, outcomes, message), nil
}

// newReport writes a report of what was found out here. message is the one it tells
// of; its header, or all of it when something failed and the sender asked for that,
// goes with it.
func (r *Router) newReport(env *mail.Envelope, to mail.Recipient, outcomes []outcome, message []byte) *report {
	lines := make([]reported, len(outcomes))
	for i, o := range outcomes {
		lines[i] = reported{address: o.address, orcpt: o.orcpt, action: mail.Delivered, status: o.status, said: "<" + o.address + "> " + o.text + "."}
		if o.failed {
			lines[i].action = mail.Failed
		}
	}
	return r.writeReport(env, to, lines, message, env.Trace.Time)
}

// writeReport writes a report of anything.
func (r *Router) writeReport(env *mail.Envelope, to mail.Recipient, lines []reported, message []byte, now time.Time) *report {
	if env.RequireTLS { // the report may go in plain text, the message may not (RFC 8689 5)
		short := *env
		env, short.Ret = &short, "HDRS"
	}
	c := reportText{host: r.hostname, boundary: "=_" + newID(), arrived: env.Trace.Time, now: now, lines: lines}
	out := &report{raw: c.write(env, to.Address, message), to: to}
	if to.Local {
		out.raw = append(appendReturnPath(nil, ""), out.raw...)
	}
	return out
}

// maxReturned is the largest message that goes back as a whole (RFC 3461 4.3 lets
// us send less).
const maxReturned = 1 << 20

// Report is the queue's queue.Reporter: it tells a sender what became of recipients
// on other hosts. A sender whom nobody here knows, and who is not elsewhere either,
// is told nothing.
func (r *Router) Report(ctx context.Context, e *queue.Entry, about []queue.Told) (queue.Report, error) {
	from := e.Envelope.From
	if r.back != nil {
		if original, err := r.back(from); err == nil { // we passed it on for somebody else
			from = original
		}
	}
	to, ok, err := r.answerTo(ctx, from)
	if err != nil || !ok {
		if err == nil {
			r.log.Warn("a message that came back has no sender to tell", "id", e.Envelope.Trace.ID, "from", from)
		}
		return queue.Report{}, err
	}
	now, failed := time.Now(), false
	lines := make([]reported, len(about))
	for i, t := range about {
		lines[i] = remoteLine(&t)
		failed = failed || t.Action == mail.Failed
	}
	env := e.Envelope
	env.Trace.Time = e.Created
	message, err := r.reportedPart(ctx, e, failed && env.Ret == "FULL" && !env.RequireTLS)
	if err != nil {
		return queue.Report{}, err
	}
	p := r.writeReport(&env, to, lines, message, now)
	trace := mail.Trace{ID: newID(), Time: now}
	if err := p.prepare(ctx, r, &trace); err != nil {
		return queue.Report{}, err
	}
	r.log.Info("sender told", "id", env.Trace.ID, "report", trace.ID, "to", to.Address, "recipients", len(lines), "failed", failed)
	return queue.Report{
		Commit: func(tx *store.Tx) error { return p.commit(tx, r, &trace) },
		Done:   func() { r.finish(p.local) },
	}, nil
}

// reportedPart reads as much of a message as its report shows.
func (r *Router) reportedPart(ctx context.Context, e *queue.Entry, whole bool) ([]byte, error) {
	n := min(e.Blob.Size, maxHeader)
	if whole && e.Blob.Size <= maxReturned {
		n = e.Blob.Size
	}
	raw := make([]byte, n)
	got, err := r.mailboxes.Blobs().ReadAt(ctx, e.Blob, raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("route: report: %w", err)
	}
	return raw[:got], nil
}

// prepare makes the report durable.
func (p *report) prepare(ctx context.Context, r *Router, t *mail.Trace) (err error) {
	if p == nil {
		return nil
	}
	if p.to.Local {
		if p.local.env == nil {
			p.local = local{env: &mail.Envelope{To: []mail.Recipient{p.to}, Trace: *t}, accounts: p.to.Accounts}
		}
		return r.prepareLocal(ctx, &p.local, p.raw)
	}
	signed, err := r.signed(ctx, "postmaster@"+r.hostname, p.raw)
	if err != nil {
		return err
	}
	p.queued, err = r.mailboxes.Blobs().Put(ctx, signed)
	return err
}

// commit sends the report.
func (p *report) commit(tx *store.Tx, r *Router, t *mail.Trace) error {
	if p == nil {
		return nil
	}
	e := trace.Event{Time: t.Time, ID: t.ID, Outcomes: []trace.Outcome{{To: p.to.Address, Step: trace.Queued, Detail: "a report to the sender"}}}
	if p.to.Local {
		e.Outcomes[0].Step = trace.Delivered
	}
	if err := r.trace.Add(tx, e); err != nil {
		return err
	}
	if p.to.Local {
		return r.deliver(tx, &p.local)
	}
	_, err := r.queue.Add(tx, queue.Entry{
		Envelope: mail.Envelope{To: []mail.Recipient{p.to}, SMTPUTF8: !mail.IsASCII(p.to.Address), Body8Bit: true, Trace: *t},
		Blob:     p.queued,
		Created:  t.Time,
	})
	return err
}

// decodeXtext undoes RFC 3461 4's encoding. What is not xtext stays as it is.
func decodeXtext(s string) string {
	if !strings.Contains(s, "+") {
		return s
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) {
			hi, lo := hexValue(s[i+1]), hexValue(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func hexValue(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
