package directory

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"martlet/store"
)

// ErrNoAppPassword means that the account has no app password of that number.
var ErrNoAppPassword = errors.New("directory: no such app password")

// AppPassword is a password for one program of an account. The server makes it,
// so it cannot be guessed: it is kept under a fast hash, and no lock-out is
// needed against it.
type AppPassword struct {
	Number    uint32 // of the account's; never reused while a later one is there
	Name      string
	Protocols Protocols
	Created   time.Time
	Used      time.Time // to the day; zero: never

	salt, mac []byte
}

const (
	// maxAppPasswords bounds those of one account: each attempt compares with all.
	maxAppPasswords = 100
	// appPasswordLetters makes 32 of them 5 bits each: no capitals, nothing that
	// looks like something else.
	appPasswordLetters = "abcdefghijkmnpqrstuvwxyz23456789"
	appPasswordLength  = 20 // 100 bits
	appPasswordGroup   = 4
	// appPasswordFresh is how exact Used is: it is not written at each request.
	appPasswordFresh = 24 * time.Hour
)

// appKey orders app passwords by account.
type appKey struct {
	account AccountID
	number  uint32
}

func appKeyCodec() store.Codec[appKey] {
	return store.Codec[appKey]{
		Append: func(dst []byte, k appKey) []byte {
			return store.AppendUint32(store.AppendUint64(dst, uint64(k.account)), k.number)
		},
		Parse: func(b []byte) (k appKey, err error) {
			account, rest, err := store.ParseUint64(b)
			if err != nil {
				return k, err
			}
			number, rest, err := store.ParseUint32(rest)
			if err != nil {
				return k, err
			}
			return appKey{AccountID(account), number}, store.End(rest)
		},
	}
}

func appPasswordCodec() store.Codec[AppPassword] {
	return store.Codec[AppPassword]{
		Append: func(dst []byte, p AppPassword) []byte {
			e := store.NewEncoder(dst)
			e.String(1, p.Name)
			e.Uint(2, uint64(p.Protocols))
			e.Time(3, p.Created)
			e.Time(4, p.Used)
			e.Bytes(5, p.salt)
			e.Bytes(6, p.mac)
			return e.Out()
		},
		Parse: func(b []byte) (p AppPassword, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					p.Name = f.String()
				case 2:
					p.Protocols = Protocols(f.Uint())
				case 3:
					p.Created = f.Time()
				case 4:
					p.Used = f.Time()
				case 5:
					p.salt = bytes.Clone(f.Bytes())
				case 6:
					p.mac = bytes.Clone(f.Bytes())
				}
				return nil
			})
			return p, err
		},
	}
}

// newSecret makes a random text of letters that can be typed on a phone.
func newSecret(length, group int) string {
	raw := make([]byte, length)
	rand.Read(raw)
	var s strings.Builder
	for i, x := range raw {
		if i > 0 && i%group == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(appPasswordLetters[int(x)%len(appPasswordLetters)])
	}
	return s.String()
}

// typedSecret takes off what people add to or leave out of a made secret when
// they type it. ok is false for what newSecret cannot have made.
func typedSecret(s string, length int) (plain string, ok bool) {
	if len(s) > 4*length {
		return "", false
	}
	b := make([]byte, 0, length)
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-' || c == ' ':
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if strings.IndexByte(appPasswordLetters, c) < 0 || len(b) == length {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), len(b) == length
}

func appPasswordMAC(salt []byte, account AccountID, plain string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write(binary.BigEndian.AppendUint64([]byte("martlet app password 1\x00"), uint64(account)))
	m.Write([]byte(plain))
	return m.Sum(nil)
}

// AddAppPassword makes an app password and returns it with its secret, which is
// kept nowhere and shown once.
func (d *Directory) AddAppPassword(ctx context.Context, id AccountID, name string, only Protocols) (AppPassword, string, error) {
	if err := checkText(name); err != nil {
		return AppPassword{}, "", err
	}
	secret := newSecret(appPasswordLength, appPasswordGroup)
	plain, _ := typedSecret(secret, appPasswordLength)
	p := AppPassword{Name: name, Protocols: only, Created: time.Now().UTC().Truncate(time.Millisecond), salt: make([]byte, saltBytes)}
	rand.Read(p.salt)
	p.mac = appPasswordMAC(p.salt, id, plain)
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		if ok, err := d.tables.accounts.Has(tx, id); err != nil || !ok {
			return errors.Join(err, ErrNoAccount)
		}
		all, err := d.appPasswords(tx, id)
		if err != nil {
			return err
		}
		if len(all) >= maxAppPasswords {
			return fmt.Errorf("%w: an account has at most %d app passwords", ErrBadValue, maxAppPasswords)
		}
		p.Number = 1
		if len(all) > 0 {
			p.Number = all[len(all)-1].Number + 1
		}
		tx.OnCommit(func() { d.cache.drop(id) })
		return d.tables.appPasswords.Set(tx, appKey{id, p.Number}, p)
	})
	if err != nil {
		return AppPassword{}, "", err
	}
	return p, secret, nil
}

// AppPasswords lists those of an account by number.
func (d *Directory) AppPasswords(ctx context.Context, id AccountID) (all []AppPassword, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		all, err = d.appPasswords(tx, id)
		return err
	})
	return all, err
}

func (d *Directory) appPasswords(tx *store.Tx, id AccountID) ([]AppPassword, error) {
	var all []AppPassword
	for row, err := range d.tables.appPasswords.Scan(tx, store.TableRange[appKey]{Prefix: store.AppendUint64(nil, uint64(id))}) {
		if err != nil {
			return nil, err
		}
		row.Value.Number = row.Key.number
		all = append(all, row.Value)
	}
	return all, nil
}

// RemoveAppPassword takes one back. It lets nobody in any more when this returns.
func (d *Directory) RemoveAppPassword(ctx context.Context, id AccountID, number uint32) error {
	return d.store.Update(ctx, func(tx *store.Tx) error {
		k := appKey{id, number}
		if ok, err := d.tables.appPasswords.Has(tx, k); err != nil || !ok {
			return errors.Join(err, ErrNoAppPassword)
		}
		return d.tables.appPasswords.Delete(tx, k)
	})
}

// byAppPassword tells whose app password it is: known is false when it is none,
// or not one for this protocol.
func (d *Directory) byAppPassword(ctx context.Context, at Protocol, login, password string) (a Account, known bool, err error) {
	plain, ok := typedSecret(password, appPasswordLength)
	if !ok {
		return Account{}, false, nil
	}
	var found AppPassword
	err = d.store.View(ctx, func(tx *store.Tx) error {
		known = false
		if a, err = d.loginAccount(tx, login); err != nil {
			return err
		}
		all, err := d.appPasswords(tx, a.ID)
		for _, p := range all {
			if hmac.Equal(p.mac, appPasswordMAC(p.salt, a.ID, plain)) && p.Protocols.has(at) {
				found, known = p, true
			}
		}
		return err
	})
	switch {
	case errors.Is(err, ErrNoAccount):
		return Account{}, false, nil
	case err != nil:
		return Account{}, false, fmt.Errorf("directory: app password: %w", err)
	case !known:
		return Account{}, false, nil
	case a.Disabled:
		return Account{}, true, ErrDisabled
	}
	if now := time.Now(); now.Sub(found.Used) >= appPasswordFresh {
		d.usedAppPassword(ctx, appKey{a.ID, found.Number}, now)
	}
	return a, true, nil
}

// usedAppPassword notes the day. A disk that is full is no reason to turn anybody
// away.
func (d *Directory) usedAppPassword(ctx context.Context, k appKey, now time.Time) {
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		p, err := d.tables.appPasswords.Get(tx, k)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p.Used = now.UTC().Truncate(appPasswordFresh)
		return d.tables.appPasswords.Set(tx, k, p)
	})
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("use of an app password not noted", "account", uint64(k.account), "error", err)
	}
}

// forgetLogins takes away what an account logs in with besides its password.
func (d *Directory) forgetLogins(tx *store.Tx, id AccountID) error {
	all, err := d.appPasswords(tx, id)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := d.tables.appPasswords.Delete(tx, appKey{id, p.Number}); err != nil {
			return err
		}
	}
	return errors.Join(d.tables.secondFactors.Delete(tx, id), d.tables.scram.Delete(tx, id), d.dropPins(tx, id))
}
