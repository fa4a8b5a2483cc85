package route

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/vcard"
)

// Whom a user writes to is noted in the user's recipient information, in the
// transaction that sends the message.

// maxRecipientName is how many characters of a name are kept.
const maxRecipientName = 256

// namesOf returns how the header fields of a message call its recipients, by
// address in lower case.
func (d *draft) namesOf() map[string]string {
	names := map[string]string{}
	for _, f := range d.fields {
		switch f.name {
		case "to", "cc", "bcc":
			for _, a := range message.ParseAddressList(f.value(d.raw)) {
				if key := strings.ToLower(a.Address); a.Name != "" && names[key] == "" {
					names[key] = a.Name
				}
			}
		}
	}
	return names
}

// prepareRecipients works out whom to note, and makes cards for those who are
// new. What goes wrong here must not keep the message from being sent.
func (p *Plan) prepareRecipients(ctx context.Context) {
	r, box := p.router, mail.MailboxOf(p.submission.Account)
	p.recipients = nil
	to := p.env.To[:min(len(p.env.To), mailbox.MaxNoted)]
	addresses := make([]string, len(to))
	local := make(map[string]directory.AccountID, len(to))
	for i, one := range to {
		addresses[i] = one.Address
		if one.Local && len(one.Accounts) == 1 {
			local[one.Address] = one.Accounts[0]
		}
	}
	strangers, err := r.mailboxes.Strangers(ctx, box, addresses)
	if err != nil {
		r.log.Error("recipients cannot be looked up", "account", uint64(p.submission.Account), "error", err)
		return
	}
	cards := make(map[string]mail.Body, len(strangers))
	var names map[string]string
	for _, a := range strangers {
		if names == nil {
			names = parseDraft(p.submission.Raw).namesOf()
		}
		name := names[strings.ToLower(a)]
		if id := local[a]; name == "" && id != 0 {
			if account, err := r.directory.Account(ctx, id); err == nil {
				name = account.Name
			}
		}
		ref, err := r.mailboxes.Blobs().Put(ctx, recipientCard(a, name))
		if err != nil {
			r.log.Error("a recipient cannot be remembered", "account", uint64(p.submission.Account), "error", err)
			return
		}
		cards[a] = mail.Body{Blob: ref}
	}
	for _, a := range addresses {
		p.recipients = append(p.recipients, mailbox.Recipient{Address: a, Card: cards[a]})
	}
}

// recipientCard is the vCard of somebody of whom no more is known. The same
// address and name make the same bytes, which are then stored once.
func recipientCard(address, name string) []byte {
	name = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(name, ""), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if utf8.RuneCountInString(name) > maxRecipientName {
		name = string([]rune(name)[:maxRecipientName])
	}
	if name == "" {
		name = address
	}
	c := vcard.New()
	c.Add(vcard.TextProperty("FN", name))
	c.Add(vcard.TextProperty("EMAIL", address))
	return c.Bytes()
}
