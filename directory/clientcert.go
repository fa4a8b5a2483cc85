package directory

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/store"
)

// ErrNoPin means that the account has no such client certificate.
var ErrNoPin = errors.New("directory: no such client certificate")

// Pin is a client certificate that lets one account in, whoever signed it.
type Pin struct {
	Fingerprint string // SHA-256 of the DER in lower-case hexadecimal
	Account     AccountID
	Name        string
	Created     time.Time
}

// maxPins bounds those of one account.
const maxPins = 100

func pinCodec() store.Codec[Pin] {
	return store.Codec[Pin]{
		Append: func(dst []byte, p Pin) []byte {
			e := store.NewEncoder(dst)
			e.Uint(1, uint64(p.Account))
			e.String(2, p.Name)
			e.Time(3, p.Created)
			return e.Out()
		},
		Parse: func(b []byte) (p Pin, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					p.Account = AccountID(f.Uint())
				case 2:
					p.Name = f.String()
				case 3:
					p.Created = f.Time()
				}
				return nil
			})
			return p, err
		},
	}
}

// fingerprint brings the forms in which programs show a fingerprint into one.
func fingerprint(s string) (string, error) {
	s = strings.ToLower(strings.NewReplacer(":", "", " ", "", "SHA256=", "", "sha256=", "").Replace(s))
	if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("%w: a fingerprint is SHA-256 in 64 hexadecimal digits", ErrBadValue)
	}
	return s, nil
}

// AddPin has a client certificate let an account in. ErrExists when it lets in
// somebody already.
func (d *Directory) AddPin(ctx context.Context, id AccountID, print, name string) (Pin, error) {
	print, err := fingerprint(print)
	if err == nil {
		err = checkText(name)
	}
	if err != nil {
		return Pin{}, err
	}
	p := Pin{Fingerprint: print, Account: id, Name: name, Created: time.Now().UTC().Truncate(time.Millisecond)}
	return p, d.store.Update(ctx, func(tx *store.Tx) error {
		if ok, err := d.tables.accounts.Has(tx, id); err != nil || !ok {
			return errors.Join(err, ErrNoAccount)
		}
		if ok, err := d.tables.pins.Has(tx, print); err != nil || ok {
			return errors.Join(err, exists(ok, "the client certificate "+print))
		}
		all, err := d.pinsOf(tx, id)
		if err == nil && len(all) >= maxPins {
			err = fmt.Errorf("%w: an account has at most %d client certificates", ErrBadValue, maxPins)
		}
		if err != nil {
			return err
		}
		return d.tables.pins.Set(tx, print, p)
	})
}

// Pins lists the client certificates that let an account in.
func (d *Directory) Pins(ctx context.Context, id AccountID) (all []Pin, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		all, err = d.pinsOf(tx, id)
		return err
	})
	return all, err
}

func (d *Directory) pinsOf(tx *store.Tx, id AccountID) ([]Pin, error) {
	var all []Pin
	for row, err := range d.tables.pins.Scan(tx, store.TableRange[string]{}) {
		if err != nil {
			return nil, err
		}
		if row.Value.Account == id {
			row.Value.Fingerprint = row.Key
			all = append(all, row.Value)
		}
	}
	return all, nil
}

// RemovePin takes back the one whose fingerprint begins so.
func (d *Directory) RemovePin(ctx context.Context, id AccountID, prefix string) (gone Pin, err error) {
	prefix = strings.ToLower(strings.ReplaceAll(prefix, ":", ""))
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		all, err := d.pinsOf(tx, id)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(p Pin) bool { return prefix == "" || !strings.HasPrefix(p.Fingerprint, prefix) })
		if len(all) != 1 {
			return fmt.Errorf("%w: %d begin so", ErrNoPin, len(all))
		}
		gone = all[0]
		return d.tables.pins.Delete(tx, gone.Fingerprint)
	})
	return gone, err
}

func (d *Directory) dropPins(tx *store.Tx, id AccountID) error {
	all, err := d.pinsOf(tx, id)
	for _, p := range all {
		err = errors.Join(err, d.tables.pins.Delete(tx, p.Fingerprint))
	}
	return err
}

// AuthenticateCertificate tells whom a client's certificate names: the account it
// is pinned to, or, when trusted says that an authority of ours vouches for it, the
// one that has a mail address or user principal name of it. A client that names a
// login must mean that account; one that names none must leave no choice. That the
// client has the key is for TLS to prove, and second factors are not asked for.
func (d *Directory) AuthenticateCertificate(ctx context.Context, cert *x509.Certificate, trusted bool, login string) (a Account, err error) {
	sum := sha256.Sum256(cert.Raw)
	now := time.Now()
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) || len(login) > maxLogin {
		return Account{}, ErrBadCredentials
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		p, err := d.tables.pins.Get(tx, hex.EncodeToString(sum[:]))
		switch {
		case err == nil:
			a, err = d.account(tx, p.Account)
		case errors.Is(err, store.ErrNotFound) && trusted:
			a, err = d.namedBy(tx, cert, login)
		case errors.Is(err, store.ErrNotFound):
			err = ErrNoAccount
		}
		if err != nil || login == "" {
			return err
		}
		said, err := d.loginAccount(tx, login)
		if err == nil && said.ID != a.ID {
			err = ErrNoAccount
		}
		return err
	})
	switch {
	case errors.Is(err, ErrNoAccount):
		return Account{}, ErrBadCredentials
	case err != nil:
		return Account{}, fmt.Errorf("directory: certificate: %w", err)
	case a.Disabled:
		return Account{}, ErrDisabled
	}
	return a, nil
}

// namedBy finds the account that a certificate names; the login chooses where it
// names several.
func (d *Directory) namedBy(tx *store.Tx, cert *x509.Certificate, login string) (found Account, err error) {
	var wanted AccountID
	if login != "" {
		said, err := d.loginAccount(tx, login)
		if err != nil {
			return Account{}, err
		}
		wanted = said.ID
	}
	for _, name := range namesOf(cert) {
		at, err := parseAddress(name)
		if err != nil {
			continue
		}
		a, err := d.accountAt(tx, at.key())
		if errors.Is(err, ErrNoAccount) || err == nil && wanted != 0 && a.ID != wanted {
			continue
		}
		if err != nil {
			return Account{}, err
		}
		if found.ID != 0 && found.ID != a.ID {
			return Account{}, ErrNoAccount
		}
		found = a
	}
	if found.ID == 0 {
		return Account{}, ErrNoAccount
	}
	return found, nil
}

// maxCertNames bounds the names of one certificate that are looked at.
const maxCertNames = 32

// The names of a person in a certificate: mail addresses (RFC 5280 4.2.1.6), and
// the user principal name of Active Directory, which crypto/x509 leaves alone.
var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidUPN            = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// namesOf are the addresses and user principal names of a certificate.
func namesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.EmailAddresses)
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		var all []asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &all); err != nil {
			continue
		}
		for _, one := range all {
			if upn := upnOf(one); upn != "" {
				names = append(names, upn)
			}
		}
	}
	return names[:min(len(names), maxCertNames)]
}

// upnOf reads an otherName [0] that is a user principal name.
func upnOf(v asn1.RawValue) string {
	if v.Class != asn1.ClassContextSpecific || v.Tag != 0 {
		return ""
	}
	var id asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(v.Bytes, &id)
	if err != nil || !id.Equal(oidUPN) {
		return ""
	}
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(rest, &outer); err != nil {
		return ""
	}
	var text string
	if _, err := asn1.UnmarshalWithParams(outer.Bytes, &text, "utf8"); err != nil {
		return ""
	}
	return text
}
