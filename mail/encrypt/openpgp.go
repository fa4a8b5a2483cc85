package encrypt

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"martlet/directory"
)

// maxKeyFile bounds the file in bytes from which a key is read: one that many
// people have signed is larger than what is kept of it.
const maxKeyFile = 4 * directory.MaxEncryptionKey

// Key is an OpenPGP key that mail can be encrypted to.
type Key struct {
	Data        []byte   // the public key, not armored
	Fingerprint string   // of its primary key, in hex
	Addresses   []string // that its user IDs name
	Expires     time.Time
}

// config is how messages are encrypted: to what every program of the last twenty
// years reads (RFC 9580 13.1), AES-256 if the key does not ask for less.
func config(now time.Time) *packet.Config {
	return &packet.Config{DefaultCipher: packet.CipherAES256, Time: func() time.Time { return now }}
}

// ReadKey reads the one public key of a file, armored or not, and makes sure that
// it can be encrypted to. ErrBadKey says why not.
func ReadKey(file []byte, now time.Time) (*Key, error) {
	if len(file) > maxKeyFile {
		return nil, fmt.Errorf("%w: the file has more than %d bytes; export it with --export-options export-minimal", ErrBadKey, maxKeyFile)
	}
	data := file
	if bytes.Contains(file, []byte("-----BEGIN PGP")) {
		var err error
		if data, err = dearmor(file); err != nil {
			return nil, err
		}
	}
	e, err := parseKey(data, now)
	if err != nil {
		return nil, err
	}
	var kept bytes.Buffer
	if err := e.Serialize(&kept); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	if kept.Len() > directory.MaxEncryptionKey {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are kept; export it with --export-options export-minimal", ErrBadKey, kept.Len(), directory.MaxEncryptionKey)
	}
	return describe(e, kept.Bytes(), now), nil
}

// dearmor returns what one block of armor holds.
func dearmor(file []byte) ([]byte, error) {
	if bytes.Count(file, []byte("-----BEGIN PGP")) > 1 {
		return nil, fmt.Errorf("%w: the file holds more than one block", ErrBadKey)
	}
	block, err := armor.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: the armor cannot be read: %w", ErrBadKey, err)
	}
	switch block.Type {
	case openpgp.PublicKeyType:
	case openpgp.PrivateKeyType:
		return nil, errPrivate()
	default:
		return nil, fmt.Errorf("%w: the file holds a %.40q, not a public key", ErrBadKey, block.Type)
	}
	data, err := io.ReadAll(io.LimitReader(block.Body, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("%w: the armor cannot be read: %w", ErrBadKey, err)
	}
	return data, nil
}

func errPrivate() error {
	return fmt.Errorf("%w: the file holds a private key, which must stay with its owner; export the public key", ErrBadKey)
}

// parseKey reads a key that can be encrypted to now.
func parseKey(data []byte, now time.Time) (*openpgp.Entity, error) {
	all, err := openpgp.ReadKeyRing(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: not an OpenPGP key: %w", ErrBadKey, err)
	case len(all) == 0:
		return nil, fmt.Errorf("%w: not an OpenPGP key", ErrBadKey)
	}
	for _, e := range all {
		if e.PrivateKey != nil || slices.ContainsFunc(e.Subkeys, func(s openpgp.Subkey) bool { return s.PrivateKey != nil }) {
			return nil, errPrivate()
		}
	}
	if len(all) > 1 {
		return nil, fmt.Errorf("%w: the file holds %d keys", ErrBadKey, len(all))
	}
	return all[0], checkKey(all[0], now)
}

// checkKey tells why a key cannot be encrypted to.
func checkKey(e *openpgp.Entity, now time.Time) error {
	c := config(now)
	_, err := e.EncryptionKeyWithError(now, c)
	if err == nil {
		return nil
	}
	if e.Revoked(now) {
		return fmt.Errorf("%w: it was revoked", ErrBadKey)
	}
	if _, other := e.EncryptionKeyWithError(time.Time{}, c); other == nil {
		return fmt.Errorf("%w: it has expired or is not yet valid", ErrBadKey)
	}
	return fmt.Errorf("%w: it has no part to encrypt to: %w", ErrBadKey, err)
}

// describe tells whose key it is. Expires is zero for never.
func describe(e *openpgp.Entity, data []byte, now time.Time) *Key {
	k := &Key{Data: data, Fingerprint: fmt.Sprintf("%x", e.PrimaryKey.Fingerprint)}
	for _, id := range e.Identities {
		if a := id.UserId.Email; a != "" {
			k.Addresses = append(k.Addresses, a)
		} else if strings.Contains(id.Name, "@") {
			k.Addresses = append(k.Addresses, strings.TrimSpace(id.Name))
		}
	}
	slices.Sort(k.Addresses)
	c := config(now)
	expires := func(p *packet.PublicKey, sig *packet.Signature) {
		if sig == nil || sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
			return
		}
		t := p.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
		if k.Expires.IsZero() || t.Before(k.Expires) {
			k.Expires = t.UTC()
		}
	}
	if part, err := e.EncryptionKeyWithError(now, c); err == nil {
		expires(e.PrimaryKey, part.PrimarySelfSignature)
		expires(part.PublicKey, part.SelfSignature)
	}
	return k
}

// openPGP encrypts in PGP/MIME (RFC 3156 4).
func (m *parts) openPGP(key []byte, now time.Time) ([]byte, error) {
	to, err := parseKey(key, now)
	if err != nil {
		return nil, err
	}
	boundary := "=_" + rand.Text()
	plain := m.entity(0)
	var out bytes.Buffer
	out.Grow(len(m.outside) + len(plain)*3/2 + 4<<10)
	out.Write(m.outside)
	fmt.Fprintf(&out, "MIME-Version: 1.0\r\n"+
		"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n\tboundary=\"%s\"\r\n\r\n"+
		"--%[1]s\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n\r\n"+
		"--%[1]s\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"+
		"Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n", boundary)
	if err := sealOpenPGP(&out, to, plain, now); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	fmt.Fprintf(&out, "\r\n--%s--\r\n", boundary)
	return out.Bytes(), nil
}

func sealOpenPGP(w io.Writer, to *openpgp.Entity, plain []byte, now time.Time) error {
	text, err := armor.Encode(crlfWriter{w}, "PGP MESSAGE", nil)
	if err != nil {
		return err
	}
	in, err := openpgp.Encrypt(text, []*openpgp.Entity{to}, nil, nil, &openpgp.FileHints{ModTime: now}, config(now))
	if err != nil {
		return err
	}
	if _, err := in.Write(plain); err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	return text.Close()
}

// crlfWriter ends lines as mail does.
type crlfWriter struct{ w io.Writer }

func (c crlfWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		line, end := p, []byte(nil)
		if i := bytes.IndexByte(p, '\n'); i >= 0 {
			line, end = p[:i], []byte("\r\n")
		}
		if _, err := c.w.Write(line); err != nil {
			return n, err
		}
		if _, err := c.w.Write(end); err != nil {
			return n, err
		}
		did := len(line) + len(end)/2
		n, p = n+did, p[did:]
	}
	return n, nil
}
