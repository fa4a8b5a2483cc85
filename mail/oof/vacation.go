package oof

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/directory"
	"martlet/store"
)

// maxHandle bounds the name of a vacation, which becomes part of a key.
const maxHandle = 256

// vacationKey names what a sender was told by a vacation of a script.
type vacationKey struct {
	account directory.AccountID
	sender  string // in lower case
	handle  string
}

var vacationKeys = store.Codec[vacationKey]{
	Append: func(dst []byte, k vacationKey) []byte {
		return store.AppendString(store.AppendString(store.AppendUint64(dst, uint64(k.account)), k.sender), k.handle)
	},
	Parse: func(b []byte) (k vacationKey, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		if k.sender, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		if k.handle, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

// ClaimVacation notes that a sender is told something by a vacation of a script
// (RFC 5230), which is not said again for a time. It is false, and nothing may be
// sent, when that was done before, or while the account says by other ways that
// it is away: then that is what senders are told.
func (o *Absences) ClaimVacation(tx *store.Tx, id directory.AccountID, sender, handle string, every time.Duration, now time.Time) (bool, error) {
	if len(sender) > maxSender {
		return false, nil
	}
	a, err := o.Load(tx, id)
	if err != nil || a.Away(now) {
		return false, err
	}
	key := vacationKey{id, strings.ToLower(sender), cutHandle(handle)}
	until, err := o.vacations.Get(tx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("oof: %w", err)
	}
	if err == nil && until.After(now) {
		return false, nil
	}
	room, err := o.roomForVacation(tx, id, now)
	if err != nil || !room {
		return false, err
	}
	return true, o.vacations.Set(tx, key, inMilliseconds(now.Add(every)))
}

func cutHandle(s string) string { return s[:min(len(s), maxHandle)] }

// roomForVacation drops what is over, and tells whether one more can be told.
func (o *Absences) roomForVacation(tx *store.Tx, id directory.AccountID, now time.Time) (bool, error) {
	var over []vacationKey
	n := 0
	for row, err := range o.vacations.Scan(tx, vacationsOf(id)) {
		if err != nil {
			return false, fmt.Errorf("oof: %w", err)
		}
		if n++; !row.Value.After(now) {
			over = append(over, row.Key)
		}
	}
	for _, k := range over {
		if err := o.vacations.Delete(tx, k); err != nil {
			return false, fmt.Errorf("oof: %w", err)
		}
	}
	return n-len(over) < MaxAnswered, nil
}

func vacationsOf(id directory.AccountID) store.TableRange[vacationKey] {
	return store.TableRange[vacationKey]{Prefix: store.AppendUint64(nil, uint64(id))}
}

// toldByVacation tells whether a script of the account has told a sender
// something that still counts.
func (o *Absences) toldByVacation(tx *store.Tx, id directory.AccountID, sender string, now time.Time) (bool, error) {
	prefix := store.AppendString(store.AppendUint64(nil, uint64(id)), strings.ToLower(sender))
	for row, err := range o.vacations.Scan(tx, store.TableRange[vacationKey]{Prefix: prefix}) {
		if err != nil {
			return false, fmt.Errorf("oof: %w", err)
		}
		if row.Value.After(now) {
			return true, nil
		}
	}
	return false, nil
}

// forgetVacations forgets whom scripts have told something.
func (o *Absences) forgetVacations(tx *store.Tx, id directory.AccountID) error {
	var all []vacationKey
	for k, err := range o.vacations.Keys(tx, vacationsOf(id)) {
		if err != nil {
			return err
		}
		all = append(all, k)
	}
	for _, k := range all {
		if err := o.vacations.Delete(tx, k); err != nil {
			return err
		}
	}
	return nil
}
