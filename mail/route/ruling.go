package route

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/queue"
	"martlet/store"
	"martlet/store/blob"
)

// maxRedirects is how many addresses one account passes a message on to, by its
// rules and by its forwarding.
const maxRedirects = 64

// ruling is what one account's rules say of a message, ready to be carried out.
type ruling struct {
	Sorting
	body *mail.Body // of Sorting.Raw; nil: it gets what the others get
}

func (o *ruling) bodyOr(shared *mail.Body) *mail.Body {
	if o.body != nil {
		return o.body
	}
	return shared
}

// rulings is what the rules of a message's recipients say.
type rulings struct {
	by       map[directory.AccountID]*ruling
	outward  []outward
	replies  []automaticReply
	rejected []outcome
	given    *report // to the sender, of what was rejected
}

// outward is a copy that is passed on to another host.
type outward struct {
	env mail.Envelope
	raw []byte
	ref blob.Ref
}

// automaticReply is what an account's rules tell the sender.
type automaticReply struct {
	claim  func(*store.Tx) (bool, error) // nil: it may go out
	report *report
}

// of is what an account's rules say, nil if they say nothing.
func (rs *rulings) of(a directory.AccountID) *ruling {
	if rs == nil {
		return nil
	}
	return rs.by[a]
}

// ask asks the rules of l.accounts, and of those among us to whom they pass the
// message on, who are then in l.accounts too. It comes to each once, so a circle
// ends.
func (r *Router) ask(ctx context.Context, l *local, raw []byte) (*rulings, error) {
	rs := &rulings{by: map[directory.AccountID]*ruling{}}
	named := len(l.accounts)
	for i := 0; i < len(l.accounts); i++ {
		a := l.accounts[i]
		s, err := r.sorting(ctx, l, a, raw)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		o := &ruling{Sorting: *s}
		rs.by[a] = o
		if err := r.follow(ctx, l, rs, o, a, raw); err != nil {
			return nil, err
		}
	}
	if len(rs.by) == 0 {
		return nil, nil
	}
	return rs, r.giveBack(ctx, l, rs, named, raw)
}

// sorting is what one account's rules and its forwarding make of the message, nil
// if that is nothing.
func (r *Router) sorting(ctx context.Context, l *local, a directory.AccountID, raw []byte) (s *Sorting, err error) {
	junk := l.env.Verdict.JunkFor(a)
	if r.sorter != nil {
		s, err = r.sorter.Sort(ctx, &Arriving{Account: a, To: addressOf(l.env, a), Env: l.env, Raw: raw, Index: l.body.Index, Junk: junk})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			r.log.Error("rules cannot be asked", "id", l.env.Trace.ID, "account", uint64(a), "error", err)
			s = nil
		}
	}
	return s, r.forwarding(ctx, a, junk, &s)
}

// forwarding adds the addresses to which an account passes on what it would keep.
// Junk stays: who passes it on is taken for its sender.
func (r *Router) forwarding(ctx context.Context, a directory.AccountID, junk bool, s **Sorting) error {
	if *s == nil && junk || *s != nil && (len((*s).Copies) == 0 || (*s).Copies[0].Role == mail.RoleJunk) {
		return nil
	}
	var account directory.Account
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		account, err = r.directory.AccountIn(tx, a)
		return err
	})
	if errors.Is(err, directory.ErrNoAccount) || err == nil && len(account.Forward) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("route: forwarding: %w", err)
	}
	if *s == nil {
		*s = &Sorting{Copies: []Copy{{Role: mail.RoleInbox}}}
	}
	(*s).Redirect = append((*s).Redirect[:len((*s).Redirect):len((*s).Redirect)], account.Forward...)
	if !account.KeepCopy {
		(*s).Copies = nil
	}
	return nil
}

// addressOf is the address by which a message comes to an account.
func addressOf(env *mail.Envelope, a directory.AccountID) string {
	for i := range env.To {
		if slices.Contains(env.To[i].Accounts, a) {
			return env.To[i].Address
		}
	}
	return ""
}

// follow takes redirections and replies of one account's rules on.
func (r *Router) follow(ctx context.Context, l *local, rs *rulings, o *ruling, a directory.AccountID, raw []byte) error {
	if o.Reject != "" && (l.env.From == "" || len(o.Copies) > 0 || len(o.Redirect) > 0) {
		o.Reject = "" // nobody to give it to, or it is kept all the same
		if len(o.Copies)+len(o.Redirect) == 0 {
			o.Copies = []Copy{{Role: mail.RoleInbox}}
		}
	}
	if err := r.redirect(ctx, l, rs, o, a, raw); err != nil {
		return err
	}
	if l.env.From == "" {
		return nil // nobody to answer
	}
	for _, p := range o.Replies {
		to, ok, err := r.answerTo(ctx, p.To)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		text := p.Raw
		if to.Local {
			text = append(appendReturnPath(nil, ""), text...)
		}
		rs.replies = append(rs.replies, automaticReply{p.Claim, &report{raw: text, to: to}})
	}
	return nil
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

// redirect passes a message on (RFC 5228 4.2). What would come back to somebody
// who has it already stays where it is, lest it be lost between them.
func (r *Router) redirect(ctx context.Context, l *local, rs *rulings, o *ruling, a directory.AccountID, raw []byte) error {
	if len(o.Redirect) == 0 {
		return nil
	}
	account, err := r.directory.Account(ctx, a)
	if err != nil && !errors.Is(err, directory.ErrNoAccount) {
		return fmt.Errorf("route: redirect: %w", err)
	}
	if o.Raw != nil {
		raw = o.Raw
	}
	gone := 0
	if err == nil && !hasBeenAt(raw, account.Login) {
		for _, address := range o.Redirect[:min(len(o.Redirect), maxRedirects)] {
			ok, err := r.passOn(ctx, l, rs, &account, address, raw)
			if err != nil {
				return err
			}
			if ok {
				gone++
			}
		}
	}
	if gone == 0 && len(o.Copies) == 0 {
		r.log.Info("message comes back to who passed it on, it is kept", "id", l.env.Trace.ID, "account", uint64(a))
		o.Copies = []Copy{{Role: mail.RoleInbox}}
	}
	return nil
}

// passOn gives the message to one address; ok is false if nobody new gets it.
func (r *Router) passOn(ctx context.Context, l *local, rs *rulings, account *directory.Account, address string, raw []byte) (ok bool, err error) {
	route, err := r.directory.Resolve(ctx, address)
	switch {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("route: redirect: %w", err)
	case route.Local:
		for _, to := range route.Accounts {
			if len(l.accounts) < maxAtOnce && !slices.Contains(l.accounts, to) {
				l.accounts = append(slices.Clip(l.accounts), to)
				ok = true
			}
		}
		return ok, nil
	}
	env := mail.Envelope{
		From: l.env.From, To: []mail.Recipient{{Address: address}}, SMTPUTF8: l.env.SMTPUTF8 || !mail.IsASCII(address),
		Body8Bit: l.env.Body8Bit, RequireTLS: l.env.RequireTLS, Ret: l.env.Ret, EnvID: l.env.EnvID, Trace: l.env.Trace,
	}
	if i := slices.IndexFunc(l.env.To, func(to mail.Recipient) bool { return slices.Contains(to.Accounts, account.ID) }); i >= 0 {
		env.To[0].Notify, env.To[0].ORcpt = l.env.To[i].Notify, l.env.To[i].ORcpt
	}
	if env.From != "" && r.forward != nil {
		from, err := r.directory.Resolve(ctx, env.From)
		if err == nil && !from.Local || errors.Is(err, directory.ErrBadAddress) {
			_, domain, _ := strings.Cut(account.Login, "@")
			env.From = r.forward(env.From, domain)
		}
	}
	rs.outward = append(rs.outward, outward{env: env, raw: append([]byte(deliveredTo+": "+account.Login+"\r\n"), withoutReturnPath(raw)...)})
	return true, nil
}

// deliveredTo is the field that shows who has passed a message on, so that it
// does not go round in circles over other hosts.
const deliveredTo = "Delivered-To"

// hasBeenAt tells whether an account has passed the message on before.
func hasBeenAt(raw []byte, login string) bool {
	fields, _ := scanHeader(raw)
	return slices.ContainsFunc(fields, func(f field) bool {
		return f.name == "delivered-to" && strings.EqualFold(f.value(raw), login)
	})
}

// withoutReturnPath takes off what final delivery has put on top.
func withoutReturnPath(raw []byte) []byte {
	const name = "return-path:"
	if len(raw) < len(name) || !bytes.EqualFold(raw[:len(name)], []byte(name)) {
		return raw
	}
	fields, _ := scanHeader(raw[:min(len(raw), 4<<10)])
	return raw[fields[0].end:]
}

// giveBack tells the sender whose rules have rejected the message. If nobody
// takes it, the door says so.
func (r *Router) giveBack(ctx context.Context, l *local, rs *rulings, named int, raw []byte) error {
	var text string
	for i, a := range l.accounts {
		o := rs.of(a)
		if o == nil || o.Reject == "" {
			continue
		}
		text = o.Reject
		address := addressOf(l.env, a)
		if i >= named || address == "" { // it was passed on to them
			if account, err := r.directory.Account(ctx, a); err == nil {
				address = account.Login
			}
		}
		rs.rejected = append(rs.rejected, outcome{address: address, failed: true, status: "5.7.1", text: "does not take the message: " + text})
	}
	switch {
	case len(rs.rejected) == 0:
		return nil
	case len(rs.rejected) == len(l.accounts) && l.door:
		return &mail.RejectedError{Text: text}
	}
	to, ok, err := r.answerTo(ctx, l.env.From)
	if err != nil || !ok {
		return err
	}
	rs.given = r.newReport(l.env, to, rs.rejected, withoutReturnPath(raw))
	return nil
}

// prepare makes durable what is carried out later.
func (rs *rulings) prepare(ctx context.Context, r *Router, l *local) error {
	if rs == nil {
		return nil
	}
	for _, a := range slices.Sorted(maps.Keys(rs.by)) {
		o := rs.by[a]
		if o.Raw == nil || l.sealed[a] != nil {
			continue
		}
		body, err := r.mailboxes.Prepare(ctx, o.Raw)
		if err != nil {
			return fmt.Errorf("route: %w", err)
		}
		o.body = &body
	}
	for i := range rs.outward {
		w := &rs.outward[i]
		raw, err := r.signed(ctx, w.env.From, w.raw)
		if err != nil {
			return err
		}
		if w.ref, err = r.mailboxes.Blobs().Put(ctx, raw); err != nil {
			return err
		}
	}
	for _, p := range rs.replies {
		if err := p.report.prepare(ctx, r, &l.env.Trace); err != nil {
			return err
		}
	}
	return rs.given.prepare(ctx, r, &l.env.Trace)
}

// commit does what concerns nobody's folders.
func (rs *rulings) commit(tx *store.Tx, r *Router, l *local) error {
	if rs == nil {
		return nil
	}
	for _, w := range rs.outward {
		if _, err := r.queue.Add(tx, queue.Entry{Envelope: w.env, Blob: w.ref, Created: l.env.Trace.Time}); err != nil {
			return err
		}
	}
	for _, p := range rs.replies {
		if p.claim != nil {
			if ok, err := p.claim(tx); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := p.report.commit(tx, r, &l.env.Trace); err != nil {
			return err
		}
	}
	return rs.given.commit(tx, r, &l.env.Trace)
}

// signed puts our signature on a message for other hosts. One that cannot be made
// is no reason to keep the message.
func (r *Router) signed(ctx context.Context, from string, raw []byte) ([]byte, error) {
	if r.sign == nil {
		return raw, nil
	}
	header, err := r.sign(ctx, from, raw)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.log.Error("message cannot be signed", "error", err)
		return raw, nil
	}
	return append(header, raw...), nil
}
