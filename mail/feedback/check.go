package feedback

import (
	"context"
	"fmt"

	"martlet/store"
)

// Check reports counts that do not fit their domain's day, and reports that cannot
// be.
func (b *Book) Check(ctx context.Context, report func(store.Problem)) error {
	return b.c.Store.View(ctx, func(tx *store.Tx) error {
		n := map[dayKey]uint64{}
		for k, err := range b.outcomes.Scan(tx, store.TableRange[rowKey]{}) {
			if err != nil {
				return err
			}
			n[k.Key.dayKey]++
			if k.Value.count == 0 || k.Value.hash() != k.Key.hash {
				report(store.Problem{Table: "dmarc outcome", Key: fmt.Sprint(k.Key.day, " ", k.Key.domain), Text: "is not what its key says"})
			}
		}
		for p, err := range b.policies.Scan(tx, store.TableRange[dayKey]{}) {
			if err != nil {
				return err
			}
			if p.Value.rows != n[p.Key] {
				report(store.Problem{Table: "dmarc policy", Key: fmt.Sprint(p.Key.day, " ", p.Key.domain), Text: fmt.Sprintf("%d rows counted, %d there", p.Value.rows, n[p.Key])})
			}
			delete(n, p.Key)
		}
		for k := range n {
			report(store.Problem{Table: "dmarc outcome", Key: fmt.Sprint(k.day, " ", k.domain), Text: "has no policy"})
		}
		for r, err := range b.received.Scan(tx, store.TableRange[reportKey]{}) {
			if err != nil {
				return err
			}
			if r.Value.Domain != r.Key.domain || r.Value.ID == "" {
				report(store.Problem{Table: "dmarc received", Key: r.Key.domain, Text: "is not what its key says"})
			}
		}
		return nil
	})
}
