package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"martlet/store"
)

// Belongs tells whether an address is one of the account's own, or that of a
// group it is in, directly or through other groups. Catch-alls and tags do not
// count: they receive mail, they grant nothing. An address of nobody is no
// error.
func (d *Directory) Belongs(ctx context.Context, id AccountID, addr string) (bool, error) {
	a, err := parseAddress(addr)
	if err != nil {
		return false, nil
	}
	in := false
	err = d.store.View(ctx, func(tx *store.Tx) error {
		t, err := d.tables.addresses.Get(tx, a.key())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := d.expand(tx, t)
		if err != nil && !errors.Is(err, ErrNoAddress) {
			return err
		}
		in = slices.Contains(r.Accounts, id)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("directory: member: %w", err)
	}
	return in, nil
}
