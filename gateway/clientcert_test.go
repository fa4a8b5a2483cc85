package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"martlet/directory/lockout"
)

func TestACertificateLetsInWhoSendsNothingElse(t *testing.T) {
	s, h := door(t)
	trusted := true
	st := s.c.Directory
	s.guard = lockout.New(lockout.Config{Store: s.c.Store, Directory: st, Trusts: func(*tls.ConnectionState) bool { return trusted }})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), EmailAddresses: []string{"anna@example.org"},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ask := func(login, password string) int {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodOptions, "/Microsoft-Server-ActiveSync", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
		if login != "" {
			r.SetBasicAuth(login, password)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if got := ask("", ""); got != 401 {
		t.Errorf("where certificates do not count: HTTP %d", got)
	}
	s.c.ClientCertificates = true
	if got := ask("", ""); got != 200 {
		t.Errorf("HTTP %d", got)
	}
	if got := ask("anna@example.org", "wrong"); got != 401 {
		t.Errorf("a wrong password beside it: HTTP %d", got)
	}
	trusted = false
	if got := ask("", ""); got != 401 {
		t.Errorf("whom nobody vouches for: HTTP %d", got)
	}
}
