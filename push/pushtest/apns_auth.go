package pushtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Limits of a provider token, "Refresh your token regularly".
const (
	apnsTokenLife  = time.Hour
	apnsTokenPause = 20 * time.Minute
)

// APNsKey is what a developer downloads and notes down.
type APNsKey struct {
	P8            []byte // AuthKey_<KeyID>.p8
	KeyID, TeamID string
}

// apnsKey is the service's side of it.
type apnsKey struct {
	public     *ecdsa.PublicKey
	team       string
	topics     []string
	wrongPlace bool // a key of the other environment
}

// NewKey makes a signing key of a developer team for some of its topics.
func (a *APNs) NewKey(team string, topics ...string) (APNsKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return APNsKey{}, fmt.Errorf("pushtest: APNs key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return APNsKey{}, fmt.Errorf("pushtest: APNs key: %w", err)
	}
	k := APNsKey{
		P8:     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		KeyID:  strings.ToUpper(rand.Text()[:10]),
		TeamID: team,
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[k.KeyID] = &apnsKey{public: &key.PublicKey, team: team, topics: topics}
	return k, nil
}

// Revoke has a key refused from now on: 403 InvalidProviderToken.
func (a *APNs) Revoke(keyID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, keyID)
}

// Misplace makes a key one of the other environment: 403
// BadEnvironmentKeyIdInToken.
func (a *APNs) Misplace(keyID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.keys[keyID]; k != nil {
		k.wrongPlace = true
	}
}

// oidUserID is the subject attribute that names the topic of a push
// certificate (RFC 4519 2.39).
func oidUserID() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
}

// NewCertificate makes a provider certificate for a topic, with its key, both
// as PEM. A zero expiry is in a month.
func (a *APNs) NewCertificate(topic string, expiry time.Time) (certificate, key []byte, err error) {
	template := &x509.Certificate{
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: oidUserID(), Value: topic},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "Apple Push Services: " + topic},
		}},
		NotAfter:    expiry,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if !expiry.IsZero() {
		template.NotBefore = expiry.Add(-365 * 24 * time.Hour)
	}
	cert, err := a.ca.issue(template)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("pushtest: APNs certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// certificateTopic is the topic of the certificate that a provider showed; empty
// without one.
func certificateTopic(s tls.ConnectionState) string {
	if len(s.PeerCertificates) == 0 {
		return ""
	}
	for _, n := range s.PeerCertificates[0].Subject.Names {
		if topic, ok := n.Value.(string); ok && n.Type.Equal(oidUserID()) {
			return topic
		}
	}
	return ""
}

// authority of a request: which topics it may push to, or why none.
func (c *apnsConn) authorize(authorization string) (topics []string, refusal apnsRefusal) {
	if c.topic != "" {
		return []string{c.topic}, apnsRefusal{}
	}
	bearer, ok := strings.CutPrefix(authorization, "bearer ")
	if !ok || bearer == "" {
		return nil, apnsRefusal{403, "MissingProviderToken"}
	}
	now := c.service.now()
	if bearer != c.bearer {
		key, id, issued, ok := c.service.verify(bearer)
		switch {
		case !ok || issued.After(now.Add(apnsTokenLife)):
			return nil, apnsRefusal{403, "InvalidProviderToken"}
		case key.wrongPlace:
			return nil, apnsRefusal{403, "BadEnvironmentKeyIdInToken"}
		case c.key != nil && c.key.team != key.team:
			return nil, apnsRefusal{403, "Forbidden"}
		case c.key != nil && c.keyID != id:
			return nil, apnsRefusal{403, "UnrelatedKeyIdInToken"}
		case c.key != nil && issued.After(c.issued) && now.Sub(c.renewed) < apnsTokenPause:
			return nil, apnsRefusal{429, "TooManyProviderTokenUpdates"}
		case now.Sub(issued) > apnsTokenLife:
			return nil, apnsRefusal{403, "ExpiredProviderToken"}
		}
		c.key, c.keyID, c.bearer, c.issued, c.renewed = key, id, bearer, issued, now
	}
	if now.Sub(c.issued) > apnsTokenLife {
		return nil, apnsRefusal{403, "ExpiredProviderToken"}
	}
	if !c.service.knows(c.keyID) {
		return nil, apnsRefusal{403, "InvalidProviderToken"}
	}
	return c.key.topics, apnsRefusal{}
}

func (a *APNs) knows(keyID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys[keyID] != nil
}

// verify reads a JSON Web Token (RFC 7519) signed with ES256 (RFC 7518 3.4).
func (a *APNs) verify(bearer string) (key *apnsKey, id string, issued time.Time, ok bool) {
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return nil, "", issued, false
	}
	var head struct{ Alg, Kid string }
	var claims struct {
		Iss string
		Iat int64
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 || !jsonPart(parts[0], &head) || !jsonPart(parts[1], &claims) {
		return nil, "", issued, false
	}
	a.mu.Lock()
	key = a.keys[head.Kid]
	a.mu.Unlock()
	if key == nil || head.Alg != "ES256" || claims.Iss != key.team || claims.Iat <= 0 {
		return nil, "", issued, false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return key, head.Kid, time.Unix(claims.Iat, 0), ecdsa.Verify(key.public, sum[:], r, s)
}

func jsonPart(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

// may tells whether a topic is one of those allowed, or one of them with the
// suffix of a push type.
func may(topics []string, topic string) bool {
	return slices.ContainsFunc(topics, func(t string) bool {
		return topic == t || strings.HasPrefix(topic, t+".")
	})
}
