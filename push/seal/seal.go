// Package seal makes what only an app can open: the text of a notification,
// encrypted to a key that the app made on the device and registered here. The
// push services carry it and see neither sender nor subject, nor how long they
// are. This package knows nothing of mail and of push services, and must never
// log or keep what it seals.
//
// # The envelope, for authors of apps
//
// It is HPKE in base mode (RFC 9180) with
//
//	KEM   DHKEM(X25519, HKDF-SHA256)   0x0020
//	KDF   HKDF-SHA256                  0x0001
//	AEAD  ChaCha20-Poly1305            0x0003
//
// and these bytes, which travel as base64url without padding:
//
//	1 byte    the version, 1
//	32 bytes  enc, the encapsulated key
//	the rest  the ciphertext, its tag of 16 bytes at the end
//
// info is the 14 characters "martlet seal 1", a zero byte, and the context
// that was agreed on at registration, which may be empty. aad is empty. The
// plaintext is a JSON object (Content), followed by blanks up to one of two
// lengths, which every JSON parser passes over.
//
// With CryptoKit (iOS 17 and later), in a notification service extension:
//
//	var hpke = try HPKE.Recipient(privateKey: key, // Curve25519.KeyAgreement.PrivateKey
//	    ciphersuite: .Curve25519_SHA256_ChachaPoly,
//	    info: Data("martlet seal 1\0".utf8) + context,
//	    encapsulatedKey: envelope[1..<33])
//	let content = try JSONDecoder().decode(Content.self, from: hpke.open(envelope[33...]))
//
// With Tink on Android, a key of DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_CHACHA20_POLY1305
// without a prefix takes enc and ciphertext in one piece, as they are behind the
// version, and info as contextInfo. Android's own android.crypto.hpke (API level
// 37) has the suite too.
//
// The key is made on the device, and the private half never leaves it. Register
// the 32 bytes of the public half.
package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"slices"
)

const (
	// KeySize is that of a public key and of a private one.
	KeySize = 32

	version  = 1
	overhead = 1 + KeySize + 16 // version, enc, tag

	// MaxEnvelope is the longest envelope: in base64url it is 2,796 characters,
	// which leaves room for everything else in a payload of 4,096 bytes.
	MaxEnvelope = overhead + maxContent
	maxContent  = 2048
	maxInfo     = 256
)

// padded are the lengths of the plaintext. Two, so that an envelope tells
// nothing but whether its text is long.
var padded = [...]int{1024, maxContent}

// Errors.
var (
	ErrKey      = errors.New("seal: not a public key of X25519")
	ErrInfo     = fmt.Errorf("seal: the context is longer than %d bytes", maxInfo)
	ErrEnvelope = errors.New("seal: the envelope does not open")
)

// CheckKey tells whether a public key may be registered: 32 bytes, in the one
// form that the owner's own library writes, and of full order. With one of low
// order anybody could open the envelopes.
func CheckKey(public []byte) error {
	if _, err := parseKey(public); err != nil {
		return err
	}
	// RFC 7748 6.1: with a point of low order every secret is zero, whoever the
	// other side is, which crypto/ecdh does not let pass. Any private key shows it.
	key, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return ErrKey
	}
	probe, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{0x5a}, KeySize))
	if err != nil {
		return ErrKey
	}
	if _, err := probe.ECDH(key); err != nil {
		return ErrKey
	}
	return nil
}

func parseKey(public []byte) (hpke.PublicKey, error) {
	if len(public) != KeySize || !canonical(public) {
		return nil, ErrKey
	}
	k, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return nil, ErrKey
	}
	return k, nil
}

// canonical tells whether a coordinate is below 2^255-19. HPKE hashes the key
// as it is written (RFC 9180 4.1, kem_context), so with another writing of the
// same point the owner would derive something else.
func canonical(u []byte) bool {
	p := bytes.Repeat([]byte{0xff}, KeySize)
	p[0], p[KeySize-1] = 0xed, 0x7f
	for i := KeySize - 1; i >= 0; i-- { // little-endian
		if u[i] != p[i] {
			return u[i] < p[i]
		}
	}
	return false
}

// GenerateKey makes a pair, as an app does on its device.
func GenerateKey() (private, public []byte, err error) {
	key, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
	if err != nil {
		return nil, nil, fmt.Errorf("seal: generate: %w", err)
	}
	if private, err = key.Bytes(); err != nil {
		return nil, nil, fmt.Errorf("seal: generate: %w", err)
	}
	return private, key.PublicKey().Bytes(), nil
}

// Seal encrypts a text to the owner of a public key. Texts that are too long
// are cut at a character, the preview first. info is a context that the owner
// must know to open it, at most 256 bytes: an envelope is of no use elsewhere.
func Seal(public, info []byte, c *Content) ([]byte, error) {
	key, err := parseKey(public)
	if err != nil {
		return nil, err
	}
	if len(info) > maxInfo {
		return nil, ErrInfo
	}
	plain, err := c.encode()
	if err != nil {
		return nil, err
	}
	sealed, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), context(info), plain)
	if err != nil {
		return nil, errors.Join(ErrKey, err) // of low order
	}
	return slices.Concat([]byte{version}, sealed), nil
}

// Open is what the app does. Whatever is wrong, it is ErrEnvelope.
func Open(private, info, envelope []byte) (*Content, error) {
	if len(envelope) < overhead || len(envelope) > MaxEnvelope || envelope[0] != version || len(info) > maxInfo {
		return nil, ErrEnvelope
	}
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(private)
	if err != nil {
		return nil, ErrEnvelope
	}
	plain, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), context(info), envelope[1:])
	if err != nil {
		return nil, ErrEnvelope
	}
	return decode(plain)
}

// context is HPKE's info: which form of envelope this is, and for whom.
func context(info []byte) []byte {
	return slices.Concat([]byte("martlet seal 1\x00"), info)
}
