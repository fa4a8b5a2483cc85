package pushtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

var (
	errNoVAPID  = errors.New("no vapid")
	errBadVAPID = errors.New("bad vapid")
	errOtherKey = errors.New("another key than that of the subscription")
)

// identify checks Authorization (RFC 8292 2 and 3) and returns the subject.
// restricted is the subscription's key; empty: the sender need not say who it is.
func identify(header, restricted, origin string, needed bool, now time.Time) (subject string, err error) {
	if header == "" {
		if restricted != "" || needed {
			return "", errNoVAPID
		}
		return "", nil
	}
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", errBadVAPID
	}
	params := map[string]string{}
	for p := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		params[strings.ToLower(name)] = strings.Trim(value, `"`)
	}
	claims, err := verify(params["t"], params["k"])
	if err != nil {
		return "", err
	}
	exp := time.Unix(claims.Exp, 0)
	switch {
	case restricted != "" && restricted != params["k"]:
		return "", errOtherKey
	case claims.Aud != origin: // RFC 8292 2: the origin, and nothing more
		return "", errBadVAPID
	case !exp.After(now), exp.After(now.Add(24 * time.Hour)):
		return "", errBadVAPID
	case !reachable(claims.Sub):
		return "", errBadVAPID
	}
	return claims.Sub, nil
}

type vapidClaims struct {
	Aud string `json:"aud"`
	Exp int64  `json:"exp"`
	Sub string `json:"sub"`
}

// verify checks the signature of a JWT (RFC 7515, ES256) with a key as k= has
// it: an uncompressed point (RFC 8292 3.2).
func verify(token, key string) (c vapidClaims, err error) {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return c, errBadVAPID
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return c, errBadVAPID
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errBadVAPID
	}
	var raw [3][]byte
	for i, p := range parts {
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return c, errBadVAPID
		}
	}
	var header struct {
		Alg string `json:"alg"`
		Typ string `json:"typ"`
	}
	if json.Unmarshal(raw[0], &header) != nil || header.Alg != "ES256" || header.Typ != "JWT" || len(raw[2]) != 64 {
		return c, errBadVAPID
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(raw[2][:32]), new(big.Int).SetBytes(raw[2][32:])
	if !ecdsa.Verify(public, sum[:], r, s) || json.Unmarshal(raw[1], &c) != nil {
		return c, errBadVAPID
	}
	return c, nil
}

// reachable tells whether a subject is what Apple takes for one: mailto: or
// https:, without blanks, and not in a domain that only this machine knows.
func reachable(subject string) bool {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		a, err := mail.ParseAddress(address)
		if err != nil || a.Address != address {
			return false
		}
		return publicDomain(address[strings.LastIndexByte(address, '@')+1:])
	}
	u, err := url.Parse(subject)
	return err == nil && u.Scheme == "https" && publicDomain(u.Hostname())
}

func publicDomain(d string) bool {
	for _, local := range []string{"localhost", "local", "invalid"} {
		if d == local || strings.HasSuffix(d, "."+local) {
			return false
		}
	}
	return strings.Contains(d, ".")
}
