package sasl

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"martlet/directory"
)

// bearer is OAUTHBEARER (RFC 7628) and XOAUTH2, which differ in how they write
// the login.
type bearer struct {
	base
	parse func(string) (login, token string, ok bool)
}

func (m *bearer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	login, token, ok := m.parse(string(response))
	if len(response) > MaxResponse || !ok {
		return nil, false, ErrSyntax
	}
	m.login = login
	account, err := directory.Account{}, error(directory.ErrBadCredentials)
	if token != "" { // without one the client asks what it needs (RFC 7628 4.3)
		account, err = m.authority.Token(ctx, login, token)
	}
	if errors.Is(err, directory.ErrBadCredentials) {
		return m.refusal(), false, err
	}
	return m.enter(account, err)
}

// refusal tells the client why, which answers with something empty before it
// learns that it failed (RFC 7628 3.2.2).
func (m *bearer) refusal() []byte {
	b, err := json.Marshal(struct {
		Status        string `json:"status"`
		Schemes       string `json:"schemes"`
		Scope         string `json:"scope"`
		Configuration string `json:"openid-configuration,omitempty"`
	}{"invalid_token", "bearer", "openid email", m.authority.Offers().OpenID})
	if err != nil {
		return []byte(`{"status":"invalid_token"}`)
	}
	return b
}

// parseOAuthBearer reads a GS2 header and key/value pairs that 0x01 separates
// (RFC 7628 3.1).
func parseOAuthBearer(s string) (login, token string, ok bool) {
	header, rest, found := strings.Cut(s, "\x01")
	gs2, err := parseGS2(header)
	if !found || err != nil || gs2.binding != "n" && gs2.binding != "y" || gs2.rest != "" {
		return "", "", false
	}
	auth, ok := keyValues(rest, "auth")
	if !ok {
		return "", "", false
	}
	token, ok = bearerToken(auth)
	return gs2.authzid, token, ok
}

// parseXOAuth2 reads user=login^Aauth=Bearer token^A^A.
func parseXOAuth2(s string) (login, token string, ok bool) {
	login, ok = keyValues(s, "user")
	auth, found := keyValues(s, "auth")
	if !ok || !found || login == "" {
		return "", "", false
	}
	token, ok = bearerToken(auth)
	return login, token, ok
}

// keyValues finds a value in pairs that each end in 0x01, with one more at the
// end. One that is not there is empty.
func keyValues(s, key string) (value string, ok bool) {
	s, ok = strings.CutSuffix(s, "\x01")
	if !ok {
		return "", false
	}
	seen := false
	for s != "" {
		var pair string
		if pair, s, ok = strings.Cut(s, "\x01"); !ok {
			return "", false
		}
		k, v, isPair := strings.Cut(pair, "=")
		if !isPair || k == "" {
			return "", false
		}
		if k == key {
			if seen {
				return "", false
			}
			value, seen = v, true
		}
	}
	return value, true
}

// bearerToken takes the scheme off (RFC 6750 2.1).
func bearerToken(auth string) (token string, ok bool) {
	if auth == "" {
		return "", true
	}
	scheme, token, ok := strings.Cut(auth, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimLeft(token, " ")
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return "", false
		}
	}
	return token, token != ""
}
