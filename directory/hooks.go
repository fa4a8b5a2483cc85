package directory

import (
	"errors"
	"fmt"
	"slices"

	"martlet/store"
)

// Change says whom a transaction of the directory is about: an account that was
// made, removed, or has another name, other addresses or another state, or a
// group that was made or removed, or has another name or other members.
type Change struct {
	Account AccountID // zero: a group
	Group   string    // its address
	Gone    bool
}

// Hooks are what rooms that know mailboxes add to the directory. Each may be nil.
type Hooks struct {
	// Changed runs in the transaction of a change, after it: rows that mention who
	// is gone go with them, so that nobody inherits them.
	Changed func(tx *store.Tx, c Change) error
	// ActsFor tells whether an account may send on behalf of another for a reason
	// that is no delegation of the directory's.
	ActsFor func(tx *store.Tx, owner, delegate AccountID) (bool, error)
}

// Connect adds hooks. It is called before the directory is used by others.
func (d *Directory) Connect(h Hooks) { d.hooks = append(d.hooks, h) }

// changed tells the hooks.
func (d *Directory) changed(tx *store.Tx, c Change) error {
	for _, h := range d.hooks {
		if h.Changed == nil {
			continue
		}
		if err := h.Changed(tx, c); err != nil {
			return fmt.Errorf("directory: change of %d %s: %w", c.Account, c.Group, err)
		}
	}
	return nil
}

// shownChanges tells whether two states of an account differ in what others go by.
func shownChanges(old, a *Account) bool {
	return old == nil || old.Name != a.Name || old.Disabled != a.Disabled || !slices.Equal(addressesOf(old), addressesOf(a))
}

// actsFor asks the hooks.
func (d *Directory) actsFor(tx *store.Tx, owner, delegate AccountID) (bool, error) {
	for _, h := range d.hooks {
		if h.ActsFor == nil {
			continue
		}
		if may, err := h.ActsFor(tx, owner, delegate); may || err != nil {
			return may, err
		}
	}
	return false, nil
}

// AccountIn is Account within a transaction.
func (d *Directory) AccountIn(tx *store.Tx, id AccountID) (Account, error) { return d.account(tx, id) }

// AccountIDs lists the numbers of all accounts, ascending.
func (d *Directory) AccountIDs(tx *store.Tx) ([]AccountID, error) {
	var ids []AccountID
	for id, err := range d.tables.accounts.Keys(tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Whose tells who has an address of ours: an account by any of its addresses, or
// a group, whose canonical address it returns. Tags and catch-alls do not count:
// they receive mail, they are nobody. ErrNoAddress when nobody has it,
// ErrBadAddress when it is none.
func (d *Directory) Whose(tx *store.Tx, addr string) (AccountID, string, error) {
	a, err := parseAddress(addr)
	if err != nil {
		return 0, "", err
	}
	t, err := d.tables.addresses.Get(tx, a.key())
	if errors.Is(err, store.ErrNotFound) {
		return 0, "", ErrNoAddress
	}
	if err != nil || t.account != 0 {
		return t.account, "", err
	}
	g, err := d.tables.groups.Get(tx, t.group)
	if errors.Is(err, store.ErrNotFound) {
		return 0, "", ErrNoAddress
	}
	return 0, g.Address, err
}

// Members lists the accounts of a group, those of groups within it among them,
// each once. ErrNoAddress when there is no such group.
func (d *Directory) Members(tx *store.Tx, group string) ([]AccountID, error) {
	k := keyOf(group)
	if ok, err := d.tables.groups.Has(tx, k); err != nil || !ok {
		return nil, errors.Join(err, ErrNoAddress)
	}
	r, err := d.expand(tx, target{group: k})
	if errors.Is(err, ErrNoAddress) { // it has none
		err = nil
	}
	return r.Accounts, err
}
