package rules

import (
	"crypto/sha256"
	"errors"
	"time"

	"martlet/directory"
	"martlet/mail/sieve"
	"martlet/store"
)

// maxSeen is how much the scripts of an account remember (RFC 7352). The oldest
// is forgotten for what is new.
const maxSeen = 2000

// seenKey names something that a script remembers.
type seenKey struct {
	account directory.AccountID
	id      [sha256.Size]byte
}

var seenKeys = store.Codec[seenKey]{
	Append: func(dst []byte, k seenKey) []byte {
		return append(store.AppendUint64(dst, uint64(k.account)), k.id[:]...)
	},
	Parse: func(b []byte) (k seenKey, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		return k, store.End(b[copy(k.id[:], b):])
	},
}

// seenAge orders what an account's scripts remember by when it is forgotten.
type seenAge struct {
	account directory.AccountID
	until   int64 // milliseconds since 1970
	id      [sha256.Size]byte
}

var seenAges = store.Codec[seenAge]{
	Append: func(dst []byte, k seenAge) []byte {
		return append(store.AppendInt64(store.AppendUint64(dst, uint64(k.account)), k.until), k.id[:]...)
	},
	Parse: func(b []byte) (k seenAge, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		if k.until, b, err = store.ParseInt64(b); err != nil {
			return k, err
		}
		return k, store.End(b[copy(k.id[:], b):])
	},
}

// remembers tells whether the account's scripts remember something at a moment.
func (r *Rules) remembers(tx *store.Tx, account directory.AccountID, id [sha256.Size]byte, at time.Time) (bool, error) {
	until, err := r.seen.Get(tx, seenKey{account, id})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return until.After(at), err
}

// remember notes what scripts want to know later.
func (r *Rules) remember(tx *store.Tx, account directory.AccountID, all []sieve.Duplicate, at time.Time) error {
	if len(all) == 0 {
		return nil
	}
	for _, d := range all {
		key := seenKey{account, d.ID}
		old, err := r.seen.Get(tx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			if err := r.seenAge.Delete(tx, seenAge{account, old.UnixMilli(), d.ID}); err != nil {
				return err
			}
		}
		until := time.UnixMilli(at.Add(d.For).UnixMilli()).UTC()
		if err := r.seen.Set(tx, key, until); err != nil {
			return err
		}
		if err := r.seenAge.Set(tx, seenAge{account, until.UnixMilli(), d.ID}, struct{}{}); err != nil {
			return err
		}
	}
	return r.forgetOld(tx, account, at)
}

// forgetOld drops what is over, and what is too much.
func (r *Rules) forgetOld(tx *store.Tx, account directory.AccountID, at time.Time) error {
	var all []seenAge
	over := 0
	for k, err := range r.seenAge.Keys(tx, agesOf(account)) {
		if err != nil {
			return err
		}
		if all = append(all, k); k.until <= at.UnixMilli() {
			over++
		}
	}
	for _, k := range all[:max(over, len(all)-maxSeen)] {
		if err := r.forget(tx, k); err != nil {
			return err
		}
	}
	return nil
}

func agesOf(account directory.AccountID) store.TableRange[seenAge] {
	return store.TableRange[seenAge]{Prefix: store.AppendUint64(nil, uint64(account))}
}

func (r *Rules) forget(tx *store.Tx, k seenAge) error {
	return errors.Join(r.seen.Delete(tx, seenKey{k.account, k.id}), r.seenAge.Delete(tx, k))
}

// forgetSeen drops all that an account's scripts remember.
func (r *Rules) forgetSeen(tx *store.Tx, account directory.AccountID) error {
	var all []seenAge
	for k, err := range r.seenAge.Keys(tx, agesOf(account)) {
		if err != nil {
			return err
		}
		all = append(all, k)
	}
	for _, k := range all {
		if err := r.forget(tx, k); err != nil {
			return err
		}
	}
	return nil
}
