package route

import (
	"context"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/wire"
	"martlet/store"
)

// Notice sends a message that this server has written itself, such as a report
// about another domain's mail, to one address. Its sender in the envelope is empty,
// so that nothing ever answers it. then, if it is not nil, runs in the transaction
// that makes the message durable; it may run again. Errors: mail.ErrBadAddress,
// directory.ErrNoAddress.
func (r *Router) Notice(ctx context.Context, to string, raw []byte, then func(tx *store.Tx) error) error {
	address, err := mail.ParseAddress(to)
	if err != nil {
		return fmt.Errorf("route: notice: %w", err)
	}
	found, err := r.directory.Resolve(ctx, address)
	if err != nil {
		return fmt.Errorf("route: notice: %w", err)
	}
	if found.Local && len(found.Accounts) == 0 {
		return fmt.Errorf("route: notice: %w", directory.ErrNoAddress)
	}
	trace := mail.Trace{Time: time.Now()}
	r.completeTrace(&trace)
	p := &report{raw: wire.CRLF(raw), to: mail.Recipient{
		Address: address, Notify: mail.NotifyNever, Local: found.Local, Accounts: found.Accounts[:min(len(found.Accounts), maxAtOnce)],
	}}
	if p.to.Local {
		p.raw = append(appendReturnPath(nil, ""), p.raw...)
	}
	err = r.update(ctx, func() error { return p.prepare(ctx, r, &trace) }, func(tx *store.Tx) error {
		if then != nil {
			if err := then(tx); err != nil {
				return err
			}
		}
		return p.commit(tx, r, &trace)
	})
	if err == nil && p.to.Local {
		r.finish(p.local)
	}
	return err
}
