package route

import (
	"context"
	"crypto/rand"
	"errors"
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
// Errors: mail.ErrNoSpace, mail.ErrLoop, mail.ErrNoRecipients, *mail.RejectedError.
func (r *Router) Deliver(ctx context.Context, env mail.Envelope, raw []byte) error {
	if countReceived(raw) >= maxReceived {
		return fmt.Errorf("route: deliver: %w", mail.ErrLoop)
	}
	r.completeTrace(&env.Trace)
	back := r.takeBack(&env, raw)
	accounts := env.Accounts()
	if len(accounts) == 0 && back == nil {
		return fmt.Errorf("route: deliver: %w", mail.ErrNoRecipients)
	}
	raw = r.withoutForgedResults(raw)
	whole := r.arrived(&env, raw)

	success, err := r.deliveredReport(ctx, &env, raw)
	if err != nil {
		return err
	}
	l := local{accounts: accounts, env: &env, door: true}
	err = r.update(ctx,
		func() (err error) {
			if err := back.prepare(ctx, r); err != nil || len(accounts) == 0 {
				return err
			}
			if err := r.prepareLocal(ctx, &l, whole); err != nil {
				return err
			}
			if l.meeting {
				l.from = r.authentic(whole)
			}
			return success.prepare(ctx, r, &env.Trace)
		},
		func(tx *store.Tx) error {
			if err := back.commit(tx, r); err != nil || len(accounts) == 0 {
				return err
			}
			if err := r.deliver(tx, &l); err != nil {
				return err
			}
			e := event(&env, &l)
			e.Outcomes = l.steps()
			if err := r.trace.Add(tx, e); err != nil {
				return err
			}
			return success.commit(tx, r, &env.Trace)
		})
	if err != nil {
		return err
	}
	r.finish(l)
	return nil
}

// arrived is the message with what we write on top of it.
func (r *Router) arrived(env *mail.Envelope, raw []byte) []byte {
	var found []byte
	if env.Verdict != nil {
		found = env.Verdict.Header
	}
	whole := make([]byte, 0, len(raw)+traceRoom+len(env.Trace.Results)+len(found))
	whole = appendReturnPath(whole, env.From)
	whole = appendReceived(whole, env)
	whole = r.appendResults(whole, &env.Trace)
	whole = append(whole, found...)
	return append(whole, raw...)
}

// local is a message ready for mailboxes.
type local struct {
	env      *mail.Envelope
	door     bool                  // who brings it can be told that nobody takes it
	accounts []directory.AccountID // who gets it
	body     mail.Body
	received int64  // milliseconds since 1970
	fanout   uint64 // set by deliver when the rest of the accounts still wait

	blind map[directory.AccountID]bool // who gets it as a blind carbon copy
	rules *rulings                     // what the accounts' rules make of it; nil: they were not asked

	// sealed is what those get instead who want it encrypted.
	sealed map[directory.AccountID]*mail.Body

	meeting bool   // it carries a meeting
	from    string // then: the address in From if that is authentic, else empty
}

// prepare makes a message durable that nobody's rules are asked about.
func (r *Router) prepare(ctx context.Context, raw []byte, t *mail.Trace) (local, error) {
	body, err := r.mailboxes.Prepare(ctx, raw)
	if err != nil {
		return local{}, fmt.Errorf("route: %w", err)
	}
	return local{body: body, received: t.Time.UnixMilli(), meeting: carriesMeeting(body.Index)}, nil
}

// prepareLocal makes a message durable for l.accounts, and asks their rules the
// first time.
func (r *Router) prepareLocal(ctx context.Context, l *local, raw []byte) error {
	want, err := r.wanting(ctx, l)
	if err != nil {
		return err
	}
	if len(want) > 0 {
		return r.prepareSealed(ctx, l, raw)
	}
	made, err := r.prepare(ctx, raw, &l.env.Trace)
	if err != nil {
		return err
	}
	l.body, l.received, l.meeting = made.body, made.received, made.meeting
	if len(l.accounts) > maxAtOnce {
		return nil // they are asked when it is their turn
	}
	asked := len(l.accounts)
	if err := r.askOnce(ctx, l, raw); err != nil {
		return err
	}
	if len(l.accounts) > asked { // it is passed on to somebody who may
		if err := r.encrypt(ctx, l, raw); err != nil {
			return err
		}
	}
	return l.rules.prepare(ctx, r, l)
}

// askOnce asks the rules of l.accounts unless they were asked.
func (r *Router) askOnce(ctx context.Context, l *local, raw []byte) (err error) {
	if l.rules == nil {
		l.rules, err = r.ask(ctx, l, raw)
	}
	return err
}

// deliver puts the message where the accounts want it; when they are too many
// for one transaction it accepts the message for them, and finish does the rest.
func (r *Router) deliver(tx *store.Tx, l *local) error {
	l.fanout = 0
	if len(l.accounts) > maxAtOnce {
		return r.addFanout(tx, l)
	}
	for _, a := range l.accounts {
		flags := mail.Flags(0)
		if l.blind[a] {
			flags = mail.FlagBcc
		}
		if err := r.place(tx, a, l, flags); err != nil {
			return err
		}
	}
	return l.rules.commit(tx, r, l)
}

// place puts the message into an account's folders.
func (r *Router) place(tx *store.Tx, a directory.AccountID, l *local, flags mail.Flags) error {
	box := mail.MailboxOf(a)
	o := l.rules.of(a)
	if o == nil {
		role := mail.RoleInbox
		if l.env != nil && l.env.Verdict.JunkFor(a) {
			role = mail.RoleJunk
		}
		return r.put(tx, box, Copy{Role: role, Flags: flags}, l, l.bodyFor(a), true)
	}
	for i, c := range o.Copies {
		c.Flags |= flags
		if err := r.put(tx, box, c, l, l.bodyFor(a), i == 0); err != nil {
			return err
		}
	}
	if o.Then == nil {
		return nil
	}
	return o.Then(tx)
}

// put appends the message to a folder. Only the first of several copies is
// attended to.
func (r *Router) put(tx *store.Tx, box mail.MailboxID, c Copy, l *local, body *mail.Body, first bool) error {
	if err := r.mailboxes.Ensure(tx, box); err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	folder, err := r.folderFor(tx, box, c, body)
	if err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	var follow mail.FollowUp
	if c.Flagged {
		follow = mail.FollowUp{Status: mail.FollowUpActive, Type: "Flag for follow up"}
	}
	item, err := r.mailboxes.Append(tx, box, folder, mail.NewItem{
		Class:    mail.ClassEmail,
		FollowUp: follow,
		Received: l.received,
		Body:     *body,
		Flags:    c.Flags,
		Keywords: c.Keywords,
	})
	if err != nil {
		return fmt.Errorf("route: mailbox %d: %w", box, err)
	}
	if l.meeting && first && r.attend != nil && c.Role != mail.RoleSent && c.Role != mail.RoleJunk {
		return r.attend(tx, Arrival{Account: directory.AccountID(box), At: mail.Place{Folder: folder, Item: item.ID}, Blob: body.Blob, From: l.from})
	}
	return nil
}

// folderFor is where a copy goes. A folder that is gone, or that takes no mail of
// this account any more, is the inbox.
func (r *Router) folderFor(tx *store.Tx, box mail.MailboxID, c Copy, body *mail.Body) (mail.FolderID, error) {
	if c.Folder != 0 {
		f, err := r.mailboxes.Folder(tx, box, c.Folder)
		switch {
		case err != nil && !errors.Is(err, mail.ErrNoFolder):
			return 0, err
		case err == nil && f.Class == mail.ClassEmail && (f.Link.IsZero() || f.Link.Rights&mail.MayWrite != 0):
			return f.ID, nil
		}
		c.Role = mail.RoleInbox
	}
	if c.Role == mail.RoleNone {
		c.Role = mail.RoleInbox
	}
	f, err := r.mailboxes.FolderByRole(tx, box, c.Role)
	if err != nil || c.Role != mail.RoleInbox {
		return f.ID, err
	}
	// The user may have said where its conversation goes.
	return r.mailboxes.Divert(tx, box, f.ID, *body)
}

// newID returns a name for a message in logs and in Message-ID.
func newID() string { return rand.Text()[:16] }
