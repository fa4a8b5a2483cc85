package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"martlet/store"
)

// Account returns one account, without its photo.
func (d *Directory) Account(ctx context.Context, id AccountID) (a Account, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		a, err = d.account(tx, id)
		return err
	})
	return a, err
}

// account reads one account.
func (d *Directory) account(tx *store.Tx, id AccountID) (Account, error) {
	a, err := d.tables.accounts.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, ErrNoAccount
	}
	return a, err
}

// Photo returns the account's photo, JPEG or PNG, or nil. It is kept apart
// because it is a thousand times the rest, which is read for each message.
func (d *Directory) Photo(ctx context.Context, id AccountID) (p []byte, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		p, err = d.photo(tx, id)
		return err
	})
	return p, err
}

func (d *Directory) photo(tx *store.Tx, id AccountID) ([]byte, error) {
	p, err := d.tables.photos.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// Accounts lists all accounts in order of their numbers, without photos, as
// they were when the loop began.
func (d *Directory) Accounts(ctx context.Context) iter.Seq2[Account, error] {
	return listed(ctx, d.store, d.tables.accounts)
}

// Domains lists all domains by name.
func (d *Directory) Domains(ctx context.Context) iter.Seq2[Domain, error] {
	return listed(ctx, d.store, d.tables.domains)
}

// Groups lists all groups by address.
func (d *Directory) Groups(ctx context.Context) iter.Seq2[Group, error] {
	return listed(ctx, d.store, d.tables.groups)
}

// Delegations lists who may write for whom, by owner.
func (d *Directory) Delegations(ctx context.Context) iter.Seq2[Delegation, error] {
	return listed(ctx, d.store, d.tables.delegates)
}

func listed[K, V any](ctx context.Context, s *store.Store, t store.Table[K, V]) iter.Seq2[V, error] {
	errStop := errors.New("directory: the caller has enough")
	return func(yield func(V, error) bool) {
		err := s.View(ctx, func(tx *store.Tx) error {
			for row, err := range t.Scan(tx, store.TableRange[K]{}) {
				if err != nil {
					return err
				}
				if !yield(row.Value, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && err != errStop {
			var zero V
			yield(zero, err)
		}
	}
}

// AddDomain makes a domain ours. ErrExists when it is already.
func (d *Directory) AddDomain(ctx context.Context, dom Domain) error {
	name, err := parseDomain(dom.Name)
	if err != nil {
		return err
	}
	dom.Name = name
	if dom.CatchAll != "" {
		a, err := newAddress(dom.CatchAll)
		if err != nil {
			return err
		}
		dom.CatchAll = a.String()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		if ok, err := d.tables.domains.Has(tx, name); err != nil || ok {
			return errors.Join(err, exists(ok, name))
		}
		if dom.CatchAll != "" {
			if ok, err := d.tables.addresses.Has(tx, keyOf(dom.CatchAll)); err != nil || !ok {
				return errors.Join(err, fmt.Errorf("%w: catch-all %s", ErrNoAddress, dom.CatchAll))
			}
		}
		if err := d.noContactIn(tx, name); err != nil {
			return err
		}
		if _, err := d.move(tx); err != nil {
			return err
		}
		return d.tables.domains.Set(tx, name, dom)
	})
}

// noContactIn refuses a domain that shared contacts have addresses in: they
// would lead nowhere.
func (d *Directory) noContactIn(tx *store.Tx, domain string) error {
	for row, err := range d.tables.contacts.Scan(tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return err
		}
		for _, s := range row.Value.all() {
			if strings.HasSuffix(s, "@"+domain) {
				return fmt.Errorf("%w: %s is a shared contact's; remove it first", ErrExists, s)
			}
		}
	}
	return nil
}

func exists(is bool, what string) error {
	if !is {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrExists, what)
}

// AddUser makes an account and returns it with its number. The login is its
// primary address, in a domain of ours. An empty password keeps a.PasswordHash;
// when that is empty too, nobody can log in until one is set.
func (d *Directory) AddUser(ctx context.Context, a Account, password string) (Account, error) {
	if _, err := checkAccount(&a); err != nil {
		return Account{}, err
	}
	if password != "" {
		hash, err := d.hasher.hash(ctx, password)
		if err != nil {
			return Account{}, err
		}
		a.PasswordHash = hash
	}
	keys, err := d.hasher.keysOf(password)
	if err != nil {
		return Account{}, err
	}
	if a.Created.IsZero() {
		a.Created = time.Now().UTC().Truncate(time.Millisecond)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		for _, s := range addressesOf(&a) {
			if err := d.mayClaim(tx, s); err != nil {
				return err
			}
		}
		id, err := tx.Next("mailbox")
		if err != nil {
			return err
		}
		a.ID = AccountID(id)
		if err := d.putAccount(tx, nil, &a); err != nil {
			return err
		}
		if err := d.putKeys(tx, &a, keys); err != nil || len(a.Photo) == 0 {
			return err
		}
		return d.putPhoto(tx, a.ID, a.Photo)
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// mayClaim refuses an address that is taken or not in a domain of ours.
func (d *Directory) mayClaim(tx *store.Tx, canonical string) error {
	a, err := parseAddress(canonical)
	if err != nil {
		return err
	}
	if ok, err := d.tables.domains.Has(tx, a.domain); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%w: %s", ErrNoDomain, a.domain)
	}
	taken, err := d.tables.addresses.Has(tx, a.key())
	return errors.Join(err, exists(taken, canonical))
}

// SetPassword gives the account a new password. What was verified with the old
// one is forgotten before it returns.
func (d *Directory) SetPassword(ctx context.Context, id AccountID, password string) error {
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	keys, err := d.hasher.keysOf(password)
	if err != nil {
		return err
	}
	return d.changeAnd(ctx, id, func(a *Account) { a.PasswordHash = hash }, func(tx *store.Tx, a *Account) error {
		return d.putKeys(tx, a, keys)
	})
}

// SetDisabled bars the account from logging in, or lets it in again.
func (d *Directory) SetDisabled(ctx context.Context, id AccountID, disabled bool) error {
	return d.change(ctx, id, func(a *Account) { a.Disabled = disabled })
}

// SetPhoto gives the account a photo, JPEG or PNG; an empty one takes it away.
func (d *Directory) SetPhoto(ctx context.Context, id AccountID, photo []byte) error {
	if err := checkPhoto(photo); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		if ok, err := d.tables.accounts.Has(tx, id); err != nil || !ok {
			return errors.Join(err, ErrNoAccount)
		}
		return d.putPhoto(tx, id, photo)
	})
}

// SetServer says which server has the account's mailbox: a URL without a path,
// or "" for this one.
func (d *Directory) SetServer(ctx context.Context, id AccountID, server string) error {
	if err := checkServer(server); err != nil {
		return err
	}
	return d.change(ctx, id, func(a *Account) { a.Server = server })
}

// change edits fields of an account that are not addresses.
func (d *Directory) change(ctx context.Context, id AccountID, edit func(*Account)) error {
	return d.changeAnd(ctx, id, edit, func(*store.Tx, *Account) error { return nil })
}

// changeAnd is change with more to write.
func (d *Directory) changeAnd(ctx context.Context, id AccountID, edit func(*Account), then func(*store.Tx, *Account) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Update(ctx, func(tx *store.Tx) error {
		old, err := d.account(tx, id)
		if err != nil {
			return err
		}
		a := old
		edit(&a)
		if err := d.putAccount(tx, &old, &a); err != nil {
			return err
		}
		return then(tx, &a)
	})
}

// RemoveUser removes the account with its addresses, its delegations and its
// place in groups. Its mailbox is the caller's to remove.
func (d *Directory) RemoveUser(ctx context.Context, id AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, err := d.Account(ctx, id)
	if err != nil {
		return err
	}
	keys := map[addressKey]bool{}
	for _, s := range addressesOf(&a) {
		keys[keyOf(s)] = true
	}
	return d.forget(ctx, id, keys, func(tx *store.Tx) error { return d.deleteAccount(tx, &a) })
}

func addressesOf(a *Account) []string { return append([]string{a.Login}, a.Aliases...) }

// putAccount writes the account's row and those that lead to it. The caller has
// made sure that its addresses are free.
func (d *Directory) putAccount(tx *store.Tx, old, a *Account) error {
	keep := map[addressKey]bool{}
	for _, s := range addressesOf(a) {
		k := keyOf(s)
		keep[k] = true
		if err := d.tables.addresses.Set(tx, k, target{account: a.ID}); err != nil {
			return err
		}
	}
	if old != nil {
		for _, s := range addressesOf(old) {
			if k := keyOf(s); !keep[k] {
				if err := d.release(tx, k, target{account: a.ID}); err != nil {
					return err
				}
			}
		}
	}
	admin := d.tables.admins.Delete
	if a.Admin {
		admin = func(tx *store.Tx, id AccountID) error { return d.tables.admins.Set(tx, id, struct{}{}) }
	}
	if err := admin(tx, a.ID); err != nil {
		return err
	}
	if old == nil || old.PasswordHash != a.PasswordHash || a.Disabled {
		if err := d.tables.verifiers.Delete(tx, a.ID); err != nil {
			return err
		}
	}
	if old == nil || old.PasswordHash != a.PasswordHash {
		if err := d.tables.scram.Delete(tx, a.ID); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { d.cache.drop(a.ID) })
	if err := d.listAccount(tx, old, a); err != nil {
		return err
	}
	if err := d.tables.accounts.Set(tx, a.ID, *a); err != nil || !shownChanges(old, a) {
		return err
	}
	return d.changed(tx, Change{Account: a.ID})
}

// release deletes an address, unless it leads elsewhere by now.
func (d *Directory) release(tx *store.Tx, k addressKey, from target) error {
	t, err := d.tables.addresses.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && t != from {
		return nil
	}
	if err != nil {
		return err
	}
	return d.tables.addresses.Delete(tx, k)
}

// putGroup writes the group's row and those that lead to it.
func (d *Directory) putGroup(tx *store.Tx, k addressKey, old Group, there bool, g Group) error {
	was := &old
	if !there {
		was = nil
		if err := d.tables.entryPhotos.Delete(tx, k); err != nil { // of who had the address before
			return err
		}
	}
	if err := d.listGroup(tx, k, was, &g); err != nil {
		return err
	}
	if err := d.tables.addresses.Set(tx, k, target{group: k}); err != nil {
		return err
	}
	if err := d.tables.groups.Set(tx, k, g); err != nil {
		return err
	}
	return d.changed(tx, Change{Group: g.Address})
}

func (d *Directory) putPhoto(tx *store.Tx, id AccountID, photo []byte) error {
	if err := d.touch(tx, target{account: id}); err != nil {
		return err
	}
	if len(photo) == 0 {
		return d.tables.photos.Delete(tx, id)
	}
	return d.tables.photos.Set(tx, id, photo)
}

func (d *Directory) deleteAccount(tx *store.Tx, a *Account) error {
	for _, s := range addressesOf(a) {
		if err := d.release(tx, keyOf(s), target{account: a.ID}); err != nil {
			return err
		}
	}
	if err := d.listAccount(tx, a, nil); err != nil {
		return err
	}
	id := a.ID
	tx.OnCommit(func() { d.cache.drop(id) })
	err := errors.Join(d.forgetLogins(tx, id), d.tables.verifiers.Delete(tx, id), d.tables.photos.Delete(tx, id), d.tables.certificates.Delete(tx, id), d.tables.encryptions.Delete(tx, id), d.tables.admins.Delete(tx, id), d.tables.accounts.Delete(tx, id))
	return errors.Join(err, d.changed(tx, Change{Account: id, Gone: true}))
}
