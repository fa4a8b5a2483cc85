package directory

import (
	"context"
	"errors"
	"fmt"
)

// Identity is whom a token or a certificate names, as far as its issuer says.
type Identity struct {
	Login string // an address or a login
	Name  string
	// Create says that an account is made for it if there is none.
	Create bool
}

// TokenReader tells whom a bearer token names (RFC 6750), or ErrBadCredentials.
// Any other error means that nothing can be told at the moment.
type TokenReader func(ctx context.Context, token string) (Identity, error)

// ReadTokens has AuthenticateToken ask r. It is called before the directory is
// used by others.
func (d *Directory) ReadTokens(r TokenReader) { d.tokens = r }

// AuthenticateToken tells whose bearer token it is. The login is what the client
// says, in any form, and may be empty; a token of another's is ErrBadCredentials.
// Whoever gave the token has asked for a second factor if there is one.
func (d *Directory) AuthenticateToken(ctx context.Context, login, token string) (Account, error) {
	if d.tokens == nil || token == "" || len(login) > maxLogin {
		return Account{}, ErrBadCredentials
	}
	who, err := d.tokens(ctx, token)
	if err != nil {
		return Account{}, err
	}
	a, err := d.byLogin(ctx, who.Login)
	if errors.Is(err, ErrNoAccount) && who.Create {
		a, err = d.arrive(ctx, who)
	}
	if errors.Is(err, ErrNoAccount) {
		d.logger.Warn("token of somebody who has no account", "login", who.Login)
		return Account{}, ErrBadCredentials
	}
	if err != nil {
		return Account{}, err
	}
	if login != "" {
		said, err := d.byLogin(ctx, login)
		if errors.Is(err, ErrNoAccount) || err == nil && said.ID != a.ID {
			return Account{}, ErrBadCredentials
		}
		if err != nil {
			return Account{}, err
		}
	}
	if a.Disabled {
		return Account{}, ErrDisabled
	}
	return a, nil
}

// arrive makes an account for somebody whom an issuer of tokens knows. Of two
// requests at once the second finds what the first made.
func (d *Directory) arrive(ctx context.Context, who Identity) (Account, error) {
	a, err := d.AddUser(ctx, Account{Login: who.Login, Name: who.Name, ActiveSync: true}, "")
	switch {
	case err == nil:
		d.logger.Info("user added at the first login", "login", a.Login, "account", uint64(a.ID))
		return a, nil
	case errors.Is(err, ErrExists):
		return d.byLogin(ctx, who.Login)
	case errors.Is(err, ErrNoDomain), errors.Is(err, ErrBadAddress), errors.Is(err, ErrBadValue):
		return Account{}, fmt.Errorf("%w: %w", ErrNoAccount, err)
	}
	return Account{}, err
}
