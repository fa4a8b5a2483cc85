package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"
)

// clientCertsFile is [client_certificates].
type clientCertsFile struct {
	Authorities string `toml:"authorities"`
	Pinned      bool   `toml:"pinned"`
}

// ClientCerts says whose client certificates let in. The zero value: nobody's.
type ClientCerts struct {
	Authorities string // in PEM, that vouch for the addresses in a certificate; empty: none does
	Pinned      bool   // those whose fingerprints accounts have let in, too
}

func (c ClientCerts) any() bool { return c.Authorities != "" || c.Pinned }

func (r *configReader) clientCerts(f *clientCertsFile) ClientCerts {
	c := ClientCerts{Pinned: f.Pinned || f.Authorities != ""}
	if f.Authorities == "" {
		return c
	}
	pem, err := os.ReadFile(r.path(f.Authorities))
	if err != nil {
		r.fail("client_certificates", "authorities", "%v", err)
		return c
	}
	c.Authorities = string(pem)
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		r.fail("client_certificates", "authorities", "%s holds no certificate in PEM", f.Authorities)
	}
	return c
}

// pool are the authorities, nil for none.
func (c ClientCerts) pool() *x509.CertPool {
	if c.Authorities == "" {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(c.Authorities))
	return pool
}

// ask has a TLS server ask for a certificate. One that nobody vouches for does no
// harm: it is as if there were none, and it may be pinned.
func (c ClientCerts) ask(t *tls.Config) {
	if c.any() {
		t.ClientAuth, t.ClientCAs = tls.RequestClientCert, c.pool()
	}
}

// trusts tells of a connection whether one of the authorities vouches for who is
// at its other end.
func (c ClientCerts) trusts() func(*tls.ConnectionState) bool {
	roots := c.pool()
	return func(conn *tls.ConnectionState) bool {
		if roots == nil || len(conn.PeerCertificates) == 0 {
			return false
		}
		between := x509.NewCertPool()
		for _, one := range conn.PeerCertificates[1:] {
			between.AddCert(one)
		}
		_, err := conn.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		return err == nil
	}
}
