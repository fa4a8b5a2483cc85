package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"martlet/store"
)

// MaxEncryptionKey bounds an account's OpenPGP key in bytes.
const MaxEncryptionKey = 64 << 10

// EncryptionMethod is how an account's arriving mail is encrypted. The numbers
// are stored.
type EncryptionMethod uint8

// The methods.
const (
	EncryptNothing EncryptionMethod = 0
	EncryptOpenPGP EncryptionMethod = 1 // to Encryption.Key
	EncryptSMIME   EncryptionMethod = 2 // to the account's certificates
)

// String is the method's name, empty for none.
func (m EncryptionMethod) String() string {
	switch m {
	case EncryptOpenPGP:
		return "openpgp"
	case EncryptSMIME:
		return "smime"
	}
	return ""
}

// Encryption is what an account wants of its arriving mail. The zero value is
// that it stays as it is.
type Encryption struct {
	Method EncryptionMethod
	Key    []byte // OpenPGP: the public key, not armored. Who sets it has checked it
}

// Encryption returns what an account wants of its arriving mail.
func (d *Directory) Encryption(ctx context.Context, id AccountID) (e Encryption, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		e, err = d.encryption(tx, id)
		return err
	})
	return e, err
}

// Encrypting returns which of the accounts want arriving mail encrypted, nil for
// none.
func (d *Directory) Encrypting(ctx context.Context, ids []AccountID) (want map[AccountID]Encryption, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		want = nil
		for _, id := range ids {
			e, err := d.encryption(tx, id)
			if err != nil {
				return err
			}
			if e.Method == EncryptNothing {
				continue
			}
			if want == nil {
				want = map[AccountID]Encryption{}
			}
			want[id] = e
		}
		return nil
	})
	return want, err
}

func (d *Directory) encryption(tx *store.Tx, id AccountID) (Encryption, error) {
	e, err := d.tables.encryptions.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Encryption{}, nil
	}
	return e, err
}

// SetEncryption says what happens to mail that arrives for an account from now
// on. What it has already stays as it is.
func (d *Directory) SetEncryption(ctx context.Context, id AccountID, e Encryption) error {
	if err := checkEncryption(e); err != nil && e.Method != EncryptNothing {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := d.account(tx, id); err != nil {
			return err
		}
		if e.Method == EncryptNothing {
			return d.tables.encryptions.Delete(tx, id)
		}
		return d.tables.encryptions.Set(tx, id, e)
	})
}

// checkEncryption tells what is wrong with a row.
func checkEncryption(e Encryption) error {
	switch {
	case e.Method == EncryptOpenPGP && len(e.Key) == 0:
		return fmt.Errorf("%w: OpenPGP needs a key", ErrBadValue)
	case len(e.Key) > MaxEncryptionKey:
		return fmt.Errorf("%w: the key has %d bytes, at most %d are allowed", ErrBadValue, len(e.Key), MaxEncryptionKey)
	case e.Method == EncryptSMIME && len(e.Key) > 0:
		return fmt.Errorf("%w: S/MIME uses the account's certificates", ErrBadValue)
	case e.Method.String() == "":
		return fmt.Errorf("%w: no such method of encryption", ErrBadValue)
	}
	return nil
}

func encryptionCodec() store.Codec[Encryption] {
	return store.Codec[Encryption]{
		Append: func(dst []byte, v Encryption) []byte {
			e := store.NewEncoder(dst)
			e.Uint(1, uint64(v.Method))
			e.Bytes(2, v.Key)
			return e.Out()
		},
		Parse: func(b []byte) (v Encryption, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					v.Method = EncryptionMethod(f.Uint())
				case 2:
					v.Key = bytes.Clone(f.Bytes())
				}
				return nil
			})
			return v, err
		},
	}
}

// encryptions checks that each row belongs to an account and says something.
func (c *checking) encryptions() error {
	for row, err := range c.d.tables.encryptions.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[row.Key]; !ok {
			c.problem("encryption", fmt.Sprint(row.Key), "of no account")
		}
		if err := checkEncryption(row.Value); err != nil {
			c.problem("encryption", fmt.Sprint(row.Key), "%v", err)
		}
	}
	return nil
}
