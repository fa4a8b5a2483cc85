package route

import (
	"context"

	"martlet/mail"
	"martlet/mail/queue"
	"martlet/store"
	"martlet/store/blob"
)

// wayBack is a report that came for an address which Forward had made: it goes on to
// the original sender, with the null sender that it came with, so nothing answers it.
type wayBack struct {
	env mail.Envelope
	raw []byte
	ref blob.Ref
}

// takeBack takes the recipients out of an envelope that are elsewhere: the door lets
// in no others of those than the ones that Back has given. Nil: there are none.
func (r *Router) takeBack(env *mail.Envelope, raw []byte) *wayBack {
	var here, there []mail.Recipient
	for _, to := range env.To {
		if to.Local {
			here = append(here, to)
		} else {
			there = append(there, to)
		}
	}
	if len(there) == 0 || r.back == nil || env.From != "" {
		return nil
	}
	b := &wayBack{env: *env}
	b.env.To, env.To = there, here
	b.env.Verdict = nil
	b.raw = append(appendReceived(nil, &b.env), raw...)
	return b
}

func (b *wayBack) prepare(ctx context.Context, r *Router) (err error) {
	if b != nil {
		b.ref, err = r.mailboxes.Blobs().Put(ctx, b.raw)
	}
	return err
}

func (b *wayBack) commit(tx *store.Tx, r *Router) error {
	if b == nil {
		return nil
	}
	_, err := r.queue.Add(tx, queue.Entry{Envelope: b.env, Blob: b.ref, Created: b.env.Trace.Time})
	return err
}
