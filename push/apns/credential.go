package apns

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/certificate"
	"github.com/sideshow/apns2/token"
)

const (
	idLength   = 10  // of key ids and team ids, "Obtain an encryption key and key ID from Apple"
	maxGeneric = 200 // bytes
)

// appError names the app that something is wrong with.
func appError(name, format string, args ...any) error {
	return fmt.Errorf("apns: app %q: %w", name, fmt.Errorf(format, args...))
}

// builder makes the credentials, one for all apps that share it.
type builder struct {
	cfg   *Config
	hosts [2]string
	addrs [2]string
	keys  map[string]*sharedKey
	certs map[[sha256.Size]byte]*credential
	creds []*credential
}

type sharedKey struct {
	key        *ecdsa.PrivateKey
	credential *credential
}

func newBuilder(cfg *Config) (*builder, error) {
	b := &builder{
		cfg:   cfg,
		hosts: [2]string{apns2.HostProduction, apns2.HostDevelopment},
		keys:  map[string]*sharedKey{},
		certs: map[[sha256.Size]byte]*credential{},
	}
	for i, h := range [2]string{cfg.Host, cfg.SandboxHost} {
		if h != "" {
			b.hosts[i] = strings.TrimSuffix(h, "/")
		}
		u, err := url.Parse(b.hosts[i])
		if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return nil, errors.New("apns: the host must look like https://api.push.apple.com or https://localhost:2197")
		}
		port := u.Port()
		if port == "" {
			port = "443"
		}
		b.addrs[i] = net.JoinHostPort(u.Hostname(), port)
	}
	return b, nil
}

// app checks an app and finds or makes its credential.
func (b *builder) app(a *App) (*app, error) {
	if a.Name == "" {
		return nil, errors.New("apns: an app has no name")
	}
	ready := &app{name: a.Name, topic: a.Topic, generic: a.Generic}
	if ready.generic == "" {
		ready.generic = "New message"
	}
	if len(ready.generic) > maxGeneric {
		return nil, appError(a.Name, "the generic text is longer than %d bytes", maxGeneric)
	}
	var err error
	switch withKey, withCertificate := len(a.Key) > 0, len(a.Certificate) > 0; {
	case withKey && withCertificate:
		return nil, appError(a.Name, "it has both a key and a certificate; one of them is enough")
	case withKey:
		ready.credential, err = b.key(a)
	case withCertificate:
		ready.credential, ready.topic, err = b.certificate(a)
	default:
		return nil, appError(a.Name, "it has neither a key (.p8) nor a certificate")
	}
	if err != nil {
		return nil, appError(a.Name, "%w", err)
	}
	if !validTopic(ready.topic) {
		return nil, appError(a.Name, "the topic %q is no bundle id such as com.example.mail", ready.topic)
	}
	return ready, nil
}

func (b *builder) key(a *App) (*credential, error) {
	switch {
	case len(a.KeyID) != idLength:
		return nil, fmt.Errorf("the key id %q is not 10 characters long; it is in the name of the file, AuthKey_<key id>.p8", a.KeyID)
	case len(a.TeamID) != idLength:
		return nil, fmt.Errorf("the team id %q is not 10 characters long; it is on the membership page of the developer account", a.TeamID)
	case a.Topic == "":
		return nil, errors.New("the topic is missing: a key needs the bundle id of the app")
	}
	key, err := parseKey(a.Key)
	if err != nil {
		return nil, err
	}
	id := a.TeamID + " " + a.KeyID
	if k := b.keys[id]; k != nil {
		if !k.key.Equal(key) {
			return nil, fmt.Errorf("another app has another key of the id %s", a.KeyID)
		}
		return k.credential, nil
	}
	c := &credential{token: newProvider(key, a.KeyID, a.TeamID, b.cfg.Log)}
	b.connect(c, nil)
	b.keys[id] = &sharedKey{key, c}
	return c, nil
}

// parseKey reads a .p8 file: PKCS #8 in PEM, an EC key on the curve P-256.
func parseKey(p8 []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(p8)
	switch {
	case block == nil:
		return nil, errors.New("the key is no .p8 file (PEM, BEGIN PRIVATE KEY)")
	case block.Type != "PRIVATE KEY":
		return nil, fmt.Errorf("the key is no .p8 file: it holds a %s", block.Type)
	}
	key, err := token.AuthKeyFromBytes(p8)
	switch {
	case errors.Is(err, token.ErrAuthKeyNotECDSA):
		return nil, errors.New("the key is not an EC key, which Apple's are")
	case err != nil:
		return nil, errors.New("the key cannot be read: the file is damaged")
	case key.Curve != elliptic.P256():
		return nil, fmt.Errorf("the key is on the curve %s, not P-256", key.Curve.Params().Name)
	}
	return key, nil
}

func (b *builder) certificate(a *App) (*credential, string, error) {
	cert, leaf, err := parseCertificate(a)
	if err != nil {
		return nil, "", err
	}
	if err := b.checkDates(a, leaf); err != nil {
		return nil, "", err
	}
	topics := certificateTopics(leaf)
	topic := a.Topic
	switch {
	case topic == "" && len(topics) == 0:
		return nil, "", errors.New("the topic is missing, and the certificate names none")
	case topic == "":
		topic = topics[0]
	case len(topics) > 0 && !slices.Contains(topics, topic):
		return nil, "", fmt.Errorf("the certificate is for the topic %s, not for %s", strings.Join(topics, ", "), topic)
	}
	id := sha256.Sum256(leaf.Raw)
	c := b.certs[id]
	if c == nil {
		c = &credential{expires: leaf.NotAfter}
		b.connect(c, &cert)
		b.certs[id] = c
	}
	return c, topic, nil
}

// soon is when an administrator is told to ask for the next certificate.
const soon = 30 * 24 * time.Hour

func (b *builder) checkDates(a *App, leaf *x509.Certificate) error {
	now, expiry := time.Now(), leaf.NotAfter.Format(time.DateOnly)
	switch {
	case now.After(leaf.NotAfter) && b.cfg.StartExpired:
		b.cfg.Log.Error("push certificate has expired: nothing is sent for the app", "app", a.Name, "expired", expiry)
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate has expired on %s", expiry)
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", leaf.NotBefore.Format(time.DateOnly))
	case leaf.NotAfter.Sub(now) < soon:
		b.cfg.Log.Warn("push certificate expires soon", "app", a.Name, "expires", expiry)
	}
	return nil
}

func parseCertificate(a *App) (tls.Certificate, *x509.Certificate, error) {
	var cert tls.Certificate
	var err error
	if bytes.Contains(a.Certificate, []byte("-----BEGIN ")) {
		cert, err = certificate.FromPemBytes(slices.Concat(a.Certificate, []byte("\n"), a.CertificateKey), a.Password)
	} else {
		cert, err = certificate.FromP12Bytes(a.Certificate, a.Password)
		if err != nil {
			return cert, nil, fmt.Errorf("the PKCS #12 file cannot be opened (%w); if the password is right, try openssl pkcs12 -in file.p12 -nodes -out file.pem", err)
		}
	}
	switch {
	case errors.Is(err, certificate.ErrNoPrivateKey):
		return cert, nil, errors.New("the certificate has no private key: put it into the same file or name its own")
	case err != nil:
		return cert, nil, fmt.Errorf("the certificate cannot be read: %w", err)
	case len(cert.Certificate) == 0:
		return cert, nil, errors.New("the file holds no certificate")
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return cert, nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	signer, ok := cert.PrivateKey.(crypto.Signer)
	public, ok2 := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !ok2 || !public.Equal(signer.Public()) {
		return cert, nil, errors.New("the private key is not the one of the certificate")
	}
	cert.Leaf = leaf
	return cert, leaf, nil
}

// certificateTopics reads the topics of a provider certificate: the user id of
// its subject (RFC 4519 2.39), and for one that has several the extension
// 1.2.840.113635.100.6.3.6, a sequence of names each followed by its uses.
func certificateTopics(leaf *x509.Certificate) []string {
	var topics []string
	for _, n := range leaf.Subject.Names {
		if s, ok := n.Value.(string); ok && n.Type.Equal(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}) {
			topics = append(topics, s)
		}
	}
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 3, 6}) {
			continue
		}
		var values []asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &values); err != nil {
			continue
		}
		for _, v := range values {
			if v.Class == asn1.ClassUniversal && v.Tag == asn1.TagUTF8String && !slices.Contains(topics, string(v.Bytes)) {
				topics = append(topics, string(v.Bytes))
			}
		}
	}
	return topics
}

// connect gives a credential its two places.
func (b *builder) connect(c *credential, cert *tls.Certificate) {
	for i := range c.place {
		l := newLink(b.addrs[i], b.cfg.Roots, cert, b.cfg.Log)
		c.place[i] = place{
			client: newClient(b.hosts[i], l),
			link:   l,
			slots:  make(chan struct{}, b.cfg.InFlight),
		}
	}
	b.creds = append(b.creds, c)
}

// validTopic: a bundle id, or what Apple makes of one.
func validTopic(topic string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	return topic != "" && len(topic) <= 255 && strings.Trim(topic, letters) == ""
}
