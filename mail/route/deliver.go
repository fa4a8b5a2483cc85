package route

import (
	"context"
	"crypto/rand"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// maxAtOnce is how many mailboxes one transaction delivers to. It bounds the
// transaction to well under a megabyte; see fanout.go for what has more.
const maxAtOnce = 256

// traceRoom is about what Return-Path and Received take.
const traceRoom = 512

// Deliver puts a message into the mailboxes of its local recipients, whose
// accounts the caller has resolved. When it returns nil, the message is
// durable for all of them; otherwise it is in none.
// Errors: mail.ErrNoSpace, mail.ErrLoop, mail.ErrNoRecipients.
func (r *Router) Deliver(ctx context.Context, env mail.Envelope, raw []byte) error {
	accounts := env.Accounts()
	if len(accounts) == 0 {
		return fmt.Errorf("route: deliver: %w", mail.ErrNoRecipients)
	}
	if countReceived(raw) >= maxReceived {
		return fmt.Errorf("route: deliver: %w", mail.ErrLoop)
	}
	r.completeTrace(&env.Trace)
	raw = r.withoutForgedResults(raw)
	whole := make([]byte, 0, len(raw)+traceRoom+len(env.Trace.Results))
	whole = appendReturnPath(whole, env.From)
	whole = appendReceived(whole, &env)
	whole = r.appendResults(whole, &env.Trace)
	whole = append(whole, raw...)

	success, err := r.deliveredReport(ctx, &env, raw)
	if err != nil {
		return err
	}
	automatic, err := r.automatic(ctx, &env, raw, accounts)
	if err != nil {
		return err
	}
	var local local
	err = r.update(ctx,
		func() (err error) {
			if local, err = r.prepare(ctx, whole, &env.Trace); err != nil {
				return err
			}
			if local.meeting {
				local.from = r.authentic(whole)
			}
			if err := automatic.prepare(ctx, r, &env.Trace); err != nil {
				return err
			}
			return success.prepare(ctx, r, &env.Trace)
		},
		func(tx *store.Tx) error {
			if err := r.deliver(tx, &local, accounts); err != nil {
				return err
			}
			if err := automatic.commit(tx, r, &env.Trace); err != nil {
				return err
			}
			return success.commit(tx, r, &env.Trace)
		})
	if err != nil {
		return err
	}
	r.finish(local)
	return nil
}

// local is a message ready for mailboxes.
type local struct {
	body     mail.Body
	received int64  // milliseconds since 1970
	fanout   uint64 // set by deliver when the rest of the accounts still wait

	blind map[directory.AccountID]bool // who gets it as a blind carbon copy

	meeting bool   // it carries a meeting
	from    string // then: the address in From if that is authentic, else empty
}

func (r *Router) prepare(ctx context.Context, raw []byte, t *mail.Trace) (local, error) {
	body, err := r.mailboxes.Prepare(ctx, raw)
	if err != nil {
		return local{}, fmt.Errorf("route: %w", err)
	}
	return local{body: body, received: t.Time.UnixMilli(), meeting: carriesMeeting(body.Index)}, nil
}

// deliver puts the message into the accounts' inboxes; when they are too many
// for one transaction it accepts the message for them, and finish does the rest.
func (r *Router) deliver(tx *store.Tx, l *local, accounts []directory.AccountID) error {
	l.fanout = 0
	if len(accounts) > maxAtOnce {
		return r.addFanout(tx, l, accounts)
	}
	for _, a := range accounts {
		flags := mail.Flags(0)
		if l.blind[a] {
			flags = mail.FlagBcc
		}
		if err := r.put(tx, mail.MailboxOf(a), mail.RoleInbox, l, flags); err != nil {
			return err
		}
	}
	return nil
}

// put appends the message to the folder of a role.
func (r *Router) put(tx *store.Tx, box mail.MailboxID, role mail.Role, l *local, flags mail.Flags) error {
	if err := r.mailboxes.Ensure(tx, box); err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	folder, err := r.mailboxes.FolderByRole(tx, box, role)
	if err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	if role == mail.RoleInbox { // the user may have said where its conversation goes
		if folder.ID, err = r.mailboxes.Divert(tx, box, folder.ID, l.body); err != nil {
			return fmt.Errorf("route: mailbox %d: %w", box, err)
		}
	}
	item, err := r.mailboxes.Append(tx, box, folder.ID, mail.NewItem{
		Class:    mail.ClassEmail,
		Received: l.received,
		Body:     l.body,
		Flags:    flags,
	})
	if err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	if l.meeting && role == mail.RoleInbox && r.attend != nil {
		return r.attend(tx, Arrival{Account: directory.AccountID(box), At: mail.Place{Folder: folder.ID, Item: item.ID}, Blob: l.body.Blob, From: l.from})
	}
	return nil
}

// newID returns a name for a message in logs and in Message-ID.
func newID() string { return rand.Text()[:16] }
