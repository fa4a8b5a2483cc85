package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"martlet/store"
)

// GroupAt returns the group that has an address. ErrNoAddress when there is none.
func (d *Directory) GroupAt(ctx context.Context, addr string) (g Group, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		g, err = d.groupAt(tx, addr)
		return err
	})
	return g, err
}

func (d *Directory) groupAt(tx *store.Tx, addr string) (Group, error) {
	a, err := parseAddress(addr)
	if err != nil {
		return Group{}, err
	}
	g, err := d.tables.groups.Get(tx, a.key())
	if errors.Is(err, store.ErrNotFound) {
		return Group{}, fmt.Errorf("%w: there is no group %s", ErrNoAddress, addr)
	}
	return g, err
}

// ContactAt returns the shared contact that has an address. ErrNoContact when
// there is none.
func (d *Directory) ContactAt(ctx context.Context, addr string) (c Contact, err error) {
	a, err := parseAddress(addr)
	if err != nil {
		return c, err
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		t, err := d.tables.addresses.Get(tx, a.key())
		if err == nil && t.contact == "" {
			err = store.ErrNotFound
		}
		if err == nil {
			c, err = d.tables.contacts.Get(tx, t.contact)
		}
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %s", ErrNoContact, addr)
		}
		return err
	})
	return c, err
}

// RemoveGroup removes a group, with its delegations and its place in other groups
// and in the bookings of resources.
func (d *Directory) RemoveGroup(ctx context.Context, addr string) (g Group, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g, err = d.GroupAt(ctx, addr); err != nil {
		return g, err
	}
	k := keyOf(g.Address)
	return g, d.forget(ctx, 0, map[addressKey]bool{k: true}, func(tx *store.Tx) error { return d.deleteGroup(tx, k, &g) })
}

// forget takes whoever has some addresses out of all that mentions them, then runs
// remove. What many large groups say is more than one transaction holds: a crash
// leaves somebody who is in fewer of them, and who can be removed again.
func (d *Directory) forget(ctx context.Context, id AccountID, keys map[addressKey]bool, remove func(tx *store.Tx) error) error {
	for done := false; !done; {
		err := d.store.Update(ctx, func(tx *store.Tx) (err error) {
			if done, err = d.leaveGroups(tx, keys); err != nil || !done {
				return err
			}
			return errors.Join(d.forgetMentions(tx, id, keys), remove(tx))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveGroups takes whoever has some addresses out of groups, of as many as go
// into one transaction; done tells that there are no more.
func (d *Directory) leaveGroups(tx *store.Tx, keys map[addressKey]bool) (done bool, err error) {
	bytes := 0
	for row, err := range d.tables.groups.Scan(tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return false, err
		}
		n := len(row.Value.Members)
		row.Value.Members = slices.DeleteFunc(row.Value.Members, func(m string) bool { return keys[keyOf(m)] })
		if len(row.Value.Members) == n {
			continue
		}
		for _, m := range row.Value.Members {
			bytes += len(m)
		}
		if err := errors.Join(d.tables.groups.Set(tx, row.Key, row.Value), d.touch(tx, target{group: row.Key})); err != nil {
			return false, err
		}
		if err := d.changed(tx, Change{Group: row.Value.Address}); err != nil {
			return false, err
		}
		if bytes > maxStepBytes {
			return false, nil
		}
	}
	return true, nil
}

func (d *Directory) deleteGroup(tx *store.Tx, k addressKey, g *Group) error {
	if err := d.listGroup(tx, k, g, nil); err != nil {
		return err
	}
	if err := d.release(tx, k, target{group: k}); err != nil {
		return err
	}
	if err := errors.Join(d.releasePhoto(tx, k), d.tables.groups.Delete(tx, k)); err != nil {
		return err
	}
	return d.changed(tx, Change{Group: g.Address, Gone: true})
}

// forgetMentions takes whoever has some addresses out of bookings, delegations and
// catch-alls.
func (d *Directory) forgetMentions(tx *store.Tx, id AccountID, keys map[addressKey]bool) error {
	if err := d.forgetBookers(tx, id, keys); err != nil {
		return err
	}
	for k, err := range d.tables.delegates.Keys(tx, store.TableRange[delegateKey]{}) {
		if err != nil {
			return err
		}
		if keys[k.owner] || keys[k.delegate] {
			if err := d.tables.delegates.Delete(tx, k); err != nil {
				return err
			}
		}
	}
	for row, err := range d.tables.domains.Scan(tx, store.TableRange[string]{}) {
		if err != nil {
			return err
		}
		if row.Value.CatchAll != "" && keys[keyOf(row.Value.CatchAll)] {
			row.Value.CatchAll = ""
			if err := d.tables.domains.Set(tx, row.Key, row.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetBookers takes somebody out of the bookings of resources. One that nobody
// else may book is closed: an empty list would mean everybody.
func (d *Directory) forgetBookers(tx *store.Tx, id AccountID, keys map[addressKey]bool) error {
	gone := func(s string) bool { return keys[keyOf(s)] }
	for row, err := range d.tables.accounts.Scan(tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return err
		}
		old := row.Value
		if old.ID == id || !slices.ContainsFunc(old.Booking.Delegates, gone) && !slices.ContainsFunc(old.Booking.Bookers, gone) {
			continue
		}
		a := old
		a.Booking.Delegates = slices.DeleteFunc(slices.Clone(old.Booking.Delegates), gone)
		a.Booking.Bookers = slices.DeleteFunc(slices.Clone(old.Booking.Bookers), gone)
		if len(a.Booking.Bookers) == 0 && len(old.Booking.Bookers) > 0 || a.Booking.Decision == DecideDelegates && len(a.Booking.Delegates) == 0 {
			a.Booking.Decision = DecideNever
		}
		if err := d.putAccount(tx, &old, &a); err != nil {
			return err
		}
	}
	return nil
}
