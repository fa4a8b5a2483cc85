package pushtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxGrantRequest bounds a request for an access token.
const maxFCMGrant = 16 << 10

// fcmGrantType is the only one that a service account uses (RFC 7523 2.1).
const fcmGrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// fcmScopes lists those that allow to send.
// https://developers.google.com/identity/protocols/oauth2/scopes#fcm
var fcmScopes = []string{
	"https://www.googleapis.com/auth/firebase.messaging",
	"https://www.googleapis.com/auth/cloud-platform",
}

func (f *FCM) tokenURL() string { return f.l.url() + "/token" }

// fcmGrantError is an OAuth error (RFC 6749 5.2).
type fcmGrantError struct {
	status            int
	word, description string
}

func (e *fcmGrantError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.status)
	json.NewEncoder(w).Encode(map[string]string{"error": e.word, "error_description": e.description})
}

func fcmBadGrant(description string) *fcmGrantError {
	return &fcmGrantError{http.StatusBadRequest, "invalid_grant", description}
}

func fcmRefuseGrant(w http.ResponseWriter, fault FCMFault) {
	(&fcmGrantError{http.StatusBadRequest, fault.Code, "Refused."}).write(w)
}

// token exchanges a signed assertion for an access token (RFC 7523).
// https://developers.google.com/identity/protocols/oauth2/service-account#httprest
func (f *FCM) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFCMGrant)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		(&fcmGrantError{http.StatusBadRequest, "invalid_request", "Could not parse the form."}).write(w)
		return
	}
	if r.PostForm.Get("grant_type") != fcmGrantType {
		(&fcmGrantError{http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: " + r.PostForm.Get("grant_type")}).write(w)
		return
	}
	if err := f.verify(r.PostForm.Get("assertion"), time.Now()); err != nil {
		err.write(w)
		return
	}
	if f.fault(&f.nextGrants, &FCMFault{}).play(w, r, fcmRefuseGrant) {
		return
	}
	access, lifetime := "ya29."+fcmRandom(64), f.grant()
	f.mu.Lock()
	f.access[access] = time.Now().Add(lifetime)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(lifetime.Seconds()),
	})
}

func (f *FCM) grant() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grants++
	return f.lifetime
}

// fcmAssertion has the claims of a JWT that asks for access.
type fcmAssertion struct {
	Issuer   string `json:"iss"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// verify checks an assertion: RS256 by the account's key, for this endpoint, at
// most an hour long, for scopes that allow to send.
func (f *FCM) verify(token string, now time.Time) *fcmGrantError {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fcmBadGrant("Bad Request")
	}
	var header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}
	var claims fcmAssertion
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || fcmDecodePart(parts[0], &header) != nil || fcmDecodePart(parts[1], &claims) != nil {
		return fcmBadGrant("Invalid JWT: Failed to parse.")
	}
	f.mu.Lock()
	disabled := f.disabled
	f.mu.Unlock()
	if claims.Issuer != f.email || disabled {
		return fcmBadGrant("Invalid grant: account not found")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if header.Algorithm != "RS256" || header.Type != "JWT" || header.KeyID != f.keyID ||
		rsa.VerifyPKCS1v15(&f.key.PublicKey, crypto.SHA256, digest[:], signature) != nil {
		return fcmBadGrant("Invalid JWT Signature.")
	}
	if claims.Audience != f.tokenURL() {
		return fcmBadGrant("Invalid JWT: Failed audience check.")
	}
	const skew = 10 * 60
	if claims.Expires <= now.Unix()-skew || claims.Issued > now.Unix()+skew || claims.Expires-claims.Issued > 3600 || claims.Expires <= claims.Issued {
		return fcmBadGrant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	}
	asked := strings.Fields(claims.Scope)
	if !slices.ContainsFunc(asked, func(s string) bool { return slices.Contains(fcmScopes, s) }) {
		return &fcmGrantError{http.StatusBadRequest, "invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	return nil
}

func fcmDecodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return fmt.Errorf("pushtest: base64url: %w", err)
	}
	return json.Unmarshal(b, into)
}
