package sasl

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/netip"

	"martlet/directory"
	"martlet/directory/lockout"
)

// Gate is where all doors of mail ask who somebody is. Directory is required.
type Gate struct {
	Directory *directory.Directory
	// Guard counts who guesses, over all doors; nil: each door does that for itself.
	Guard *lockout.Guard
	// Secret is that of Config.
	Secret []byte
	// Tokens and Certificates say what is offered besides passwords; OpenID is that
	// of Offers.
	Tokens, Certificates bool
	OpenID               string
}

// NewGate returns a gate for passwords and SCRAM alone, with a Secret that ends
// with the process.
func NewGate(d *directory.Directory) *Gate {
	g := &Gate{Directory: d, Secret: make([]byte, 32)}
	rand.Read(g.Secret)
	return g
}

// Visitor is who comes through a door.
type Visitor struct {
	Protocol directory.Protocol
	Addr     netip.Addr
	TLS      *tls.ConnectionState // nil: in the clear
	// Blocked tells whether the door has seen too many failures from there. It is
	// not asked when there is a Guard.
	Blocked func() bool
}

// Visit is what a visitor can log in with.
func (g *Gate) Visit(v Visitor) *Visit { return &Visit{g, v} }

// Visit is one session at a Gate. It is the Authority of its mechanisms.
type Visit struct {
	gate *Gate
	who  Visitor
}

// Offered lists the mechanisms that the visitor may use now.
func (v *Visit) Offered() []string { return v.config().Offered(Client{TLS: v.who.TLS}) }

// New begins an attempt with a mechanism.
func (v *Visit) New(name string) (Mechanism, error) {
	return v.config().New(name, Client{TLS: v.who.TLS})
}

func (v *Visit) config() *Config { return &Config{Authority: v, Secret: v.gate.Secret} }

// Offers implements Authority.
func (v *Visit) Offers() Offers {
	g := v.gate
	return Offers{Keys: true, Iterations: directory.ScramIterations, Tokens: g.Tokens, Certificates: g.Certificates, OpenID: g.OpenID}
}

func (v *Visit) caller() lockout.Caller {
	return lockout.Caller{Addr: v.who.Addr, Protocol: v.who.Protocol}
}

// blocked is for who is guarded by the door alone.
func (v *Visit) blocked() bool { return v.gate.Guard == nil && v.who.Blocked != nil && v.who.Blocked() }

// Password implements Authority. Who shares an address with somebody who guesses
// gets in all the same with what was right a while ago.
func (v *Visit) Password(ctx context.Context, login, password string) (directory.Account, error) {
	d, at := v.gate.Directory, v.who.Protocol
	switch {
	case v.gate.Guard != nil:
		a, err := v.gate.Guard.Authenticate(ctx, v.caller(), login, password)
		return a, guarded(err)
	case !v.blocked():
		return d.AuthenticateAt(ctx, at, login, password)
	}
	if a, known, err := d.RecallAt(ctx, at, login, password); known && err == nil {
		return a, nil
	}
	return directory.Account{}, ErrBlocked
}

// Keys implements Authority.
func (v *Visit) Keys(ctx context.Context, login string) (Keys, error) {
	if v.blocked() {
		return Keys{}, ErrBlocked
	}
	if v.gate.Guard != nil {
		if err := v.gate.Guard.Allow(ctx, v.caller(), login); err != nil {
			return Keys{}, guarded(err)
		}
	}
	k, err := v.gate.Directory.ScramKeys(ctx, login)
	if errors.Is(err, directory.ErrNoKeys) {
		return Keys{}, ErrNoKeys
	}
	return Keys{Salt: k.Salt, Iterations: k.Iterations, StoredKey: k.StoredKey, ServerKey: k.ServerKey}, err
}

// Proved implements Authority.
func (v *Visit) Proved(ctx context.Context, login string, right bool) (directory.Account, error) {
	guard := v.gate.Guard
	if !right {
		if guard != nil {
			guard.Failed(ctx, v.caller(), login)
		}
		return directory.Account{}, directory.ErrBadCredentials
	}
	a, err := v.gate.Directory.AccountByLogin(ctx, login)
	switch {
	case err != nil:
		return directory.Account{}, err
	case a.Disabled:
		return directory.Account{}, directory.ErrDisabled
	}
	if guard != nil {
		guard.Succeeded(ctx, v.caller(), login)
	}
	return a, nil
}

// Token implements Authority.
func (v *Visit) Token(ctx context.Context, login, token string) (directory.Account, error) {
	switch {
	case v.blocked():
		return directory.Account{}, ErrBlocked
	case v.gate.Guard == nil:
		return v.gate.Directory.AuthenticateToken(ctx, login, token)
	}
	a, err := v.gate.Guard.Token(ctx, v.caller(), login, token)
	return a, guarded(err)
}

// Certificate implements Authority. Which authorities are trusted is for the
// guard to say, so without one there is no such login.
func (v *Visit) Certificate(ctx context.Context, state *tls.ConnectionState, login string) (directory.Account, error) {
	if v.gate.Guard == nil {
		return directory.Account{}, directory.ErrBadCredentials
	}
	a, err := v.gate.Guard.Certificate(ctx, v.caller(), state, login)
	return a, guarded(err)
}

func guarded(err error) error {
	var refused *lockout.Refused
	if errors.As(err, &refused) {
		return ErrBlocked
	}
	return err
}

// Verdict is what a door makes of an error.
type Verdict uint8

// The verdicts.
const (
	Accepted    Verdict = iota
	Wrong               // who that is, or what it knows
	Refused             // too many have been wrong
	Mistake             // not what the mechanism asks for
	Unknown             // no such mechanism, or not now
	Unavailable         // nobody can tell at the moment
)

// Judge sorts the error of an attempt.
func Judge(err error) Verdict {
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, directory.ErrBadCredentials), errors.Is(err, directory.ErrDisabled), errors.Is(err, directory.ErrNoAccount):
		return Wrong
	case errors.Is(err, ErrBlocked):
		return Refused
	case errors.Is(err, ErrSyntax):
		return Mistake
	case errors.Is(err, ErrUnknown):
		return Unknown
	}
	return Unavailable
}
