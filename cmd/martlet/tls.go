package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// selfSignedLife is what phones still take from a certificate that is installed
// on them (Apple refuses more than 825 days).
const selfSignedLife = 800 * 24 * time.Hour

// certificates is where every listener with TLS gets its certificate.
type certificates struct {
	config *tls.Config
	files  *pair                           // what config gives out; nil with ACME
	begin  func(ctx context.Context) error // once the listeners are open
	end    func()
}

// newCertificates reads, makes or prepares to fetch what c asks for.
func newCertificates(c *Config, log *slog.Logger) (*certificates, error) {
	if c.TLS.Mode == tlsACME {
		return newACME(c, log)
	}
	p := &pair{cert: c.TLS.Cert, key: c.TLS.Key}
	if c.TLS.Mode != tlsFiles {
		var err error
		if p, err = selfSigned(filepath.Join(c.StorePath, tlsFolder), c.Hostname, time.Now()); err != nil {
			return nil, err
		}
	}
	p.log = log
	if _, err := p.load(); err != nil {
		return nil, err
	}
	return &certificates{
		config: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate},
		files:  p,
		begin:  func(context.Context) error { return nil },
		end:    func() {},
	}, nil
}

// forMail is the configuration without the protocols that only HTTPS speaks.
func (c *certificates) forMail() *tls.Config {
	t := c.config.Clone()
	t.NextProtos = nil
	return t
}

// pair is a certificate with its key in files, read again when they change:
// whoever renews them need not tell us.
type pair struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   time.Time // of the certificate's file
	checked time.Time
	told    time.Time // that it ends
}

// recheck is how long a certificate is used before its file is looked at again.
const recheck = time.Minute

func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.load() }

func (p *pair) load() (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.loaded != nil && now.Sub(p.checked) < recheck {
		return p.loaded, nil
	}
	p.checked = now
	info, err := os.Stat(p.cert)
	if err == nil && p.loaded != nil && info.ModTime().Equal(p.stamp) {
		p.lookAtEndLocked(now)
		return p.loaded, nil
	}
	var c tls.Certificate
	if err == nil {
		c, err = tls.LoadX509KeyPair(p.cert, p.key)
	}
	if err != nil {
		if p.loaded != nil {
			// Half-written files are no reason to turn anyone away.
			p.log.Error("certificate cannot be read again", "file", p.cert, "error", err)
			p.lookAtEndLocked(now)
			return p.loaded, nil
		}
		return nil, fmt.Errorf("certificate %s with key %s: %w", p.cert, p.key, err)
	}
	p.loaded, p.stamp, p.told = &c, info.ModTime(), time.Time{}
	p.lookAtEndLocked(now)
	return p.loaded, nil
}

// endsSoon is how long before its end a certificate is worth a warning: by then
// whatever renews it should have done so.
const endsSoon = 14 * 24 * time.Hour

// lookAtEndLocked tells once a day that the certificate ends or has ended.
func (p *pair) lookAtEndLocked(now time.Time) {
	ends := p.loaded.Leaf.NotAfter
	if now.Sub(p.told) < 24*time.Hour || ends.Sub(now) > endsSoon {
		return
	}
	p.told = now
	if ends.Before(now) {
		p.log.Error("certificate has ended: phones refuse it", "file", p.cert, "ended", ends)
	} else {
		p.log.Warn("certificate ends soon", "file", p.cert, "ends", ends)
	}
}

// usable reads the certificate and tells whether phones take it at all.
func (p *pair) usable(now time.Time) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if ends := c.Leaf.NotAfter; ends.Before(now) {
		return fmt.Errorf("certificate %s has ended on %s: phones refuse it", p.cert, ends.Format(time.DateOnly))
	}
	return nil
}

// selfSigned returns the certificate kept in a folder; it makes a new one when
// there is none, when it ends within a month, or when it is for other names.
func selfSigned(folder, hostname string, now time.Time) (*pair, error) {
	p := &pair{cert: filepath.Join(folder, "self-signed.crt"), key: filepath.Join(folder, "self-signed.key")}
	names := selfSignedNames(hostname)
	if c, err := tls.LoadX509KeyPair(p.cert, p.key); err == nil && c.Leaf != nil &&
		c.Leaf.NotAfter.After(now.AddDate(0, 1, 0)) && slices.Equal(c.Leaf.DNSNames, names) {
		return p, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return p, makeSelfSigned(p, names, now)
}

func selfSignedNames(hostname string) []string {
	if hostname == "" || hostname == "localhost" {
		return []string{"localhost"}
	}
	return []string{hostname, "localhost"}
}

func makeSelfSigned(p *pair, names []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0], Organization: []string{"Martlet, self-signed"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// It is its own authority, so that it can be installed on a phone.
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), 0o600),
		os.WriteFile(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
	)
}
