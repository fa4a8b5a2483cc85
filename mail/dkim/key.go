package dkim

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// public is a key as the DNS has it (RFC 6376 3.6.1).
type public struct {
	key    crypto.PublicKey
	strict bool // t=s: the identity is of the domain itself
}

// Errors of keys.
var (
	errNoKey   = errors.New("dkim: no such key")
	errKeyKind = errors.New("dkim: the key is of another kind")
	errWeak    = errors.New("dkim: the key is too short")
	errLong    = errors.New("dkim: the key is too long")
)

// find asks the DNS for a key that fits an algorithm.
func find(ctx context.Context, lookup Lookup, selector, domain, algorithm string) (public, error) {
	texts, err := lookup(ctx, selector+"._domainkey."+domain)
	switch {
	case err != nil && isNotFound(err):
		return public{}, errNoKey
	case err != nil:
		return public{}, fmt.Errorf("%w: %w", errDown, err)
	}
	err = errNoKey
	for _, text := range texts[:min(len(texts), maxKeyRecords)] {
		p, bad := readKey(text, algorithm)
		if bad == nil {
			return p, nil
		}
		if !errors.Is(bad, errNoKey) {
			err = bad
		}
	}
	return public{}, err
}

// readKey reads a key record.
func readKey(text, algorithm string) (p public, err error) {
	t, ok := tags(text)
	if v, has := t["v"]; !ok || has && v != "DKIM1" {
		return p, errNoKey
	}
	der, ok := decode(t["p"])
	if !ok { // withdrawn, if it is empty
		return p, errNoKey
	}
	if h, has := t["h"]; has && !listed(h, "sha256") {
		return p, errKeyKind
	}
	if s, has := t["s"]; has && !listed(s, "*") && !listed(s, "email") {
		return p, errKeyKind
	}
	p.strict = listed(t["t"], "s")
	switch kind := strings.ToLower(t["k"]); {
	case (kind == "" || kind == "rsa") && algorithm == RSA:
		p.key, err = readRSA(der)
	case kind == "ed25519" && algorithm == Ed25519:
		if len(der) != ed25519.PublicKeySize {
			return p, errNoKey
		}
		p.key = ed25519.PublicKey(der)
	default:
		err = errKeyKind
	}
	return p, err
}

func readRSA(der []byte) (*rsa.PublicKey, error) {
	var key *rsa.PublicKey
	if any, err := x509.ParsePKIXPublicKey(der); err == nil {
		key, _ = any.(*rsa.PublicKey)
	} else if k, err := x509.ParsePKCS1PublicKey(der); err == nil { // some publish it bare
		key = k
	}
	switch {
	case key == nil:
		return nil, errNoKey
	case key.N.BitLen() < minRSABits:
		return nil, errWeak
	case key.N.BitLen() > maxRSABits:
		return nil, errLong
	}
	return key, nil
}

// listed tells whether a list with colons has a word.
func listed(list, word string) bool {
	return slices.ContainsFunc(strings.Split(list, ":"), func(s string) bool { return strings.EqualFold(strings.Trim(s, whiteSpace), word) })
}

// check tells whether a signature over bytes is of a key.
func (p public) check(bytes, signature []byte) bool {
	sum := sha256.Sum256(bytes)
	switch k := p.key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(k, sum[:], signature) // RFC 8463 3: of the hash
	}
	return false
}

// Algorithm is what the key signs with; empty for a key of another kind.
func (k Key) Algorithm() string {
	switch k.Private.(type) {
	case *rsa.PrivateKey:
		return RSA
	case ed25519.PrivateKey:
		return Ed25519
	}
	return ""
}

// Name is where the DNS has the public half.
func (k Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the text that the DNS has there.
func (k Key) Record() (string, error) {
	switch p := k.Private.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(p)
		if err != nil {
			return "", err
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(p), nil
	}
	return "", errKeyKind
}

// Published tells whether the DNS has the key. An error means that it does not
// answer.
func (k Key) Published(ctx context.Context, lookup Lookup) (bool, error) {
	p, err := find(ctx, lookup, k.Selector, k.Domain, k.Algorithm())
	if errors.Is(err, errDown) {
		return false, err
	}
	if err != nil {
		return false, nil
	}
	own, ok := k.Private.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && own.Equal(p.key), nil
}

// sign signs bytes.
func (k Key) sign(bytes []byte) ([]byte, error) {
	sum := sha256.Sum256(bytes)
	switch p := k.Private.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(nil, p, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(p, sum[:]), nil
	}
	return nil, errKeyKind
}
