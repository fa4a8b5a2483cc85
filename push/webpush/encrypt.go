package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

const (
	saltSize  = 16
	pointSize = 65 // uncompressed, of P-256
	authSize  = 16
	// headerSize is salt, rs, idlen and keyid (RFC 8188 2.1).
	headerSize = saltSize + 4 + 1 + pointSize
	// overhead is what a message is longer encrypted: the delimiter and the tag too.
	overhead = headerSize + 1 + 16
	// recordSize must be larger than the record, which is the only one (RFC 8291 4).
	recordSize = 4096
)

// ErrKeys is about the keys of a subscription.
var ErrKeys = errors.New("webpush: p256dh is not an uncompressed point of P-256, or auth not 16 bytes")

// CheckKeys tells whether the keys of a subscription may be registered (RFC
// 8291 3.1 and 3.2).
func CheckKeys(publicKey, auth []byte) error {
	_, err := parseKeys(publicKey, auth)
	return err
}

func parseKeys(publicKey, auth []byte) (*ecdh.PublicKey, error) {
	if len(publicKey) != pointSize || len(auth) != authSize {
		return nil, ErrKeys
	}
	key, err := ecdh.P256().NewPublicKey(publicKey) // checks that it is on the curve
	if err != nil {
		return nil, ErrKeys
	}
	return key, nil
}

// encrypt makes the body of a push message to a user agent: one record of
// aes128gcm (RFC 8188), its key agreed on as RFC 8291 3.4 says, with zeros at
// its end.
func encrypt(publicKey, auth, plain []byte, zeros int) ([]byte, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader) // a new one for each message
	if err != nil {
		return nil, fmt.Errorf("webpush: encrypt: %w", err)
	}
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails
	return encryptWith(private, salt, publicKey, auth, plain, zeros)
}

func encryptWith(private *ecdh.PrivateKey, salt [saltSize]byte, publicKey, auth, plain []byte, zeros int) ([]byte, error) {
	agent, err := parseKeys(publicKey, auth)
	if err != nil {
		return nil, err
	}
	secret, err := private.ECDH(agent)
	if err != nil {
		return nil, ErrKeys
	}
	own := private.PublicKey().Bytes()
	aead, nonce, err := derive(secret, salt[:], auth, publicKey, own)
	if err != nil {
		return nil, fmt.Errorf("webpush: encrypt: %w", err)
	}
	body := make([]byte, headerSize, overhead+len(plain)+zeros)
	copy(body, salt[:])
	binary.BigEndian.PutUint32(body[saltSize:], recordSize)
	body[saltSize+4] = pointSize
	copy(body[saltSize+5:], own)
	// RFC 8188 2: 2 is the delimiter of the last record, then zeros.
	body = append(append(body, plain...), 2)
	body = body[:len(body)+zeros]
	return aead.Seal(body[:headerSize], nonce, body[headerSize:], nil), nil
}

// derive is RFC 8291 3.4 on RFC 8188 2.2 and 2.3, for the first record.
func derive(secret, salt, auth, agent, own []byte) (cipher.AEAD, []byte, error) {
	ikm, err := hkdf.Key(sha256.New, secret, auth, string(slices.Concat([]byte("WebPush: info\x00"), agent, own)), sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		return nil, nil, err
	}
	key, err := hkdf.Expand(sha256.New, prk, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := hkdf.Expand(sha256.New, prk, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, nonce, err
}
