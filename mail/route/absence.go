package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/store"
)

// maxNamed bounds how many addresses of a message's header are compared with
// those of somebody who is away.
const maxNamed = 200

// automatic are the answers that a message's absent recipients give, sent in
// the transaction that delivers it.
type automatic []answer

// answer is what one of them says.
type answer struct {
	account directory.AccountID
	sender  string // who is told
	report  *report
}

// automatic works out who of the recipients is away and tells the sender so. A
// message for more accounts than one transaction delivers to is answered by
// nobody: it is no letter.
func (r *Router) automatic(ctx context.Context, env *mail.Envelope, message []byte, accounts []directory.AccountID) (automatic, error) {
	if env.From == "" || len(accounts) > maxAtOnce {
		return nil, nil
	}
	away, err := r.away(ctx, env, accounts)
	if err != nil || len(away) == 0 {
		return nil, err
	}
	to, ok, err := r.answerTo(ctx, env.From)
	if err != nil || !ok {
		return nil, err
	}
	fields, _ := scanHeader(message)
	letter := oof.Letter{Sender: env.From, Fields: texts(fields, message), Named: named(fields, message)}
	var all automatic
	for id, absence := range away {
		reason := letter.Answers(func(address string) bool { return r.leadsTo(ctx, address, id) })
		if reason != oof.Answerable {
			r.log.Debug("no automatic reply", "id", env.Trace.ID, "account", uint64(id), "reason", string(reason))
			continue
		}
		a, err := r.answer(ctx, env, id, absence, to, fields, message)
		if err != nil {
			return nil, err
		}
		if a.report != nil {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b answer) int { return cmp.Compare(a.account, b.account) })
	return all, nil
}

// away finds the absent among the accounts.
func (r *Router) away(ctx context.Context, env *mail.Envelope, accounts []directory.AccountID) (map[directory.AccountID]oof.Absence, error) {
	var away map[directory.AccountID]oof.Absence
	err := r.store.View(ctx, func(tx *store.Tx) error {
		away = nil
		for _, id := range accounts {
			if env.Verdict.JunkFor(id) {
				continue
			}
			a, err := r.absences.Load(tx, id)
			if err != nil {
				return err
			}
			if !a.Away(env.Trace.Time) {
				continue
			}
			told, err := r.absences.Answered(tx, id, env.From)
			if err != nil {
				return err
			}
			if told {
				continue
			}
			if away == nil {
				away = map[directory.AccountID]oof.Absence{}
			}
			away[id] = a
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("route: absence: %w", err)
	}
	return away, nil
}

// answerTo is the sender as a recipient; ok is false for nobody.
func (r *Router) answerTo(ctx context.Context, sender string) (to mail.Recipient, ok bool, err error) {
	route, err := r.directory.Resolve(ctx, sender)
	switch {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress):
		return to, false, nil
	case err != nil:
		return to, false, fmt.Errorf("route: absence: %w", err)
	case route.Local && len(route.Accounts) == 0:
		return to, false, nil
	}
	to = mail.Recipient{Address: sender, Local: route.Local, Notify: mail.NotifyNever}
	to.Accounts = route.Accounts[:min(len(route.Accounts), maxAtOnce)]
	return to, true, nil
}

// leadsTo tells whether an address is one of the account's own.
func (r *Router) leadsTo(ctx context.Context, address string, id directory.AccountID) bool {
	route, err := r.directory.Resolve(ctx, address)
	return err == nil && len(route.Accounts) == 1 && route.Accounts[0] == id
}

// answer writes what the account says; its report is nil when that is nothing.
func (r *Router) answer(ctx context.Context, env *mail.Envelope, id directory.AccountID, absence oof.Absence, to mail.Recipient, fields []field, message []byte) (a answer, err error) {
	who := oof.Internal
	if !to.Local {
		if who, err = r.acquaintance(ctx, id, to.Address); err != nil {
			return a, err
		}
	}
	text, ok := absence.Message(who, env.Trace.Time)
	if !ok {
		return a, nil
	}
	account, err := r.directory.Account(ctx, id)
	if errors.Is(err, directory.ErrNoAccount) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("route: absence: %w", err)
	}
	name := newID()
	reply := oof.Reply{
		FromName: account.Name, From: account.Login, To: to.Address, ID: name + "@" + r.hostname, Boundary: "=_" + name,
		Subject: valueOf(fields, message, "subject"), MessageID: valueOf(fields, message, "message-id"),
		References: valueOf(fields, message, "references"), Date: env.Trace.Time, Message: text,
	}
	raw := reply.Bytes()
	if to.Local {
		raw = append(appendReturnPath(nil, ""), raw...)
	}
	return answer{account: id, sender: to.Address, report: &report{raw: raw, to: to}}, nil
}

// acquaintance tells what somebody elsewhere is to the account: known is whoever
// it has written to.
func (r *Router) acquaintance(ctx context.Context, id directory.AccountID, address string) (oof.Audience, error) {
	strangers, err := r.mailboxes.Strangers(ctx, mail.MailboxOf(id), []mailbox.Recipient{{Address: address}})
	switch {
	case err != nil:
		return oof.Unknown, fmt.Errorf("route: absence: %w", err)
	case len(strangers) == 0:
		return oof.Known, nil
	}
	return oof.Unknown, nil
}

// prepare makes the answers durable.
func (all automatic) prepare(ctx context.Context, r *Router, t *mail.Trace) error {
	for _, a := range all {
		if err := a.report.prepare(ctx, r, t); err != nil {
			return err
		}
	}
	return nil
}

// commit sends the answers that nobody was given meanwhile.
func (all automatic) commit(tx *store.Tx, r *Router, t *mail.Trace) error {
	for _, a := range all {
		absence, err := r.absences.Load(tx, a.account)
		if err != nil {
			return err
		}
		if !absence.Away(t.Time) {
			continue
		}
		first, err := r.absences.Claim(tx, a.account, a.sender, time.UnixMilli(t.Time.UnixMilli()).UTC())
		if err != nil {
			return err
		}
		if !first {
			continue
		}
		if err := a.report.commit(tx, r, t); err != nil {
			return err
		}
	}
	return nil
}

// texts are the fields with their values in one line.
func texts(fields []field, raw []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, f := range fields {
			if !yield(f.name, f.value(raw)) {
				return
			}
		}
	}
}

// named are the addresses to whom a message says it goes (RFC 5230 4.5).
func named(fields []field, raw []byte) []string {
	var all []string
	for _, f := range fields {
		switch f.name {
		case "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc":
			all = append(all, addressesIn(f.value(raw))...)
		}
	}
	return all[:min(len(all), maxNamed)]
}

// valueOf is the first field of a name.
func valueOf(fields []field, raw []byte, name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.value(raw)
		}
	}
	return ""
}
