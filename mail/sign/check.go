package sign

import (
	"context"
	"fmt"

	"martlet/store"
)

// Check reports keys that cannot be read.
func (s *Signer) Check(ctx context.Context, report func(store.Problem)) error {
	return s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.keys.Scan(tx, store.TableRange[keyName]{}) {
			if err != nil {
				return err
			}
			k := row.Value
			k.Domain, k.Selector = row.Key.domain, row.Key.selector
			if _, err := k.Open(); err != nil {
				report(store.Problem{Table: "signing key", Key: fmt.Sprint(k.Domain, " ", k.Selector), Text: err.Error()})
			}
		}
		return nil
	})
}
