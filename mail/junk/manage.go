package junk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
	"martlet/store/blob"
)

// Stats are how much was learned, for an account or for all.
type Stats struct {
	Account  directory.AccountID // zero: the base of all
	Junk     float64             // messages, older ones counted for less
	Good     float64
	Words    uint64
	Pending  uint64  // messages that are still to be learned
	Ready    bool    // it is enough to judge by
	SharedBy float64 // messages of the account's that are in the base
}

// Stats tells how much was learned: first of the base, then of every account that
// has taught anything.
func (f *Filter) Stats(ctx context.Context) (all []Stats, err error) {
	opt, today := f.opts(), f.today()
	err = f.store.View(ctx, func(tx *store.Tx) error {
		all = []Stats{{}}
		for row, err := range f.tables.states.Scan(tx, store.TableRange[owner]{}) {
			if err != nil {
				return err
			}
			s := row.Value
			s.age(today)
			one := Stats{
				Account: directory.AccountID(row.Key), Junk: s.Junk, Good: s.Good, Words: s.Words, Pending: s.Pending,
				Ready: min(s.Junk, s.Good) >= float64(opt.OwnMin), SharedBy: s.InJunk + s.InGood,
			}
			if row.Key == base {
				one.Ready = !opt.Alone && min(s.Junk, s.Good) >= float64(opt.SharedMin)
				all[0] = one
				continue
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// Judged is what a message is taken for.
type Judged struct {
	Probability float64 // of its being junk; 0.5 where nothing is known
	Ready       bool    // enough was learned to say so
	Junk        bool    // it would go to Junk
	Score       float64 // that the filter gives it for all
	Reasons     []string
}

// Judge says what a message would be taken for that came to an account; zero is
// anybody. Where it came from is read from what this server has written on top of
// it, if it has.
func (f *Filter) Judge(ctx context.Context, a directory.AccountID, raw []byte) (j Judged, err error) {
	ix := message.Parse(raw)
	opt := f.opts()
	v := verdict{f: f, opt: opt, today: f.today(), tokens: read(ix, raw)}
	err = f.store.View(ctx, func(tx *store.Tx) error {
		j = Judged{Probability: unknown}
		if err := v.begin(tx, f.originIn(ix, raw)); err != nil {
			return err
		}
		var said []evidence
		if v.shared.ready {
			j.Probability, said = weigh(v.shared, nil, v.tokens, v.extra, v.today)
			j.Ready, j.Score = true, points(j.Probability)
		}
		if a != 0 {
			own, err := f.side(tx, ownerOf(a), v.today, true, opt.OwnMin)
			if err != nil {
				return err
			}
			if own.ready {
				j.Probability, said = weigh(v.shared, own, v.tokens, v.extra, v.today)
				j.Ready = true
			}
		}
		j.Reasons = append(reasons(v.tokens, j.Probability, said), v.why...)
		j.Junk = j.Ready && j.Probability >= opt.Threshold
		return nil
	})
	return j, err
}

// Teach learns a message that an administrator says something of: for an account, or
// with zero for all. It tells whether that was new.
func (f *Filter) Teach(ctx context.Context, a directory.AccountID, raw []byte, junk bool) (fresh bool, err error) {
	if a != 0 {
		if _, err := f.directory.Account(ctx, a); err != nil {
			return false, err
		}
	}
	ix := message.Parse(raw)
	m := &studied{tokens: read(ix, raw), origin: f.originIn(ix, raw)}
	k := letterOf(mail.MailboxOf(a), blob.Ref{Hash: sha256.Sum256(raw)})
	is := isGood
	if junk {
		is = isJunk
	}
	err = f.update(ctx, func(tx *store.Tx) (taught, error) {
		fresh = false
		was, err := f.tables.learned.Get(tx, k)
		if err != nil && !errors.Is(err, store.ErrNotFound) || was.is == is && was.from == decided {
			return taught{}, err
		}
		if errors.Is(err, store.ErrNotFound) {
			fresh = true
		}
		if l, err := f.tables.lessons.Get(tx, k); err == nil {
			if err := f.strike(tx, k, l.blob); err != nil {
				return taught{}, err
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			return taught{}, err
		}
		fresh = true
		return f.teach(tx, k, is, decided, m)
	})
	return fresh, err
}

// forgetAtOnce is how many rows Forget deletes in one transaction.
const forgetAtOnce = 500

// Forget forgets what an account has learned. What it gave to the base stays there
// and decays, and stays counted: who forgets does not get to give anew. Zero forgets
// the base. It is done in steps: after an error, call it again.
func (f *Filter) Forget(ctx context.Context, a directory.AccountID) error {
	o := ownerOf(a)
	prefix := store.AppendUint64(nil, uint64(o))
	for _, p := range []store.Prefix{store.PrefixJunkLesson, store.PrefixJunkLearned, store.PrefixJunkWords} {
		for {
			n, err := f.forgetSome(ctx, p, o, append([]byte{byte(p)}, prefix...))
			if err != nil {
				return fmt.Errorf("junk: forget: %w", err)
			}
			if n < forgetAtOnce {
				break
			}
		}
	}
	f.images.forget(o)
	return nil
}

// Remove takes away all that is known of an account that is no more.
func (f *Filter) Remove(ctx context.Context, a directory.AccountID) error {
	if err := f.Forget(ctx, a); err != nil {
		return err
	}
	return f.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		s, err := f.tables.states.Get(tx, ownerOf(a))
		if errors.Is(err, store.ErrNotFound) || err == nil && s.Pending+s.Learned+s.Words > 0 { // something came since
			return nil
		}
		if err != nil {
			return err
		}
		return f.tables.states.Delete(tx, ownerOf(a))
	})
}

// forgetSome deletes some rows. What is counted of them is put right in the same
// transaction, so that a step is whole.
func (f *Filter) forgetSome(ctx context.Context, p store.Prefix, o owner, prefix []byte) (n int, err error) {
	err = f.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		n = 0
		s, err := f.tables.states.Get(tx, o)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for kv, err := range tx.Scan(store.Range{Prefix: prefix}) {
			if err != nil {
				return err
			}
			if n == forgetAtOnce {
				break
			}
			n++
			switch p {
			case store.PrefixJunkLesson:
				l, err := parseLesson(kv.Value)
				if err != nil {
					return err
				}
				if err := f.blobs.Release(tx, l.blob); err != nil && !errors.Is(err, blob.ErrGone) {
					return err
				}
				s.Pending -= min(s.Pending, 1)
			case store.PrefixJunkLearned:
				s.Learned -= min(s.Learned, 1)
			case store.PrefixJunkWords:
				s.Words -= min(s.Words, uint64(max(len(kv.Value)-1, 0)/entrySize))
				s.Junk, s.Good = 0, 0
			}
			if err := tx.Delete(kv.Key); err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
		s.Generation++
		return f.tables.states.Set(tx, o, s)
	})
	return n, err
}
