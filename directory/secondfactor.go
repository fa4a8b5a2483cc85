package directory

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"martlet/store"
)

// Errors of second factors.
var (
	// ErrSecondFactor means that the password is right and does not suffice: the
	// account has a second factor, and who asks cannot be asked for it. Doors take
	// it for the wrong password that it might be.
	ErrSecondFactor = fmt.Errorf("directory: the password alone lets nobody in, it takes an app password: %w", ErrBadCredentials)
	// ErrBadCode is a code that is wrong, too old, or used already.
	ErrBadCode = errors.New("directory: the code is wrong or was used")
	// ErrTooManyCodes means that codes are not looked at for some minutes.
	ErrTooManyCodes = errors.New("directory: too many wrong codes, try again later")
	// ErrNoSecondFactor means that the account has none, or has not begun with one.
	ErrNoSecondFactor = errors.New("directory: the account has no second factor")
)

// Codes change every totpPeriod (RFC 6238 4.1). One that is a period old or
// early is taken, for clocks that are wrong and people who are slow (5.2).
const (
	totpPeriod = 30
	totpSkew   = 1

	recoveryCodes  = 10
	recoveryLength = 16 // letters: 80 bits

	// Of a million codes three are right at any time: after maxWrongCodes wrong
	// ones none is looked at for wrongCodesWait.
	maxWrongCodes  = 5
	wrongCodesWait = 15 * time.Minute
)

// secondFactor is what proves that somebody has a device of the account's.
type secondFactor struct {
	secret   string // base32
	since    time.Time
	pending  bool   // shown, and no code of it was seen yet
	step     uint64 // of the last code taken: it and those before are used (RFC 6238 5.2)
	salt     []byte
	recovery [][]byte // MACs of codes for when the device is lost, each good once
	wrong    uint64   // codes since wrongAt
	wrongAt  time.Time
}

func secondFactorCodec() store.Codec[secondFactor] {
	return store.Codec[secondFactor]{
		Append: func(dst []byte, s secondFactor) []byte {
			e := store.NewEncoder(dst)
			e.String(1, s.secret)
			e.Time(2, s.since)
			e.Bool(3, s.pending)
			e.Uint(4, s.step)
			e.Bytes(5, s.salt)
			for _, mac := range s.recovery {
				e.Bytes(6, mac)
			}
			e.Uint(7, s.wrong)
			e.Time(8, s.wrongAt)
			return e.Out()
		},
		Parse: func(b []byte) (s secondFactor, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					s.secret = f.String()
				case 2:
					s.since = f.Time()
				case 3:
					s.pending = f.Bool()
				case 4:
					s.step = f.Uint()
				case 5:
					s.salt = bytes.Clone(f.Bytes())
				case 6:
					s.recovery = append(s.recovery, bytes.Clone(f.Bytes()))
				case 7:
					s.wrong = f.Uint()
				case 8:
					s.wrongAt = f.Time()
				}
				return nil
			})
			return s, err
		},
	}
}

// TOTP is a second factor as it is shown once, when it is set up.
type TOTP struct {
	Secret string // base32, to be typed
	URI    string // otpauth://…, to be shown as a QR code
}

// EnrolTOTP makes a secret for an account. It counts from ConfirmTOTP on; until
// then the account logs in as before. An earlier one that was confirmed is
// kept until the new one is.
func (d *Directory) EnrolTOTP(ctx context.Context, id AccountID, issuer string) (TOTP, error) {
	a, err := d.Account(ctx, id)
	if err != nil {
		return TOTP{}, err
	}
	if a.TwoFactor {
		return TOTP{}, fmt.Errorf("%w: the account has a second factor; remove it first", ErrExists)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: a.Login, SecretSize: 20})
	if err != nil {
		return TOTP{}, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	s := secondFactor{secret: key.Secret(), pending: true}
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		if now, err := d.account(tx, id); err != nil || now.TwoFactor {
			return errors.Join(err, exists(now.TwoFactor, "a second factor"))
		}
		return d.tables.secondFactors.Set(tx, id, s)
	})
	if err != nil {
		return TOTP{}, err
	}
	return TOTP{Secret: key.Secret(), URI: key.URL()}, nil
}

// ConfirmTOTP makes the secret that was enrolled the account's second factor,
// with the first code as proof, and returns codes for when the device is lost.
// From now on the password alone lets in nowhere.
func (d *Directory) ConfirmTOTP(ctx context.Context, id AccountID, code string) (recovery []string, err error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	var macs [][]byte
	for range recoveryCodes {
		secret := newSecret(recoveryLength, appPasswordGroup)
		recovery = append(recovery, secret)
		plain, _ := typedSecret(secret, recoveryLength)
		macs = append(macs, appPasswordMAC(salt, id, plain))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		s, err := d.tables.secondFactors.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !s.pending {
			return ErrNoSecondFactor
		}
		if err != nil {
			return err
		}
		now := time.Now()
		step, ok := s.fits(code, now)
		if !ok {
			return ErrBadCode
		}
		s.pending, s.since, s.step, s.salt, s.recovery = false, now, step, salt, macs
		old, err := d.account(tx, id)
		if err != nil {
			return err
		}
		a := old
		a.TwoFactor = true
		// What was verified by the password alone counts no longer.
		if err := errors.Join(d.tables.verifiers.Delete(tx, id), d.tables.scram.Delete(tx, id), d.tables.secondFactors.Set(tx, id, s)); err != nil {
			return err
		}
		return d.putAccount(tx, &old, &a)
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// RemoveTOTP takes the second factor away: the password lets in again.
func (d *Directory) RemoveTOTP(ctx context.Context, id AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		if ok, err := d.tables.secondFactors.Has(tx, id); err != nil || !ok {
			return errors.Join(err, ErrNoSecondFactor)
		}
		if err := d.tables.secondFactors.Delete(tx, id); err != nil {
			return err
		}
		old, err := d.account(tx, id)
		if err != nil {
			return err
		}
		a := old
		a.TwoFactor = false
		return d.putAccount(tx, &old, &a)
	})
}

// SecondFactor tells since when an account has one, zero if it has none, and how
// many codes for a lost device are left.
func (d *Directory) SecondFactor(ctx context.Context, id AccountID) (since time.Time, recovery int, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		s, err := d.tables.secondFactors.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && s.pending {
			return nil
		}
		since, recovery = s.since, len(s.recovery)
		return err
	})
	return since, recovery, err
}

// VerifyCode tells whether a code is the account's second factor now: the one
// its device shows, or one for a lost device. Either is taken once. Errors:
// ErrBadCode, ErrTooManyCodes, ErrNoSecondFactor.
func (d *Directory) VerifyCode(ctx context.Context, id AccountID, code string) error {
	var refused error
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		refused = nil
		s, err := d.tables.secondFactors.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && s.pending {
			return ErrNoSecondFactor
		}
		if err != nil {
			return err
		}
		now := time.Now()
		if now.Sub(s.wrongAt) >= wrongCodesWait {
			s.wrong = 0
		}
		if s.wrong >= maxWrongCodes {
			return ErrTooManyCodes
		}
		if s.take(id, code, now) {
			s.wrong, s.wrongAt = 0, time.Time{}
		} else {
			refused = ErrBadCode
			s.wrong, s.wrongAt = s.wrong+1, now
		}
		return d.tables.secondFactors.Set(tx, id, s)
	})
	return errors.Join(err, refused)
}

// take uses a code up if it is right.
func (s *secondFactor) take(id AccountID, code string, now time.Time) bool {
	if step, ok := s.fits(code, now); ok {
		s.step = step
		return true
	}
	plain, ok := typedSecret(code, recoveryLength)
	if !ok {
		return false
	}
	mac := appPasswordMAC(s.salt, id, plain)
	i := slices.IndexFunc(s.recovery, func(m []byte) bool { return hmac.Equal(m, mac) })
	if i < 0 {
		return false
	}
	s.recovery = slices.Delete(s.recovery, i, i+1)
	return true
}

// fits tells the step of a code that is right at a time and was not used.
func (s *secondFactor) fits(code string, now time.Time) (uint64, bool) {
	at := uint64(max(now.Unix(), 0)) / totpPeriod
	for step := at - min(at, totpSkew); step <= at+totpSkew; step++ {
		want, err := hotp.GenerateCode(s.secret, step)
		if err == nil && step > s.step && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// AuthenticateWithCode is Authenticate for a door that asks for a code where the
// account has a second factor. The code of an account that has none is ignored.
// ErrBadCode and ErrTooManyCodes come only when the password was right.
func (d *Directory) AuthenticateWithCode(ctx context.Context, login, password, code string) (Account, error) {
	a, err := d.Authenticate(ctx, login, password)
	switch {
	case err == nil && !a.TwoFactor:
		return a, nil
	case err == nil:
		return Account{}, ErrBadCredentials // an app password, which is for programs
	case !errors.Is(err, ErrSecondFactor):
		return Account{}, err
	}
	if a, err = d.byLogin(ctx, login); err != nil {
		return Account{}, err
	}
	if err := d.VerifyCode(ctx, a.ID, code); err != nil {
		return Account{}, err
	}
	if a.Disabled {
		return Account{}, ErrDisabled
	}
	return a, nil
}
