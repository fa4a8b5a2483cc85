package admin

import (
	"context"
	"crypto/x509"
	"time"

	"martlet/directory"
)

// Certificate is an S/MIME certificate as shown to an administrator.
type Certificate struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, in hex
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Addresses   []string  `json:"addresses"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Expired     bool      `json:"expired"`
}

// CertificateRequest names a user, and what is to be added or removed.
type CertificateRequest struct {
	Login       string `json:"login"`
	File        []byte `json:"file,omitempty"` // PEM, DER or PKCS#7
	Fingerprint string `json:"fingerprint,omitempty"`
}

// PhotoRequest gives a user a photo; an empty one takes it away.
type PhotoRequest struct {
	Login string `json:"login"`
	Photo []byte `json:"photo,omitempty"`
}

func (a *Admin) addCertificates(ctx context.Context, in CertificateRequest) ([]Certificate, error) {
	ders, err := directory.ParseCertificates(in.File)
	if err != nil {
		return nil, err
	}
	return a.editCertificates(ctx, in.Login, "certificates added", func(id directory.AccountID) error {
		return a.c.Directory.AddCertificates(ctx, id, ders)
	})
}

func (a *Admin) removeCertificate(ctx context.Context, in CertificateRequest) ([]Certificate, error) {
	return a.editCertificates(ctx, in.Login, "certificate removed", func(id directory.AccountID) error {
		return a.c.Directory.RemoveCertificate(ctx, id, in.Fingerprint)
	})
}

func (a *Admin) editCertificates(ctx context.Context, login, event string, edit func(directory.AccountID) error) ([]Certificate, error) {
	acc, err := a.find(ctx, login)
	if err != nil {
		return nil, err
	}
	if err := edit(acc.ID); err != nil {
		return nil, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", event)
	return a.certificatesOf(ctx, acc.ID)
}

func (a *Admin) listCertificates(ctx context.Context, in CertificateRequest) ([]Certificate, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	return a.certificatesOf(ctx, acc.ID)
}

func (a *Admin) certificatesOf(ctx context.Context, id directory.AccountID) ([]Certificate, error) {
	ders, err := a.c.Directory.Certificates(ctx, id)
	if err != nil {
		return nil, err
	}
	all := []Certificate{}
	for _, der := range ders {
		c := Certificate{Fingerprint: directory.Fingerprint(der), Addresses: []string{}}
		if cert, err := x509.ParseCertificate(der); err == nil {
			c.Subject, c.Issuer, c.NotBefore, c.NotAfter = cert.Subject.String(), cert.Issuer.String(), cert.NotBefore.UTC(), cert.NotAfter.UTC()
			c.Addresses = append(c.Addresses, directory.CertifiedAddresses(cert)...)
			c.Expired = time.Now().After(cert.NotAfter)
		}
		all = append(all, c)
	}
	return all, nil
}

func (a *Admin) setPhoto(ctx context.Context, in PhotoRequest) (User, error) {
	return a.change(ctx, in.Login, "photo", func(id directory.AccountID) error {
		return a.c.Directory.SetPhoto(ctx, id, in.Photo)
	})
}
