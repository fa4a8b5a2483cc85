package route

import (
	netmail "net/mail"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/wire"
)

// draft is a message as a client wrote it, with what submission looks at.
type draft struct {
	raw      []byte // with CRLF line ends
	fields   []field
	body     int // offset of the empty line, or of the end
	from     []string
	sender   []string
	to       []string // To, Cc and Bcc
	open     []string // To and Cc
	received int

	hasDate, hasMessageID bool
	eightBit, utf8Header  bool
}

// parseDraft reads what a client sent, whatever it is.
func parseDraft(raw []byte) *draft {
	d := &draft{raw: wire.CRLF(raw)}
	d.fields, d.body = scanHeader(d.raw)
	for _, f := range d.fields {
		switch f.name {
		case "from":
			d.from = append(d.from, addressesIn(f.value(d.raw))...)
		case "sender":
			d.sender = append(d.sender, addressesIn(f.value(d.raw))...)
		case "to", "cc", "bcc":
			list := addressesIn(f.value(d.raw))
			d.to = append(d.to, list...)
			if f.name != "bcc" {
				d.open = append(d.open, list...)
			}
		case "date":
			d.hasDate = true
		case "message-id":
			d.hasMessageID = true
		case "received":
			d.received++
		}
	}
	d.utf8Header = !wire.IsASCII(d.raw[:d.body])
	d.eightBit = d.utf8Header || !wire.IsASCII(d.raw[d.body:])
	return d
}

// compose writes the forms of the message that are needed, for local inboxes,
// for the queue and for the Sent folder, and returns it as recipients see it.
func (r *Router) compose(p *Plan, d *draft, account *directory.Account, onBehalf, keep bool) []byte {
	added := r.missingFields(p, d, account, onBehalf)
	public := append(slices.Clip(added), d.withoutBcc()...)
	if len(p.remote) > 0 {
		p.outbound = append(appendReceived(nil, &p.env), public...)
	}
	if len(p.accounts) > 0 {
		p.inbound = appendReturnPath(make([]byte, 0, len(public)+traceRoom), p.env.From)
		p.inbound = append(appendReceived(p.inbound, &p.env), public...)
	}
	if keep {
		p.kept = append(slices.Clip(added), d.raw...)
	}
	return public
}

// missingFields returns the header fields that every message needs and this
// one lacks (RFC 5322 3.6, RFC 6409 8).
func (r *Router) missingFields(p *Plan, d *draft, account *directory.Account, onBehalf bool) []byte {
	var out []byte
	own := (&netmail.Address{Name: account.Name, Address: account.Login}).String()
	if len(d.from) == 0 {
		out = append(out, "From: "+oneLine(own)+"\r\n"...)
	}
	if onBehalf && len(d.sender) == 0 || len(d.from) > 1 && len(d.sender) == 0 {
		sender := (&netmail.Address{Name: p.sender.Name, Address: p.sender.Login}).String()
		out = append(out, "Sender: "+oneLine(sender)+"\r\n"...)
	}
	if !d.hasDate {
		out = append(out, "Date: "...)
		out = p.env.Trace.Time.UTC().AppendFormat(out, wire.DateFormat)
		out = append(out, "\r\n"...)
	}
	if !d.hasMessageID {
		out = append(out, "Message-ID: <"+newID()+"@"+r.hostname+">\r\n"...)
	}
	return out
}

// blind returns the accounts that the header does not name: those that get a
// blind carbon copy.
func (d *draft) blind(to []mail.Recipient) map[directory.AccountID]bool {
	named := make(map[string]bool, len(d.open))
	for _, a := range d.open {
		named[strings.ToLower(a)] = true
	}
	var blind map[directory.AccountID]bool
	for pass := range 2 { // who is named by one address and hidden by another is named
		for _, r := range to {
			if isNamed := named[strings.ToLower(r.Address)]; isNamed != (pass == 1) {
				continue
			}
			for _, a := range r.Accounts {
				if pass == 1 {
					delete(blind, a)
					continue
				}
				if blind == nil {
					blind = map[directory.AccountID]bool{}
				}
				blind[a] = true
			}
		}
	}
	return blind
}

// withoutBcc returns the message as its recipients may see it (RFC 5322 3.6.3).
// An empty From is dropped too, as a proper one is added.
func (d *draft) withoutBcc() []byte {
	return d.without(func(f field) bool {
		return f.name == "bcc" || f.name == "resent-bcc" || f.name == "from" && len(d.from) == 0
	})
}

func isSender(f field) bool { return f.name == "from" || f.name == "sender" }

// without leaves fields out.
func (d *draft) without(hide func(field) bool) []byte {
	if !slices.ContainsFunc(d.fields, hide) {
		return d.raw
	}
	out := make([]byte, 0, len(d.raw))
	for _, f := range d.fields {
		if !hide(f) {
			out = append(out, d.raw[f.start:f.end]...)
		}
	}
	return append(out, d.raw[d.body:]...)
}
