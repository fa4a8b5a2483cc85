package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
)

// VAPID is an app's key (RFC 8292 2). It does not show itself in logs; ask for
// Private.
type VAPID struct {
	key    *ecdsa.PrivateKey
	public string
}

// Errors of the configuration.
var (
	ErrVAPID   = errors.New("webpush: not a VAPID private key: 32 bytes of P-256 in base64url, or PEM")
	ErrSubject = errors.New("webpush: the subject is neither mailto: with an address nor an https URL")
)

// GenerateVAPID makes a key.
func GenerateVAPID() (*VAPID, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("webpush: generate: %w", err)
	}
	return newVAPID(key)
}

// ParseVAPID reads a private key as everybody writes it, 32 bytes in base64url,
// with or without padding, or PEM as openssl does. The error does not repeat it.
func ParseVAPID(private string) (*VAPID, error) {
	private = strings.TrimSpace(private)
	if strings.HasPrefix(private, "-----BEGIN") {
		return parsePEM(private)
	}
	private = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(private, "="))
	raw, err := base64.RawURLEncoding.DecodeString(private)
	if err != nil {
		return nil, ErrVAPID
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, ErrVAPID
	}
	return newVAPID(key)
}

func parsePEM(text string) (*VAPID, error) {
	for rest := []byte(text); ; {
		block, more := pem.Decode(rest)
		if block == nil {
			return nil, ErrVAPID
		}
		rest = more
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return newVAPID(key)
		}
		if any, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := any.(*ecdsa.PrivateKey); ok {
				return newVAPID(key)
			}
		}
	}
}

func newVAPID(key *ecdsa.PrivateKey) (*VAPID, error) {
	if key.Curve != elliptic.P256() {
		return nil, ErrVAPID
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, ErrVAPID
	}
	return &VAPID{key: key, public: base64.RawURLEncoding.EncodeToString(point)}, nil
}

// Public is what apps subscribe with (applicationServerKey): 65 bytes in
// base64url.
func (v *VAPID) Public() string { return v.public }

// Private is what ParseVAPID reads. It is a secret.
func (v *VAPID) Private() (string, error) {
	raw, err := v.key.Bytes()
	if err != nil {
		return "", fmt.Errorf("webpush: private key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// String is the public key, so that the private one is not printed by mistake.
func (v *VAPID) String() string { return v.public }

// GoString is String.
func (v *VAPID) GoString() string { return v.public }

// LogValue is String.
func (v *VAPID) LogValue() slog.Value { return slog.StringValue(v.public) }

// sign makes the signature of a JWT with ES256 (RFC 7518 3.4): r and s, 32
// bytes each.
func (v *VAPID) sign(text string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, v.key, sum[:])
	if err != nil {
		return nil, fmt.Errorf("webpush: sign: %w", err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// CheckSubject tells whether a subject has one of the forms of RFC 8292 2.1, as
// strictly as Apple reads them: no blanks, no name beside the address.
func CheckSubject(subject string) error {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		a, err := mail.ParseAddress(address)
		if err != nil || a.Address != address {
			return ErrSubject
		}
		return nil
	}
	u, err := url.Parse(subject)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ErrSubject
	}
	return nil
}

// ReachableSubject tells whether a subject names a domain of the Internet.
// Apple answers 403 BadJwtToken to everything signed with another one.
func ReachableSubject(subject string) bool {
	if CheckSubject(subject) != nil {
		return false
	}
	_, domain, ok := strings.Cut(strings.TrimPrefix(subject, "mailto:"), "@")
	if !ok {
		u, err := url.Parse(subject)
		if err != nil {
			return false
		}
		domain = u.Hostname()
	}
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	for _, local := range []string{"localhost", "local", "invalid", "test", "internal", "home.arpa", "lan"} {
		if domain == local || strings.HasSuffix(domain, "."+local) {
			return false
		}
	}
	return strings.Contains(domain, ".")
}
