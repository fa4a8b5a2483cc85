package main

import (
	"log/slog"
	"os"
	"strings"

	"martlet/directory/oidc"
	"martlet/mail/sasl"
)

// oidcFile is an [[oidc]]: an issuer of bearer tokens.
type oidcFile struct {
	Issuer           string   `toml:"issuer"`
	ClientID         string   `toml:"client_id"`
	ClientSecretFile string   `toml:"client_secret_file"`
	Audience         []string `toml:"audience"`
	Claim            string   `toml:"claim"`
	Scopes           []string `toml:"scopes"`
	Introspect       bool     `toml:"introspect"`
	CreateUsers      bool     `toml:"create_users"`
	AuthorizationURI string   `toml:"authorization_uri"`
}

// oidc reads the issuers.
func (r *configReader) oidc(files []oidcFile) (all []oidc.Issuer) {
	fail := func(i int, key, format string, args ...any) {
		r.errs = append(r.errs, r.lines.Errorf([]any{"oidc", i, key}, format, args...))
	}
	for i, f := range files {
		one := oidc.Issuer{
			URL: f.Issuer, ClientID: f.ClientID, Audience: f.Audience, Claim: f.Claim, Scopes: f.Scopes,
			Introspect: f.Introspect, Create: f.CreateUsers, Authorize: f.AuthorizationURI,
		}
		if f.ClientSecretFile != "" {
			b, err := os.ReadFile(r.path(f.ClientSecretFile))
			if err != nil {
				fail(i, "client_secret_file", "%v", err)
			}
			one.ClientSecret = strings.TrimSpace(string(b))
		}
		if f.Introspect && (one.ClientID == "" || f.ClientSecretFile == "") {
			fail(i, "introspect", "give client_id and client_secret_file: the issuer must know who asks")
		}
		if _, err := oidc.New([]oidc.Issuer{one}, nil); err != nil {
			fail(i, "issuer", "%s", strings.TrimPrefix(err.Error(), "oidc: "))
		}
		all = append(all, one)
	}
	return all
}

// readTokens has the directory believe the issuers' tokens.
func (d *data) readTokens(c *Config, log *slog.Logger) (err error) {
	if len(c.OIDC) == 0 {
		return nil
	}
	if d.tokens, err = oidc.New(c.OIDC, log); err != nil {
		return err
	}
	d.directory.ReadTokens(d.tokens.Read)
	return nil
}

// bearer is what asks for a token, nil when none is taken.
func (d *data) bearer() func() string {
	if d.tokens == nil {
		return nil
	}
	return d.tokens.Challenge
}

// tokenGate has the doors of mail take tokens too, where there are any.
func (d *data) tokenGate(g *sasl.Gate) *sasl.Gate {
	if d.tokens != nil {
		g.Tokens, g.OpenID = true, d.tokens.OpenID()
	}
	return g
}
