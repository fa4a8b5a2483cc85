// Package encrypt encrypts arriving mail to its owner's key: PGP/MIME (RFC 3156)
// or S/MIME (RFC 8551). What programs and the server need of the header stays
// readable, everything else goes inside. It must never hold a private key, and it
// never drops a message: who calls it keeps what cannot be encrypted.
package encrypt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
)

// Errors of keys. What is wrong with one stands behind them.
var (
	// ErrBadKey means that a key or certificate cannot be encrypted to.
	ErrBadKey = errors.New("encrypt: key cannot be used")
)

// Encrypter encrypts to the keys that a directory holds.
type Encrypter struct {
	directory *directory.Directory
	now       func() time.Time
}

// New returns an Encrypter.
func New(d *directory.Directory) *Encrypter { return &Encrypter{d, time.Now} }

// Wanted returns which of the accounts want their mail encrypted; nil: none.
func (e *Encrypter) Wanted(ctx context.Context, ids []directory.AccountID) (map[directory.AccountID]directory.Encryption, error) {
	return e.directory.Encrypting(ctx, ids)
}

// Encrypt returns a message as an account wants it, nil if it stays as it is
// because it is encrypted already. Lines end with CRLF, and raw is not changed.
// Errors: ErrBadKey and those of the store.
func (e *Encrypter) Encrypt(ctx context.Context, id directory.AccountID, want directory.Encryption, raw []byte) ([]byte, error) {
	m := split(raw)
	if m.encrypted() {
		return nil, nil
	}
	switch want.Method {
	case directory.EncryptOpenPGP:
		return m.openPGP(want.Key, e.now())
	case directory.EncryptSMIME:
		ders, err := e.directory.Certificates(ctx, id)
		if err != nil {
			return nil, err
		}
		certs, err := Usable(ders, e.now())
		if err != nil {
			return nil, err
		}
		return m.smime(certs)
	}
	return nil, fmt.Errorf("%w: no such method", ErrBadKey)
}
