package encrypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// minRSA is the shortest key of a certificate in bits (RFC 8551 4.2).
const minRSA = 2048

// Usable returns those of the certificates, in DER, that mail can be encrypted to
// now. If there are none, ErrBadKey says what is wrong with each.
func Usable(ders [][]byte, now time.Time) ([]*x509.Certificate, error) {
	var usable []*x509.Certificate
	var wrong []error
	for _, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err == nil {
			err = checkCertificate(cert, now)
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		usable = append(usable, cert)
	}
	switch {
	case len(ders) == 0:
		return nil, fmt.Errorf("%w: there is no certificate", ErrBadKey)
	case len(usable) == 0:
		return nil, fmt.Errorf("%w: %w", ErrBadKey, errors.Join(wrong...))
	}
	return usable, nil
}

// checkCertificate tells why a certificate cannot be encrypted to (RFC 8550 4.4).
func checkCertificate(cert *x509.Certificate, now time.Time) error {
	name := cert.Subject.CommonName
	key, isRSA := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case now.After(cert.NotAfter):
		return fmt.Errorf("the certificate of %.80q expired on %s", name, cert.NotAfter.Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("the certificate of %.80q is not valid before %s", name, cert.NotBefore.Format(time.DateOnly))
	case !isRSA:
		return fmt.Errorf("the certificate of %.80q has a key of %s, only RSA can be encrypted to", name, cert.PublicKeyAlgorithm)
	case key.N.BitLen() < minRSA:
		return fmt.Errorf("the certificate of %.80q has a key of %d bits, it needs %d", name, key.N.BitLen(), minRSA)
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageKeyEncipherment == 0:
		return fmt.Errorf("the certificate of %.80q is not for encryption", name)
	}
	return nil
}

// envelopedData is RFC 5652 6.1 with recipients by key transport.
type envelopedData struct {
	Version    int
	Recipients []keyTransRecipient `asn1:"set"`
	Content    encryptedContent
}

type keyTransRecipient struct { // RFC 5652 6.2.1
	Version   int
	ID        issuerAndSerial
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type encryptedContent struct {
	Type      asn1.ObjectIdentifier
	Algorithm pkix.AlgorithmIdentifier
	Content   asn1.RawValue
}

type contentInfo struct { // RFC 5652 3
	Type    asn1.ObjectIdentifier
	Content envelopedData `asn1:"explicit,tag:0"`
}

// smime encrypts to certificates (RFC 8551 3.3).
func (m *parts) smime(to []*x509.Certificate) ([]byte, error) {
	der, err := envelope(m.entity(aes.BlockSize), to)
	if err != nil {
		return nil, err
	}
	const line = 57 // bytes that make 76 letters (RFC 2045 6.8)
	var out bytes.Buffer
	out.Grow(len(m.outside) + 512 + len(der)*4/3 + len(der)/line*2 + 80)
	out.Write(m.outside)
	out.WriteString("MIME-Version: 1.0\r\n" +
		"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n")
	for len(der) > 0 {
		n := min(len(der), line)
		out.Write(base64.StdEncoding.AppendEncode(out.AvailableBuffer(), der[:n]))
		out.WriteString("\r\n")
		der = der[n:]
	}
	return out.Bytes(), nil
}

// envelope encrypts plain with AES-256 in CBC mode, in its place, and the key of
// that to each certificate. That is what every program reads; authenticated modes
// are not.
func envelope(plain []byte, to []*x509.Certificate) ([]byte, error) {
	key, iv := make([]byte, 32), make([]byte, aes.BlockSize)
	rand.Read(key)
	rand.Read(iv)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize // RFC 5652 6.3
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)

	parameter, err := asn1.Marshal(iv)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	data := envelopedData{Content: encryptedContent{
		Type:      asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1},
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: asn1.RawValue{FullBytes: parameter}},
		Content:   asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: plain},
	}}
	for _, cert := range to {
		r, err := wrap(key, cert)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
		}
		data.Recipients = append(data.Recipients, r)
	}
	der, err := asn1.Marshal(contentInfo{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}, data})
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return der, nil
}

// wrap encrypts a key to a certificate with RSA of PKCS #1 version 1.5 (RFC 3370
// 4.2.1): not all programs that read S/MIME know OAEP. What is weak in it is
// decryption for strangers, which is not done here.
func wrap(key []byte, cert *x509.Certificate) (keyTransRecipient, error) {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return keyTransRecipient{}, errors.New("not a key of RSA")
	}
	//lint:ignore SA1019 see above
	wrapped, err := rsa.EncryptPKCS1v15(rand.Reader, public, key)
	return keyTransRecipient{
		ID:        issuerAndSerial{asn1.RawValue{FullBytes: cert.RawIssuer}, cert.SerialNumber},
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
		Key:       wrapped,
	}, err
}
