package directory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"martlet/store"
)

// Limits of the S/MIME certificates that an account has.
const (
	MaxCertificates     = 10       // of one account
	MaxCertificate      = 16 << 10 // bytes in DER
	maxCertificateFile  = MaxPhoto // bytes of a file that holds some
	maxCertificatesFile = 100      // certificates of a file, chains among them
)

// ErrNoCertificate means that the account has no such certificate.
var ErrNoCertificate = errors.New("directory: no such certificate")

// Certificates returns the account's S/MIME certificates in DER, the one that
// is valid longest first. They were checked when they were added; some may have
// expired since.
func (d *Directory) Certificates(ctx context.Context, id AccountID) (all [][]byte, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		all, err = d.certificates(tx, id)
		return err
	})
	return all, err
}

func (d *Directory) certificates(tx *store.Tx, id AccountID) ([][]byte, error) {
	all, err := d.tables.certificates.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return all, err
}

// AddCertificates gives an account more certificates, in DER. One that it has
// already is no error. Each must name an address of the account.
func (d *Directory) AddCertificates(ctx context.Context, id AccountID, ders [][]byte) error {
	return d.editCertificates(ctx, id, func(a *Account, have [][]byte) ([][]byte, error) {
		return checkCertificates(a, append(have, ders...))
	})
}

// RemoveCertificate takes away the certificate whose SHA-256 fingerprint begins
// so, in hex. ErrNoCertificate when there is none or more than one.
func (d *Directory) RemoveCertificate(ctx context.Context, id AccountID, fingerprint string) error {
	want := strings.ToLower(strings.ReplaceAll(fingerprint, ":", ""))
	return d.editCertificates(ctx, id, func(_ *Account, have [][]byte) ([][]byte, error) {
		left := slices.DeleteFunc(slices.Clone(have), func(der []byte) bool { return strings.HasPrefix(Fingerprint(der), want) })
		if want == "" || len(left) != len(have)-1 {
			return nil, fmt.Errorf("%w: %s", ErrNoCertificate, fingerprint)
		}
		return left, nil
	})
}

func (d *Directory) editCertificates(ctx context.Context, id AccountID, edit func(a *Account, have [][]byte) ([][]byte, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		a, err := d.account(tx, id)
		if err != nil {
			return err
		}
		have, err := d.certificates(tx, id)
		if err != nil {
			return err
		}
		want, err := edit(&a, have)
		if err != nil {
			return err
		}
		return d.putCertificates(tx, id, want)
	})
}

func (d *Directory) putCertificates(tx *store.Tx, id AccountID, all [][]byte) error {
	if len(all) == 0 {
		return d.tables.certificates.Delete(tx, id)
	}
	return d.tables.certificates.Set(tx, id, all)
}

// Fingerprint names a certificate: the SHA-256 of its DER in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// checkCertificates returns the certificates, each once and in their order, or
// what is wrong with one.
func checkCertificates(a *Account, ders [][]byte) ([][]byte, error) {
	type one struct {
		der  []byte
		cert *x509.Certificate
	}
	var all []one
	seen := map[string]bool{}
	for _, der := range ders {
		if seen[string(der)] {
			continue
		}
		seen[string(der)] = true
		cert, err := checkCertificate(der)
		if err != nil {
			return nil, err
		}
		if !certifies(cert, a) {
			return nil, fmt.Errorf("%w: the certificate of %.80q names no address of %s", ErrBadValue, cert.Subject.CommonName, a.Login)
		}
		all = append(all, one{der, cert})
	}
	if len(all) > MaxCertificates {
		return nil, fmt.Errorf("%w: more than %d certificates", ErrBadValue, MaxCertificates)
	}
	slices.SortStableFunc(all, func(x, y one) int {
		if c := y.cert.NotAfter.Compare(x.cert.NotAfter); c != 0 {
			return c
		}
		return bytes.Compare(x.der, y.der)
	})
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i].der
	}
	return out, nil
}

func checkCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > MaxCertificate {
		return nil, fmt.Errorf("%w: a certificate has %d bytes, at most %d are allowed", ErrBadValue, len(der), MaxCertificate)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%w: not a certificate", ErrBadValue)
	}
	return cert, nil
}

// certifies tells whether the certificate names one of the account's addresses.
func certifies(cert *x509.Certificate, a *Account) bool {
	own := map[addressKey]bool{}
	for _, s := range addressesOf(a) {
		own[keyOf(s)] = true
	}
	return slices.ContainsFunc(CertifiedAddresses(cert), func(s string) bool {
		addr, err := parseAddress(s)
		return err == nil && own[addr.key()]
	})
}

// CertifiedAddresses are the mail addresses a certificate names: in its
// alternative names, or as older ones do in its subject (RFC 8550 3).
func CertifiedAddresses(cert *x509.Certificate) []string {
	all := slices.Clone(cert.EmailAddresses)
	oidEmail := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	for _, n := range cert.Subject.Names {
		if s, ok := n.Value.(string); ok && n.Type.Equal(oidEmail) {
			all = append(all, s)
		}
	}
	return all
}

// ParseCertificates reads the certificates of a file: PEM, DER or PKCS#7, as
// what certification authorities give out. Of a chain it returns those that are
// not an authority's.
func ParseCertificates(file []byte) ([][]byte, error) {
	if len(file) > maxCertificateFile {
		return nil, fmt.Errorf("%w: the file has more than %d bytes", ErrBadValue, maxCertificateFile)
	}
	var all []*x509.Certificate
	if bytes.Contains(file, []byte("-----BEGIN")) {
		for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
			switch block.Type {
			case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7":
				some, err := parseDER(block.Bytes)
				if err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
			if len(all) > maxCertificatesFile {
				break
			}
		}
	} else {
		some, err := parseDER(file)
		if err != nil {
			return nil, err
		}
		all = some
	}
	if len(all) > maxCertificatesFile {
		return nil, fmt.Errorf("%w: the file holds more than %d certificates", ErrBadValue, maxCertificatesFile)
	}
	var ders [][]byte
	for _, c := range all {
		if !c.IsCA {
			ders = append(ders, c.Raw)
		}
	}
	if len(ders) == 0 {
		return nil, fmt.Errorf("%w: the file holds no certificate of a person", ErrBadValue)
	}
	return ders, nil
}

// signedData is what of a PKCS#7 file leads to its certificates (RFC 5652 5.1).
type signedData struct {
	Version          int
	DigestAlgorithms asn1.RawValue
	ContentInfo      asn1.RawValue
	Certificates     asn1.RawValue `asn1:"optional,tag:0"`
}

func parseDER(b []byte) ([]*x509.Certificate, error) {
	if all, err := x509.ParseCertificates(b); err == nil && len(all) > 0 {
		return all, nil
	}
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	var inner signedData
	if _, err := asn1.Unmarshal(b, &outer); err == nil && outer.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		content := outer.Content.FullBytes
		if outer.Content.Class == asn1.ClassContextSpecific {
			content = outer.Content.Bytes
		}
		if _, err := asn1.Unmarshal(content, &inner); err == nil {
			if all, err := x509.ParseCertificates(inner.Certificates.Bytes); err == nil && len(all) > 0 {
				return all, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: the file is neither PEM, DER nor PKCS#7 with certificates", ErrBadValue)
}

func certificatesCodec() store.Codec[[][]byte] {
	return store.Codec[[][]byte]{
		Append: func(dst []byte, all [][]byte) []byte {
			e := store.NewEncoder(dst)
			for _, der := range all {
				e.Element(1, string(der))
			}
			return e.Out()
		},
		Parse: func(b []byte) (all [][]byte, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				if f.Number == 1 {
					all = append(all, []byte(f.String()))
				}
				return nil
			})
			return all, err
		},
	}
}

// certificates checks that each row belongs to an account and can be read.
func (c *checking) certificates() error {
	for row, err := range c.d.tables.certificates.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[row.Key]; !ok {
			c.problem("certificates", fmt.Sprint(row.Key), "of no account")
		}
		for i, der := range row.Value {
			if _, err := checkCertificate(der); err != nil {
				c.problem("certificates", fmt.Sprint(row.Key), "number %d: %v", i, err)
			}
		}
	}
	return nil
}
