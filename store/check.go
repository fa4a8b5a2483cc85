package store

import (
	"context"
	"fmt"
)

// Check reads and opens every value and reports what is damaged and rows under
// a prefix that this binary does not know. The rooms above check what their
// rows mean.
func (s *Store) Check(ctx context.Context, report func(Problem)) error {
	return s.View(ctx, func(tx *Tx) error {
		n := 0
		for kv, err := range tx.rows() {
			if err != nil {
				return err
			}
			if n++; n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if name := Prefix(kv.Key[0]).String(); name == "" {
				report(Problem{"store", fmt.Sprintf("%x", kv.Key), "unknown prefix"})
			} else if err := tx.probe(kv); err != nil {
				report(Problem{name, fmt.Sprintf("%x", kv.Key[1:]), err.Error()})
			}
		}
		return nil
	})
}

// probe tells whether a value as it is stored can be opened.
func (tx *Tx) probe(kv KV) error {
	if tx.store.seal == nil || string(kv.Key) == string(metaKey) {
		return nil
	}
	_, err := tx.store.seal.open(nil, kv.Key, kv.Value)
	return err
}
