// Package oidc reads bearer tokens: those that an issuer has signed (RFC 9068,
// OpenID Connect), and those that only the issuer can read (RFC 7662). It must
// believe no token for longer than the token says, and log none.
package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"martlet/directory"
)

// Issuer is one whose tokens are believed. URL, and Audience or ClientID, are
// required.
type Issuer struct {
	URL          string   // as it stands in the tokens
	Audience     []string // a token names at least one of them
	ClientID     string   // an audience too; with ClientSecret it asks for introspection
	ClientSecret string
	Claim        string   // whose value is the login; empty: "email"
	Scopes       []string // all must be granted
	Introspect   bool     // tokens that cannot be read here are shown to the issuer
	Create       bool     // an account is made at the first login
	// Authorize is where phones are sent to get a token; empty: what the issuer says.
	Authorize string
}

// Limits of what is looked at and kept.
const (
	maxToken  = 16 << 10
	maxAnswer = 64 << 10
	maxKept   = 32_000
	// skew is how far clocks may be apart.
	skew = time.Minute
	// maxLife bounds how long a token is believed without asking again, so that one
	// that was revoked ends soon where the issuer is asked.
	maxLife        = 5 * time.Minute
	requestTimeout = 10 * time.Second
	// retryAfter is how long an issuer that did not answer is left alone, and how
	// often its keys are fetched because of a key that nobody knows.
	retryAfter = 10 * time.Second
)

// Reader reads tokens. It is safe for concurrent use.
type Reader struct {
	issuers []*issuer
	log     *slog.Logger

	mu   sync.Mutex // guards kept
	kept map[[sha256.Size]byte]kept
}

// kept is a token that was found good.
type kept struct {
	who   directory.Identity
	until time.Time
}

// issuer is an Issuer, and what it told of itself.
type issuer struct {
	Issuer
	client *http.Client

	mu       sync.Mutex // guards what follows
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	said     struct {
		Introspection string `json:"introspection_endpoint"`
		Authorization string `json:"authorization_endpoint"`
	}
	failed time.Time
}

// New returns a reader of the tokens of these issuers. They are asked when they
// are first needed.
func New(issuers []Issuer, log *slog.Logger) (*Reader, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Reader{log: log, kept: map[[sha256.Size]byte]kept{}}
	for _, i := range issuers {
		if u, err := url.Parse(i.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("oidc: %q is not a URL", i.URL)
		}
		if i.ClientID != "" {
			i.Audience = append(slices.Clone(i.Audience), i.ClientID)
		}
		if len(i.Audience) == 0 {
			return nil, fmt.Errorf("oidc: %s: say which audience its tokens must have", i.URL)
		}
		if i.Claim == "" {
			i.Claim = "email"
		}
		limited := &http.Client{Timeout: requestTimeout, Transport: &paced{next: http.DefaultTransport, last: map[string]time.Time{}}}
		r.issuers = append(r.issuers, &issuer{Issuer: i, client: limited})
	}
	return r, nil
}

// errPaced says that the keys were fetched a moment ago.
var errPaced = errors.New("oidc: asked a moment ago")

// paced fetches nothing twice within retryAfter: a token with a key that nobody
// knows has the keys fetched anew, and anybody can make such a token.
type paced struct {
	next http.RoundTripper

	mu   sync.Mutex // guards last
	last map[string]time.Time
}

// RoundTrip implements http.RoundTripper.
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		now, at := time.Now(), r.URL.String()
		p.mu.Lock()
		soon := now.Sub(p.last[at]) < retryAfter
		if !soon {
			p.last[at] = now
		}
		p.mu.Unlock()
		if soon {
			return nil, errPaced
		}
	}
	return p.next.RoundTrip(r)
}

// Read tells whom a token names: a directory.TokenReader.
func (r *Reader) Read(ctx context.Context, token string) (directory.Identity, error) {
	if token == "" || len(token) > maxToken {
		return directory.Identity{}, directory.ErrBadCredentials
	}
	name, now := sha256.Sum256([]byte(token)), time.Now()
	r.mu.Lock()
	k, ok := r.kept[name]
	r.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.who, nil
	}
	c, from, err := r.claims(ctx, token)
	if err != nil {
		return directory.Identity{}, err
	}
	who, until, err := c.identity(from, now)
	if err != nil {
		r.log.Warn("bearer token refused", "issuer", from.URL, "reason", err.Error())
		return directory.Identity{}, directory.ErrBadCredentials
	}
	r.keep(name, kept{who, until}, now)
	return who, nil
}

// keep remembers a token; when there are too many, those go that have ended, else
// any.
func (r *Reader) keep(name [sha256.Size]byte, k kept, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= maxKept {
		for other, k := range r.kept {
			if !now.Before(k.until) {
				delete(r.kept, other)
			}
		}
	}
	for other := range r.kept {
		if len(r.kept) < maxKept {
			break
		}
		delete(r.kept, other)
	}
	r.kept[name] = k
}

// claims reads a token, or has an issuer read it.
func (r *Reader) claims(ctx context.Context, token string) (claims, *issuer, error) {
	if by := issuerOf(token); by != "" {
		for _, i := range r.issuers {
			if strings.TrimSuffix(i.URL, "/") == strings.TrimSuffix(by, "/") {
				c, err := i.verify(ctx, token)
				return c, i, err
			}
		}
	}
	unavailable := error(nil)
	for _, i := range r.issuers {
		if !i.Introspect {
			continue
		}
		c, err := i.introspect(ctx, token)
		if err == nil {
			return c, i, nil
		}
		if !errors.Is(err, directory.ErrBadCredentials) {
			unavailable = err
		}
	}
	if unavailable != nil {
		return nil, nil, unavailable
	}
	return nil, nil, directory.ErrBadCredentials
}

// issuerOf reads who says to have signed a token; nothing is believed yet.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var body struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(b, &body) != nil {
		return ""
	}
	return body.Issuer
}

// ready asks the issuer about itself, unless it has answered or has failed to a
// moment ago.
func (i *issuer) ready() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil {
		return nil
	}
	if time.Since(i.failed) < retryAfter {
		return fmt.Errorf("oidc: %s did not answer", i.URL)
	}
	// The keys are fetched with this context, long after this request.
	ctx := oidc.ClientContext(context.Background(), i.client)
	p, err := oidc.NewProvider(ctx, i.URL)
	if err == nil {
		err = p.Claims(&i.said)
	}
	if err != nil {
		i.failed = time.Now()
		return fmt.Errorf("oidc: %s: %w", i.URL, err)
	}
	// Audiences are ours to check, and times, because clocks differ.
	i.provider, i.verifier = p, p.VerifierContext(ctx, &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true})
	return nil
}

// verify checks the signature of a token.
func (i *issuer) verify(ctx context.Context, token string) (claims, error) {
	if err := i.ready(); err != nil {
		return nil, err
	}
	t, err := i.verifier.Verify(oidc.ClientContext(ctx, i.client), token)
	var unreachable *url.Error
	switch {
	case err != nil && errors.As(err, &unreachable) && !errors.Is(err, errPaced):
		return nil, fmt.Errorf("oidc: keys of %s: %w", i.URL, err)
	case err != nil:
		return nil, directory.ErrBadCredentials
	}
	var c claims
	if err := t.Claims(&c); err != nil {
		return nil, directory.ErrBadCredentials
	}
	return c, nil
}

// introspect asks the issuer about a token (RFC 7662 2).
func (i *issuer) introspect(ctx context.Context, token string) (claims, error) {
	if err := i.ready(); err != nil {
		return nil, err
	}
	if i.said.Introspection == "" {
		return nil, fmt.Errorf("oidc: %s offers no introspection", i.URL)
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, i.said.Introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Accept", "application/json")
	q.SetBasicAuth(url.QueryEscape(i.ClientID), url.QueryEscape(i.ClientSecret)) // RFC 6749 2.3.1
	resp, err := i.client.Do(q)
	if err != nil {
		return nil, fmt.Errorf("oidc: introspection at %s: %w", i.URL, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("oidc: introspection at %s: HTTP %d", i.URL, resp.StatusCode))
	}
	var c claims
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("oidc: introspection at %s: %w", i.URL, err)
	}
	if active, _ := c["active"].(bool); !active {
		return nil, directory.ErrBadCredentials
	}
	if by := c.text("iss"); by != "" && strings.TrimSuffix(by, "/") != strings.TrimSuffix(i.URL, "/") {
		return nil, directory.ErrBadCredentials
	}
	return c, nil
}

// claims are what a token says.
type claims map[string]any

func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// list reads what is one text, several in one with blanks between, or a list.
func (c claims) list(name string) (all []string) {
	switch v := c[name].(type) {
	case string:
		return strings.Fields(v)
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// at reads a time in seconds since 1970.
func (c claims) at(name string) (time.Time, bool) {
	n, ok := c[name].(float64)
	return time.Unix(int64(n), 0), ok
}

// identity checks what a token says against what its issuer may say, and until
// when it is believed.
func (c claims) identity(i *issuer, now time.Time) (who directory.Identity, until time.Time, err error) {
	end, ok := c.at("exp")
	if !ok || !now.Before(end.Add(skew)) {
		return who, until, errors.New("it has ended, or never ends")
	}
	if begin, ok := c.at("nbf"); ok && now.Before(begin.Add(-skew)) {
		return who, until, errors.New("it is not valid yet")
	}
	if !slices.ContainsFunc(c.list("aud"), func(a string) bool { return slices.Contains(i.Audience, a) }) {
		return who, until, errors.New("it is for another audience")
	}
	granted := append(c.list("scope"), c.list("scp")...)
	for _, s := range i.Scopes {
		if !slices.Contains(granted, s) {
			return who, until, fmt.Errorf("the scope %q is not granted", s)
		}
	}
	if verified, said := c["email_verified"].(bool); i.Claim == "email" && said && !verified {
		return who, until, errors.New("its address is not verified")
	}
	if who.Login = c.text(i.Claim); who.Login == "" {
		return who, until, fmt.Errorf("it has no claim %q", i.Claim)
	}
	who.Name, who.Create = c.text("name"), i.Create
	if until = end.Add(skew); until.After(now.Add(maxLife)) {
		until = now.Add(maxLife)
	}
	return who, until, nil
}

// Challenge is what asks a client for a token (RFC 6750 3), with what phones of
// Apple follow: where to get one, and as whom. It is empty while no issuer has
// told where that is.
func (r *Reader) Challenge() string {
	for _, i := range r.issuers {
		at := i.Authorize
		if at == "" && i.ready() == nil {
			at = i.said.Authorization
		}
		if at == "" {
			continue
		}
		var urls []string
		for _, i := range r.issuers {
			urls = append(urls, i.URL)
		}
		return fmt.Sprintf("Bearer client_id=%s, trusted_issuers=%s, authorization_uri=%s", quoted(i.ClientID), quoted(strings.Join(urls, ",")), quoted(at))
	}
	return ""
}

// quoted is a quoted-string (RFC 9110 5.6.4) of what an administrator or an issuer
// has written.
func quoted(s string) string {
	return `"` + strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return -1
		}
		return c
	}, s) + `"`
}

// OpenID is where an application learns about the first issuer (RFC 7628 3.2.2).
func (r *Reader) OpenID() string {
	return strings.TrimSuffix(r.issuers[0].URL, "/") + "/.well-known/openid-configuration"
}
