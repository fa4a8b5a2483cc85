package tlspolicy

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"martlet/mail/wire"
)

// compose writes the mail that brings a report (RFC 8460 5.3). TLS-Required lets it
// pass where just what it reports of would stop it (RFC 8460 5.3, RFC 8689 5).
func (p *Policies) compose(r *Report, domain, to string, packed []byte) []byte {
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, wire.OneLine(value)) }
	boundary := "=_" + strings.Map(func(c rune) rune {
		if !isAlphanumeric(c) {
			return '_'
		}
		return c
	}, r.ID)
	boundary = boundary[:min(len(boundary), 70)]
	field("From", "<postmaster@"+p.cfg.Hostname+">")
	field("To", "<"+to+">")
	field("Date", time.Now().UTC().Format(wire.DateFormat))
	field("Message-ID", "<"+r.ID+">")
	field("Subject", "Report Domain: "+domain+" Submitter: "+p.cfg.Hostname+" Report-ID: <"+r.ID+">")
	field("TLS-Report-Domain", domain)
	field("TLS-Report-Submitter", p.cfg.Hostname)
	field("TLS-Required", "No")
	field("Auto-Submitted", "auto-generated")
	field("MIME-Version", "1.0")
	field("Content-Type", `multipart/report; report-type="tlsrpt"; boundary="`+boundary+`"`)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary)
	fmt.Fprintf(&b, "This is a report of how TLS went with the mail hosts of %s\r\non %s, by UTC, as %s saw it (RFC 8460).\r\n",
		domain, r.Range.Start.Format(time.DateOnly), p.cfg.Hostname)
	name := fmt.Sprintf("%s!%s!%d!%d.json.gz", p.cfg.Hostname, domain, r.Range.Start.Unix(), r.Range.End.Unix())
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n", boundary, name)
	b.Write(wire.AppendBase64(nil, packed))
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes()
}
