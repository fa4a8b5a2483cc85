package sasl

import (
	"context"
	"crypto/tls"
	"errors"

	"martlet/directory"
)

// Errors of an Authority besides those of directory.
var (
	// ErrNoKeys: there are no SCRAM keys of that login, or no such login.
	ErrNoKeys = errors.New("sasl: no keys")
	// ErrBlocked: too many attempts failed from there of late.
	ErrBlocked = errors.New("sasl: too many failures")
)

// Keys are what a server knows of a password under SCRAM-SHA-256 (RFC 5802 3):
// enough to tell that a client knows it, not enough to play the client.
type Keys struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte
}

// Authority knows the accounts. Errors are those of directory.Authenticate; any
// that is none of them means that nothing can be told at the moment.
type Authority interface {
	// Password tells whose login and password these are; app passwords count.
	Password(ctx context.Context, login, password string) (directory.Account, error)
	// Keys are those of a login's password, or ErrNoKeys. An account that is
	// disabled has them too: Proved refuses it.
	Keys(ctx context.Context, login string) (Keys, error)
	// Proved is told what the keys were good for: whether the client knows the
	// password. It gives the account, or the reason why it may not come in.
	Proved(ctx context.Context, login string, right bool) (directory.Account, error)
	// Token tells whose bearer token it is. The login is what the client says, and
	// may be empty; another's is directory.ErrBadCredentials.
	Token(ctx context.Context, login, token string) (directory.Account, error)
	// Certificate tells whom the client's certificate names. The login may be empty
	// when it names one only.
	Certificate(ctx context.Context, tls *tls.ConnectionState, login string) (directory.Account, error)
	// Offers tells what can be asked at all.
	Offers() Offers
}

// Offers is what an Authority knows besides passwords.
type Offers struct {
	Keys, Tokens, Certificates bool
	// Iterations is how often most keys repeat the hash: so it is for logins that
	// do not exist.
	Iterations int
	// OpenID is where an application learns where to get a token: the address of
	// the discovery document (RFC 7628 3.2.2). It may be empty.
	OpenID string
}
