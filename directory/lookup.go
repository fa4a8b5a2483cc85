package directory

import (
	"context"
	"errors"
	"fmt"

	"martlet/store"
)

// Lookup finds who has an address, in the address list: an account or a shared
// contact by any of its addresses, or a group. Who is disabled or hidden is not
// there.
// ErrNoAddress when nobody is found.
func (d *Directory) Lookup(ctx context.Context, addr string) (Entry, error) {
	a, err := parseAddress(addr)
	if err != nil {
		return Entry{}, ErrNoAddress
	}
	var e Entry
	err = d.store.View(ctx, func(tx *store.Tx) error {
		dom, err := d.tables.domains.Get(tx, a.domain)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		// Shared contacts have addresses in domains that are not ours.
		t, ok, err := d.lookup(tx, dom, a)
		if err != nil || !ok {
			return errors.Join(err, ErrNoAddress)
		}
		all, err := d.entries(tx, []hit{{target: t}})
		if err != nil {
			return err
		}
		e = all[0]
		return nil
	})
	switch {
	case errors.Is(err, ErrNoAddress):
		return Entry{}, ErrNoAddress
	case err != nil:
		return Entry{}, fmt.Errorf("directory: lookup: %w", err)
	case e.hidden():
		return Entry{}, ErrNoAddress
	}
	return e, nil
}
