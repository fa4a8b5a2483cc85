package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

func TestOnlyCertificatesOfTheAuthoritiesAreTrusted(t *testing.T) {
	made := func(usage x509.ExtKeyUsage, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		if parent == nil {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
			parent, by = c, key
		} else {
			c.ExtKeyUsage = []x509.ExtKeyUsage{usage}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c, key
	}
	ours, key := made(0, nil, nil)
	other, otherKey := made(0, nil, nil)
	good, _ := made(x509.ExtKeyUsageClientAuth, ours, key)
	server, _ := made(x509.ExtKeyUsageServerAuth, ours, key)
	strange, _ := made(x509.ExtKeyUsageClientAuth, other, otherKey)
	c := ClientCerts{Authorities: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.Raw}))}
	trusts := c.trusts()
	for name, x := range map[string]struct {
		shown []*x509.Certificate
		want  bool
	}{
		"good": {[]*x509.Certificate{good}, true}, "of a server": {[]*x509.Certificate{server}, false},
		"of another": {[]*x509.Certificate{strange, other}, false}, "none": {nil, false},
	} {
		if got := trusts(&tls.ConnectionState{PeerCertificates: x.shown}); got != x.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if (ClientCerts{Pinned: true}).trusts()(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{good}}) {
		t.Error("trusted without authorities")
	}
	var plain tls.Config
	ClientCerts{}.ask(&plain)
	if plain.ClientAuth != tls.NoClientCert {
		t.Error("clients are asked for nothing")
	}
}
