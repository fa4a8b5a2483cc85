package route

import (
	"bytes"
	"fmt"
	"strings"

	"martlet/directory"
)

// failedRecipient is an address in a header field that nobody has.
type failedRecipient struct {
	address string
	status  string // RFC 3463
	reason  string // "does not exist here"
}

// composeReport writes a delivery status notification to the sender (RFC 3464)
// about the recipients that do not exist. Its own sender is the null sender, so
// that nothing answers it.
func (r *Router) composeReport(p *plan, account *directory.Account, public []byte) []byte {
	boundary := "=_" + newID()
	date := p.env.Trace.Time.UTC().Format(dateFormat)
	var b bytes.Buffer
	line := func(format string, args ...any) {
		b.WriteString(oneLine(fmt.Sprintf(format, args...)))
		b.WriteString("\r\n")
	}
	line("Return-Path: <>")
	line("Date: %s", date)
	line("From: Mail Delivery System <MAILER-DAEMON@%s>", r.hostname)
	line("To: <%s>", account.Login)
	line("Subject: Undelivered mail")
	line("Message-ID: <%s@%s>", newID(), r.hostname)
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status; boundary=%q", boundary)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/plain; charset=utf-8")
	line("Content-Transfer-Encoding: 8bit")
	line("")
	line("Your message did not reach everyone it was meant for:")
	line("")
	for _, f := range p.unknown {
		line("<%s> %s.", f.address, f.reason)
	}
	line("")
	line("--%s", boundary)
	line("Content-Type: message/delivery-status")
	line("")
	line("Reporting-MTA: dns; %s", r.hostname)
	line("Arrival-Date: %s", date)
	for _, f := range p.unknown {
		line("")
		line("Final-Recipient: rfc822; %s", f.address)
		line("Action: failed")
		line("Status: %s", f.status)
	}
	line("")
	line("--%s", boundary)
	line("Content-Type: text/rfc822-headers")
	line("")
	_, end := scanHeader(public)
	b.WriteString(strings.TrimRight(string(public[:end]), "\r\n"))
	line("")
	line("")
	line("--%s--", boundary)
	return b.Bytes()
}
