package route

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

// A message for more accounts than one transaction takes is first accepted for
// all of them in one row. Then transaction after transaction delivers to some
// and strikes them off the same row, so that a crash at any moment neither
// loses a copy nor makes a second one.

// fanoutRetry is how long a fan-out that failed rests.
const fanoutRetry = time.Minute

// fanout is a message accepted for accounts that still wait for it.
type fanout struct {
	ref      blob.Ref // one reference is held
	received int64
	accounts []directory.AccountID
	blind    []directory.AccountID // those of them that get a blind carbon copy
	from     string                // local.from
	sender   string                // of the envelope
	junk     bool                  // of those of whom nothing else is said:
	opinions map[directory.AccountID]bool
}

var fanouts = store.Codec[fanout]{
	Append: func(dst []byte, f fanout) []byte {
		enc := store.NewEncoder(dst)
		enc.Bytes(1, blob.AppendRef(nil, f.ref))
		enc.Int(2, f.received)
		var list []byte
		for _, a := range f.accounts {
			list = store.AppendUint64(list, uint64(a))
		}
		enc.Bytes(3, list)
		var blind []byte
		for _, a := range f.blind {
			blind = store.AppendUint64(blind, uint64(a))
		}
		enc.Bytes(4, blind)
		enc.String(5, f.from)
		enc.String(6, f.sender)
		enc.Bool(7, f.junk)
		var junk, good []byte
		for _, a := range slices.Sorted(maps.Keys(f.opinions)) {
			if f.opinions[a] {
				junk = store.AppendUint64(junk, uint64(a))
			} else {
				good = store.AppendUint64(good, uint64(a))
			}
		}
		enc.Bytes(8, junk)
		enc.Bytes(9, good)
		return enc.Out()
	},
	Parse: func(b []byte) (fanout, error) {
		var f fanout
		err := store.DecodeFields(b, func(field store.Field) (err error) {
			switch field.Number {
			case 1:
				f.ref, err = blob.ParseRef(field.Bytes())
			case 2:
				f.received = field.Int()
			case 3:
				f.accounts, err = parseAccounts(field.Bytes())
			case 4:
				f.blind, err = parseAccounts(field.Bytes())
			case 5:
				f.from = field.String()
			case 6:
				f.sender = field.String()
			case 7:
				f.junk = field.Bool()
			case 8, 9:
				var list []directory.AccountID
				list, err = parseAccounts(field.Bytes())
				for _, a := range list {
					if f.opinions == nil {
						f.opinions = map[directory.AccountID]bool{}
					}
					f.opinions[a] = field.Number == 8
				}
			}
			return err
		})
		return f, err
	},
}

func parseAccounts(list []byte) (accounts []directory.AccountID, err error) {
	for len(list) > 0 && err == nil {
		var a uint64
		a, list, err = store.ParseUint64(list)
		accounts = append(accounts, directory.AccountID(a))
	}
	return accounts, err
}

// addFanout accepts the message for all accounts.
func (r *Router) addFanout(tx *store.Tx, l *local) error {
	n, err := tx.Next("fanout")
	if err != nil {
		return fmt.Errorf("route: fanout: %w", err)
	}
	if err := r.mailboxes.Blobs().Retain(tx, l.body.Blob); err != nil {
		return fmt.Errorf("route: fanout: %w", err)
	}
	l.fanout = n
	f := fanout{ref: l.body.Blob, received: l.received, accounts: l.accounts, blind: slices.Sorted(maps.Keys(l.blind)), from: l.from, sender: l.env.From}
	if v := l.env.Verdict; v != nil {
		f.junk, f.opinions = v.Junk, v.Opinions
	}
	return r.fanouts.Set(tx, n, f)
}

// finish delivers what deliver only accepted. It cannot fail any more: what
// does not work now is tried again.
func (r *Router) finish(l local) {
	if l.fanout == 0 || !r.begin() {
		return // nothing to do, or Recover will do it
	}
	defer r.running.Done()
	if err := r.runFanout(r.ctx, l.fanout, l.body.Index); err != nil {
		r.retry(l.fanout, err)
	}
}

// begin counts work in that Close waits for.
func (r *Router) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.running.Add(1)
	return true
}

// retry runs a fan-out again later.
func (r *Router) retry(n uint64, cause error) {
	if r.ctx.Err() != nil || !r.begin() {
		return
	}
	r.log.Error("fan-out stopped, will go on", "fanout", n, "after", fanoutRetry, "error", cause)
	go func() {
		defer r.running.Done()
		timer := time.NewTimer(fanoutRetry)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
		if err := r.runFanout(r.ctx, n, nil); err != nil {
			r.retry(n, err)
		}
	}()
}

// runFanout delivers until nobody waits. The index is made from the message
// when it is not given.
func (r *Router) runFanout(ctx context.Context, n uint64, index *message.Index) error {
	f, err := r.waiting(ctx, n)
	if err != nil || len(f.accounts) == 0 {
		return err
	}
	var raw []byte
	if index == nil || r.sorter != nil || r.encrypter != nil {
		if raw, err = r.mailboxes.Blobs().Read(ctx, f.ref); err != nil {
			return fmt.Errorf("route: fanout: %w", err)
		}
	}
	if index == nil {
		index = message.Parse(raw)
	}
	for len(f.accounts) > 0 {
		if err := r.fanoutTurn(ctx, n, &f, raw, index); err != nil {
			return err
		}
		if f, err = r.waiting(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// fanoutTurn delivers to the accounts that are next.
func (r *Router) fanoutTurn(ctx context.Context, n uint64, f *fanout, raw []byte, index *message.Index) error {
	l := f.next(index)
	now := len(l.accounts)
	return r.update(ctx,
		func() (err error) {
			if err := r.askOnce(ctx, &l, raw); err != nil {
				return err
			}
			if err := r.encrypt(ctx, &l, raw); err != nil {
				return err
			}
			return l.rules.prepare(ctx, r, &l)
		},
		func(tx *store.Tx) error { return r.fanoutStep(tx, n, &l, now) })
}

// next is the message for the accounts that are next.
func (f *fanout) next(index *message.Index) local {
	env := &mail.Envelope{From: f.sender, Verdict: &mail.Verdict{Junk: f.junk, Opinions: f.opinions}, Trace: mail.Trace{Time: time.UnixMilli(f.received)}}
	l := local{env: env, accounts: slices.Clone(f.accounts[:min(len(f.accounts), maxAtOnce)]), body: mail.Body{Blob: f.ref, Index: index},
		received: f.received, blind: make(map[directory.AccountID]bool, len(f.blind)), meeting: carriesMeeting(index), from: f.from}
	for _, a := range f.blind {
		l.blind[a] = true
	}
	return l
}

// waiting reads a fan-out; nobody waits in one that is done.
func (r *Router) waiting(ctx context.Context, n uint64) (f fanout, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = r.fanouts.Get(tx, n)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return fanout{}, nil
	}
	return f, err
}

// fanoutStep delivers to the next accounts, as many as now of those who wait, and
// strikes them off.
func (r *Router) fanoutStep(tx *store.Tx, n uint64, l *local, now int) error {
	f, err := r.fanouts.Get(tx, n)
	if errors.Is(err, store.ErrNotFound) {
		return nil // done by someone else
	}
	if err != nil {
		return err
	}
	if len(f.accounts) < now || !slices.Equal(f.accounts[:now], l.accounts[:now]) {
		return nil // someone else goes on with it
	}
	f.accounts = f.accounts[now:]
	if err := r.deliver(tx, l); err != nil {
		return err
	}
	if len(f.accounts) > 0 {
		return r.fanouts.Set(tx, n, f)
	}
	if err := r.fanouts.Delete(tx, n); err != nil {
		return err
	}
	return r.mailboxes.Blobs().Release(tx, f.ref)
}

// Recover finishes the fan-outs that a crash interrupted. Call it once at the
// start, before or while new messages come in.
func (r *Router) Recover(ctx context.Context) error {
	var waiting []uint64
	err := r.store.View(ctx, func(tx *store.Tx) error {
		waiting = waiting[:0]
		for n, err := range r.fanouts.Keys(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			waiting = append(waiting, n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("route: recover: %w", err)
	}
	for _, n := range waiting {
		if err := r.runFanout(ctx, n, nil); err != nil {
			r.retry(n, err)
		}
	}
	return nil
}

// References calls count once for each reference that waiting fan-outs hold to
// a blob, for blob.Audit.
func (r *Router) References(tx *store.Tx, count func(blob.Ref)) error {
	for row, err := range r.fanouts.Scan(tx, store.TableRange[uint64]{}) {
		if err != nil {
			return err
		}
		count(row.Value.ref)
	}
	return nil
}

// Check reports every broken invariant of the router's tables: what is
// remembered as sent and when must tell the same, and a waiting fan-out must
// have a message and someone to wait for it.
func (r *Router) Check(ctx context.Context, report func(store.Problem)) error {
	return r.store.View(ctx, func(tx *store.Tx) error {
		sent, ages := 0, 0
		for row, err := range r.sent.Scan(tx, store.TableRange[Key]{}) {
			if err != nil {
				return err
			}
			sent++
			ok, err := r.sentAge.Has(tx, sentAge{row.Value.UnixMilli(), row.Key})
			if err != nil {
				return err
			}
			if !ok {
				report(store.Problem{Table: "sent", Key: fmt.Sprint(row.Key), Text: "has no age"})
			}
		}
		for _, err := range r.sentAge.Keys(tx, store.TableRange[sentAge]{}) {
			if err != nil {
				return err
			}
			ages++
		}
		if ages != sent {
			report(store.Problem{Table: "sent age", Text: fmt.Sprintf("%d ages for %d keys", ages, sent)})
		}
		for row, err := range r.fanouts.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			if row.Value.ref.IsZero() || len(row.Value.accounts) == 0 {
				report(store.Problem{Table: "fanout", Key: fmt.Sprint(row.Key), Text: "has no message or nobody who waits"})
			}
		}
		return nil
	})
}
