package filter

import (
	"context"
	"fmt"

	"martlet/store"
)

// Check reports rows of greylisting that cannot be.
func Check(ctx context.Context, s *store.Store, report func(store.Problem)) error {
	g := newGreylist(s)
	return s.View(ctx, func(tx *store.Tx) error {
		for row, err := range g.tries.Scan(tx, store.TableRange[greyKey]{}) {
			if err != nil {
				return err
			}
			if v := row.Value; v.first.IsZero() || v.last.Before(v.first) {
				report(store.Problem{Table: "grey", Key: fmt.Sprintf("%x", row.Key), Text: "has no time, or ended before it began"})
			}
		}
		for row, err := range g.regulars.Scan(tx, store.TableRange[greyKey]{}) {
			if err != nil {
				return err
			}
			if v := row.Value; v.last.IsZero() || v.passes == 0 || v.passes > greyPasses {
				report(store.Problem{Table: "grey network", Key: fmt.Sprintf("%x", row.Key), Text: "cannot be so"})
			}
		}
		return nil
	})
}
