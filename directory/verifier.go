package directory

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"martlet/store"
)

// KeySize is the length of the keys of verifiers in bytes.
const KeySize = 32

// A verifier lets a phone that was let in before come back after a restart
// without a password hash: thousands come back at once then. It says under a
// key, which is renewed each day and lies in no backup, that a password is the
// one of a hash; whoever changes the password makes it worthless. Why it is so:
// docs/decisions/0010-verifiers-outlive-a-restart.md.
type verifier struct {
	mac   []byte
	until time.Time
}

// A verifier is believed for a day, more or less: those of phones that came at
// the same moment must not all end at the same moment.
const (
	verifierLife   = 18 * time.Hour
	verifierSpread = 12 * time.Hour
	// VerifierKeyLife is how long the key of a verifier is needed when there is a
	// new one each day.
	VerifierKeyLife = 24*time.Hour + verifierLife + verifierSpread + time.Hour
)

func verifierCodec() store.Codec[verifier] {
	return store.Codec[verifier]{
		Append: func(dst []byte, v verifier) []byte {
			e := store.NewEncoder(dst)
			e.Bytes(1, v.mac)
			e.Time(2, v.until)
			return e.Out()
		},
		Parse: func(b []byte) (v verifier, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					v.mac = bytes.Clone(f.Bytes())
				case 2:
					v.until = f.Time()
				}
				return nil
			})
			return v, err
		},
	}
}

// verifierMAC binds the password to the account and to its hash, salt included.
func verifierMAC(key [KeySize]byte, a *Account, password string) []byte {
	m := hmac.New(sha256.New, key[:])
	b := binary.BigEndian.AppendUint64([]byte("martlet verifier 1\x00"), uint64(a.ID))
	b = binary.BigEndian.AppendUint32(b, uint32(len(a.PasswordHash)))
	b = append(append(b, a.PasswordHash...), prepare(password)...)
	m.Write(b)
	clear(b)
	return m.Sum(nil)
}

// recollect tells whose credentials these are if a verifier says so: known is
// false when it takes a hash to tell.
func (d *Directory) recollect(ctx context.Context, k credential, login, password string) (a Account, known bool, err error) {
	if d.keys == nil {
		return Account{}, false, nil
	}
	epoch, now := d.cache.now(), time.Now()
	var v verifier
	err = d.store.View(ctx, func(tx *store.Tx) (err error) {
		if a, err = d.loginAccount(tx, login); err == nil {
			v, err = d.tables.verifiers.Get(tx, a.ID)
		}
		return err
	})
	// One that cannot be read spares no hash, and that is all.
	if err != nil || a.PasswordHash == "" || a.TwoFactor || !now.Before(v.until) {
		return Account{}, false, nil
	}
	for _, key := range d.keys() {
		if !hmac.Equal(v.mac, verifierMAC(key, &a, password)) {
			continue
		}
		if a.Disabled {
			return Account{}, true, ErrDisabled
		}
		d.cache.put(k, a.ID, epoch, now)
		return a, true, nil
	}
	return Account{}, false, nil
}

// remember writes a verifier for a password that was found right, unless the
// account has changed meanwhile. A disk that is full is no reason to turn
// anybody away.
func (d *Directory) remember(ctx context.Context, a *Account, password string) {
	if d.keys == nil {
		return
	}
	keys := d.keys()
	if len(keys) == 0 {
		return
	}
	v := verifier{verifierMAC(keys[0], a, password), time.Now().Add(verifierLife + rand.N(verifierSpread))}
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		now, err := d.tables.accounts.Get(tx, a.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && (now.PasswordHash != a.PasswordHash || now.Disabled || now.TwoFactor) {
			return nil
		}
		if err != nil {
			return err
		}
		return d.tables.verifiers.Set(tx, a.ID, v)
	})
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("verified login not remembered for after a restart", "account", uint64(a.ID), "error", err)
	}
}

// Hashes counts the password hashes computed so far: what logging in costs.
func (d *Directory) Hashes() int64 { return d.hasher.computed.Load() }
