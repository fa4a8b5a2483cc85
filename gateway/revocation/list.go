package revocation

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// list is a revocation list as it is kept, or why there is none.
type list struct {
	serials map[string]struct{}
	until   time.Time // when it is to be fetched again
	err     error     // nil, ErrUnknown or what went wrong when it was fetched

	usersOnly, authoritiesOnly bool // RFC 5280 5.2.5
}

// covers tells whether the list speaks of such certificates.
func (l *list) covers(cert *x509.Certificate) bool {
	return !(l.usersOnly && cert.IsCA || l.authoritiesOnly && !cert.IsCA)
}

// fetch gets a list and reads it.
func (l *Lists) fetch(ctx context.Context, point string, issuer *x509.Certificate) *list {
	failed := func(err error) *list {
		l.log.Warn("revocation list cannot be used", "url", point, "issuer", issuer.Subject.String(), "error", err)
		return &list{until: time.Now().Add(keepFailed), err: err}
	}
	if err := l.slots.Acquire(ctx, 1); err != nil {
		return failed(err)
	}
	defer l.slots.Release(1)
	b, err := l.get(ctx, point)
	if err != nil {
		return failed(err)
	}
	got, err := read(b, issuer, time.Now())
	if err != nil {
		return failed(fmt.Errorf("%w: %w", ErrUnknown, err))
	}
	return got
}

func (l *Lists) get(ctx context.Context, point string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, point, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "martlet")
	resp, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("revocation: the server answers %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
	if err == nil && len(b) > maxList {
		err = fmt.Errorf("revocation: the list has more than %d bytes", maxList)
	}
	return b, err
}

// read makes a list of what a server sent, if the issuer has signed it and it is
// in force.
func read(b []byte, issuer *x509.Certificate, now time.Time) (*list, error) {
	if block, _ := pem.Decode(b); block != nil && block.Type == "X509 CRL" {
		b = block.Bytes
	}
	crl, err := x509.ParseRevocationList(b)
	if err != nil {
		return nil, err
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	switch {
	case crl.ThisUpdate.After(now.Add(clockSlack)):
		return nil, errors.New("the list is not in force yet")
	case crl.NextUpdate.IsZero() || crl.NextUpdate.Before(now):
		return nil, errors.New("the list is out of date")
	case len(crl.RevokedCertificateEntries) > maxEntries:
		return nil, errors.New("the list is too long")
	}
	out := &list{serials: make(map[string]struct{}, len(crl.RevokedCertificateEntries)), until: crl.NextUpdate}
	if most := now.Add(keepAtMost); out.until.After(most) {
		out.until = most
	}
	if err := out.scope(crl); err != nil {
		return nil, err
	}
	for i := range crl.RevokedCertificateEntries {
		e := &crl.RevokedCertificateEntries[i]
		const removeFromCRL = 8 // RFC 5280 5.3.1
		if e.ReasonCode != removeFromCRL {
			out.serials[string(e.SerialNumber.Bytes())] = struct{}{}
		}
	}
	return out, nil
}

// distribution is what a list says of what is in it (RFC 5280 5.2.5).
type distribution struct {
	Point           asn1.RawValue  `asn1:"optional,tag:0"`
	UsersOnly       bool           `asn1:"optional,tag:1"`
	AuthoritiesOnly bool           `asn1:"optional,tag:2"`
	Reasons         asn1.BitString `asn1:"optional,tag:3"`
	Indirect        bool           `asn1:"optional,tag:4"`
	AttributesOnly  bool           `asn1:"optional,tag:5"`
}

// scope reads what the list is about. A list that is only a part, or speaks of
// other issuers' certificates, is not used.
func (l *list) scope(crl *x509.RevocationList) error {
	oidDistribution := asn1.ObjectIdentifier{2, 5, 29, 28}
	for _, ext := range crl.Extensions {
		switch {
		case ext.Id.Equal(oidDistribution):
			var d distribution
			if rest, err := asn1.Unmarshal(ext.Value, &d); err != nil || len(rest) > 0 {
				return errors.New("the list does not say what it is about")
			}
			if d.Indirect || d.AttributesOnly || d.Reasons.BitLength > 0 {
				return errors.New("the list is only a part, or of other issuers")
			}
			l.usersOnly, l.authoritiesOnly = d.UsersOnly, d.AuthoritiesOnly
		case ext.Critical: // a delta list is one of these
			return errors.New("the list says something that is not understood")
		}
	}
	return nil
}
