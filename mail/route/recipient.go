package route

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

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
	all := make([]mailbox.Recipient, len(to))
	for i := range to {
		all[i] = mailbox.Recipient{Address: to[i].Address, Named: p.names[strings.ToLower(to[i].Address)] != ""}
	}
	strangers, err := r.mailboxes.Strangers(ctx, box, all)
	if err != nil {
		r.log.Error("recipients cannot be looked up", "account", uint64(p.submission.Account), "error", err)
		return
	}
	for _, i := range strangers {
		name := p.nameOf(ctx, &to[i])
		ref, err := r.mailboxes.Blobs().Put(ctx, recipientCard(to[i].Address, name))
		if err != nil {
			r.log.Error("a recipient cannot be remembered", "account", uint64(p.submission.Account), "error", err)
			return
		}
		all[i].Card, all[i].Named = mail.Body{Blob: ref}, name != ""
	}
	p.recipients = all
}

// nameOf is how the message calls a recipient, or the directory.
func (p *Plan) nameOf(ctx context.Context, to *mail.Recipient) string {
	if name := p.names[strings.ToLower(to.Address)]; name != "" {
		return name
	}
	if to.Local && len(to.Accounts) == 1 {
		if account, err := p.router.directory.Account(ctx, to.Accounts[0]); err == nil {
			return account.Name
		}
	}
	return ""
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
