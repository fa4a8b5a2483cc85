package rules

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/oof"
	"martlet/mail/route"
	"martlet/mail/sieve"
	"martlet/mail/wire"
	"martlet/store"
)

// maxNamed bounds how many addresses of a message's header are compared with
// those of somebody who is away.
const maxNamed = 200

// mayAnswer tells whether a machine may answer the message for the account (RFC
// 3834 2, RFC 5230 4.5 and 4.6). Addresses are the account's besides those that
// the directory knows.
func (j *job) mayAnswer(ctx context.Context, addresses []string) oof.Reason {
	env := j.a.Env
	if j.a.Junk || env.From == "" || len(env.To) > maxLetter || len(env.Accounts()) > maxLetter {
		return oof.Bulk
	}
	letter := oof.Letter{Sender: env.From, Fields: j.msg.Fields(), Named: j.msg.Addresses(maxNamed, "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")}
	return letter.Answers(func(address string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool { return strings.EqualFold(a, address) }) || j.owns(ctx, address)
	})
}

// reply begins the answer to the message.
func (j *job) reply() oof.Reply {
	name := newID()
	return oof.Reply{
		FromName: j.account.Name, From: j.account.Login, To: j.a.Env.From, ID: name + "@" + j.r.c.Hostname, Boundary: "=_" + name,
		Subject: j.msg.Field("subject"), MessageID: j.msg.Field("message-id"), References: j.msg.Field("references"), Date: j.now,
	}
}

func newID() string { return rand.Text()[:16] }

// vacation answers the sender, unless that was done of late (RFC 5230).
func (j *job) vacation(ctx context.Context, v *sieve.Vacation) error {
	if reason := j.mayAnswer(ctx, v.Addresses); reason != oof.Answerable {
		j.r.log.Debug("no vacation reply", "id", j.a.Env.Trace.ID, "account", uint64(j.a.Account), "reason", string(reason))
		return nil
	}
	reply := j.reply()
	reply.Title = v.Subject
	if v.MIME {
		reply.Entity = []byte(v.Text)
	} else {
		reply.Message = oof.Message{Enabled: true, Text: v.Text}
	}
	if v.From != "" { // another's address is not used
		if from := message.ParseAddressList(v.From); len(from) == 1 && j.owns(ctx, from[0].Address) {
			reply.FromName, reply.From = from[0].Name, from[0].Address
		}
	}
	account, sender, handle, every, at := j.a.Account, j.a.Env.From, v.Handle, v.Every, j.now
	j.out.Replies = append(j.out.Replies, route.Reply{To: sender, Raw: reply.Bytes(), Claim: func(tx *store.Tx) (bool, error) {
		return j.r.absences.ClaimVacation(tx, account, sender, handle, every, at)
	}})
	return nil
}

// answerAbsence answers for somebody who has said to be away, by a phone or
// otherwise. What the script drops or rejects is not answered.
func (j *job) answerAbsence(ctx context.Context, asked bool) error {
	if j.a.Env.From == "" || asked && len(j.out.Copies)+len(j.out.Redirect) == 0 {
		return nil
	}
	absence, told, err := j.absence(ctx)
	if err != nil || told || !absence.Away(j.now) {
		return err
	}
	if reason := j.mayAnswer(ctx, nil); reason != oof.Answerable {
		j.r.log.Debug("no automatic reply", "id", j.a.Env.Trace.ID, "account", uint64(j.a.Account), "reason", string(reason))
		return nil
	}
	who, err := j.audience(ctx)
	if err != nil {
		return err
	}
	said, ok := absence.Message(who, j.now)
	if !ok {
		return nil
	}
	if j.account, err = j.r.c.Directory.Account(ctx, j.a.Account); err != nil {
		if errors.Is(err, directory.ErrNoAccount) {
			return nil
		}
		return err
	}
	reply := j.reply()
	reply.Message = said
	account, sender, at := j.a.Account, j.a.Env.From, j.now
	j.out.Replies = append(j.out.Replies, route.Reply{To: sender, Raw: reply.Bytes(), Claim: func(tx *store.Tx) (bool, error) {
		absence, err := j.r.absences.Load(tx, account)
		if err != nil || !absence.Away(at) {
			return false, err
		}
		return j.r.absences.Claim(tx, account, sender, at)
	}})
	return nil
}

// absence is what the account has said, and whether the sender has heard it.
func (j *job) absence(ctx context.Context) (a oof.Absence, told bool, err error) {
	err = j.r.c.Store.View(ctx, func(tx *store.Tx) error {
		if a, err = j.r.absences.Load(tx, j.a.Account); err != nil || !a.Away(j.now) {
			return err
		}
		told, err = j.r.absences.Answered(tx, j.a.Account, j.a.Env.From)
		return err
	})
	return a, told, err
}

// audience is what the sender is to the account: known is whoever it has written
// to.
func (j *job) audience(ctx context.Context) (oof.Audience, error) {
	to, err := j.r.c.Directory.Resolve(ctx, j.a.Env.From)
	switch {
	case err == nil && to.Local:
		return oof.Internal, nil
	case err != nil && !errors.Is(err, directory.ErrNoAddress) && !errors.Is(err, directory.ErrBadAddress):
		return oof.Unknown, err
	}
	strangers, err := j.r.c.Mailboxes.Strangers(ctx, mail.MailboxOf(j.a.Account), []mailbox.Recipient{{Address: j.a.Env.From}})
	if err == nil && len(strangers) == 0 {
		return oof.Known, nil
	}
	return oof.Unknown, err
}

// notify tells somebody of the message by mail (RFC 5436). What was sent by a
// machine itself is not told, lest machines tell each other for ever (2.7.1).
func (j *job) notify(n *sieve.Notify) error {
	to, err := sieve.ParseMailto(n.Method)
	if err != nil {
		return err
	}
	if auto := strings.ToLower(j.msg.Field("auto-submitted")); auto != "" && !strings.HasPrefix(auto, "no") {
		return nil
	}
	for _, address := range to.To {
		j.out.Replies = append(j.out.Replies, route.Reply{To: address, Raw: j.notice(n, &to, address)})
	}
	return nil
}

// notice writes a notification.
func (j *job) notice(n *sieve.Notify, to *sieve.Mailto, address string) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	subject, text := to.Subject, to.Body
	if n.Message != "" { // RFC 5436 2.3: it goes before what the URI says
		subject = n.Message
	}
	if subject == "" {
		subject = "New mail: " + j.msg.Field("subject")
	}
	if text == "" {
		text = "From: " + j.msg.Field("from") + "\nSubject: " + j.msg.Field("subject")
	}
	line("Date: %s", j.now.UTC().Format(wire.DateFormat))
	line("From: <%s>", wire.OneLine(j.account.Login))
	line("To: <%s>", wire.OneLine(address))
	line("Subject: %s", wire.FoldWords(mime.QEncoding.Encode("utf-8", wire.OneLine(cutText(subject, 500)))))
	line("Message-ID: <%s@%s>", newID(), wire.OneLine(j.r.c.Hostname))
	line("Auto-Submitted: auto-notified; owner-email=%q", wire.OneLine(j.account.Login)) // RFC 5436 2.7.1
	switch n.Importance {
	case 1:
		line("Importance: high")
	case 3:
		line("Importance: low")
	}
	line("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n")
	return wire.AppendBase64(b.Bytes(), wire.CRLF([]byte(cutText(text, 8<<10)+"\n")))
}
