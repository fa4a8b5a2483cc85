package activesync

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"martlet/directory"
	"martlet/gateway/revocation"
	"martlet/protocol/eas"
)

const (
	// maxValidated is how many certificates a request holds (MS-ASCMD_R5661).
	maxValidated = 100
	// maxValidating bounds what one request takes: lists of revoked certificates
	// come from elsewhere.
	maxValidating = 30 * time.Second
)

// validateCert tells whether certificates can be relied on (MS-ASCMD 2.2.1.22),
// in the order of the request.
func (h *Handler) validateCert(ctx context.Context, s *session, q *eas.ValidateCert) (*eas.ValidateCertResponse, error) {
	if n := len(q.Certificates) + len(q.CertificateChain); len(q.Certificates) == 0 || n > maxValidated { // MS-ASCMD_R5662
		return &eas.ValidateCertResponse{Status: eas.ValidateCertStatusProtocolError}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxValidating)
	defer cancel()
	v := &validation{roots: h.c.Roots, lists: h.c.Revocation, strict: q.CheckCRL != nil && *q.CheckCRL, now: time.Now()}
	v.readChain(q.CertificateChain)
	resp := &eas.ValidateCertResponse{Status: eas.ValidateCertStatusSuccess}
	for _, text := range q.Certificates {
		resp.Certificates = append(resp.Certificates, eas.ValidatedCert{Statuses: []eas.ValidateCertStatus{v.status(ctx, text)}})
	}
	if err := s.r.Context().Err(); err != nil {
		return nil, err // the client has gone, or the server ends
	}
	return resp, nil
}

// validation looks at the certificates of one request.
type validation struct {
	roots  *x509.CertPool // nil: those of the system
	lists  *revocation.Lists
	strict bool // a revocation status that is not to be had is a fault (MS-ASCMD 2.2.3.26)
	now    time.Time

	chain     []*x509.Certificate // as the client sent it
	pool      *x509.CertPool
	malformed bool // something in the chain is no certificate
}

func (v *validation) readChain(texts []string) {
	v.pool = x509.NewCertPool()
	for _, text := range texts {
		cert, err := readCertificate(text)
		if err != nil {
			v.malformed = true
			continue
		}
		v.chain = append(v.chain, cert)
		v.pool.AddCert(cert)
	}
}

// maxModulus is how long an RSA key may be in bits: a signature of a longer one
// takes too long to check.
const maxModulus = 8192

// readCertificate reads DER in base64, as clients fold it.
func readCertificate(text string) (*x509.Certificate, error) {
	text = strings.Join(strings.Fields(text), "")
	if len(text) > base64.StdEncoding.EncodedLen(directory.MaxCertificate) {
		return nil, errors.New("activesync: the certificate is too long")
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if k, ok := cert.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() > maxModulus {
		return nil, errors.New("activesync: the certificate's key is too long")
	}
	return cert, nil
}

// status is the outcome for one certificate: the first thing that is wrong with
// it (MS-ASCMD 2.2.3.177.18).
func (v *validation) status(ctx context.Context, text string) eas.ValidateCertStatus {
	if ctx.Err() != nil { // those before took all the time there is
		return eas.ValidateCertStatusUnknownError
	}
	cert, err := readCertificate(text)
	if err != nil {
		return eas.ValidateCertStatusIncompleteInformation
	}
	if status := v.itself(cert); status != eas.ValidateCertStatusSuccess {
		return status
	}
	chains, status := v.build(cert)
	for _, chain := range chains[:min(len(chains), maxChains)] {
		if status = v.revoked(ctx, chain); status == eas.ValidateCertStatusSuccess {
			break
		}
	}
	return status
}

// maxChains is how many ways to a root are tried: one is enough.
const maxChains = 4

// itself looks at the certificate alone.
func (v *validation) itself(cert *x509.Certificate) eas.ValidateCertStatus {
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	case cert.IsCA: // MS-ASCMD_R5847
		return eas.ValidateCertStatusRoleMisused
	case len(cert.UnhandledCriticalExtensions) > 0:
		return eas.ValidateCertStatusIncompleteInformation
	case v.forged(cert):
		return eas.ValidateCertStatusInvalidSignature
	case v.now.Before(cert.NotBefore) || v.now.After(cert.NotAfter):
		return eas.ValidateCertStatusExpired
	case !forMail(cert) || cert.KeyUsage != 0 && cert.KeyUsage&(signs|x509.KeyUsageKeyEncipherment|x509.KeyUsageKeyAgreement) == 0:
		return eas.ValidateCertStatusNotForSigning
	}
	return eas.ValidateCertStatusSuccess
}

// maxIssuers bounds those of one name that are tried.
const maxIssuers = 8

// forged tells whether those that name themselves the issuer are there, and none
// of them has signed the certificate (MS-ASCMD_R4479).
func (v *validation) forged(cert *x509.Certificate) bool {
	candidates := 0
	for _, parent := range append([]*x509.Certificate{cert}, v.chain...) {
		if string(parent.RawSubject) != string(cert.RawIssuer) {
			continue
		}
		if len(cert.AuthorityKeyId) > 0 && len(parent.SubjectKeyId) > 0 && string(cert.AuthorityKeyId) != string(parent.SubjectKeyId) {
			continue // another of the same name
		}
		if candidates++; candidates > maxIssuers {
			return false // the search for a root will tell
		}
		if parent.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return false
		}
	}
	return candidates > 0
}

// build finds the ways to a root (MS-ASCMD_R687, R688).
func (v *validation) build(cert *x509.Certificate) ([][]*x509.Certificate, eas.ValidateCertStatus) {
	o := x509.VerifyOptions{Roots: v.roots, Intermediates: v.pool, CurrentTime: v.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}
	chains, err := cert.Verify(o)
	if err == nil {
		return chains, eas.ValidateCertStatusSuccess
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var noRoots x509.SystemRootsError
	switch {
	case errors.As(err, &invalid):
		return nil, invalidStatus(&invalid)
	case errors.As(err, &noRoots):
		return nil, eas.ValidateCertStatusUnknownError
	case errors.As(err, &unknown) && v.posing(cert):
		return nil, eas.ValidateCertStatusRoleMisused
	case errors.As(err, &unknown) && v.malformed: // what is missing may be what cannot be read
		return nil, eas.ValidateCertStatusInvalidChain
	case errors.As(err, &unknown):
		return nil, eas.ValidateCertStatusUntrustedSource
	}
	return nil, eas.ValidateCertStatusInvalidChain
}

// posing tells whether somebody in the chain has signed the certificate who is
// no authority (MS-ASCMD_R4504).
func (v *validation) posing(cert *x509.Certificate) bool {
	tried := 0
	for _, parent := range v.chain {
		authority := parent.IsCA && (parent.KeyUsage == 0 || parent.KeyUsage&x509.KeyUsageCertSign != 0)
		if authority || string(parent.RawSubject) != string(cert.RawIssuer) || tried == maxIssuers {
			continue
		}
		tried++
		if parent.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return true
		}
	}
	return false
}

// invalidStatus is what is wrong with a certificate of the chain.
func invalidStatus(e *x509.CertificateInvalidError) eas.ValidateCertStatus {
	switch e.Reason {
	case x509.Expired: // the certificate itself was looked at before
		return eas.ValidateCertStatusInconsistentTimes
	case x509.NotAuthorizedToSign: // MS-ASCMD_R4504
		return eas.ValidateCertStatusRoleMisused
	case x509.IncompatibleUsage, x509.CANotAuthorizedForThisName, x509.CANotAuthorizedForExtKeyUsage:
		return eas.ValidateCertStatusChainMisused
	}
	return eas.ValidateCertStatusInvalidChain
}

// revoked asks whether the certificate or an authority above it was revoked
// (MS-ASCMD_R686, R688). The root answers for itself.
func (v *validation) revoked(ctx context.Context, chain []*x509.Certificate) eas.ValidateCertStatus {
	open := eas.ValidateCertStatusSuccess
	for i := 0; i+1 < len(chain); i++ {
		revoked, err := v.lists.Revoked(ctx, chain[i], chain[i+1])
		switch {
		case revoked && i == 0:
			return eas.ValidateCertStatusRevoked
		case revoked:
			return eas.ValidateCertStatusChainRevoked
		case err == nil || open != eas.ValidateCertStatusSuccess:
		case errors.Is(err, revocation.ErrUnknown):
			open = eas.ValidateCertStatusRevocationUnknown
		default:
			open = eas.ValidateCertStatusRevocationServerOffline
		}
	}
	if v.strict { // MS-ASCMD_R893
		return open
	}
	return eas.ValidateCertStatusSuccess
}
