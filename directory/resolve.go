package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/store"
)

// Limits of one group with all groups within it.
const (
	maxGroups  = 1000
	maxMembers = 10_000
)

var errTooManyMembers = fmt.Errorf("%w: a group may have %d members and %d groups within it", ErrBadValue, maxMembers, maxGroups)

// Resolve tells where an address leads: through aliases, the part after a +,
// groups and the domain's catch-all. postmaster and abuse of each domain, and
// the bare postmaster (RFC 5321 4.5.1), lead to the first administrator when
// nobody has them. A disabled account still receives. An address of a domain
// that is not ours is no error: Local is false. ErrNoAddress is an unknown
// address of ours, ErrBadAddress no address at all.
func (d *Directory) Resolve(ctx context.Context, addr string) (r Route, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		r, err = d.resolve(tx, addr)
		return err
	})
	return r, err
}

// IsLocal tells whether a domain is ours.
func (d *Directory) IsLocal(domain string) bool {
	name, err := parseDomain(domain)
	if err != nil {
		return false
	}
	var ok bool
	err = d.store.View(context.Background(), func(tx *store.Tx) error {
		ok, err = d.tables.domains.Has(tx, name)
		return err
	})
	if err != nil {
		d.logger.Error("domain cannot be looked up", "domain", name, "error", err)
	}
	return ok && err == nil
}

func (d *Directory) resolve(tx *store.Tx, addr string) (Route, error) {
	if strings.EqualFold(addr, "postmaster") {
		return d.administrator(tx)
	}
	a, err := parseAddress(addr)
	if err != nil {
		if at := strings.LastIndexByte(addr, '@'); at > 0 && strings.HasPrefix(addr[at+1:], "[") {
			return Route{}, nil // a literal (RFC 5321 4.1.3) is no domain of ours
		}
		return Route{}, err
	}
	dom, err := d.tables.domains.Get(tx, a.domain)
	if errors.Is(err, store.ErrNotFound) {
		return Route{}, nil
	}
	if err != nil {
		return Route{}, err
	}
	t, ok, err := d.lookup(tx, dom, a)
	switch {
	case err != nil:
		return Route{}, err
	case ok:
		return d.expand(tx, t)
	case isRole(a.local):
		return d.administrator(tx)
	case dom.CatchAll != "":
		t, err := d.tables.addresses.Get(tx, keyOf(dom.CatchAll))
		if err == nil {
			return d.expand(tx, t)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return Route{}, err
		}
	}
	return Route{Local: true}, ErrNoAddress
}

// lookup finds the address itself, then without its tag.
func (d *Directory) lookup(tx *store.Tx, dom Domain, a address) (t target, ok bool, err error) {
	t, err = d.tables.addresses.Get(tx, a.key())
	if errors.Is(err, store.ErrNotFound) && dom.PlusAddressing {
		if bare, tagged := a.withoutTag(); tagged {
			t, err = d.tables.addresses.Get(tx, bare.key())
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return t, false, nil
	}
	return t, err == nil, err
}

// expand lists the accounts behind a target. A group that was seen is not
// opened again, so a loop ends.
func (d *Directory) expand(tx *store.Tx, t target) (Route, error) {
	r := Route{Local: true}
	if t.account != 0 {
		r.Accounts = []AccountID{t.account}
		return r, nil
	}
	if t.contact != "" { // nothing is delivered to one
		return r, ErrNoAddress
	}
	seenAccount := map[AccountID]bool{}
	seenGroup := map[addressKey]bool{t.group: true}
	open := []addressKey{t.group}
	for len(open) > 0 {
		g, err := d.tables.groups.Get(tx, open[0])
		open = open[1:]
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return Route{}, err
		}
		for _, m := range g.Members {
			t, err := d.tables.addresses.Get(tx, keyOf(m))
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return Route{}, err
			case t.account != 0 && !seenAccount[t.account]:
				seenAccount[t.account] = true
				r.Accounts = append(r.Accounts, t.account)
			case t.group != "" && !seenGroup[t.group]:
				seenGroup[t.group] = true
				open = append(open, t.group)
			}
			if len(seenGroup) > maxGroups || len(r.Accounts) > maxMembers {
				return Route{}, errTooManyMembers
			}
		}
	}
	if len(r.Accounts) == 0 {
		// Taking a message for nobody would lose it.
		return r, ErrNoAddress
	}
	return r, nil
}

// administrator is the first administrator who is not disabled.
func (d *Directory) administrator(tx *store.Tx) (Route, error) {
	for id, err := range d.tables.admins.Keys(tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return Route{}, err
		}
		a, err := d.tables.accounts.Get(tx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Route{}, err
		}
		if err == nil && !a.Disabled {
			return Route{Accounts: []AccountID{id}, Local: true}, nil
		}
	}
	return Route{Local: true}, ErrNoAddress
}
