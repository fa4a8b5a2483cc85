package route

import (
	"context"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
)

// Encrypter encrypts arriving mail for accounts that want it. It is asked outside
// of transactions, after the accounts' rules.
type Encrypter interface {
	// Wanted returns which of the accounts want it; nil: none.
	Wanted(ctx context.Context, ids []directory.AccountID) (map[directory.AccountID]directory.Encryption, error)
	// Encrypt returns a message as the account gets it; nil: it stays as it is. An
	// error is logged, and the message is kept as it is.
	Encrypt(ctx context.Context, id directory.AccountID, want directory.Encryption, raw []byte) ([]byte, error)
}

// wanting returns which of l.accounts want the message encrypted. Who cannot be
// asked about gets it as it is.
func (r *Router) wanting(ctx context.Context, l *local) (map[directory.AccountID]directory.Encryption, error) {
	if r.encrypter == nil || len(l.accounts) > maxAtOnce {
		return nil, nil
	}
	want, err := r.encrypter.Wanted(ctx, l.accounts)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.log.Error("cannot tell who wants mail encrypted, it is kept plain", "id", l.env.Trace.ID, "error", err)
		return nil, nil
	}
	return want, nil
}

// encrypt makes the encrypted forms of a message durable. A message that carries
// a meeting stays plain: the calendar must read it.
func (r *Router) encrypt(ctx context.Context, l *local, raw []byte) error {
	l.sealed = nil
	if l.meeting {
		return nil
	}
	want, err := r.wanting(ctx, l)
	if err != nil {
		return err
	}
	for _, a := range l.accounts {
		w, ok := want[a]
		o := l.rules.of(a)
		if !ok || o != nil && len(o.Copies) == 0 {
			continue
		}
		plain := raw
		if o != nil && o.Raw != nil {
			plain = o.Raw
		}
		sealed, err := r.encrypter.Encrypt(ctx, a, w, plain)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.log.Error("message cannot be encrypted, it is kept plain", "id", l.env.Trace.ID, "account", uint64(a), "error", err)
		}
		if err != nil || sealed == nil {
			continue
		}
		body, err := r.mailboxes.Prepare(ctx, sealed)
		if err != nil {
			return fmt.Errorf("route: %w", err)
		}
		if l.sealed == nil {
			l.sealed = map[directory.AccountID]*mail.Body{}
		}
		l.sealed[a] = &body
	}
	return nil
}

// bodyFor is the message as an account gets it.
func (l *local) bodyFor(a directory.AccountID) *mail.Body {
	if body := l.sealed[a]; body != nil {
		return body
	}
	if o := l.rules.of(a); o != nil {
		return o.bodyOr(&l.body)
	}
	return &l.body
}

// keepsPlain tells whether anybody gets the message as it arrived. Otherwise
// nothing of it is written.
func (l *local) keepsPlain() bool {
	for _, a := range l.accounts {
		o := l.rules.of(a)
		if l.sealed[a] == nil && (o == nil || len(o.Copies) > 0 && o.Raw == nil) {
			return true
		}
	}
	return len(l.sealed) == 0
}

// prepareSealed is prepareLocal where somebody wants the message encrypted: what
// nobody keeps in plain text is not written, not even for a moment.
func (r *Router) prepareSealed(ctx context.Context, l *local, raw []byte) (err error) {
	index := message.Parse(raw)
	l.body, l.received, l.meeting = mail.Body{Index: index}, l.env.Trace.Time.UnixMilli(), carriesMeeting(index)
	if err := r.askOnce(ctx, l, raw); err != nil {
		return err
	}
	if err := r.encrypt(ctx, l, raw); err != nil {
		return err
	}
	if l.keepsPlain() {
		if l.body, err = r.mailboxes.Prepare(ctx, raw); err != nil {
			return fmt.Errorf("route: %w", err)
		}
	}
	l.body.Blob.Size = int64(len(raw)) // for the trace
	return l.rules.prepare(ctx, r, l)
}
