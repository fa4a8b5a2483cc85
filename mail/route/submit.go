package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
)

// maxRecipients is how many a message may name in its header fields.
const maxRecipients = 5000

// Submission is a message one of our users sends.
type Submission struct {
	Account    directory.AccountID
	By         directory.AccountID // who sends it for Account, if it is not Account; named in Sender. The caller knows that they may
	Envelope   *mail.Envelope      // nil: taken from the header fields From, To, Cc and Bcc
	Raw        []byte
	SaveInSent bool
	Once       Key                      // remembered for a day
	Then       func(tx *store.Tx) error // nil, or more work for the same transaction; may run again
	Automatic  bool                     // nobody wrote it: whom it goes to is not noted
	OwnFrom    bool                     // a From or Sender that the account may not use gives way to its own address
	With       *Submission              // nil, or another message that is sent in the same transaction
}

// Submit sends a user's message: local recipients get it, remote ones are
// queued, the Sent folder keeps a copy with Bcc, and the Key is remembered, all
// in one transaction. Recipients from header fields that do not exist here are
// told of in a report to the sender, as if the message had come back.
// Errors: ErrDuplicate, ErrBadKey, mail.ErrNotSender, mail.ErrNoRecipients,
// mail.ErrTooManyTo, mail.ErrLoop, mail.ErrNoSpace, directory.ErrNoAccount.
func (r *Router) Submit(ctx context.Context, s Submission) error {
	p, err := r.newPlan(ctx, s)
	if err != nil {
		return err
	}
	if err := r.update(ctx, func() error { return p.prepare(ctx) }, p.Commit); err != nil {
		return err
	}
	p.Done()
	return nil
}

// Plan is Submit in three steps, for a message that is sent in a transaction
// with other things: Plan looks up who gets what and makes it durable, the
// plan's Commit sends it in the caller's transaction, and Done, behind the
// commit, finishes. A plan that is never committed leaves nothing. The errors
// are Submit's.
func (r *Router) Plan(ctx context.Context, s Submission) (*Plan, error) {
	p, err := r.newPlan(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := p.prepare(ctx); err != nil {
		return nil, transportError(err)
	}
	return p, nil
}

func (r *Router) newPlan(ctx context.Context, s Submission) (*Plan, error) {
	now := time.Now()
	if err := r.checkOnce(ctx, s.Once, now); err != nil {
		return nil, err
	}
	p, err := r.plan(ctx, &s, now)
	if err != nil {
		return nil, fmt.Errorf("route: submit: %w", err)
	}
	p.submission, p.now = s, now
	if s.With != nil {
		if p.with, err = r.newPlan(ctx, *s.With); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Done finishes behind the commit what one transaction could not hold. Without
// it, Recover does.
func (p *Plan) Done() {
	s := &p.submission
	p.router.log.Info("message submitted", "id", p.env.Trace.ID, "account", uint64(s.Account), "from", p.env.From,
		"local", len(p.accounts), "remote", len(p.remote), "unknown", len(p.unknown), "size", len(s.Raw))
	l := p.local
	l.body.Index = nil // the number may be of a run that was undone, and another's now
	p.router.finish(l)
	if p.with != nil {
		p.with.Done()
	}
}

// Relay is Submit for a client that keeps its own Sent folder, as those that
// speak SMTP do.
func (r *Router) Relay(ctx context.Context, account directory.AccountID, env mail.Envelope, raw []byte) error {
	return r.Submit(ctx, Submission{Account: account, Envelope: &env, Raw: raw})
}

// checkOnce answers a repeated request before any work is done for it.
func (r *Router) checkOnce(ctx context.Context, k Key, now time.Time) error {
	if k == (Key{}) {
		return nil
	}
	if err := checkKey(k); err != nil {
		return err
	}
	return r.store.View(ctx, func(tx *store.Tx) error { return r.used(tx, k, now) })
}

// Plan is what Submit is about to do. It is good for one transaction, which may
// run more than once.
type Plan struct {
	router     *Router
	submission Submission
	now        time.Time
	with       *Plan // of submission.With

	env      mail.Envelope
	accounts []directory.AccountID
	blind    map[directory.AccountID]bool // those of the accounts that get a blind carbon copy
	remote   []mail.Recipient
	unknown  []outcome

	// The forms of the message, each empty when nobody gets it.
	inbound, outbound, kept []byte
	complaint, success      *report // nil when there is nothing to report

	// What prepare makes of them.
	local    local // for the accounts' inboxes
	queued   blob.Ref
	sentCopy local // for the sender's Sent folder

	sender     directory.Account   // who sends it
	from       string              // the address in From, which the sender may use; empty if it is not one
	names      map[string]string   // how the header calls recipients, by address in lower case
	recipients []mailbox.Recipient // to be noted as those the user writes to
}

// plan works out who gets what.
func (r *Router) plan(ctx context.Context, s *Submission, now time.Time) (*Plan, error) {
	account, err := r.directory.Account(ctx, s.Account)
	if err != nil {
		return nil, err
	}
	d := parseDraft(s.Raw)
	if d.received >= maxReceived {
		return nil, mail.ErrLoop
	}
	onBehalf, err := r.checkFrom(ctx, &account, d)
	if errors.Is(err, mail.ErrNotSender) && s.OwnFrom {
		d, err = parseDraft(d.without(isSender)), nil
	}
	if err != nil {
		return nil, err
	}
	p := &Plan{router: r, names: d.namesOf(), from: d.author(&account), sender: account}
	if s.By != 0 && s.By != s.Account {
		if p.sender, err = r.directory.Account(ctx, s.By); err != nil {
			return nil, err
		}
		onBehalf = true
	}
	if s.Envelope != nil {
		p.env = *s.Envelope
	} else if p.env, p.unknown, err = r.envelopeOf(ctx, &account, d, onBehalf); err != nil {
		return nil, err
	}
	p.env.Trace.Time = now
	r.completeTrace(&p.env.Trace)
	for _, to := range p.env.To {
		if !to.Local {
			p.remote = append(p.remote, to)
		}
	}
	p.accounts = p.env.Accounts()
	p.blind = d.blind(p.env.To)
	if len(p.accounts)+len(p.remote)+len(p.unknown) == 0 {
		return nil, mail.ErrNoRecipients
	}
	public := r.compose(p, d, &account, onBehalf, s.SaveInSent)
	if len(p.unknown) > 0 {
		sender := mail.Recipient{Address: account.Login, Local: true, Accounts: []directory.AccountID{account.ID}}
		p.complaint = r.newReport(&p.env, sender, p.unknown, public)
	}
	if p.success, err = r.deliveredReport(ctx, &p.env, public); err != nil {
		return nil, err
	}
	return p, nil
}

// checkFrom makes sure that the account may write what stands in From, and
// tells whether it does so on another's behalf (RFC 5322 3.6.2).
func (r *Router) checkFrom(ctx context.Context, account *directory.Account, d *draft) (onBehalf bool, err error) {
	for _, from := range d.from {
		may, err := r.directory.MaySendAs(ctx, account.ID, from)
		if err != nil && !errors.Is(err, directory.ErrBadAddress) {
			return false, err
		}
		if may {
			continue
		}
		if may, err = r.directory.MaySendOnBehalf(ctx, account.ID, from); err != nil && !errors.Is(err, directory.ErrBadAddress) {
			return false, err
		}
		if !may {
			return false, mail.ErrNotSender
		}
		onBehalf = true
	}
	for _, sender := range d.sender {
		may, err := r.directory.MaySendAs(ctx, account.ID, sender)
		if err != nil && !errors.Is(err, directory.ErrBadAddress) {
			return false, err
		}
		if !may {
			return false, mail.ErrNotSender
		}
	}
	return onBehalf, nil
}

// envelopeOf makes the envelope from the header fields.
func (r *Router) envelopeOf(ctx context.Context, account *directory.Account, d *draft, onBehalf bool) (mail.Envelope, []outcome, error) {
	env := mail.Envelope{From: account.Login, Body8Bit: d.eightBit}
	if len(d.from) == 1 && !onBehalf {
		env.From = d.from[0]
	}
	if len(d.to) > maxRecipients {
		return env, nil, mail.ErrTooManyTo
	}
	var failed []outcome
	seen := map[string]bool{}
	for _, written := range d.to {
		if key := strings.ToLower(written); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		to := mail.Recipient{Address: written}
		if !strings.EqualFold(written, "postmaster") {
			address, err := mail.ParseAddress(written)
			if err != nil {
				failed = append(failed, outcome{written, "", true, "5.1.3", "is not a mail address"})
				continue
			}
			to.Address = address
		}
		route, err := r.directory.Resolve(ctx, to.Address)
		switch {
		case errors.Is(err, directory.ErrNoAddress):
			failed = append(failed, outcome{written, "", true, "5.1.1", "does not exist here"})
			continue
		case errors.Is(err, directory.ErrBadAddress):
			failed = append(failed, outcome{written, "", true, "5.1.3", "is not a mail address"})
			continue
		case errors.Is(err, directory.ErrDisabled):
			failed = append(failed, outcome{written, "", true, "5.2.1", "is disabled"})
			continue
		case err != nil:
			return env, nil, err
		case route.Local && len(route.Accounts) == 0:
			failed = append(failed, outcome{written, "", true, "5.2.4", "has no members"})
			continue
		}
		to.Local, to.Accounts = route.Local, route.Accounts
		env.SMTPUTF8 = env.SMTPUTF8 || !mail.IsASCII(to.Address)
		env.To = append(env.To, to)
	}
	env.SMTPUTF8 = env.SMTPUTF8 || d.utf8Header
	return env, failed, nil
}

// prepare makes all forms of the message durable.
func (p *Plan) prepare(ctx context.Context) (err error) {
	r, t := p.router, &p.env.Trace
	if p.inbound != nil {
		if p.local.env == nil {
			p.local = local{env: &p.env, accounts: p.accounts, blind: p.blind, from: p.from}
		}
		if err := r.prepareLocal(ctx, &p.local, p.inbound); err != nil {
			return err
		}
	}
	if p.outbound != nil {
		signed, err := r.signed(ctx, p.from, p.outbound)
		if err != nil {
			return err
		}
		if p.queued, err = r.mailboxes.Blobs().Put(ctx, signed); err != nil {
			return err
		}
	}
	if p.kept != nil {
		if p.sentCopy, err = r.prepare(ctx, p.kept, t); err != nil {
			return err
		}
	}
	if p.with != nil {
		if err := p.with.prepare(ctx); err != nil {
			return err
		}
	}
	if !p.submission.Automatic {
		p.prepareRecipients(ctx)
	}
	if err := p.complaint.prepare(ctx, r, t); err != nil {
		return err
	}
	return p.success.prepare(ctx, r, t)
}

// Commit does everything that was planned. ErrDuplicate comes before anything is
// written; blob.ErrGone asks for a new plan.
func (p *Plan) Commit(tx *store.Tx) error {
	r, s := p.router, &p.submission
	p.local.fanout = 0 // of an earlier run
	if err := r.remember(tx, s.Once, p.now); err != nil {
		return err
	}
	box := mail.MailboxOf(s.Account)
	if p.inbound != nil {
		if err := r.deliver(tx, &p.local); err != nil {
			return err
		}
	}
	if p.outbound != nil {
		env := p.env
		env.To = p.remote
		if _, err := r.queue.Add(tx, queue.Entry{Envelope: env, Blob: p.queued, Sender: box, Created: p.now}); err != nil {
			return err
		}
	}
	if p.kept != nil {
		if err := r.put(tx, box, Copy{Role: mail.RoleSent, Flags: mail.FlagSeen}, &p.sentCopy, &p.sentCopy.body, true); err != nil {
			return err
		}
	}
	if err := r.mailboxes.NoteRecipients(tx, box, p.recipients, p.now); err != nil {
		return err
	}
	if err := p.complaint.commit(tx, r, &p.env.Trace); err != nil {
		return err
	}
	if err := p.success.commit(tx, r, &p.env.Trace); err != nil {
		return err
	}
	if p.with != nil {
		if err := p.with.Commit(tx); err != nil {
			return err
		}
	}
	if err := r.trace.Add(tx, p.event()); err != nil {
		return err
	}
	if s.Then != nil {
		return s.Then(tx)
	}
	return nil
}

// event is what is remembered of a message of ours.
func (p *Plan) event() trace.Event {
	e := event(&p.env, &p.local)
	e.Login = p.sender.Login
	if p.inbound != nil {
		e.Outcomes = p.local.steps()
	}
	for i := range p.remote {
		e.Outcomes = append(e.Outcomes, trace.Outcome{To: p.remote[i].Address, Step: trace.Queued})
	}
	for i := range p.unknown {
		e.Outcomes = append(e.Outcomes, trace.Outcome{To: p.unknown[i].address, Step: trace.Failed, Detail: p.unknown[i].text})
	}
	return e
}
