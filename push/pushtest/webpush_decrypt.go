package pushtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

var errUnreadable = errors.New("pushtest: web push: unreadable")

// DecryptWebPush reads the body of a push message (RFC 8291 3.4, RFC 8188 2) as
// a user agent does. It is written from the documents, step by step and apart
// from the sender, so that the two can be held against each other.
func DecryptWebPush(private *ecdh.PrivateKey, auth, body []byte) ([]byte, error) {
	// RFC 8188 2.1: salt (16), rs (4), idlen (1), keyid.
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, fmt.Errorf("%w: no header", errUnreadable)
	}
	salt, rs, idlen := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	keyid, record := body[21:21+idlen], body[21+idlen:]
	sender, err := ecdh.P256().NewPublicKey(keyid)
	if err != nil {
		return nil, fmt.Errorf("%w: the key of the sender", errUnreadable)
	}
	// RFC 8291 4: one record only, and rs larger than it.
	if rs < 18 || uint64(len(record)) >= uint64(rs) || len(record) < 17 {
		return nil, fmt.Errorf("%w: the size of the record", errUnreadable)
	}
	secret, err := private.ECDH(sender)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	one := []byte{1}
	ikm := mac(mac(auth, secret), []byte("WebPush: info\x00"), private.PublicKey().Bytes(), keyid, one)
	prk := mac(salt, ikm)
	cek := mac(prk, []byte("Content-Encoding: aes128gcm\x00"), one)[:16]
	nonce := mac(prk, []byte("Content-Encoding: nonce\x00"), one)[:12]

	block, err := aes.NewCipher(cek)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, record, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not open", errUnreadable)
	}
	// RFC 8188 2: the last record's delimiter is 2, behind it are zeros.
	for i := len(plain) - 1; i >= 0; i-- {
		switch plain[i] {
		case 0:
		case 2:
			return plain[:i], nil
		default:
			return nil, fmt.Errorf("%w: the delimiter", errUnreadable)
		}
	}
	return nil, fmt.Errorf("%w: no delimiter", errUnreadable)
}
