// Package sasl is the server's side of the SASL mechanisms (RFC 4422): a state
// machine each, fed with what the client answers. It knows no protocol. It must never take a password in the clear, tell an account that is
// there from one that is not, or let anybody act as another.
package sasl

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"martlet/directory"
)

// Errors of Next, besides those of an Authority.
var (
	// ErrSyntax: the response is not what the mechanism asks for.
	ErrSyntax = errors.New("sasl: not what the mechanism asks for")
	// ErrUnknown: there is no such mechanism, or it is not offered now.
	ErrUnknown = errors.New("sasl: mechanism not known")
)

// MaxResponse is the longest response in bytes that a mechanism looks at.
const MaxResponse = 16 << 10

// Mechanism is one attempt to log in.
type Mechanism interface {
	// Next takes a response of the client and gives the next challenge. The first
	// response is nil when the client sent none with its command; one that it sent
	// empty is not nil. When done, a challenge that is not nil is additional data,
	// to be sent and answered by an empty response if the protocol has no place for
	// it in its success; then Account tells who it is. After an error it is over;
	// a challenge with it is to be sent all the same, and its answer is of no
	// interest (RFC 7628 3.2.3).
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// Account is who logged in.
	Account() directory.Account
	// Login is whom the client says it is, for the log, once it has said so.
	Login() string
}

// Client is what the connection tells of who is at its other end.
type Client struct {
	TLS *tls.ConnectionState // nil: in the clear, where nothing is offered
}

// Config is what a door's mechanisms need.
type Config struct {
	Authority Authority
	// Secret makes salts for logins that do not exist. It should outlive a restart,
	// for salts of accounts do.
	Secret []byte
}

// The mechanisms, in the order in which they are offered: the better first.
const (
	scramPlus   = "SCRAM-SHA-256-PLUS"
	scramPlain  = "SCRAM-SHA-256"
	oauthBearer = "OAUTHBEARER"
	xoauth2     = "XOAUTH2"
	external    = "EXTERNAL"
	plain       = "PLAIN"
	login       = "LOGIN"
)

// Offered lists the mechanisms that the client may use now. There are none
// without TLS: even those that do not show the password show the mail.
func (c *Config) Offered(client Client) []string {
	if client.TLS == nil {
		return nil
	}
	var names []string
	may := c.Authority.Offers()
	if may.Keys {
		if _, bound := bindings(client.TLS); bound {
			names = append(names, scramPlus)
		}
		names = append(names, scramPlain)
	}
	if may.Certificates && len(client.TLS.PeerCertificates) > 0 {
		names = append(names, external)
	}
	if may.Tokens {
		names = append(names, oauthBearer, xoauth2)
	}
	return append(names, plain, login)
}

// Known tells whether there is such a mechanism at all.
func Known(name string) bool {
	switch strings.ToUpper(name) {
	case scramPlus, scramPlain, oauthBearer, xoauth2, external, plain, login:
		return true
	}
	return false
}

// New begins an attempt with a mechanism, named in any case. It is ErrUnknown
// for one that is not offered.
func (c *Config) New(name string, client Client) (Mechanism, error) {
	name = strings.ToUpper(name)
	if !slices.Contains(c.Offered(client), name) {
		return nil, ErrUnknown
	}
	b := base{authority: c.Authority}
	switch name {
	case scramPlus, scramPlain:
		return newScram(b, c.Secret, client.TLS, name == scramPlus), nil
	case oauthBearer:
		return &bearer{base: b, parse: parseOAuthBearer}, nil
	case xoauth2:
		return &bearer{base: b, parse: parseXOAuth2}, nil
	case external:
		return &certificate{base: b, tls: client.TLS}, nil
	case plain:
		return &password{base: b}, nil
	case login:
		return &asked{base: b}, nil
	}
	return nil, ErrUnknown
}

// base is what all mechanisms have.
type base struct {
	authority Authority
	account   directory.Account
	login     string
}

func (b *base) Account() directory.Account { return b.account }
func (b *base) Login() string              { return b.login }

// enter ends a mechanism with what the authority says.
func (b *base) enter(a directory.Account, err error) ([]byte, bool, error) {
	if err != nil {
		return nil, false, err
	}
	b.account = a
	return nil, true, nil
}

// Converse runs a mechanism to its end. initial is nil when the client sent no
// response with its command. ask sends a challenge and gives the response; its
// errors come back as they are.
func Converse(ctx context.Context, m Mechanism, initial []byte, ask func(challenge []byte) ([]byte, error)) error {
	response := initial
	for {
		challenge, done, err := m.Next(ctx, response)
		switch {
		case err != nil && challenge != nil:
			if _, aerr := ask(challenge); aerr != nil {
				return aerr
			}
			return err
		case err != nil:
			return err
		case done && challenge == nil:
			return nil
		}
		if response, err = ask(challenge); err != nil {
			return err
		}
		if done { // the answer to additional data is empty (RFC 4422 3.6)
			if len(response) > 0 {
				return ErrSyntax
			}
			return nil
		}
	}
}

// Decode reads a response as SMTP, IMAP and POP3 write it: base64, and "=" for an
// empty initial one (RFC 4954 4, RFC 4959 3, RFC 5034 4). It is never nil.
func Decode(text string) ([]byte, error) {
	if text == "=" || text == "" {
		return []byte{}, nil
	}
	if len(text) > base64.StdEncoding.EncodedLen(MaxResponse) {
		return nil, ErrSyntax
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, ErrSyntax
	}
	return b, nil
}
