package tlspolicy

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"martlet/mail/dns"
	"martlet/mail/relay"
)

// The fields of a TLSA record that SMTP uses (RFC 7672 3.1, RFC 6698 7).
const (
	usageTA = 2 // a certificate above the host's
	usageEE = 3 // the host's own

	selectCert = 0 // the whole certificate
	selectKey  = 1 // its public key

	matchFull   = 0
	matchSHA256 = 1
	matchSHA512 = 2
)

// maxTLSA records of a host are looked at.
const maxTLSA = 32

// ErrDANE tells that the certificate is none that the host's TLSA records name.
var ErrDANE = errors.New("the certificate is not the one that the TLSA records name")

// danePolicy is what DANE says of a host; nil: nothing.
type danePolicy struct {
	base    string     // the name that has the records, and is asked for in the handshake
	names   []string   // that a certificate under a trust anchor may bear
	all     []dns.TLSA // as they are
	records []dns.TLSA // those that can be used
}

func (d *danePolicy) present() bool { return d != nil }
func (d *danePolicy) usable() bool  { return d != nil && len(d.records) > 0 }

// daneFor finds the TLSA records of a host (RFC 7672 2.2). Where the DNS proves
// nothing they do not count; where it fails nothing may be sent.
func (p *Policies) daneFor(ctx context.Context, domain string, host relay.Host) (*danePolicy, error) {
	if !host.Authentic || !isHost(host.Name) {
		return nil, nil
	}
	bases, err := p.bases(ctx, host.Name)
	if err != nil {
		return nil, err
	}
	for _, base := range bases {
		found, err := p.cfg.DNS.TLSA(ctx, fmt.Sprintf("_%d._tcp.%s", host.Port, base))
		switch {
		case isNotFound(err):
			continue
		case err != nil:
			return nil, err
		case !found.Authentic:
			continue
		}
		d := &danePolicy{base: base, all: found.Records[:min(len(found.Records), maxTLSA)]}
		for _, n := range []string{base, host.Name, domain} { // RFC 7672 3.2.2
			if isHost(n) && !slices.Contains(d.names, n) {
				d.names = append(d.names, n)
			}
		}
		d.records = usable(d.all)
		return d, nil
	}
	return nil, nil
}

// bases are the names under which the TLSA records may be: where the chain of
// aliases of the host ends, if it is proved, and the host's own (RFC 7672 2.2.2).
func (p *Policies) bases(ctx context.Context, host string) ([]string, error) {
	found, err := p.cfg.DNS.Addresses(ctx, host)
	switch {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case found.Name == host && found.Authentic:
		return []string{host}, nil
	case found.Name == host:
		return nil, nil
	case found.Authentic:
		return []string{found.Name, host}, nil
	}
	alias, err := p.cfg.DNS.CNAME(ctx, host)
	switch {
	case err == nil && alias.Authentic:
		return []string{host}, nil
	case err != nil && !isNotFound(err):
		return nil, err
	}
	return nil, nil
}

// usable are the records that can be used, the weaker digests left out where there
// is a stronger one of the same kind (RFC 7671 9).
func usable(all []dns.TLSA) (list []dns.TLSA) {
	strongest := map[[2]uint8]uint8{}
	for _, r := range all {
		if isUsable(&r) {
			k := [2]uint8{r.Usage, r.Selector}
			strongest[k] = max(strongest[k], r.MatchingType)
		}
	}
	for _, r := range all {
		if isUsable(&r) && (r.MatchingType == matchFull || r.MatchingType == strongest[[2]uint8{r.Usage, r.Selector}]) {
			list = append(list, r)
		}
	}
	return list
}

// isUsable takes DANE-TA and DANE-EE alone: the usages that lean on public
// authorities are none for SMTP (RFC 7672 3.1.3).
func isUsable(r *dns.TLSA) bool {
	if r.Usage != usageTA && r.Usage != usageEE || r.Selector > selectKey {
		return false
	}
	switch r.MatchingType {
	case matchSHA256:
		return len(r.Data) == sha256.Size
	case matchSHA512:
		return len(r.Data) == sha512.Size
	case matchFull:
		if r.Selector == selectCert {
			_, err := x509.ParseCertificate(r.Data)
			return err == nil
		}
		_, err := x509.ParsePKIXPublicKey(r.Data)
		return err == nil
	}
	return false
}

// config verifies a host by its records.
func (d *danePolicy) config() *tls.Config {
	return &tls.Config{
		ServerName: d.base, // RFC 7672 8.1
		MinVersion: tls.VersionTLS12,
		// The records take the place of public authorities; VerifyConnection looks
		// at them, on every handshake.
		InsecureSkipVerify: true,
		VerifyConnection:   func(cs tls.ConnectionState) error { return d.verify(cs.PeerCertificates) },
	}
}

// verify tells whether a chain is one that the records name: the host's own
// certificate, of which nothing else counts (RFC 7672 3.1.1), or one above it.
func (d *danePolicy) verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return ErrDANE
	}
	why := ErrDANE
	for i := range d.records {
		r := &d.records[i]
		if r.Usage == usageEE {
			if matches(r, chain[0]) {
				return nil
			}
			continue
		}
		for _, anchor := range anchors(r, chain) {
			err := d.verifyBelow(anchor, chain)
			if err == nil {
				return nil
			}
			why = err
		}
	}
	return why
}

// anchors are the certificates that a record of usage DANE-TA makes trusted: those
// of the chain above the host's that it names, one that it holds whole, and those
// that a key signed which it holds whole (RFC 7671 5.2).
func anchors(r *dns.TLSA, chain []*x509.Certificate) (list []*x509.Certificate) {
	for _, c := range chain[1:] {
		if matches(r, c) {
			list = append(list, c)
		}
	}
	if r.MatchingType != matchFull {
		return list
	}
	if r.Selector == selectCert {
		if c, err := x509.ParseCertificate(r.Data); err == nil {
			list = append(list, c)
		}
		return list
	}
	key, err := x509.ParsePKIXPublicKey(r.Data)
	if err != nil {
		return list
	}
	issuer := &x509.Certificate{Version: 3, PublicKey: key, BasicConstraintsValid: true, IsCA: true, PublicKeyAlgorithm: algorithmOf(key)}
	for _, c := range chain {
		if c.CheckSignatureFrom(issuer) == nil {
			list = append(list, c)
		}
	}
	return list
}

// verifyBelow verifies the chain up to an anchor, with the names that the host may
// have (RFC 7672 3.1.2, 3.2.2).
func (d *danePolicy) verifyBelow(anchor *x509.Certificate, chain []*x509.Certificate) error {
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	opts.Roots.AddCert(anchor)
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return err
	}
	var why error
	for _, n := range d.names {
		if why = chain[0].VerifyHostname(n); why == nil {
			return nil
		}
	}
	return why
}

// matches compares a certificate with a record (RFC 6698 2.1).
func matches(r *dns.TLSA, c *x509.Certificate) bool {
	data := c.Raw
	if r.Selector == selectKey {
		data = c.RawSubjectPublicKeyInfo
	}
	switch r.MatchingType {
	case matchSHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case matchSHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return subtle.ConstantTimeCompare(data, r.Data) == 1
}

// algorithmOf names the kind of a public key.
func algorithmOf(key any) x509.PublicKeyAlgorithm {
	switch key.(type) {
	case *rsa.PublicKey:
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	}
	return x509.UnknownPublicKeyAlgorithm
}
