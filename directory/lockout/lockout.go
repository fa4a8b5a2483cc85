// Package lockout stands before the directory at every door: it counts logins
// that failed, by network and by account, slows down who guesses, and turns away
// who has guessed too often. It must never keep out a credential that was found
// right before, nor let what a stranger does at an account keep out a phone or a
// network that the account has logged in from.
package lockout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"martlet/directory"
	"martlet/store"
)

// Config is what a Guard needs. Store and Directory are required.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Logger    *slog.Logger // nil: nothing is logged
	// Trusts tells whether an authority of ours vouches for the certificate that a
	// client has shown; nil: none does.
	Trusts func(*tls.ConnectionState) bool
}

// Guard answers who somebody is, within the limits of guessing. All methods are
// safe for concurrent use.
type Guard struct {
	c       Config
	log     *slog.Logger
	waiting chan struct{} // one for each that waits for a password hash
	tallies tallies
	places  places
}

// New returns the guard of a directory. It is told by the directory who goes, so
// it is made before that is used by others.
func New(c Config) *Guard {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Guard{c: c, log: c.Logger, waiting: make(chan struct{}, maxWaiting)}
	g.tallies.init()
	g.places.init()
	c.Directory.Connect(directory.Hooks{Changed: g.changed})
	return g
}

// Caller is who asks: where it comes from, at which door, and which device it
// says it is.
type Caller struct {
	Addr     netip.Addr // invalid: not over the network, as in tests
	Protocol directory.Protocol
	Device   string // of ActiveSync; empty: not said
}

// Refused tells that a login is not even looked at.
type Refused struct {
	After time.Duration // when to come back
}

func (r *Refused) Error() string {
	return fmt.Sprintf("lockout: too many logins failed, try again in %v", r.After)
}

// Authenticate tells whose login and password these are, as
// directory.AuthenticateAt does. Besides its errors there is *Refused. A
// credential that was found right lately is never refused, and an app password
// cannot be guessed and never is.
func (g *Guard) Authenticate(ctx context.Context, c Caller, login, password string) (directory.Account, error) {
	if a, known, err := g.c.Directory.RecallAt(ctx, c.Protocol, login, password); known {
		g.remember(ctx, c, &a, err)
		return a, err
	}
	return g.attempt(ctx, c, login, func() (directory.Account, error) {
		return g.c.Directory.AuthenticateAt(ctx, c.Protocol, login, password)
	})
}

// AuthenticateWithCode is Authenticate for a door that asks for a second factor.
func (g *Guard) AuthenticateWithCode(ctx context.Context, c Caller, login, password, code string) (directory.Account, error) {
	return g.attempt(ctx, c, login, func() (directory.Account, error) {
		return g.c.Directory.AuthenticateWithCode(ctx, login, password, code)
	})
}

// Token tells whose bearer token it is, as directory.AuthenticateToken does.
func (g *Guard) Token(ctx context.Context, c Caller, login, token string) (directory.Account, error) {
	a, err := g.c.Directory.AuthenticateToken(ctx, login, token)
	switch {
	case err == nil:
		g.remember(ctx, c, &a, nil)
	case isWrong(err):
		// A token cannot be guessed, so a wrong one is nobody's guess: phones come
		// with those that have ended.
		g.told(c, login, "token")
	}
	return a, err
}

// Certificate tells whom the certificate of a TLS client names, as
// directory.AuthenticateCertificate does.
func (g *Guard) Certificate(ctx context.Context, c Caller, conn *tls.ConnectionState, login string) (directory.Account, error) {
	if conn == nil || len(conn.PeerCertificates) == 0 {
		return directory.Account{}, directory.ErrBadCredentials
	}
	trusted := g.c.Trusts != nil && g.c.Trusts(conn)
	a, err := g.c.Directory.AuthenticateCertificate(ctx, conn.PeerCertificates[0], trusted, login)
	switch {
	case err == nil:
		g.remember(ctx, c, &a, nil)
	case isWrong(err):
		g.told(c, login, "certificate")
	}
	return a, err
}

// attempt lets somebody try, and counts what comes of it.
func (g *Guard) attempt(ctx context.Context, c Caller, login string, try func() (directory.Account, error)) (directory.Account, error) {
	if err := g.Allow(ctx, c, login); err != nil {
		return directory.Account{}, err
	}
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default: // each waits for a core, and nobody would be served in time
		return directory.Account{}, &Refused{After: busyAfter}
	}
	a, err := try()
	switch {
	case err == nil:
		g.Succeeded(ctx, c, login)
	case isWrong(err), errors.Is(err, directory.ErrBadCode), errors.Is(err, directory.ErrTooManyCodes):
		g.Failed(ctx, c, login)
	}
	return a, err
}

func isWrong(err error) bool { return errors.Is(err, directory.ErrBadCredentials) }

// Allow tells whether an attempt is looked at: nil, or *Refused. A mechanism that
// takes several steps asks before the first, and tells what came of it by Failed
// or Succeeded.
func (g *Guard) Allow(ctx context.Context, c Caller, login string) error {
	now := time.Now()
	if after := g.tallies.refusedFor(g.counted(ctx, c, login), now); after > 0 {
		g.log.Warn("login refused", "door", c.Protocol.String(), "remote", remote(c), "login", shown(login), "reason", "too many failures")
		return &Refused{After: after}
	}
	return nil
}

// Failed counts a login that failed, and tells how long a door that can should
// wait before it says so.
func (g *Guard) Failed(ctx context.Context, c Caller, login string) time.Duration {
	g.told(c, login, "wrong password")
	return g.tallies.failed(g.counted(ctx, c, login), time.Now())
}

// told writes the line that a program which watches the log goes by.
func (g *Guard) told(c Caller, login, reason string) {
	g.log.Warn("login failed", "door", c.Protocol.String(), "remote", remote(c), "login", shown(login), "reason", reason)
}

// Succeeded notes from where an account has logged in.
func (g *Guard) Succeeded(ctx context.Context, c Caller, login string) {
	if a, err := g.c.Directory.AccountByLogin(ctx, login); err == nil {
		g.remember(ctx, c, &a, nil)
	}
}

// remember notes a success that took no guess.
func (g *Guard) remember(ctx context.Context, c Caller, a *directory.Account, err error) {
	if err != nil || a.ID == 0 {
		return
	}
	if err := g.places.add(ctx, g.c.Store, a.ID, c, time.Now()); err != nil && ctx.Err() == nil {
		g.log.Warn("place of a login not remembered", "account", uint64(a.ID), "error", err)
	}
}

// counted is what an attempt counts against: first what decides, then what is
// only told. Who comes by a device or from a network from which the account has
// logged in has guesses of its own, whatever strangers do elsewhere.
func (g *Guard) counted(ctx context.Context, c Caller, login string) (n counted) {
	n.near, n.wide = networks(c.Addr)
	a, err := g.c.Directory.AccountByLogin(ctx, login)
	if err != nil {
		n.account = subject{kind: kindAccount, name: "?" + fold(login)}
		return n
	}
	n.account = subject{kind: kindAccount, name: a.Login}
	for _, p := range placesOf(a.ID, c) {
		if known, err := g.places.known(ctx, g.c.Store, p, time.Now()); err == nil && known {
			n.place = subject{kind: kindPlace, name: p.text()}
			break
		}
	}
	return n
}

// changed forgets the places of an account that goes.
func (g *Guard) changed(tx *store.Tx, c directory.Change) error {
	if c.Account == 0 || !c.Gone {
		return nil
	}
	return g.places.forget(tx, c.Account)
}

// Check reports places of accounts that are not there.
func (g *Guard) Check(ctx context.Context, report func(store.Problem)) error {
	return g.c.Store.View(ctx, func(tx *store.Tx) error {
		for row, err := range placeTable.Scan(tx, store.TableRange[place]{}) {
			if err != nil {
				return err
			}
			_, err := g.c.Directory.AccountIn(tx, row.Key.account)
			if errors.Is(err, directory.ErrNoAccount) {
				report(store.Problem{Table: "places", Key: fmt.Sprint(row.Key.account), Text: "no such account"})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}
