package directory

import (
	"context"
	"fmt"
	"slices"

	"martlet/store"
)

// Check reports every broken invariant: an address belongs to a domain of ours
// and to exactly the account or group that names it, and nothing mentions what
// is not there.
func (d *Directory) Check(ctx context.Context, report func(store.Problem)) error {
	return d.store.View(ctx, func(tx *store.Tx) error {
		s, err := d.load(tx)
		if err != nil {
			return err
		}
		c := checking{d: d, tx: tx, state: s, byID: map[AccountID]Account{}, owner: map[addressKey]target{}, report: report}
		for _, step := range []func() error{c.accounts, c.groups, c.contacts, c.addresses, c.side, c.certificates, c.encryptions, c.verifiers, c.logins, c.mentions, c.names} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

type checking struct {
	state
	d      *Directory
	tx     *store.Tx
	byID   map[AccountID]Account
	owner  map[addressKey]target // as accounts and groups claim
	report func(store.Problem)
}

func (c *checking) problem(table, key, format string, args ...any) {
	c.report(store.Problem{Table: "directory " + table, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (c *checking) claim(table, subject, s string, t target) {
	a, err := parseAddress(s)
	if err != nil || a.String() != s {
		c.problem(table, subject, "address %q is not in its canonical form", s)
		return
	}
	if _, ok := c.domains[a.domain]; !ok {
		c.problem(table, subject, "address %s lies in a domain that is not ours", s)
	}
	if other, taken := c.owner[a.key()]; taken && other != t {
		c.problem(table, subject, "address %s belongs to another too", s)
	}
	c.owner[a.key()] = t
}

func (c *checking) accounts() error {
	for row, err := range c.d.tables.accounts.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		a := row.Value
		subject := fmt.Sprint(row.Key, " ", a.Login)
		if a.ID != row.Key || row.Key == 0 {
			c.problem("accounts", subject, "the row says it is account %d", a.ID)
		}
		c.byID[row.Key] = a
		for _, s := range addressesOf(&a) {
			c.claim("accounts", subject, s, target{account: row.Key})
		}
		if a.PasswordHash != "" {
			if err := checkHash(a.PasswordHash); err != nil {
				c.problem("accounts", subject, "%v", err)
			}
		}
	}
	return nil
}

func (c *checking) groups() error {
	for k, g := range c.state.groups {
		if keyOf(g.Address) != k {
			c.problem("groups", string(k), "the row says it is group %s", g.Address)
		}
		c.claim("groups", string(k), g.Address, target{group: k})
	}
	return nil
}

func (c *checking) contacts() error {
	for k, one := range c.state.contacts {
		if keyOf(one.Address) != k {
			c.problem("contacts", string(k), "the row says it is contact %s", one.Address)
		}
		for _, s := range one.all() {
			a, err := parseAddress(s)
			if err != nil {
				c.problem("contacts", string(k), "address %q cannot be read", s)
				continue
			}
			if _, ours := c.domains[a.domain]; ours {
				c.problem("contacts", string(k), "address %s lies in a domain of ours", s)
			}
			if _, taken := c.owner[a.key()]; taken {
				c.problem("contacts", string(k), "address %s belongs to another too", s)
			}
			c.owner[a.key()] = target{contact: k}
		}
	}
	return nil
}

// addresses compares the rows that lead to accounts and groups with what those
// claim.
func (c *checking) addresses() error {
	found := map[addressKey]bool{}
	for row, err := range c.d.tables.addresses.Scan(c.tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return err
		}
		found[row.Key] = true
		if c.owner[row.Key] != row.Value {
			c.problem("addresses", string(row.Key), "leads to account %d, group %q, contact %q, which does not have it", row.Value.account, row.Value.group, row.Value.contact)
		}
	}
	for k := range c.owner {
		if !found[k] {
			c.problem("addresses", string(k), "missing")
		}
	}
	return nil
}

// side checks the rows beside those of the accounts.
func (c *checking) side() error {
	for id, err := range c.d.tables.photos.Keys(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[id]; !ok {
			c.problem("photos", fmt.Sprint(id), "of no account")
		}
	}
	for k, err := range c.d.tables.entryPhotos.Keys(c.tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return err
		}
		_, group := c.state.groups[k]
		_, contact := c.state.contacts[k]
		if !group && !contact {
			c.problem("photos", string(k), "of no group and no contact")
		}
	}
	admins := map[AccountID]bool{}
	for id, err := range c.d.tables.admins.Keys(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		admins[id] = true
		if !c.byID[id].Admin {
			c.problem("administrators", fmt.Sprint(id), "not an administrator")
		}
	}
	for id, a := range c.byID {
		if a.Admin && !admins[id] {
			c.problem("administrators", fmt.Sprint(id), "missing")
		}
	}
	return nil
}

func (c *checking) mentions() error {
	for name, dom := range c.domains {
		if dom.Name != name {
			c.problem("domains", name, "the row says it is %s", dom.Name)
		}
		if dom.CatchAll != "" && c.owner[keyOf(dom.CatchAll)] == (target{}) {
			c.problem("domains", name, "its catch-all %s leads nowhere", dom.CatchAll)
		}
	}
	for k, g := range c.state.groups {
		if i := slices.IndexFunc(g.Members, c.nobodyHere); i >= 0 {
			c.problem("groups", string(k), "its member %s leads nowhere", g.Members[i])
		}
	}
	for id, a := range c.byID {
		b := &a.Booking
		if i := slices.IndexFunc(append(slices.Clone(b.Delegates), b.Bookers...), c.nobodyHere); i >= 0 {
			c.problem("accounts", fmt.Sprint(id, " ", a.Login), "its booking names somebody who is not there")
		}
	}
	for k, g := range c.delegates {
		if keyOf(g.Owner) != k.owner || keyOf(g.Delegate) != k.delegate {
			c.problem("delegations", k.String(), "the row says %s for %s", g.Delegate, g.Owner)
		}
		if c.owner[k.owner] == (target{}) || c.owner[k.delegate].account == 0 {
			c.problem("delegations", k.String(), "between those who are not there")
		}
	}
	return nil
}

// nobodyHere tells that an address leads neither to an account nor to a group.
func (c *checking) nobodyHere(s string) bool {
	t := c.owner[keyOf(s)]
	return t.account == 0 && t.group == ""
}

func (c *checking) verifiers() error {
	for row, err := range c.d.tables.verifiers.Scan(c.tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		if _, ok := c.byID[row.Key]; !ok {
			c.problem("verifiers", fmt.Sprint(row.Key), "no such account")
		}
	}
	return nil
}
