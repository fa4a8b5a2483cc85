package store

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealOverhead is what sealing adds to a value: a nonce and a tag.
const sealOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// sealer encrypts and authenticates values with XChaCha20-Poly1305. The nonce
// is random, which its 192 bits allow for ever; the key of the row is the
// additional data, so that a value moved to another row does not open.
type sealer struct{ aead cipher.AEAD }

var errSeal = errors.New("the value does not open: damaged, or moved from another row")

func newSealer(key, salt []byte) (*sealer, error) {
	k, err := hkdf.Key(sha256.New, key, salt, "martlet store values 1", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(k)
	return &sealer{aead}, err
}

// seal appends the sealed plain to dst.
func (s *sealer) seal(dst, key, plain []byte) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, chacha20poly1305.NonceSizeX)...)
	nonce := dst[n:]
	rand.Read(nonce) // never fails: it ends the process instead
	return s.aead.Seal(dst, nonce, plain, key)
}

// open appends the plain value to dst.
func (s *sealer) open(dst, key, sealed []byte) ([]byte, error) {
	if len(sealed) < sealOverhead {
		return nil, errSeal
	}
	nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	out, err := s.aead.Open(dst, nonce, box, key)
	if err != nil {
		return nil, errSeal
	}
	return out, nil
}
