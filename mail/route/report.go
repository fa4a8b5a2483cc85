package route

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/queue"
	"martlet/mail/wire"
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

// newReport writes a report. message is the one it tells of; its header, or
// all of it when something failed and the sender asked for that, goes with it.
func (r *Router) newReport(env *mail.Envelope, to mail.Recipient, outcomes []outcome, message []byte) *report {
	c := reportText{host: r.hostname, boundary: "=_" + newID(), date: env.Trace.Time.UTC().Format(wire.DateFormat)}
	failed := false
	for _, o := range outcomes {
		failed = failed || o.failed
	}
	c.head(to.Address, failed)
	c.words(outcomes, failed)
	c.status(env, outcomes)
	c.original(message, failed && env.Ret == "FULL")
	out := &report{raw: c.Bytes(), to: to}
	if to.Local {
		out.raw = append(appendReturnPath(nil, ""), out.raw...)
	}
	return out
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

// reportText writes the parts of a report.
type reportText struct {
	bytes.Buffer
	host, boundary, date string
}

func (c *reportText) line(format string, args ...any) {
	c.WriteString(oneLine(fmt.Sprintf(format, args...)))
	c.WriteString("\r\n")
}

func (c *reportText) head(to string, failed bool) {
	subject := "Delivered"
	if failed {
		subject = "Undelivered mail"
	}
	c.line("Date: %s", c.date)
	c.line("From: Mail Delivery System <MAILER-DAEMON@%s>", c.host)
	c.line("To: <%s>", to)
	c.line("Subject: %s", subject)
	c.line("Message-ID: <%s@%s>", newID(), c.host)
	c.line("Auto-Submitted: auto-replied") // RFC 3834 5
	c.line("MIME-Version: 1.0")
	c.line("Content-Type: multipart/report; report-type=delivery-status; boundary=%q", c.boundary)
	c.line("")
}

// part begins a part of the report.
func (c *reportText) part(contentType string) {
	c.line("--%s", c.boundary)
	c.line("Content-Type: %s", contentType)
	c.line("Content-Transfer-Encoding: 8bit")
	c.line("")
}

func (c *reportText) words(outcomes []outcome, failed bool) {
	c.part("text/plain; charset=utf-8")
	if failed {
		c.line("Your message did not reach everyone it was meant for:")
	} else {
		c.line("You asked to be told that your message has arrived:")
	}
	c.line("")
	for _, o := range outcomes {
		c.line("<%s> %s.", o.address, o.text)
	}
	c.line("")
}

// status writes what programs read (RFC 3464 2.2 and 2.3).
func (c *reportText) status(env *mail.Envelope, outcomes []outcome) {
	c.part("message/delivery-status")
	if env.EnvID != "" {
		c.line("Original-Envelope-Id: %s", decodeXtext(env.EnvID))
	}
	c.line("Reporting-MTA: dns; %s", c.host)
	c.line("Arrival-Date: %s", c.date)
	for _, o := range outcomes {
		c.line("")
		if kind, address, ok := strings.Cut(o.orcpt, ";"); ok {
			c.line("Original-Recipient: %s; %s", kind, decodeXtext(address))
		}
		kind := "rfc822"
		if !mail.IsASCII(o.address) {
			kind = "utf-8" // RFC 6533 3
		}
		c.line("Final-Recipient: %s; %s", kind, o.address)
		action := "delivered"
		if o.failed {
			action = "failed"
		}
		c.line("Action: %s", action)
		c.line("Status: %s", o.status)
	}
	c.line("")
}

// original appends the message that was sent, or its header.
func (c *reportText) original(message []byte, whole bool) {
	if whole {
		c.part("message/rfc822")
		c.Write(message)
	} else {
		c.part("text/rfc822-headers")
		_, end := scanHeader(message)
		c.Write(bytes.TrimRight(message[:end], "\r\n"))
	}
	c.line("")
	c.line("--%s--", c.boundary)
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
