package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"martlet/store"
)

const (
	maxLogin = 512
	// maxLoginDomains bounds the domains in which a login without one is
	// looked for.
	maxLoginDomains = 1000
)

// Authenticate tells whose login and password these are. The login may be
// user, user@domain, DOMAIN\user or domain.tld\user; both may be UTF-8 or
// ISO-8859-1. The account comes without its photo, and its Aliases must not be
// changed. A credential seen in the last minutes costs a few microseconds; a
// fresh one waits for its turn at the password hash, which ctx can end. Errors
// are ErrBadCredentials, whether the login exists or not, and ErrDisabled when
// the password was right. ErrSecondFactor, which is an ErrBadCredentials, says that
// it was right and does not suffice.
func (d *Directory) Authenticate(ctx context.Context, login, password string) (Account, error) {
	return d.AuthenticateAt(ctx, ProtocolNone, login, password)
}

// AuthenticateAt is Authenticate at the door of a protocol, which app passwords
// may be limited to.
func (d *Directory) AuthenticateAt(ctx context.Context, at Protocol, login, password string) (Account, error) {
	if password == "" || len(login) > maxLogin || len(password) > maxPassword {
		return Account{}, ErrBadCredentials
	}
	k := d.cache.credential(login, password)
	a, cached, refusal := d.cached(ctx, k)
	if cached && !errors.Is(refusal, ErrBadCredentials) {
		return a, refusal
	}
	// An app password may be refused at one protocol and be right at another.
	if a, known, err := d.byAppPassword(ctx, at, login, password); known || err != nil {
		return a, err
	}
	if cached {
		return Account{}, refusal
	}
	if a, known, err := d.recollect(ctx, k, login, password); known {
		return a, err
	}
	return d.verify(ctx, k, login, password)
}

// Recall answers like Authenticate when that costs no password hash: known
// tells whether it does. Verifiers count, so it is so for most after a restart,
// and app passwords do.
func (d *Directory) Recall(ctx context.Context, login, password string) (a Account, known bool, err error) {
	return d.RecallAt(ctx, ProtocolNone, login, password)
}

// RecallAt is Recall at the door of a protocol.
func (d *Directory) RecallAt(ctx context.Context, at Protocol, login, password string) (a Account, known bool, err error) {
	if password == "" || len(login) > maxLogin || len(password) > maxPassword {
		return Account{}, true, ErrBadCredentials
	}
	k := d.cache.credential(login, password)
	a, cached, refusal := d.cached(ctx, k)
	if cached && !errors.Is(refusal, ErrBadCredentials) {
		return a, true, refusal
	}
	if a, known, err := d.byAppPassword(ctx, at, login, password); known {
		return a, true, err
	}
	if cached {
		return Account{}, true, refusal
	}
	return d.recollect(ctx, k, login, password)
}

// cached tells whose credentials these are if they came a moment ago.
func (d *Directory) cached(ctx context.Context, k credential) (a Account, known bool, err error) {
	id, ok, refused := d.cache.find(k, time.Now())
	switch {
	case refused != nil:
		return Account{}, true, refused
	case !ok:
		return Account{}, false, nil
	}
	a, err = d.Account(ctx, id)
	switch {
	case errors.Is(err, ErrNoAccount), err == nil && a.TwoFactor: // it went a moment ago, or this does not suffice any more
		return Account{}, false, nil
	case err == nil && a.Disabled:
		err = ErrDisabled
	}
	return a, true, err
}

func (d *Directory) verify(ctx context.Context, k credential, login, password string) (Account, error) {
	if err := d.hasher.enter(ctx); err != nil {
		return Account{}, err
	}
	defer d.hasher.leave()
	// A phone opens several connections at once: one of them may have been
	// verified while this one waited.
	if a, known, err := d.cached(ctx, k); known {
		return a, err
	}

	epoch := d.cache.now()
	a, err := d.byLogin(ctx, login)
	known := err == nil && a.PasswordHash != ""
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return Account{}, err
	}
	hash := d.hasher.dummy
	if known {
		hash = a.PasswordHash
	}
	d.hasher.computed.Add(1)
	if ok := verify(hash, password); !ok || !known {
		d.cache.refuse(k, ErrBadCredentials, epoch, time.Now())
		return Account{}, ErrBadCredentials
	}
	if a.TwoFactor {
		d.cache.refuse(k, ErrSecondFactor, epoch, time.Now())
		return Account{}, ErrSecondFactor
	}
	if a.Disabled {
		return Account{}, ErrDisabled
	}
	d.cache.put(k, a.ID, epoch, time.Now())
	d.remember(ctx, &a, password)
	d.keepScramKeys(ctx, &a, password)
	return a, nil
}

// AccountByLogin finds an account by any form of its login or by an alias. It
// comes without its photo.
func (d *Directory) AccountByLogin(ctx context.Context, login string) (Account, error) {
	if len(login) > maxLogin {
		return Account{}, ErrNoAccount
	}
	return d.byLogin(ctx, login)
}

func (d *Directory) byLogin(ctx context.Context, login string) (a Account, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		a, err = d.loginAccount(tx, login)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoAccount) {
		err = fmt.Errorf("directory: login: %w", err)
	}
	return a, err
}

// toUTF8 reads bytes that are not UTF-8 as ISO-8859-1: what desktop Outlook
// sends in Basic credentials.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, err := charmap.ISO8859_1.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

// loginAccount finds the one account that a login means. A login that could
// mean several means none.
func (d *Directory) loginAccount(tx *store.Tx, login string) (Account, error) {
	where, user, hasDomain := strings.Cut(strings.TrimSpace(toUTF8(login)), `\`)
	if !hasDomain {
		where, user = "", where
	}
	if strings.Contains(user, "@") {
		a, err := parseAddress(user)
		if err != nil {
			return Account{}, ErrNoAccount
		}
		return d.accountAt(tx, a.key())
	}
	domains, err := d.loginDomains(tx, where)
	if err != nil {
		return Account{}, err
	}
	var found Account
	for _, domain := range domains {
		a, err := d.accountAt(tx, address{lowerLocal(user), domain}.key())
		if errors.Is(err, ErrNoAccount) {
			continue
		}
		if err != nil {
			return Account{}, err
		}
		if found.ID != 0 && found.ID != a.ID {
			return Account{}, ErrNoAccount
		}
		found = a
	}
	if found.ID == 0 {
		return Account{}, ErrNoAccount
	}
	return found, nil
}

// loginDomains are the domains a login without @ may belong to: the one named
// before the backslash, else those whose first label is that name (what Windows
// calls the NetBIOS name), else all, because people write anything there.
func (d *Directory) loginDomains(tx *store.Tx, where string) ([]string, error) {
	if name, err := parseDomain(where); where != "" && err == nil {
		if ok, err := d.tables.domains.Has(tx, name); err != nil {
			return nil, err
		} else if ok {
			return []string{name}, nil
		}
		if strings.Contains(name, ".") {
			return nil, nil
		}
	}
	var all, named []string
	for name, err := range d.tables.domains.Keys(tx, store.TableRange[string]{}) {
		if err != nil {
			return nil, err
		}
		label, _, _ := strings.Cut(name, ".")
		if strings.EqualFold(label, where) {
			named = append(named, name)
		}
		if all = append(all, name); len(all) == maxLoginDomains {
			break
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	return all, nil
}

// accountAt is the account that an address leads to directly.
func (d *Directory) accountAt(tx *store.Tx, k addressKey) (Account, error) {
	t, err := d.tables.addresses.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.account == 0 {
		return Account{}, ErrNoAccount
	}
	if err != nil {
		return Account{}, err
	}
	a, err := d.tables.accounts.Get(tx, t.account)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, ErrNoAccount
	}
	return a, err
}
