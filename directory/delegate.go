package directory

import (
	"context"
	"errors"

	"martlet/store"
)

// MaySendAs tells whether the account may write the address in From: its own
// addresses, also with a tag where the domain has them, those of owners that
// let it send as them, and for an administrator postmaster and abuse.
func (d *Directory) MaySendAs(ctx context.Context, id AccountID, addr string) (bool, error) {
	return d.maySend(ctx, id, addr, func(g Delegation) bool { return g.SendAs }, false)
}

// MaySendOnBehalf tells whether the account may write the address in From when
// Sender is its own. Who may send as an owner may do this too, and so may who
// acts for the owner: see Hooks.
func (d *Directory) MaySendOnBehalf(ctx context.Context, id AccountID, addr string) (bool, error) {
	return d.maySend(ctx, id, addr, func(g Delegation) bool { return g.SendAs || g.SendOnBehalf }, true)
}

func (d *Directory) maySend(ctx context.Context, id AccountID, addr string, enough func(Delegation) bool, acting bool) (may bool, err error) {
	a, err := parseAddress(addr)
	if err != nil {
		return false, nil
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		may = false
		dom, err := d.tables.domains.Get(tx, a.domain)
		if err != nil {
			return err
		}
		t, ok, err := d.lookup(tx, dom, a)
		if err != nil {
			return err
		}
		if ok && t.account == id {
			may = true
			return nil
		}
		self, err := d.tables.accounts.Get(tx, id)
		if err != nil {
			return err
		}
		if !ok {
			may = isRole(a.local) && self.Admin
			return nil
		}
		owner := t.group
		if t.account != 0 {
			o, err := d.tables.accounts.Get(tx, t.account)
			if err != nil {
				return err
			}
			owner = keyOf(o.Login)
		}
		g, err := d.tables.delegates.Get(tx, delegateKey{owner, keyOf(self.Login)})
		may = err == nil && enough(g)
		if may || err != nil && !errors.Is(err, store.ErrNotFound) || !acting || t.account == 0 {
			return err
		}
		may, err = d.actsFor(tx, t.account, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return may, err
}
