package route

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/queue"
	"martlet/mail/wire"
)

// reported is what a report says of one recipient.
type reported struct {
	address, orcpt string
	action         mail.Action
	status         string
	said           string // for people, whole lines
	host, reply    string // of the other server; empty: there was none, it said nothing
	tried          bool   // just now
	until          time.Time
}

// remoteLine is what is said of a recipient on another host.
func remoteLine(t *queue.Told) reported {
	l := reported{address: t.To.Address, orcpt: t.To.ORcpt, action: t.Action, status: t.Status, host: t.Host, reply: t.Reply, tried: true, until: t.Until}
	host := t.Host
	if host == "" {
		host = "the other server"
	}
	switch {
	case t.Action == mail.Relayed:
		l.said = fmt.Sprintf("<%s> was given to %s, which does not tell what becomes of it.", t.To.Address, host)
	case t.Text != "":
		l.said = fmt.Sprintf("<%s>: %s.", t.To.Address, t.Text)
	default:
		l.said = fmt.Sprintf("<%s>: %s did not take the message.", t.To.Address, host)
	}
	if t.Reply != "" && t.Action != mail.Relayed {
		l.said += fmt.Sprintf("\n    %s said: %s", host, t.Reply)
	}
	return l
}

// reportText writes the parts of a report.
type reportText struct {
	bytes.Buffer
	host, boundary string
	arrived, now   time.Time // the message, the report
	lines          []reported
}

func (c *reportText) line(format string, args ...any) {
	c.WriteString(oneLine(fmt.Sprintf(format, args...)))
	c.WriteString("\r\n")
}

func (c *reportText) has(a mail.Action) bool {
	for _, l := range c.lines {
		if l.action == a {
			return true
		}
	}
	return false
}

func (c *reportText) write(env *mail.Envelope, to string, message []byte) []byte {
	c.head(to)
	c.part("text/plain; charset=utf-8", c.words())
	status := c.status(env)
	if wire.IsASCII(status) {
		c.part("message/delivery-status", status)
	} else {
		c.part("message/global-delivery-status", status) // RFC 6533 5
	}
	c.original(message, c.has(mail.Failed) && env.Ret == "FULL" && len(message) <= maxReturned)
	c.line("--%s--", c.boundary)
	return c.Bytes()
}

func (c *reportText) head(to string) {
	subject := "Delivered"
	switch {
	case c.has(mail.Failed):
		subject = "Undelivered mail"
	case c.has(mail.Delayed):
		subject = "Delayed mail"
	}
	c.line("Date: %s", c.now.UTC().Format(wire.DateFormat))
	c.line("From: Mail Delivery System <MAILER-DAEMON@%s>", c.host)
	c.line("To: <%s>", to)
	c.line("Subject: %s", subject)
	c.line("Message-ID: <%s@%s>", newID(), c.host)
	c.line("Auto-Submitted: auto-replied") // RFC 3834 5
	c.line("MIME-Version: 1.0")
	c.line("Content-Type: multipart/report; report-type=delivery-status; boundary=%q", c.boundary)
	c.line("")
}

// part writes a part of the report, whose lines have their ends.
func (c *reportText) part(contentType, body string) {
	c.line("--%s", c.boundary)
	c.line("Content-Type: %s", contentType)
	if !wire.IsASCII(body) {
		c.line("Content-Transfer-Encoding: 8bit")
	}
	c.line("")
	c.WriteString(body)
	if !strings.HasSuffix(body, "\n") {
		c.line("")
	}
	c.line("")
}

// words is what people read.
func (c *reportText) words() string {
	var out reportText
	for _, group := range []struct {
		action mail.Action
		title  string
	}{
		{mail.Failed, "Your message did not reach everyone it was meant for:"},
		{mail.Delayed, "Your message has not reached everyone yet. It is still being tried, and there is nothing you have to do:"},
		{mail.Relayed, "You asked to be told that your message has arrived. That much is known:"},
		{mail.Delivered, "You asked to be told that your message has arrived:"},
	} {
		if !c.has(group.action) {
			continue
		}
		out.line("%s", group.title)
		out.line("")
		for _, l := range c.lines {
			if l.action != group.action {
				continue
			}
			for text := range strings.SplitSeq(l.said, "\n") {
				out.line("%s", text)
			}
			if l.action == mail.Delayed {
				out.line("    It is tried until %s.", l.until.UTC().Format(wire.DateFormat))
			}
		}
		out.line("")
	}
	return out.String()
}

// status is what programs read (RFC 3464 2.2 and 2.3).
func (c *reportText) status(env *mail.Envelope) string {
	var out reportText
	if env.EnvID != "" {
		out.line("Original-Envelope-Id: %s", decodeXtext(env.EnvID))
	}
	out.line("Reporting-MTA: dns; %s", c.host)
	out.line("Arrival-Date: %s", c.arrived.UTC().Format(wire.DateFormat))
	for _, l := range c.lines {
		out.line("")
		if kind, address, ok := strings.Cut(l.orcpt, ";"); ok {
			if strings.EqualFold(kind, "utf-8") {
				address = decodeUnitext(address)
			}
			out.line("Original-Recipient: %s; %s", kind, decodeXtext(address))
		}
		kind := "rfc822"
		if !mail.IsASCII(l.address) {
			kind = "utf-8" // RFC 6533 3
		}
		out.line("Final-Recipient: %s; %s", kind, l.address)
		out.line("Action: %s", actionWord(l.action))
		out.line("Status: %s", l.status)
		if l.host != "" {
			out.line("Remote-MTA: dns; %s", l.host)
		}
		if l.reply != "" {
			out.line("Diagnostic-Code: smtp; %s", l.reply)
		}
		if l.tried {
			out.line("Last-Attempt-Date: %s", c.now.UTC().Format(wire.DateFormat))
		}
		if l.action == mail.Delayed {
			out.line("Will-Retry-Until: %s", l.until.UTC().Format(wire.DateFormat))
		}
	}
	return out.String()
}

func actionWord(a mail.Action) string {
	switch a {
	case mail.Failed:
		return "failed"
	case mail.Delayed:
		return "delayed"
	case mail.Relayed:
		return "relayed"
	case mail.Expanded:
		return "expanded"
	}
	return "delivered"
}

// original appends the message that was sent, or its header (RFC 6533 6 where that
// has other letters than ASCII's).
func (c *reportText) original(message []byte, whole bool) {
	kind, text := "message/rfc822", message
	_, end := scanHeader(message)
	global := !wire.IsASCII(message[:end])
	switch {
	case whole && global:
		kind = "message/global"
	case global:
		kind, text = "message/global-headers", bytes.TrimRight(message[:end], "\r\n")
	case !whole:
		kind, text = "text/rfc822-headers", bytes.TrimRight(message[:end], "\r\n")
	}
	c.part(kind, string(text))
}

// decodeUnitext undoes the encoding of a utf-8 address (RFC 6533 3): \x{20AC}.
func decodeUnitext(s string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `\x{`)
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		digits, after, closed := strings.Cut(rest, "}")
		var r rune
		if n, err := fmt.Sscanf(digits, "%X", &r); !closed || len(digits) > 6 || n != 1 || err != nil || r < ' ' || r == 0x7f {
			out.WriteString(`\x{`)
			s = rest
			continue
		}
		out.WriteRune(r)
		s = after
	}
}
