package route

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/store"
)

// ErrDuplicate tells that a message with this Key has been sent already. For
// the caller that is success: the first answer was lost on its way.
var ErrDuplicate = errors.New("route: already sent")

// Key names one wish to send, so that a repeated request does not send twice
// (MS-ASCMD 2.2.3.28.2). The zero Key is never remembered.
type Key struct {
	Account  directory.AccountID
	Device   string
	ClientID string
}

const (
	// onceLife is how long a Key is remembered: phones repeat within minutes,
	// but one may have been switched off over night.
	onceLife = 24 * time.Hour
	// maxForgotten bounds how many expired Keys one submission removes: more
	// than it adds, so that they cannot pile up.
	maxForgotten = 16
	// maxKeyPart bounds what a phone makes us keep: a ClientId has 40
	// characters (MS-ASCMD 2.2.3.28.2), and a key of the store 1,024 bytes.
	maxKeyPart = 200
)

// ErrBadKey tells that a Key is too long to be remembered.
var ErrBadKey = errors.New("route: the device or client id is too long")

// sentAge orders the Keys by when they were used.
type sentAge struct {
	when int64 // milliseconds since 1970
	key  Key
}

var sentKeys = store.Codec[Key]{
	Append: appendKey,
	Parse: func(b []byte) (Key, error) {
		k, rest, err := parseKey(b)
		if err == nil {
			err = store.End(rest)
		}
		return k, err
	},
}

var sentAgeKeys = store.Codec[sentAge]{
	Append: func(dst []byte, a sentAge) []byte { return appendKey(store.AppendInt64(dst, a.when), a.key) },
	Parse: func(b []byte) (sentAge, error) {
		var a sentAge
		var err error
		if a.when, b, err = store.ParseInt64(b); err != nil {
			return a, err
		}
		if a.key, b, err = parseKey(b); err != nil {
			return a, err
		}
		return a, store.End(b)
	},
}

func appendKey(dst []byte, k Key) []byte {
	dst = store.AppendUint64(dst, uint64(k.Account))
	dst = store.AppendString(dst, k.Device)
	return store.AppendString(dst, k.ClientID)
}

func parseKey(b []byte) (k Key, rest []byte, err error) {
	account, b, err := store.ParseUint64(b)
	if err != nil {
		return k, nil, err
	}
	k.Account = directory.AccountID(account)
	if k.Device, b, err = store.ParseString(b); err != nil {
		return k, nil, err
	}
	k.ClientID, b, err = store.ParseString(b)
	return k, b, err
}

// Sent tells whether a message with this Key was sent within the last day, for
// callers whose message cannot be made again: what it answered may be gone.
func (r *Router) Sent(ctx context.Context, k Key) (bool, error) {
	err := r.checkOnce(ctx, k, time.Now())
	if errors.Is(err, ErrDuplicate) {
		return true, nil
	}
	return false, err
}

// used returns ErrDuplicate for a Key used within the last day.
func (r *Router) used(tx *store.Tx, k Key, now time.Time) error {
	when, err := r.sent.Get(tx, k)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case now.Sub(when) < onceLife:
		return ErrDuplicate
	}
	return nil
}

// remember notes the Key, unless it has been used, and forgets some expired ones.
func (r *Router) remember(tx *store.Tx, k Key, now time.Time) error {
	if k == (Key{}) {
		return nil
	}
	if err := r.used(tx, k, now); err != nil {
		return err
	}
	if err := r.forget(tx, now); err != nil {
		return err
	}
	// Of a key that has expired and is not forgotten yet the old age goes too.
	if old, err := r.sent.Get(tx, k); err == nil {
		if err := r.sentAge.Delete(tx, sentAge{old.UnixMilli(), k}); err != nil {
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := r.sent.Set(tx, k, now); err != nil {
		return err
	}
	return r.sentAge.Set(tx, sentAge{now.UnixMilli(), k}, struct{}{})
}

// forget removes a bounded number of expired Keys.
func (r *Router) forget(tx *store.Tx, now time.Time) error {
	expired := now.Add(-onceLife).UnixMilli()
	var old []sentAge
	for a, err := range r.sentAge.Keys(tx, store.TableRange[sentAge]{}) {
		if err != nil {
			return err
		}
		if a.when > expired || len(old) == maxForgotten {
			break
		}
		old = append(old, a)
	}
	for _, a := range old {
		if err := r.sent.Delete(tx, a.key); err != nil {
			return err
		}
		if err := r.sentAge.Delete(tx, a); err != nil {
			return err
		}
	}
	return nil
}

// checkKey refuses what would not fit into the store's keys.
func checkKey(k Key) error {
	if len(k.Device) > maxKeyPart || len(k.ClientID) > maxKeyPart {
		return fmt.Errorf("route: submit: %w", ErrBadKey)
	}
	return nil
}
