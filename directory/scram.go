package directory

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"martlet/store"
)

// ErrNoKeys means that there are no SCRAM keys of a login: it does not exist, its
// password was never seen, or the password alone does not let it in.
var ErrNoKeys = errors.New("directory: no keys of that login")

const (
	// ScramIterations is what each login costs a client, about 10 ms of a phone.
	// RFC 7677 4 asks for 4,096 and hopes for more.
	ScramIterations    = 15_000
	minScramIterations = 4096
	maxScramIterations = 1 << 20
	maxScramSalt       = 64
	// cheapHash is a cost of password hashes, in KiB, below which keys are cheap as
	// well: those of tests.
	cheapHash = 1 << 10
)

// ScramKeys are what SCRAM-SHA-256 needs of a password (RFC 5802 3, RFC 7677):
// enough to tell that a client knows it, not enough to play the client.
type ScramKeys struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte

	of []byte // digest of the password hash beside which they are kept
}

func scramCodec() store.Codec[ScramKeys] {
	return store.Codec[ScramKeys]{
		Append: func(dst []byte, k ScramKeys) []byte {
			e := store.NewEncoder(dst)
			e.Bytes(1, k.Salt)
			e.Uint(2, uint64(k.Iterations))
			e.Bytes(3, k.StoredKey)
			e.Bytes(4, k.ServerKey)
			e.Bytes(5, k.of)
			return e.Out()
		},
		Parse: func(b []byte) (k ScramKeys, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					k.Salt = bytes.Clone(f.Bytes())
				case 2:
					k.Iterations = int(f.Uint())
				case 3:
					k.StoredKey = bytes.Clone(f.Bytes())
				case 4:
					k.ServerKey = bytes.Clone(f.Bytes())
				case 5:
					k.of = bytes.Clone(f.Bytes())
				}
				return nil
			})
			return k, err
		},
	}
}

// newScramKeys derives keys from a password. Clients prepare it by SASLprep (RFC
// 4013), which for what is assigned is NFKC.
func (h *hasher) newScramKeys(password string) (ScramKeys, error) {
	k := ScramKeys{Salt: make([]byte, saltBytes), Iterations: ScramIterations}
	if h.cost.Memory < cheapHash {
		k.Iterations = minScramIterations
	}
	rand.Read(k.Salt)
	salted, err := pbkdf2.Key(sha256.New, norm.NFKC.String(toUTF8(password)), k.Salt, k.Iterations, sha256.Size)
	if err != nil {
		return ScramKeys{}, fmt.Errorf("directory: keys: %w", err)
	}
	sign := func(text string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	k.StoredKey, k.ServerKey = stored[:], sign("Server Key")
	return k, nil
}

// ofHash ties keys to the password hash that they go with.
func ofHash(passwordHash string) []byte {
	sum := sha256.Sum256([]byte("martlet keys 1\x00" + passwordHash))
	return sum[:16]
}

// ScramKeys returns the keys of a login's password, or ErrNoKeys. An account that
// is disabled has them too: it is for who asks to refuse it.
func (d *Directory) ScramKeys(ctx context.Context, login string) (k ScramKeys, err error) {
	if len(login) > maxLogin {
		return k, ErrNoKeys
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		a, err := d.loginAccount(tx, login)
		if err == nil {
			k, err = d.scramKeys(tx, &a)
		}
		return err
	})
	if errors.Is(err, ErrNoAccount) {
		err = ErrNoKeys
	}
	return k, err
}

// scramKeys reads the keys that go with an account's password of today.
func (d *Directory) scramKeys(tx *store.Tx, a *Account) (ScramKeys, error) {
	k, err := d.tables.scram.Get(tx, a.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && (a.TwoFactor || a.PasswordHash == "" || !bytes.Equal(k.of, ofHash(a.PasswordHash))) {
		return ScramKeys{}, ErrNoKeys
	}
	return k, err
}

// keepScramKeys makes keys of a password that was found right and has none, so
// that its owner may come by SCRAM the next time. A disk that is full is no reason
// to turn anybody away.
func (d *Directory) keepScramKeys(ctx context.Context, a *Account, password string) {
	missing := false
	err := d.store.View(ctx, func(tx *store.Tx) error {
		_, err := d.scramKeys(tx, a)
		missing = errors.Is(err, ErrNoKeys)
		return nil
	})
	if err != nil || !missing || a.TwoFactor {
		return
	}
	k, err := d.hasher.newScramKeys(password)
	if err == nil {
		err = d.store.Update(ctx, func(tx *store.Tx) error { return d.putScramKeys(tx, a.ID, a.PasswordHash, k) })
	}
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("keys of a password not kept", "account", uint64(a.ID), "error", err)
	}
}

// keysOf are the keys of a password that is about to be set, nil for none.
func (h *hasher) keysOf(password string) (*ScramKeys, error) {
	if password == "" {
		return nil, nil
	}
	k, err := h.newScramKeys(password)
	return &k, err
}

// putKeys writes the keys of a password that was just set.
func (d *Directory) putKeys(tx *store.Tx, a *Account, k *ScramKeys) error {
	if k == nil {
		return nil
	}
	return d.putScramKeys(tx, a.ID, a.PasswordHash, *k)
}

// putScramKeys writes keys that go with a password hash, unless it is the
// account's no longer.
func (d *Directory) putScramKeys(tx *store.Tx, id AccountID, passwordHash string, k ScramKeys) error {
	now, err := d.tables.accounts.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (now.PasswordHash != passwordHash || now.TwoFactor) {
		return nil
	}
	if err != nil {
		return err
	}
	k.of = ofHash(passwordHash)
	return d.tables.scram.Set(tx, id, k)
}

// scramText writes keys as a directory file has them, the way of RFC 5803:
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func scramText(k ScramKeys) string {
	b := base64.StdEncoding
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", k.Iterations, b.EncodeToString(k.Salt), b.EncodeToString(k.StoredKey), b.EncodeToString(k.ServerKey))
}

func parseScram(s string) (ScramKeys, error) {
	bad := fmt.Errorf("%w: keys are SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", ErrBadPassword)
	scheme, rest, _ := strings.Cut(s, "$")
	public, secret, _ := strings.Cut(rest, "$")
	count, salt, _ := strings.Cut(public, ":")
	stored, server, _ := strings.Cut(secret, ":")
	n, err := strconv.Atoi(count)
	if len(s) > maxHashText || !strings.EqualFold(scheme, "SCRAM-SHA-256") || err != nil || n < minScramIterations || n > maxScramIterations {
		return ScramKeys{}, bad
	}
	k := ScramKeys{Iterations: n}
	for _, f := range []struct {
		to        *[]byte
		text      string
		min, most int
	}{{&k.Salt, salt, 8, maxScramSalt}, {&k.StoredKey, stored, sha256.Size, sha256.Size}, {&k.ServerKey, server, sha256.Size, sha256.Size}} {
		if *f.to, err = base64.StdEncoding.DecodeString(f.text); err != nil || len(*f.to) < f.min || len(*f.to) > f.most {
			return ScramKeys{}, bad
		}
	}
	return k, nil
}

// planKeys returns the keys to write, nil for none: those that the file has, where
// they are others than those that are there.
func (p *planner) planKeys(f *FileUser, old, want *Account, fresh *ScramKeys, text []string) (*ScramKeys, []string, error) {
	if f.Scram == nil || want.TwoFactor {
		return fresh, text, nil
	}
	keys, err := parseScram(*f.Scram)
	if err != nil {
		return nil, text, err
	}
	var have ScramKeys
	if old.ID != 0 {
		err = p.d.store.View(p.ctx, func(tx *store.Tx) error {
			have, err = p.d.scramKeys(tx, old)
			return err
		})
		if err != nil && !errors.Is(err, ErrNoKeys) {
			return nil, text, err
		}
	}
	if old.PasswordHash == want.PasswordHash && err == nil && scramText(have) == scramText(keys) {
		return nil, text, nil
	}
	return &keys, append(text, "keys of the password"), nil
}
